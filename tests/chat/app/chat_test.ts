// needs: net run=deno (about 45 s)

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { granted } from "../../fixtures/granted.ts";
import { ChatProcess as Process, startClient, startServer } from "./chat_process.ts";

const ignore = !granted("run=deno");

/** The texts that one process was shown of another, in their order. */
function textsFrom(process: Process, name: string): unknown[] {
  return process.all("message").filter(({ from }) => from === name).map(({ text }) => text);
}

function lines(count: number, of: string): string[] {
  return Array.from({ length: count }, (_, i) => `${of} says ${i + 1}`);
}

/** Everyone says so many lines at once; everyone has them of everyone, whole, in order, once. */
async function everyoneReadsEveryone(members: number, each: number): Promise<void> {
  const { server, address } = await startServer("--name", "m0");
  await using stack = new AsyncDisposableStack();
  stack.use(server);
  const names = Array.from({ length: members }, (_, i) => `m${i}`);
  const clients = await Promise.all(
    names.slice(1).map(async (name) => stack.use(await startClient(address, name))),
  );
  const all = [server, ...clients];
  for (const process of all) {
    await process.until((one) => one.all("joined").length === members, "all are there");
  }
  await Promise.all(all.map((one, i) => one.type(lines(each, names[i]!).join("\n") + "\n")));
  for (const process of all) {
    const expected = (members - 1) * each;
    await process.until((one) => one.all("message").length >= expected, "all has been read");
    await process.until((one) => one.all("delivered").length >= each, "all is delivered");
  }
  for (const [i, process] of all.entries()) {
    for (const name of names.filter((one) => one !== names[i])) {
      assertEquals(textsFrom(process, name), lines(each, name));
    }
    assertEquals(process.all("error"), []);
    assertEquals(process.all("sent").map(({ text }) => text), lines(each, names[i]!));
  }
}

for (const members of [2, 3, 20]) {
  const each = members === 20 ? 10 : 50;
  Deno.test({
    name: `${members} members in ${members} processes read each other whole, in order, once`,
    ignore,
    fn: () => everyoneReadsEveryone(members, each),
  });
}

Deno.test({
  name: "both sides send 1000 lines at the same time, and none is lost or reordered",
  ignore,
  fn: () => everyoneReadsEveryone(2, 1000),
});

Deno.test({
  name: "the client delivers piped lines before it exits with 0",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = new Process(["client", address, "--name", "bo"]);
    await bo.type("one\n\ntwo\r\nthree");
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    await server.event("left");
    assertEquals(textsFrom(server, "bo"), ["one", "two", "three"]);
    assertEquals(server.all("left")[0]?.reason, "LEFT");
  },
});

Deno.test({
  name:
    "a message of 64 KiB is delivered, one byte more is refused with the limit, and the chat continues",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = await startClient(address, "bo");
    const longest = "x".repeat(65_536);
    await bo.type(`${longest}\n${longest}x\n中文 🙂 שלום\n`);
    await bo.endInput();
    assertEquals(await bo.ended(), 1);
    await server.event("left");
    assertEquals(textsFrom(server, "bo"), [longest, "中文 🙂 שלום"]);
    const [error] = bo.all("error");
    assertEquals(error?.code, "TEXT_TOO_LARGE");
    assert(String(error?.message).includes("65536 bytes"), String(error?.message));
  },
});

Deno.test({
  name: "--json prints the documented events and fields, and nothing else on standard output",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = await startClient(address, "bo", "--listen");
    await bo.type("hello\n/msg ada psst\n/who\n//quit\n/nonsense\n/fingerprint ada\n/help\n");
    await server.until((one) => one.all("message").length === 3, "three messages came");
    await bo.until((one) => one.all("delivered").length === 3, "three were delivered");
    const fields = (event: string, of: Process = bo) => Object.keys(of.all(event)[0] ?? {});
    const has = (event: string, expected: readonly string[], of?: Process) => {
      const actual = fields(event, of);
      for (const field of ["event", "at", ...expected]) {
        assert(actual.includes(field), `${event}.${field}`);
      }
    };
    has("listening", ["host", "port", "room"], server);
    has("joined", ["name", "fingerprint", "self", "roomName"]);
    has("message", ["from", "fingerprint", "text", "id", "private", "sentAt"], server);
    has("sent", ["id", "text"]);
    has("delivered", ["id"]);
    has("roster", ["members", "roomName"]);
    has("error", ["code", "message"]);
    for (const { at } of bo.events) assertEquals(new Date(String(at)).toISOString(), at);
    assertEquals(
      server.all("message").map(({ text, private: personal }) => [text, personal]),
      [["hello", false], ["psst", true], ["/quit", false]],
    );
    const members = bo.all("roster")[0]?.members as { name: string; fingerprint: string }[];
    assertEquals(members.map(({ name }) => name), ["bo", "ada"]);
    assertEquals(bo.all("joined").map(({ name, self }) => [name, self]), [["bo", true], [
      "ada",
      false,
    ]]);
    const ids = (event: string, of: Process = bo) => of.all(event).map(({ id }) => String(id));
    assertEquals(ids("sent"), ids("message", server));
    // A receipt that takes messages of both streams tells those to the group first.
    assertEquals(ids("delivered").toSorted(), ids("sent").toSorted());
    assert(String(bo.all("error")[0]?.message).includes("/help"));
    bo.kill("SIGTERM");
    assertEquals(await bo.ended(), 0);
    await server.event("left");
  },
});

