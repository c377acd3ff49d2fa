/**
 * The commands of tcp, in this process, on streams in memory.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { hexRows, TerminalText } from "../../lib/base/printable.ts";
import { readEndpoint, readListenEndpoint, readPorts } from "../../lib/cli/words.ts";
import { parseCommandLine } from "../../lib/cli/run.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { readableOf } from "../../lib/commands/tcp/connections.ts";
import { Failure } from "../../lib/tcp.ts";
import { crlfEncoder } from "../../lib/tcp/exchange.ts";
import { readText } from "../tcp/pair.ts";
import { start, TestIo } from "./test_io.ts";

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Somebody listens, and takes one connection. */
async function withServer(
  args: (port: string) => readonly string[],
  io: TestIo,
  serve: (connection: Deno.TcpConn, code: Promise<number>) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code } = await start(io, "tcp", ...args(String(listener.addr.port)));
  const connection = await listener.accept();
  try {
    await serve(connection, code);
  } finally {
    connection.close();
  }
}

/** `tcp listen` on a free port. */
async function startListening(io: TestIo, ...args: readonly string[]) {
  const { code } = await start(io, "tcp", "listen", "0", ...args);
  const [, port] = await io.until("err", /listening on 127\.0\.0\.1:(\d+)/);
  return { code, dial: () => Deno.connect({ hostname: "127.0.0.1", port: Number(port) }) };
}

Deno.test("tcp connect sends input, ends with it, prints what comes, and says who answered", async () => {
  const io = new TestIo();
  await withServer((port) => ["connect", "localhost", port], io, async (connection, code) => {
    await io.type("question\n");
    await io.endInput();
    assertEquals(await readText(connection), "question\n");
    await connection.write(bytes("answer\n"));
    connection.closeWrite();
    assertEquals(await code, 0);
    assertEquals(io.out, "answer\n");
    const { port } = connection.localAddr;
    assertEquals(io.err.split("\n"), [
      `* connected to 127.0.0.1:${port} (localhost)`,
      `* 127.0.0.1:${port} has ended: 9 bytes sent, 7 received`,
      "",
    ]);
  });
});

Deno.test("tcp connect ends with 0 when the other side does, whatever input still brings", async () => {
  const io = new TestIo({ keyboard: true });
  await withServer((port) => ["connect", `127.0.0.1:${port}`], io, async (connection, code) => {
    await connection.write(bytes("bye"));
    connection.closeWrite();
    assertEquals(await code, 0);
    assertEquals(io.out, "bye");
    assertMatch(io.err, /has ended first: 0 bytes sent, 3 received/);
  });
});

Deno.test("tcp connect gives up on silence, and says so", async () => {
  const io = new TestIo();
  await withServer(
    (port) => ["connect", "127.0.0.1", port, "--idle", "20", "-q"],
    io,
    async (connection, code) => {
      await connection.write(bytes("x"));
      const error = await assertRejects(() => code, Failure);
      assertEquals([error.code, error.exitCode, io.out, io.err], ["IDLE", 1, "x", ""]);
    },
  );
});

Deno.test("tcp connect in JSON reports events, data and a failure", async () => {
  const io = new TestIo();
  await withServer(
    (port) => ["connect", "127.0.0.1", port, "--json", "--idle", "300"],
    io,
    async (connection, code) => {
      await io.type("q");
      assertEquals(await connection.read(new Uint8Array(9)), 1);
      await connection.write(new Uint8Array([0xff, 0x1b]));
      await assertRejects(() => code, Failure);
      assertEquals(io.err, "");
      const { port } = connection.localAddr;
      const at = { host: "127.0.0.1", port };
      assertEquals(io.events.map(({ at: _at, ...event }) => event), [
        { event: "connected", ...at, tls: false },
        { event: "sent", bytes: 1, text: "q" },
        { event: "received", bytes: 2, base64: "/xs=" },
        {
          event: "ended",
          ...at,
          sent: 1,
          received: 2,
          input_ended: false,
          cut_short: false,
          code: "IDLE",
        },
        {
          event: "error",
          code: "IDLE",
          message: `connection to 127.0.0.1:${port}: nothing was sent or received for 300 ms`,
        },
      ]);
    },
  );
});

