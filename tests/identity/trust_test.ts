/**
 * Identity and trust, with real processes and files.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { type ChatEvent, ChatProcess } from "../process/chat_process.ts";
import { parley } from "../process/parley.ts";
import { FLAGS, MAY_KEEP_FILES, Scratch } from "./scratch.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !MAY_KEEP_FILES, fn });
}

async function serve(...args: readonly string[]) {
  const server = new ChatProcess(["server", "--port", "0", "--json", ...args], FLAGS);
  const { port } = await server.event("listening");
  return { server, address: `127.0.0.1:${port}` };
}

async function join(address: string, name: string, ...args: readonly string[]) {
  const options = ["--name", name, "--json", "--listen", ...args];
  const client = new ChatProcess(["client", address, ...options], FLAGS);
  await client.event("joined");
  return client;
}

/** Waits until a process has said a number of events of a kind, and gives the last. */
async function nth(process: ChatProcess, event: string, count: number): Promise<ChatEvent> {
  await process.until((one) => one.all(event).length >= count, `${count} × ${event}`);
  return process.all(event)[count - 1]!;
}

/** How a process was told of somebody who joined. */
async function joined(process: ChatProcess, name: string, count = 1): Promise<ChatEvent> {
  const all = () => process.all("joined").filter((one) => one.name === name);
  await process.until(() => all().length >= count, `${name} joined`);
  return all()[count - 1]!;
}

async function leave(process: ChatProcess): Promise<void> {
  await process.type("/quit\n");
  await process.ended();
}

function texts(process: ChatProcess): unknown[] {
  return process.all("message").map(({ text }) => text);
}

test("an identity file keeps a fingerprint from run to run, and known peers recognize it", async () => {
  await using scratch = await Scratch.make();
  const [ada, bo] = [await scratch.identity("ada"), await scratch.identity("bo")];
  const peers = scratch.path("peers");
  const { server, address } = await serve("-n", "ada", "-i", ada.file, "-k", peers);
  await using _server = server;
  assertEquals((await server.event("joined")).fingerprint, ada.fingerprint);
  for (const [run, trust] of [[1, "new"], [2, "new"]] as const) {
    await using client = await join(address, "bo", "-i", bo.file);
    const { fingerprint, trust: seen } = await joined(server, "bo", run);
    assertEquals([fingerprint, seen], [bo.fingerprint, trust]);
    await leave(client);
    await nth(server, "left", run);
  }
  await leave(server);
  const [line, ...more] = await scratch.lines("peers");
  assertEquals(more, []);
  assert(
    new RegExp(`^bo ${bo.fingerprint.replace(/[+/]/g, "\\$&")} \\d{4}-.*Z unverified$`).test(line!),
    line,
  );
  // The next run knows it.
  const again = await serve("-n", "ada", "-i", ada.file, "-k", peers);
  await using _again = again.server;
  await using client = await join(again.address, "bo", "-i", bo.file);
  assertEquals((await joined(again.server, "bo")).trust, "known");
  await again.server.type("/who\n");
  const { members } = await again.server.event("roster");
  assertEquals((members as ChatEvent[]).map(({ name, trust }) => [name, trust]), [
    ["ada", "verified"],
    ["bo", "known"],
  ]);
  await leave(client);
});

test("what rsa keygen makes is an identity, with the fingerprint that rsa fingerprint tells", async () => {
  await using scratch = await Scratch.make();
  const file = scratch.path("bo.pem");
  const made = await parley(["rsa", "keygen", "--bits", "2048", "-o", file], FLAGS);
  assertEquals(made.code, 0, made.stderr);
  const told = await parley(["rsa", "fingerprint", `${file}.pub`], FLAGS);
  const { server } = await serve("-n", "bo", "-i", file);
  await using _server = server;
  const { fingerprint } = await server.event("joined");
  assertEquals(
    told.stdout.trim().split(" ").find((word) => word.startsWith("SHA256:")),
    fingerprint,
  );
});