Deno.test({
  name: "--listen keeps running at the end of input, and exits with 130 on SIGINT",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = await startClient(address, "bo", "--listen");
    await bo.endInput();
    await server.until((one) => one.all("joined").length === 2, "ada has seen bo");
    await server.type("are you there?\n");
    await bo.event("message");
    bo.kill("SIGINT");
    assertEquals(await bo.ended(), 130);
    assertEquals((await server.event("left")).reason, "LEFT");
    server.kill("SIGINT");
    assertEquals(await server.ended(), 130);
  },
});

Deno.test({
  name: "a piped line is always a message; with --commands it may be a command",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    const texts = ["/etc/hosts is a file", "//two", "/msg ada psst", "/quit", "the last"];
    await using plain = new Process(["client", address, "--name", "bo"]);
    await plain.type(`${texts.join("\n")}\n`);
    await plain.endInput();
    assertEquals([await plain.ended(), plain.errors], [0, []]);
    await using other = new Process(["client", address, "--name", "cy", "--commands"]);
    await other.type("//two\n/msg ada psst\n");
    await other.endInput();
    assertEquals([await other.ended(), other.errors], [0, []]);
    await server.until((one) => one.all("left").length === 2, "both have left");
    const heard = server.all("message").map(({ text, private: apart }) => [text, apart]);
    assertEquals(heard, [...texts.map((text) => [text, false]), ["/two", false], ["psst", true]]);
  },
});

Deno.test({
  name:
    "a member that rejoins after a crash is told that its old run probably holds the name, and for how long",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    await using crashed = await startClient(address, "zed");
    crashed.kill("SIGKILL");
    await crashed.ended();
    await using again = new Process(["client", address, "--name", "zed"]);
    await again.endInput();
    assertEquals(await again.ended(), 1);
    const [line, hint] = again.errors;
    assertMatch(
      line!,
      /who has that name or one like it is away \(away until \d\d:\d\d:\d\d at the latest\) \(NAME_AWAY\)$/,
    );
    assertMatch(hint!, /^hint: it is probably your own from a run that crashed/);
  },
});

Deno.test({
  name: "a taken name ends the chat with a clear line, and an invalid name is wrong usage",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using other = new Process(["client", address, "--name", "ＡＤＡ"]);
    assertEquals(await other.ended(), 1);
    const [error, hint] = other.errors;
    assertMatch(
      error!,
      /: that name, or one like it, is taken \(if it is your own from a run that was cut off, it is free by \d\d:\d\d:\d\d\) \(NAME_TAKEN\)$/,
    );
    assertMatch(hint!, /^hint: choose another name with --name; with --identity FILE, /);
    await using bad = new Process(["client", address, "--name", "a\x1b[31mb"]);
    assertEquals(await bad.ended(), 2);
    assert(!bad.errors.join("").includes("\x1b"), "the escape is not repeated");
  },
});

Deno.test({
  name: "control characters of a message are escaped on standard output",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    await using ada = new Process(["client", address, "--name", "ada", "--listen"]);
    await ada.until((one) => one.lines.some((line) => line.includes("no one else")), "ada is in");
    await using bo = await startClient(address, "bo");
    await bo.type("a\x1b]0;title\x07b\u202ec\u009bd\x7f\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    const line = ada.lines.find((one) => one.startsWith("bo: "));
    assertEquals(line, "bo: a␛]0;title␇b\\u{202e}c\\u{9b}d␡");
  },
});

Deno.test({
  name: "when the relay stops, every member reports it and tries to reconnect",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = await startClient(address, "bo", "--listen");
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0);
    assertEquals((await bo.event("disconnected")).reason, "SHUTDOWN");
    bo.kill("SIGTERM");
    assertEquals(await bo.ended(), 0);
  },
});

Deno.test({
  name: "piped input ends with 1 after --give-up if the relay does not return",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    await using bo = await startClient(address, "bo", "--give-up", "200");
    server.kill("SIGKILL");
    assertEquals(await bo.ended(), 1);
    const gone = "the relay closed the connection without a word";
    const late = "not reconnected within 200 ms";
    assertEquals(bo.errors[0], `parley: the chat has ended: ${gone} (${late}) (RELAY_GONE)`);
    assertEquals(bo.all("error")[0]?.code, "RELAY_GONE");
  },
});

Deno.test({
  name:
    "--give-up ends the wait for a member that shows nothing, with exit code 1 and the undelivered count",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    await using stuck = await startClient(address, "stuck", "--listen");
    stuck.kill("SIGSTOP");
    await using bo = await startClient(address, "bo", "--give-up", "300");
    await bo.type("one\ntwo\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 1);
    const why = "2 messages were not delivered within 300 ms";
    assertEquals(bo.errors[0], `parley: cannot deliver everything: ${why} (NOT_DELIVERED)`);
    // It has left: its name is free.
    await using again = await startClient(address, "bo", "--give-up", "300");
    await again.endInput();
    assertEquals(await again.ended(), 0);
    stuck.kill("SIGCONT");
  },
});