Deno.test("tcp connect makes controls visible on a terminal, unless --raw is given", async () => {
  const sent = "a\x1b[2Jb\r\nc\td\rüé";
  for (const raw of [false, true]) {
    const io = new TestIo({ columns: 80 });
    const flags = raw ? ["--raw"] : [];
    await withServer(
      (port) => ["connect", "127.0.0.1", port, ...flags],
      io,
      async (connection, code) => {
        // Cut within a character, and between CR and LF.
        const all = bytes(sent);
        for (const [from, to] of [[0, 7], [7, 14], [14, all.length]]) {
          await connection.write(all.subarray(from, to));
          await io.until("out", to === 7 ? /b/ : to === 14 ? /d/ : /é/);
        }
        connection.closeWrite();
        assertEquals(await code, 0);
        assertEquals(
          io.out,
          raw ? sent : "a␛[2Jb\nc\td␍üé\n",
          "what follows is on a line of its own",
        );
      },
    );
  }
});

Deno.test("tcp connect --hex prints both directions, and --crlf ends lines as HTTP wants them", async () => {
  const io = new TestIo();
  await withServer(
    (port) => ["connect", "127.0.0.1", port, "--hex", "--crlf"],
    io,
    async (connection, code) => {
      await io.type("GET\nx\r\n");
      await io.endInput();
      assertEquals(await readText(connection), "GET\r\nx\r\n");
      await connection.write(bytes("\x00ok"));
      connection.closeWrite();
      assertEquals(await code, 0);
      assertEquals(
        io.out,
        `> 00000000  47 45 54 0d 0a 78 0d 0a                          |GET..x..|\n` +
          `< 00000000  00 6f 6b                                         |.ok|\n`,
      );
    },
  );
});

Deno.test("Ctrl-C ends tcp connect with 130, SIGTERM with 0", async () => {
  for (const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 0]] as const) {
    const io = new TestIo();
    await withServer((port) => ["connect", "127.0.0.1", port], io, async (connection, code) => {
      await io.until("err", /connected/);
      io.signal(signal);
      assertEquals(await code, expected);
      assertEquals(await readText(connection), "");
    });
  }
});

Deno.test("Ctrl-C ends tcp connect --tls while it shakes hands", async () => {
  const io = new TestIo();
  await withServer(
    (port) => ["connect", "127.0.0.1", port, "--tls"],
    io,
    async (connection, code) => {
      const hello = new Uint8Array(65_536);
      assert(await connection.read(hello) !== null, "its side of the handshake has come");
      // At once, and not when the handshake has taken ten seconds.
      const late = Promise.withResolvers<string>();
      const timer = setTimeout(late.resolve, 8_000, "late");
      io.signal("SIGINT");
      assertEquals(await Promise.race([code, late.promise]), 130);
      clearTimeout(timer);
    },
  );
});

Deno.test("tcp listen takes one connection, and ends with it", async () => {
  const io = new TestIo();
  const { code, dial } = await startListening(io);
  const connection = await dial();
  await io.type("welcome");
  await connection.write(bytes("hello"));
  await io.until("out", /hello/);
  await assertRejects(dial, Deno.errors.ConnectionRefused);
  await io.endInput();
  connection.closeWrite();
  assertEquals(await readText(connection), "welcome");
  assertEquals(await code, 0);
  connection.close();
});

Deno.test("tcp listen --keep takes one after the other; an idle one or a reset ends no other", async () => {
  const io = new TestIo();
  const { code, dial } = await startListening(io, "--keep", "--idle", "50");
  const silent = await dial();
  await io.until("err", /nothing was sent or received for 50 ms \(IDLE\)/);
  assertEquals(await readText(silent), "");
  silent.close();
  const second = await dial();
  await second.write(bytes("second\n"));
  await io.until("out", /second/);
  second.close();
  const third = await dial();
  await third.write(bytes("third\n"));
  await io.until("out", /third/);
  third.close();
  await io.until("err", /has ended[^]*has ended/);
  io.signal("SIGTERM");
  assertEquals(await code, 0);
  assertEquals(io.out, "second\nthird\n");
  assertEquals(io.err.match(/IDLE/g)?.length, 1, "an end is no silence");
});