test("a key that has changed is refused both ways until /trust, and the old one from then on", async () => {
  await using scratch = await Scratch.make();
  const [first, second] = [await scratch.identity("bo1"), await scratch.identity("bo2")];
  const peers = await scratch.write("peers", `bo ${first.fingerprint} 2026-11-01 verified\n`);
  const { server, address } = await serve("-n", "ada", "-k", peers);
  await using _server = server;
  await using bo = await join(address, "bo", "-i", second.file);
  assertEquals((await joined(server, "bo")).trust, "changed");
  const refusal = (await server.event("error")).message as string;
  for (const part of [first.fingerprint, second.fingerprint, "/trust bo"]) {
    assert(refusal.includes(part), refusal);
  }
  await bo.type("let me in\n");
  await nth(server, "error", 2);
  assertEquals(server.all("error").map(({ code }) => code), ["KEY_CHANGED", "HIDDEN"]);
  await server.type("not for an impostor\n/msg bo nor this\n/verify bo\n/trust bo\nwelcome\n");
  await bo.event("message");
  assertEquals([texts(bo), texts(server)], [["welcome"], []]);
  assertEquals((await server.event("trust")).trust, "known");
  const codes = server.all("error").map(({ code }) => code).slice(2);
  assertEquals(codes, ["EXCLUDED", "KEY_CHANGED"]);
  await bo.type("thank you\n");
  await server.event("message");
  assertEquals(texts(server), ["thank you"]);
  await leave(bo);
  await server.event("left");
  await using impostor = await join(address, "bo", "-i", first.file);
  assertEquals((await joined(server, "bo", 2)).trust, "changed");
  await leave(impostor);
  const [line] = await scratch.lines("peers");
  assert(line?.startsWith(`bo ${second.fingerprint} `) && line.endsWith(" unverified"), line);
});

test("a safety number is the same on both screens, and /verify marks what was compared", async () => {
  await using scratch = await Scratch.make();
  const bo = await scratch.identity("bo");
  const peers = scratch.path("peers");
  const { server, address } = await serve("-n", "ada", "-k", peers);
  await using _server = server;
  await using client = await join(address, "bo", "-i", bo.file);
  await joined(server, "bo");
  await server.type("/fingerprint bo\n/verify bo\n");
  await client.type("/fingerprint ada\n");
  const [mine, theirs] = [await server.event("fingerprint"), await client.event("fingerprint")];
  assert(/^(\d{5} ){11}\d{5}$/.test(mine.safetyNumber as string), String(mine.safetyNumber));
  assertEquals(mine.safetyNumber, theirs.safetyNumber);
  assertEquals((await server.event("trust")).trust, "verified");
  await server.type("/who\n");
  const { members } = await server.event("roster");
  assertEquals((members as ChatEvent[])[1]?.trust, "verified");
  await leave(server);
  assert((await scratch.lines("peers"))[0]?.endsWith(" verified"));
});

test("a key that is changed between /fingerprint and /verify is not verified", async () => {
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  await using first = await join(address, "bo");
  await joined(server, "bo");
  await server.type("/fingerprint bo\n");
  await server.event("fingerprint");
  await leave(first);
  await server.event("left");
  await using _second = await join(address, "bo");
  await joined(server, "bo", 2);
  await server.type("/verify bo\n");
  assertEquals((await server.event("error")).code, "FINGERPRINT_CHANGED");
  await server.type("/fingerprint bo\n/verify bo\n");
  assertEquals((await server.event("trust")).trust, "verified");
});

