/**
 * `udp send` and `udp listen`, in this process, on streams in memory.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Failure } from "../../lib/tcp.ts";
import { listenDatagrams, openEchoServer, sendDatagram } from "../../lib/udp.ts";
import { start, TestIo } from "./test_io.ts";

const encoder = new TextEncoder();

/** `udp listen` on a free port. */
async function startListening(io: TestIo, ...args: readonly string[]) {
  const { code } = await start(io, "udp", "listen", "0", ...args);
  const [, port] = args.includes("--json")
    ? await io.until("out", /"port":(\d+)/)
    : await io.until("err", /listening on 127\.0\.0\.1:(\d+)/);
  return {
    code,
    send: (data: string | Uint8Array) => sendDatagram("127.0.0.1", Number(port), data),
  };
}

/** The code and exit code of the failure of a command. */
async function failureOf(io: TestIo, ...args: readonly string[]): Promise<Failure> {
  const { code } = await start(io, "udp", ...args);
  return await assertRejects(() => code, Failure, undefined, args.join(" "));
}

Deno.test("udp listen prints payloads one after the other, says who sent them, and ends with the last", async () => {
  const io = new TestIo();
  const { code, send } = await startListening(io, "-c", "3");
  const ports: number[] = [];
  for (const text of ["one\n", "", "two"]) ports.push((await send(text)).from.port);
  assertEquals(await code, 0);
  assertEquals(io.out, "one\ntwo");
  assertEquals(io.err.trimEnd().split("\n").slice(1), [
    `* 127.0.0.1:${ports[0]} sent 4 bytes`,
    `* 127.0.0.1:${ports[1]} sent 0 bytes`,
    `* 127.0.0.1:${ports[2]} sent 3 bytes`,
    "* 3 datagrams, 7 bytes",
  ]);
});

Deno.test("udp listen makes controls visible on a terminal, unless --raw is given", async () => {
  const payload = new Uint8Array([...encoder.encode("a\x1b[2Jb\r\nc\td\rü"), 0xff]);
  for (const raw of [false, true]) {
    const io = new TestIo({ columns: 80 });
    const { code, send } = await startListening(io, "-c", "3", ...(raw ? ["--raw"] : []));
    for (const data of ["first", payload, "last\n"]) await send(data);
    assertEquals(await code, 0);
    // A stream in memory decodes what it is given: the byte that is no UTF-8 becomes U+FFFD.
    const expected = raw
      ? "firsta\x1b[2Jb\r\nc\td\rü\ufffdlast\n"
      : "first\na␛[2Jb\nc\td␍ü\\xff\nlast\n";
    assertEquals(io.out, expected);
  }
});

Deno.test("udp listen --hex prints each datagram from offset 0", async () => {
  const io = new TestIo();
  const { code, send } = await startListening(io, "-c", "2", "--hex");
  await send("\x00ok");
  await send("x");
  assertEquals(await code, 0);
  assertEquals(
    io.out,
    `< 00000000  00 6f 6b                                         |.ok|\n` +
      `< 00000000  78                                               |x|\n`,
  );
});

Deno.test("udp listen in JSON says where it listens, what comes, and a sum; SIGTERM ends it with 0", async () => {
  const io = new TestIo();
  const { code, send } = await startListening(io, "--json");
  const { from } = await send(new Uint8Array([0xff, 0x1b]));
  await io.until("out", /"datagram"/);
  io.signal("SIGTERM");
  assertEquals(await code, 0);
  assertEquals(io.err, "");
  const [listening, ...events] = io.events.map(({ at: _at, ...event }) => event);
  assertEquals([listening?.event, listening?.host, listening?.groups], [
    "listening",
    "127.0.0.1",
    [],
  ]);
  assertEquals(events, [
    { event: "datagram", host: "127.0.0.1", port: from.port, bytes: 2, base64: "/xs=" },
    { event: "summary", datagrams: 1, bytes: 2 },
  ]);
});