Deno.test("tcp listen --keep: input that one connection did not take goes to the next", async () => {
  const io = new TestIo({ keyboard: true });
  const { code, dial } = await startListening(io, "--keep");
  const first = await dial();
  first.close();
  await io.until("err", /has ended first/);
  await io.type("for the second");
  await io.endInput();
  const second = await dial();
  assertEquals(await readText(second), "for the second");
  second.close();
  const third = await dial();
  assertEquals(await readText(third), "");
  third.close();
  io.signal("SIGINT");
  assertEquals(await code, 130);
});

Deno.test("tcp server and client: what is written, what is read, and a sum", async () => {
  const io = new TestIo();
  const { code } = await start(io, "tcp", "server", "-p", "0", "--chunk", "2");
  const [, port] = await io.until("out", /^Listening at 127\.0\.0\.1:(\d+)$/m);
  const client = new TestIo();
  const asked = await start(client, "tcp", "client", "-p", port!, "-m", "abc", "-m", "d");
  assertEquals(await asked.code, 0);
  const lines = client.out.trimEnd().split("\n");
  assertMatch(lines[0]!, /^The OS assigned me the address 127\.0\.0\.1:\d+$/);
  assert(
    client.out.includes("Sent 'abc' (write 1)\n") && client.out.includes("Sent 'd' (write 2)\n"),
  );
  assertMatch(
    client.out,
    new RegExp(`The server 127.0.0.1:${port} replied 'Your data was 2 bytes long`),
  );
  assertMatch(lines.at(-1)!, /^2 writes; what came back took \d reads?$/);
  await io.until("out", /has ended: 4 bytes in/);
  io.signal("SIGINT");
  assertEquals(await code, 130);
  assertMatch(io.out, /says 'ab' \(read 1\)\n/);
  assertMatch(
    io.out,
    /^1 connection, 4 bytes in \d reads: \d answered, 0 turned away, 0 failed\n$/m,
  );
});

Deno.test("tcp server and client in JSON", async () => {
  const io = new TestIo();
  const { code } = await start(io, "tcp", "server", "-p", "0", "--json");
  const [, port] = await io.until("out", /"port":(\d+)/);
  const client = new TestIo();
  assertEquals(await (await start(client, "tcp", "client", "-p", port!, "--json")).code, 0);
  const [connected, sent, ...rest] = client.events;
  assertEquals(connected?.server, { host: "127.0.0.1", port: Number(port) });
  assertEquals([sent?.event, sent?.write, sent?.bytes], ["sent", 1, 38]);
  assertEquals(rest.at(-1)?.reads, 1);
  await io.until("out", /"ended"/);
  io.signal("SIGTERM");
  assertEquals(await code, 0);
  const names = io.events.map(({ event }) => event);
  assertEquals(names, ["listening", "connected", "data", "answered", "ended", "summary"]);
  const failing = new TestIo();
  const refused = await start(failing, "tcp", "client", "-p", port!, "--json");
  await assertRejects(() => refused.code, Failure);
  assertEquals(failing.events.map(({ event, code }) => [event, code]), [["error", "ECONNREFUSED"]]);
});

Deno.test("tcp check tells the state of each port, and exits 0 only if all are open", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const other = closed.addr.port;
  closed.close();
  const one = new TestIo();
  assertEquals(await (await start(one, "tcp", "check", "127.0.0.1", `${port}`)).code, 0);
  assertMatch(one.out, new RegExp(`^ *${port}  open +[\\d.]+ ms\\n$`));
  const both = new TestIo();
  const args = ["tcp", "check", "localhost", `${other},${port}`, "--json"];
  assertEquals(await (await start(both, ...args)).code, 1);
  assertEquals(both.events.map(({ port, state }) => [port, state]), [
    [other, "refused"],
    [port, "open"],
    [undefined, undefined],
  ]);
  const { at: _at, ...summary } = both.events.at(-1)!;
  assertEquals(summary, {
    event: "summary",
    host: "localhost",
    open: 1,
    refused: 1,
    timeout: 0,
    unreachable: 0,
  });
});

