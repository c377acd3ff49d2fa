// needs: net run=deno read=tests/scratch write=tests/scratch (about 25 s)

/**
 * Identities and known peers from run to run: who is recognized, verified, and refused, with real processes and
 * files.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { parley } from "../../fixtures/parley.ts";
import { FLAGS, Scratch } from "../../fixtures/scratch.ts";
import { type ChatEvent, ChatProcess } from "../app/chat_process.ts";
import { join, joined, leave, nth, serve, test, texts } from "./people.ts";

test("an identity file keeps its fingerprint over runs, and known peers recognize it", async () => {
  await using scratch = await Scratch.make();
  const [ada, bo] = [await scratch.identity("ada"), await scratch.identity("bo")];
  const peers = scratch.file("peers");
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

test("a key of rsa keygen works as an identity with the fingerprint that rsa fingerprint prints", async () => {
  await using scratch = await Scratch.make();
  const file = scratch.file("bo.pem");
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

test("a changed key is refused in both directions until /trust, and the old key after it", async () => {
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
  await server.type("not for an impostor\n");
  await bo.until((one) => one.all("error").some(({ code }) => code === "MISTRUSTED"), "news of it");
  await server.type("/msg bo nor this\n/verify bo\n/trust bo\nwelcome\n");
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
  assert(line?.startsWith(`bo ${second.fingerprint} `) && line.endsWith(" trusted"), line);
});

test("both screens show the same safety number, and /verify marks the peer as verified", async () => {
  await using scratch = await Scratch.make();
  const bo = await scratch.identity("bo");
  const peers = scratch.file("peers");
  const { server, address } = await serve("-n", "ada", "-k", peers);
  await using _server = server;
  await using client = await join(address, "bo", "-i", bo.file);
  await joined(server, "bo");
  await server.type("/fingerprint bo\n/verify bo yes\n");
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

test("/verify fails if the key has changed since /fingerprint", async () => {
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
  await server.type("/verify bo yes\n");
  assertEquals((await server.event("error")).code, "FINGERPRINT_CHANGED");
  await server.type("/fingerprint bo\n/verify bo yes\n");
  assertEquals((await server.event("trust")).trust, "verified");
});

test("two chats that write one known-peers file at once lose no line", async () => {
  await using scratch = await Scratch.make();
  const peers = scratch.file("peers");
  const { server, address } = await serve("-n", "ada", "-k", peers);
  await using stack = new AsyncDisposableStack();
  stack.use(server);
  const names = ["bo", "cy", "di"];
  const clients = await Promise.all(
    names.map(async (name) => stack.use(await join(address, name, "-k", peers))),
  );
  // Who has not been heard from yet is not kept.
  for (const process of [server, ...clients]) {
    for (const name of ["ada", ...names]) await joined(process, name);
  }
  for (const client of clients) await leave(client);
  await leave(server);
  const kept = (await scratch.lines("peers")).map((line) => line.split(" ")[0]);
  assertEquals(kept.sort(), ["ada", ...names]);
});

test("an identity, known-peers file or allow list that cannot be used gives one clear line", async () => {
  await using scratch = await Scratch.make();
  const open = await scratch.identity("open");
  await Deno.chmod(open.file, 0o644);
  const malformed = await scratch.write("peers", "# one\nbo nonsense\n");
  const list = await scratch.write("list", "bo\n");
  const cases: readonly [readonly string[], string][] = [
    [["client", "-i", scratch.file("none.pem")], "(ENOENT)"],
    [["client", "-i", malformed], "it has no key in a known format (KEY_UNKNOWN)"],
    [["client", "-i", `${open.file}.pub`], "(KEY_PUBLIC)"],
    [
      ["client", "-i", open.file],
      "users other than its owner may read it (mode 0644) (KEY_FILE_OPEN)",
    ],
    [["client", "-k", malformed], "(KNOWN_PEERS_MALFORMED)"],
    [["client", "-k", scratch.file("no/peers")], "(ENOENT)"],
    [
      ["server", "--allow", list],
      "line 1: not one fingerprint (SHA256: and 43 characters) (ALLOW_LIST_MALFORMED)",
    ],
  ];
  for (const [args, end] of cases) {
    await using process = new ChatProcess(args, FLAGS);
    assertEquals(await process.ended(), 1, args.join(" "));
    assert(process.errors[0]?.endsWith(end), process.errors.join("\n"));
    assert(process.errors.length <= 2, process.errors.join("\n"));
  }
});

test("a missing permission to write the known-peers file is reported before the chat starts", async () => {
  await using scratch = await Scratch.make();
  const peers = await scratch.write("peers", "");
  const flags = FLAGS.filter((flag) => !flag.startsWith("--allow-write"));
  await using process = new ChatProcess(["client", "-k", peers], flags);
  assertEquals(await process.ended(), 1);
  assertEquals(process.lines, []);
  assertEquals(process.errors, [
    `parley: cannot keep known peers in ${peers}: parley was not given the permission for it (NOT_PERMITTED)`,
    "hint: run again with --allow-net --allow-read --allow-write",
  ]);
});

test("invalid options of trust, and those of members with --relay-only, are wrong usage", async () => {
  const wrong = [
    ["client", "--expect", "SHA256:abc"],
    ["server", "--relay-only", "--strict"],
    ["server", "--relay-only", "--history", "lines.txt"],
    ["server", "--relay-only", "-i", "x"],
    ["server", "--relay-only", "-k", "x"],
  ];
  for (const args of wrong) {
    await using process = new ChatProcess(args, FLAGS);
    assertEquals(await process.ended(), 2, args.join(" "));
  }
});

test("the name of a stopped run is free only for the next run of the same identity", async () => {
  if (Deno.build.os === "windows") return;
  await using scratch = await Scratch.make();
  const [own, other] = [await scratch.identity("bo"), await scratch.identity("other")];
  const { server, address } = await serve("-n", "ada");
  await using _server = server;
  await using stopped = await join(address, "bo", "-i", own.file);
  await joined(server, "bo");
  stopped.kill("SIGSTOP");
  await using stranger = new ChatProcess(["client", address, "-n", "bo", "-i", other.file], FLAGS);
  assertEquals(await stranger.ended(), 1);
  assertEquals(stranger.errors.join("\n").includes("(NAME_TAKEN)"), true);
  await using again = await join(address, "bo", "-i", own.file);
  await joined(server, "bo", 2);
  const [{ reason }] = server.all("left") as [ChatEvent];
  assertEquals(reason, "REPLACED");
  stopped.kill("SIGCONT");
  assertEquals(await stopped.ended(), 1);
  assertEquals(stopped.errors.join("\n").includes("(REPLACED)"), true);
  await server.type("hello\n");
  await again.event("message");
});

test("/verify compares words between two programs, and confirmed peers are verified and remembered", async () => {
  await using scratch = await Scratch.make();
  const { server, address } = await serve("-n", "ada", "-k", scratch.file("ada"));
  await using _server = server;
  await using client = await join(address, "bo", "-k", scratch.file("bo"));
  await joined(server, "bo");
  await joined(client, "ada");
  const states = (process: ChatProcess) =>
    process.all("words").map(({ state, by, both }) =>
      [state, by, ...both === true ? ["both"] : []].join(" ")
    );
  await client.type("/verify ada\n");
  await nth(client, "words", 2);
  const { words } = await nth(server, "words", 2);
  assert(/^[a-z]+( [a-z]+){3}$/.test(words as string), String(words));
  assertEquals(client.all("words")[1]?.words, words);
  await server.type("/verify bo yes\n");
  await nth(client, "words", 3);
  await client.type("/verify ada yes\n");
  await nth(server, "words", 4);
  await client.event("trust");
  assertEquals(states(server), [
    "asked peer",
    "shown peer",
    "confirmed self",
    "confirmed peer both",
  ]);
  assertEquals(states(client), [
    "asked self",
    "shown self",
    "confirmed peer",
    "confirmed self both",
  ]);
  assertEquals([server.all("trust")[0]?.trust, client.all("trust")[0]?.trust], [
    "verified",
    "verified",
  ]);
  // There is nothing left to compare; another attempt, which differs, verifies nobody.
  await server.type("/verify bo yes\n/verify bo\n");
  assertEquals((await server.event("error")).code, "NOTHING_TO_COMPARE");
  await nth(client, "words", 6);
  await client.type("/verify ada no\n");
  await nth(server, "words", 7);
  assertEquals([states(server).at(-1), states(client).at(-1)], ["differ peer", "differ self"]);
  await leave(client);
  await leave(server);
  assert((await scratch.lines("ada"))[0]?.endsWith(" verified"));
  assert((await scratch.lines("bo"))[0]?.endsWith(" verified"));
});