Deno.test("udp listen gives up on silence, and Ctrl-C ends it with 130", async () => {
  const silent = new TestIo();
  const failure = await failureOf(silent, "listen", "0", "--idle", "20", "-q");
  assertEquals([failure.code, failure.exitCode, silent.out, silent.err], ["IDLE", 1, "", ""]);
  const io = new TestIo();
  const { code } = await startListening(io);
  io.signal("SIGINT");
  assertEquals(await code, 130);
  assertMatch(io.err, /^\* 0 datagrams, 0 bytes$/m);
});

Deno.test("udp send reads its payload from standard input if TEXT is - or missing", async () => {
  await using listener = await listenDatagrams({ port: 0 });
  const port = String(listener.addr.port);
  const place = ["127.0.0.1", port];
  const cases = [[...place, "-"], place, [`127.0.0.1:${port}`], [`127.0.0.1:${port}`, "-"]];
  const received = listener[Symbol.asyncIterator]();
  for (const operands of cases) {
    const io = new TestIo();
    const { code } = await start(io, "udp", "send", ...operands);
    await io.type("from ");
    await io.type("a pipe\n");
    await io.endInput();
    assertEquals(await code, 0);
    const { value } = await received.next();
    assertEquals(value?.data, encoder.encode("from a pipe\n"));
    const own = value?.from.port;
    assertEquals(io.out, `Sent 12 bytes from 0.0.0.0:${own} to 127.0.0.1:${port}\n`);
  }
  const typed = new TestIo({ keyboard: true });
  const { code } = await start(typed, "udp", "send", ...place, "-");
  assertMatch((await typed.until("err", /^.+$/m))[0], /Ctrl-D ends it/);
  await typed.endInput();
  assertEquals(await code, 0);
  assertEquals((await received.next()).value?.data, new Uint8Array());
});

Deno.test("udp send without a text is wrong usage at a terminal and in an empty pipe", async () => {
  const keyboard = await failureOf(new TestIo({ keyboard: true }), "send", "127.0.0.1", "9");
  assertEquals([keyboard.code, keyboard.why], ["USAGE", "it is missing"]);
  const empty = new TestIo();
  await empty.endInput();
  const nothing = await failureOf(empty, "send", "127.0.0.1", "9");
  assertEquals(nothing.why, "it is missing, and standard input is empty");
  for (const args of [["h"], ["h:9", "a", "b"], ["h", "9", "a", "b"], ["h", "0", "x"]]) {
    const failing = new TestIo();
    const { code } = await start(failing, "udp", "send", ...args).catch((error) => ({
      code: Promise.reject<number>(error),
    }));
    assertEquals((await assertRejects(() => code, Failure)).exitCode, 2, args.join(" "));
  }
});

Deno.test("udp send says in one line that a payload is too large, and does not read on", async () => {
  const text = await failureOf(new TestIo(), "send", "127.0.0.1", "9", "x".repeat(65_508));
  assertEquals([text.code, text.what], ["EMSGSIZE", "cannot send 65508 bytes to 127.0.0.1:9"]);
  const io = new TestIo();
  const { code } = await start(io, "udp", "send", "127.0.0.1", "9", "-");
  await io.type("x".repeat(65_528)); // and the input stays open
  const failure = await assertRejects(() => code, Failure);
  assertEquals([failure.code, failure.why], ["EMSGSIZE", "it has more than 65527 bytes"]);
});