Deno.test("tcp demo shows every lesson, and fits 40 and 80 columns", async () => {
  for (const columns of [40, 80]) {
    const io = new TestIo({ columns });
    assertEquals(await (await start(io, "tcp", "demo")).code, 0);
    const lines = io.out.split("\n");
    const long = lines.filter((line) => [...line].length > columns);
    assertEquals(long, [], `${columns} columns`);
    const text = io.out.replace(/\s+/g, " ");
    assert(text.includes("server reads 'onetwo'"), io.out);
    assert(text.includes("server has the message 'abcdefghijklmnopqrst'"), io.out);
    assert(text.includes("client fails to read: ECONNRESET"), io.out);
  }
});

Deno.test("tcp demo in JSON", async () => {
  const io = new TestIo();
  assertEquals(await (await start(io, "tcp", "demo", "--json")).code, 0);
  const outcomes = io.events.filter(({ event }) => event === "outcome");
  assertEquals(outcomes.map(({ name, as_expected }) => [name, as_expected]), [
    ["joined", true],
    ["split", true],
    ["framed", true],
    ["half-close", true],
    ["reset", true],
  ]);
});

Deno.test("an endpoint is HOST PORT, HOST:PORT or unix:PATH", () => {
  assertEquals(readEndpoint(["h", "80"]), { hostname: "h", port: 80 });
  assertEquals(readEndpoint(["h:80"]), { hostname: "h", port: 80 });
  assertEquals(readEndpoint(["[::1]:80"]), { hostname: "::1", port: 80 });
  assertEquals(readEndpoint(["::1", "80"]), { hostname: "::1", port: 80 });
  assertEquals(readEndpoint(["[::1]", "80"]), { hostname: "::1", port: 80 });
  assertEquals(readEndpoint(["unix:/run/x:1"]), { path: "/run/x:1" });
  assertEquals(readListenEndpoint(["9000"]), { hostname: "127.0.0.1", port: 9000 });
  assertEquals(readListenEndpoint(["0"]), { hostname: "127.0.0.1", port: 0 });
  assertEquals(readListenEndpoint(["::", "0"]), { hostname: "::", port: 0 });
  assertEquals(readListenEndpoint(["[::]:0"]), { hostname: "::", port: 0 });
  assertEquals(readListenEndpoint(["0.0.0.0:0"]), { hostname: "0.0.0.0", port: 0 });
  assertEquals(readListenEndpoint(["unix:x"]), { path: "x" });
  const wrong = [
    ["h"],
    ["::1"],
    ["h", "0"],
    ["h:0"],
    ["h", "65536"],
    ["h", "x"],
    ["", "80"],
    ["a b", "80"],
    ["unix:"],
    ["unix:/x", "80"],
    ["http://h/", "80"],
    ["http://h:80"],
    ["h:80", "80"],
  ];
  for (const words of wrong) {
    const error = assertThrows(() => readEndpoint(words), Failure, undefined, words.join(" "));
    assertEquals(error.exitCode, 2, words.join(" "));
  }
  assertThrows(() => readListenEndpoint(["70000"]), Failure);
  assertThrows(() => readListenEndpoint(["h"]), Failure);
});

Deno.test("ports are single ones and ranges, each once, in order", () => {
  assertEquals(readPorts(["22,80,8000-8003"]), [22, 80, 8000, 8001, 8002, 8003]);
  assertEquals(readPorts(["80", "22,80"]), [80, 22]);
  assertEquals(readPorts(["1-65535"]).length, 65_535);
  for (const word of ["", "0", "65536", "8-", "-8", "9-8", "1,,2", "a", "1-2-3", "0-9", "1 2"]) {
    assertEquals(assertThrows(() => readPorts([word]), Failure, undefined, word).exitCode, 2, word);
  }
});