Deno.test({
  name: "a failed start prints one clear line and exits with 1",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    const port = address.split(":")[1]!;
    const cases: readonly [readonly string[], readonly string[], string][] = [
      [
        ["server", "--port", port],
        ["--allow-net"],
        `cannot listen on ${address}: the address is already in use (EADDRINUSE)`,
      ],
      [
        ["client", "127.0.0.1:1"],
        ["--allow-net"],
        "cannot connect to 127.0.0.1:1: nothing listens there (ECONNREFUSED)",
      ],
      [
        ["client", "no-such-host.invalid"],
        ["--allow-net"],
        "cannot connect to no-such-host.invalid:4396: ",
      ],
      [
        ["client", address],
        [],
        `cannot connect to ${address}: parley was not given the permission for it (NOT_PERMITTED)`,
      ],
      [
        ["server"],
        [],
        "cannot listen on 127.0.0.1:4396: parley was not given the permission for it (NOT_PERMITTED)",
      ],
    ];
    for (const [args, flags, expected] of cases) {
      await using failed = new Process(args, flags);
      assertEquals(await failed.ended(), 1);
      assert(failed.errors[0]?.startsWith(`parley: ${expected}`), failed.errors.join("\n"));
      assert(failed.errors.length <= 2, failed.errors.join("\n"));
      await using reported = new Process([...args, "--json"], flags);
      assertEquals(await reported.ended(), 1);
      assertEquals(reported.events.map(({ event }) => event), ["error"]);
    }
  },
});

Deno.test({
  name: "a wrong address is wrong usage",
  ignore,
  async fn() {
    for (const address of ["127.0.0.1:0", "127.0.0.1:70000", "host:port", "[::1", ""]) {
      await using wrong = new Process(["client", address]);
      assertEquals(await wrong.ended(), 2, address);
    }
  },
});

Deno.test({
  name: "--listen and the client accept IPv6 literals",
  ignore,
  async fn() {
    const { server } = await startServer("--host", "::1", "--name", "ada");
    await using _server = server;
    const { port, host } = await server.event("listening");
    assertEquals(host, "::1");
    await using bo = await startClient(`[::1]:${port}`, "bo");
    await bo.type("over six\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
  },
});

Deno.test({
  name: "--wire shows every frame and its ciphertext, and no plaintext",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = new Process(["client", address, "--name", "bo", "--wire"]);
    await bo.type("the secret of the day\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    const text = bo.lines.join("\n");
    for (const kind of ["challenge", "join", "roster", "here", "pair", "sealed", "receipt"]) {
      assert(new RegExp(`^[<>] ${kind}, \\d+ bytes$`, "m").test(text), kind);
    }
    assert(/^> {5}0000 {2}([0-9a-f]{2} ){15}[0-9a-f]{2} {2}/m.test(text), "a row of hex");
    assert(!text.includes("the secret"), "the text is nowhere in it");
    await using cy = await startClient(address, "cy", "--wire");
    await cy.type("another\n");
    await cy.endInput();
    assertEquals(await cy.ended(), 0);
    const sealed = cy.all("wire").find(({ kind }) => kind === "sealed");
    assert(/^[0-9a-f]+$/.test(String(sealed?.ciphertext)));
  },
});

Deno.test({
  name: "--relay-only --wire shows the frames that a relay forwards, and no plaintext",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only", "--wire");
    await using _server = server;
    await using ada = await startClient(address, "ada", "--listen");
    await using bo = await startClient(address, "bo");
    await bo.type("not for the relay\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    await ada.event("message");
    await server.until(
      (one) => one.all("wire").filter(({ kind }) => kind === "sealed").length === 2,
      "the frame came and went",
    );
    const kinds = new Set(server.all("wire").map(({ direction, kind }) => `${direction} ${kind}`));
    for (const kind of ["received join", "sent challenge", "received sealed", "sent sealed"]) {
      assert(kinds.has(kind), kind);
    }
    assert(!server.lines.join("").includes("not for the relay"));
  },
});

Deno.test({
  name: "parley chat asks for the side and the address, like the tutorial",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = new Process([]);
    await bo.type(`client\n${address}\nhello from the questions\n`);
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    assertEquals(server.all("message").map(({ text }) => text), ["hello from the questions"]);
    await using wrong = new Process([]);
    await wrong.type("neither\n");
    await wrong.endInput();
    assertEquals(await wrong.ended(), 2);
    for (const answers of ["", "client\n"]) {
      await using silent = new Process([]);
      await silent.type(answers);
      await silent.endInput();
      assertEquals(await silent.ended(), 2);
      assertEquals(
        silent.errors[0],
        "parley: chat: standard input ends before the answers (USAGE)",
      );
    }
  },
});