test("with --expect only those identities get what is said, and /trust lets another in", async () => {
  await using scratch = await Scratch.make();
  const bo = await scratch.identity("bo");
  const { server, address } = await serve("-n", "ada", "--expect", bo.fingerprint);
  await using _server = server;
  await using expected = await join(address, "bo", "-i", bo.file);
  await using other = await join(address, "cy");
  assertEquals((await joined(server, "bo")).trust, "verified");
  assertEquals((await joined(server, "cy")).trust, "excluded");
  await server.type("for bo\n/msg cy psst\n");
  await expected.event("message");
  assertEquals((await server.event("error")).code, "EXCLUDED");
  // Who is excluded is heard all the same.
  await other.type("hello\n");
  assertEquals((await server.event("message")).trust, "excluded");
  await server.type("/trust cy\nfor both\n");
  await other.event("message");
  await nth(expected, "message", 3);
  assertEquals([texts(expected), texts(other)], [["for bo", "hello", "for both"], ["for both"]]);
});

test("piped input that reaches none of those expected ends with 1", async () => {
  await using scratch = await Scratch.make();
  const bo = await scratch.identity("bo");
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  for (const rule of [["--expect", bo.fingerprint], ["--strict"]]) {
    await using client = new ChatProcess(["client", address, "-n", "cy", ...rule], FLAGS);
    await client.type("for bo alone\n");
    await client.endInput();
    assertEquals(await client.ended(), 1);
    assertEquals(client.lines.at(-1), "* nobody received that: ada does not get what you say");
  }
  assertEquals(texts(server), []);
});

test("--strict and /lock leave out who is new, /unlock ends both", async () => {
  await using scratch = await Scratch.make();
  const bo = await scratch.identity("bo");
  const peers = await scratch.write("peers", `bo ${bo.fingerprint} 2026-11-01 unverified\n`);
  const { server, address } = await serve("-n", "ada", "-k", peers, "--strict");
  await using _server = server;
  await using known = await join(address, "bo", "-i", bo.file);
  await using stranger = await join(address, "cy");
  assertEquals((await joined(server, "bo")).trust, "known");
  assertEquals((await joined(server, "cy")).trust, "excluded");
  await server.type("for bo\n");
  await known.event("message");
  await server.type("/unlock\nfor both\n");
  await stranger.event("message");
  await server.type("/lock\nfor bo again\n");
  await nth(known, "message", 3);
  await server.type("/unlock\nfor both again\n");
  await nth(stranger, "message", 2);
  assertEquals(texts(stranger), ["for both", "for both again"]);
  assertEquals(
    server.all("lock").map(({ locked, excluded }) => [locked, excluded]),
    [[false, []], [true, ["cy"]], [false, []]],
  );
});

test("whom --strict leaves out is not known by that the next time", async () => {
  await using scratch = await Scratch.make();
  const cy = await scratch.identity("cy");
  const peers = scratch.path("peers");
  const { server, address } = await serve("-n", "ada", "-k", peers, "--strict");
  await using _server = server;
  for (const run of [1, 2]) {
    await using client = await join(address, "cy", "-i", cy.file);
    assertEquals((await joined(server, "cy", run)).trust, "excluded");
    await leave(client);
    await nth(server, "left", run);
  }
  await leave(server);
  assertEquals(await scratch.lines("peers"), []);
});

test("/exclude leaves out one, /include lets it in again, and /forget forgets", async () => {
  await using scratch = await Scratch.make();
  const { server, address } = await serve("-n", "ada", "-k", scratch.path("peers"));
  await using _server = server;
  await using bo = await join(address, "bo");
  await using cy = await join(address, "cy");
  await joined(server, "bo");
  await joined(server, "cy");
  await server.type(
    "one\n/exclude CY\ntwo\n/msg cy psst\n/include cy\nthree\n/trust cy\n/forget cy\n",
  );
  await nth(bo, "message", 3);
  await nth(cy, "message", 2);
  assertEquals([texts(bo), texts(cy)], [["one", "two", "three"], ["one", "three"]]);
  await nth(server, "trust", 4);
  assertEquals(server.all("trust").map(({ name, trust }) => [name, trust]), [
    ["cy", "excluded"],
    ["cy", "new"],
    ["cy", "known"],
    ["cy", "new"],
  ]);
  assertEquals(server.all("error").map(({ code }) => code), ["EXCLUDED"]);
  await leave(server);
  assertEquals((await scratch.lines("peers")).map((line) => line.split(" ")[0]), ["bo"]);
});