Deno.test("options that exclude each other, or need another, are wrong usage", async () => {
  const wrong = [
    ["connect", "h", "1", "--hex", "--json"],
    ["connect", "h", "1", "--ca", "x"],
    ["connect", "h", "1", "--server-name", "x"],
    ["connect", "unix:/x", "--tls"],
    ["listen", "1", "--tls-cert", "x"],
    ["listen", "1", "--tls-key", "x"],
    ["listen", "unix:/x", "--tls-cert", "x", "--tls-key", "x"],
  ];
  for (const args of wrong) {
    const error = await assertRejects(
      async () => await (await start(new TestIo(), "tcp", ...args)).code,
      Failure,
    );
    assertEquals(error.exitCode, 2, args.join(" "));
  }
});

Deno.test("only a Unix socket and files need more than the network", async () => {
  const kept = async (...args: string[]) =>
    (await parseCommandLine(PARLEY, ["tcp", ...args])).permissions.toSorted();
  assertEquals(await kept("connect", "h", "1"), ["net"]);
  assertEquals(await kept("connect", "unix:/x"), ["net", "read", "write"]);
  assertEquals(await kept("connect", "h", "unix:"), ["net"]);
  assertEquals(await kept("connect", "h", "1", "--tls", "--ca", "x"), ["net", "read"]);
  assertEquals(await kept("listen", "unix:/x", "-k"), ["net", "read", "write"]);
});

Deno.test("hexRows() shows offset, bytes and text, in rows of 16", () => {
  const rows = hexRows(new Uint8Array(18).fill(0x7e), "<", 0x10);
  assertEquals(rows.split("\n"), [
    "< 00000010  7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e 7e  |~~~~~~~~~~~~~~~~|",
    "< 00000020  7e 7e                                            |~~|",
    "",
  ]);
});

Deno.test("TerminalText gives the same text however the stream is cut", () => {
  const stream = bytes("é世🎈\r\n\x07\r\r\n\ttab\x9b\u202e");
  const whole = new TerminalText();
  const expected = whole.add(stream) + whole.end();
  assertEquals(expected, "é世🎈\n␇␍\n\ttab\\u{9b}\\u{202e}");
  for (let at = 0; at <= stream.length; at++) {
    const text = new TerminalText();
    const said = text.add(stream.subarray(0, at)) + text.add(stream.subarray(at)) + text.end();
    assertEquals(said, expected, `cut at ${at}`);
  }
  const broken = new TerminalText();
  assertEquals(broken.add(new Uint8Array([0xe4, 0xb8])) + broken.end(), "\\xe4\\xb8");
});

Deno.test("crlfEncoder() adds what is missing, across chunks too", () => {
  const encode = crlfEncoder();
  const text = ["a\n", "b\r", "\nc\r\n\n"].map((chunk) =>
    new TextDecoder().decode(encode(bytes(chunk)))
  );
  assertEquals(text, ["a\r\n", "b\r", "\nc\r\n\r\n"]);
});

Deno.test("readableOf() reads an input that has chunks alone", async () => {
  async function* chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    yield new Uint8Array([1, 2, 3]);
    yield new Uint8Array(0);
    yield new Uint8Array([4]);
  }
  const readable = readableOf({ chunks, keyboard: undefined });
  const into = new Uint8Array(2);
  const lengths: (number | null)[] = [];
  for (let i = 0; i < 4; i++) lengths.push(await readable.read(into));
  assertEquals([...lengths, into[0]], [2, 1, 1, null, 4]);
});

Deno.test("the tasks of tcp grant the network and nothing else", () => {
  for (const side of ["server", "client"] as const) {
    const { command } = config.tasks[`tcp-${side}`];
    assertEquals(command, `deno run -q --allow-net main.ts --task=$TERM tcp ${side}`);
  }
});