for (const hostname of ["127.0.0.1", "::1"]) {
  Deno.test(`udp send --wait prints the answer alone on standard output, from ${hostname}`, async () => {
    await using server = openEchoServer({ hostname, port: 0 });
    const { port } = server.addr;
    const io = new TestIo();
    const { code } = await start(io, "udp", "send", hostname, `${port}`, "hello", "-w", "60000");
    assertEquals(await code, 0);
    assertEquals(io.out, "Your data was 5 bytes long");
    assertMatch(
      io.err,
      /^\* sent 5 bytes from .*:\d+ to .*:\d+\n\* .*:\d+ sent 26 bytes, [\d.]+ ms later\n$/,
    );
    const json = new TestIo();
    const args = ["udp", "send", hostname, `${port}`, "", "--wait", "60000", "--json"];
    assertEquals(await (await start(json, ...args)).code, 0);
    const [sent, answer] = json.events;
    assertEquals([sent?.event, sent?.bytes, sent?.to], ["sent", 0, { host: hostname, port }]);
    assertEquals(
      [answer?.event, answer?.host, answer?.port, answer?.text],
      ["answer", hostname, port, "Your data was 0 bytes long"],
    );
    assertEquals([json.events.length, json.err], [2, ""]);
  });
}

Deno.test("udp send --wait shows an answer's controls, reports a forged one, and fails if none arrives", async () => {
  await using asked = await listenDatagrams({ port: 0 });
  const { port } = asked.addr;
  const io = new TestIo({ columns: 80 });
  const { code } = await start(io, "udp", "send", `127.0.0.1:${port}`, "?", "--wait", "60000");
  for await (const { from } of asked) {
    await sendDatagram(from.hostname, from.port, "made up");
    await io.until(
      "err",
      /forged: 127\.0\.0\.1:\d+ says 'made up', but .* was asked; still waiting/,
    );
    break;
  }
  io.signal("SIGINT");
  assertEquals(await code, 130);
  assertEquals(io.out, "");
  await using silent = await listenDatagrams({ port: 0 });
  const place = `127.0.0.1:${silent.addr.port}`;
  const failure = await failureOf(new TestIo(), "send", place, "?", "-q", "-w", "20");
  assertEquals(
    [failure.code, failure.what],
    ["ETIMEDOUT", `asked ${place} once in 20 ms`],
  );
});

Deno.test({
  name: "udp send --wait: nobody at the port (ICMP port unreachable) is no answer",
  // Other systems report the refusal.
  ignore: Deno.build.os !== "linux",
  async fn() {
    const gone = await listenDatagrams({ port: 0 });
    const { port } = gone.addr;
    gone.close();
    const io = new TestIo();
    const failure = await failureOf(io, "send", `127.0.0.1:${port}`, "?", "--wait", "50");
    assertEquals([failure.code, io.out], ["ETIMEDOUT", ""]);
  },
});

Deno.test("udp send and listen: options that exclude each other, and groups at an address, are wrong usage", async () => {
  const wrong = [
    ["send", "127.0.0.1", "9", "x", "--json", "--hex"],
    ["listen", "0", "--json", "--hex"],
    ["listen", "h:x"],
    ["listen", "0", "--join", "127.0.0.1"],
    ["listen", "0", "--join", "239.1.2.3", "--join", "ff02::1"],
    ...(Deno.build.os === "windows" ? [] : [["listen", "127.0.0.1", "0", "--join", "239.1.2.3"]]),
  ];
  for (const args of wrong) {
    const failure = await failureOf(new TestIo(), ...args);
    assertEquals(failure.exitCode, 2, args.join(" "));
    assert(failure.message.length < 200, failure.message);
  }
});

Deno.test("SIGTERM ends udp send --wait and udp client before they are complete, with 143; Ctrl-C with 130", async () => {
  const commands = [["send", "x", "--wait", "60000"], ["client", "--timeout", "60000"]] as const;
  for (const [signal, expected] of [["SIGTERM", 143], ["SIGINT", 130]] as const) {
    for (const [command, ...args] of commands) {
      const silent = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
      const io = new TestIo();
      const place = `127.0.0.1:${(silent.addr as Deno.NetAddr).port}`;
      const { code } = await start(io, "udp", command, place, ...args, "--json");
      await silent.receive();
      io.signal(signal);
      assertEquals(await code, expected, command);
      silent.close();
    }
  }
});