test("what a person decides about nobody, or in vain, is an error, and counts at the end of piped input", async () => {
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  const client = new ChatProcess(["client", address, "-n", "bo", "--json"], FLAGS);
  await using _client = client;
  await client.type("/trust eve\n/verify\n/include ada\n/forget ada\n/reload\n/trust bo\n");
  await client.endInput();
  assertEquals(await client.ended(), 1);
  assertEquals(client.all("error").map(({ code }) => code), [
    "NO_SUCH_MEMBER",
    "COMMAND_USAGE",
    "NOT_EXCLUDED",
    "NOT_KNOWN",
    "NOTHING_TO_RELOAD",
    "NO_SUCH_MEMBER",
  ]);
});

test("two processes that keep one file at once lose no line", async () => {
  await using scratch = await Scratch.make();
  const peers = scratch.path("peers");
  const { server, address } = await serve("-n", "ada", "-k", peers);
  await using stack = new AsyncDisposableStack();
  stack.use(server);
  const names = ["bo", "cy", "di"];
  const clients = await Promise.all(
    names.map(async (name) => stack.use(await join(address, name, "-k", peers))),
  );
  for (const process of [server, ...clients]) {
    await process.until((one) => one.all("joined").length === 4, "all are there");
  }
  for (const client of clients) await leave(client);
  await leave(server);
  const kept = (await scratch.lines("peers")).map((line) => line.split(" ")[0]);
  assertEquals(kept.sort(), ["ada", ...names]);
});

test("a server with --allow refuses others before they see who is there, and takes its list again", async () => {
  await using scratch = await Scratch.make();
  const [bo, cy] = [await scratch.identity("bo"), await scratch.identity("cy")];
  const list = await scratch.write("friends", `# friends\n${bo.fingerprint}  # bo\n`);
  const { server, address } = await serve("-n", "ada", "--allow", list);
  await using _server = server;
  await using friend = await join(address, "bo", "-i", bo.file);
  const client = () => new ChatProcess(["client", address, "-n", "ADA", "-i", cy.file], FLAGS);
  await using stranger = client();
  assertEquals(await stranger.ended(), 1);
  assertEquals(stranger.lines, []);
  assertEquals(stranger.errors, [
    "parley: the chat has ended: this identity is not on the relay's list (NOT_ALLOWED)",
    `hint: give your fingerprint to whoever runs the server, ${cy.fingerprint}; --identity FILE keeps it from run to run`,
  ]);
  const refused = await server.event("refused");
  assertEquals([refused.reason, refused.detail], ["NOT_ALLOWED", `ADA ${cy.fingerprint}`]);
  // A list that cannot be read changes nothing.
  await scratch.write("friends", `${bo.fingerprint}\nnonsense\n`);
  await server.type("/reload\n");
  const { code, message } = await server.event("error");
  assertEquals(code, "ALLOW_LIST_MALFORMED");
  assert(String(message).includes("line 2: "), String(message));
  await scratch.write("friends", `${cy.fingerprint}\n`);
  await server.type("/reload\n");
  assertEquals(await friend.ended(), 1);
  assertEquals(
    friend.errors[0],
    "parley: the chat has ended: this identity is no longer on the relay's list (REMOVED)",
  );
  assertEquals((await server.event("left")).reason, "REMOVED");
  await using now = await join(address, "cy", "-i", cy.file);
  assertEquals((await joined(server, "cy")).fingerprint, cy.fingerprint);
  await leave(now);
});

Deno.test({
  name: "SIGHUP lets a relay take its list again",
  ignore: !MAY_KEEP_FILES || Deno.build.os === "windows",
  async fn() {
    await using scratch = await Scratch.make();
    const bo = await scratch.identity("bo");
    const list = await scratch.write("friends", `${bo.fingerprint}\n`);
    for (const more of [["--relay-only"], ["-n", "ada"]]) {
      await scratch.write("friends", `${bo.fingerprint}\n`);
      const { server, address } = await serve("--allow", list, ...more);
      await using _server = server;
      if (more.length > 1) await server.event("joined");
      await using client = await join(address, "bo", "-i", bo.file);
      await scratch.write("friends", "# nobody\n");
      server.kill("SIGHUP");
      assertEquals(await client.ended(), 1);
      assert(client.errors[0]?.endsWith("(REMOVED)"), client.errors[0]);
      assert(
        String((await server.event("notice")).text).includes("0 identities"),
        "the relay says so",
      );
    }
  },
});

test("a relay that knows its name refuses who dialled another", async () => {
  const { server, address } = await serve("-n", "ada", "--public-name", "localhost");
  await using _server = server;
  const forwarded = new ChatProcess(["client", address, "-n", "bo"], FLAGS);
  await using _forwarded = forwarded;
  assertEquals(await forwarded.ended(), 1);
  assert(forwarded.errors[0]?.endsWith("(BAD_PROOF)"), forwarded.errors[0]);
  await using client = await join(address.replace("127.0.0.1", "localhost"), "bo");
  await leave(client);
});

test("files that cannot be taken are one clear line", async () => {
  await using scratch = await Scratch.make();
  const open = await scratch.identity("open");
  await Deno.chmod(open.file, 0o644);
  const malformed = await scratch.write("peers", "# one\nbo nonsense\n");
  const list = await scratch.write("list", "bo\n");
  const cases: readonly [readonly string[], string][] = [
    [["client", "-i", scratch.path("none.pem")], "(ENOENT)"],
    [["client", "-i", malformed], "it holds no key that is known here (KEY_UNKNOWN)"],
    [["client", "-i", `${open.file}.pub`], "(KEY_PUBLIC)"],
    [["client", "-i", open.file], "others than its owner may read it (mode 0644) (KEY_FILE_OPEN)"],
    [["client", "-k", malformed], "(KNOWN_PEERS_MALFORMED)"],
    [["client", "-k", scratch.path("no/peers")], "(ENOENT)"],
    [
      ["server", "--allow", list],
      "line 1: not one fingerprint, SHA256: and 43 characters (ALLOW_LIST_MALFORMED)",
    ],
  ];
  for (const [args, end] of cases) {
    await using process = new ChatProcess(args, FLAGS);
    assertEquals(await process.ended(), 1, args.join(" "));
    assert(process.errors[0]?.endsWith(end), process.errors.join("\n"));
    assert(process.errors.length <= 2, process.errors.join("\n"));
  }
});

test("a file that may not be written is said before anything is", async () => {
  await using scratch = await Scratch.make();
  const peers = await scratch.write("peers", "");
  const flags = FLAGS.filter((flag) => !flag.startsWith("--allow-write"));
  await using process = new ChatProcess(["client", "-k", peers], flags);
  assertEquals(await process.ended(), 1);
  assertEquals(process.lines, []);
  assertEquals(process.errors, [
    `parley: cannot keep known peers in ${peers}: parley was not given the permission for it (NOT_PERMITTED)`,
    "hint: run again with --allow-write",
  ]);
});

test("options about trust that make no sense are wrong usage", async () => {
  const wrong = [
    ["client", "--expect", "SHA256:abc"],
    ["server", "--relay-only", "--strict"],
    ["server", "--relay-only", "-i", "x"],
    ["server", "--relay-only", "-k", "x"],
  ];
  for (const args of wrong) {
    await using process = new ChatProcess(args, FLAGS);
    assertEquals(await process.ended(), 2, args.join(" "));
  }
});
