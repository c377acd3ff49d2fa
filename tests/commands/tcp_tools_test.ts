// needs: net run=deno,ncat,nc.openbsd,nc.traditional,openssl,sh,socat read=tests/scratch write=tests/scratch (about 25 s)

/**
 * `tcp connect` and `tcp listen` with other programs on the other end: ncat, both kinds of nc, socat, openssl.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { HAS_OPENSSL } from "../fixtures/openssl.ts";
import { MAY_WRITE, Scratch } from "../fixtures/scratch.ts";
import { Certificates } from "../net/certificates.ts";
import { noise, openResetter, sha256 } from "../tcp/pair.ts";
import { freePort, hasTool, MAY_RUN_PARLEY, Tool } from "./tool.ts";

/** How a program is told to listen or to connect. */
interface Peer {
  readonly name: string;
  readonly program: string;
  readonly args: (port: string) => readonly string[];
}

const LISTENERS: readonly Peer[] = [
  { name: "ncat", program: "ncat", args: (port) => ["-v", "-l", "127.0.0.1", port] },
  {
    name: "nc (openbsd)",
    program: "nc.openbsd",
    args: (port) => ["-v", "-N", "-n", "-l", "127.0.0.1", port],
  },
  {
    name: "nc (traditional)",
    program: "nc.traditional",
    args: (port) => ["-v", "-n", "-q", "60", "-l", "-s", "127.0.0.1", "-p", port],
  },
  {
    name: "socat",
    program: "socat",
    args: (port) => ["-d", "-d", "-t", "60", "-", `TCP-LISTEN:${port},bind=127.0.0.1`],
  },
];

const CLIENTS: readonly Peer[] = [
  { name: "ncat", program: "ncat", args: (port) => ["127.0.0.1", port] },
  { name: "nc (openbsd)", program: "nc.openbsd", args: (port) => ["-N", "127.0.0.1", port] },
  {
    name: "nc (traditional)",
    program: "nc.traditional",
    args: (port) => ["-q", "60", "127.0.0.1", port],
  },
  {
    name: "socat",
    program: "socat",
    args: (port) => ["-t", "60", "-", `TCP:127.0.0.1:${port}`],
  },
];

const there = new Map<string, boolean>();
for (const { program } of LISTENERS) there.set(program, await hasTool(program));
there.set("sh", await hasTool("sh"));

function test(name: string, programs: readonly string[], fn: () => Promise<void>): void {
  const ignore = !MAY_RUN_PARLEY || !programs.every((program) => there.get(program));
  Deno.test({ name, ignore, fn });
}

/** Starts a program that listens, and waits until it does. */
async function startListener({ program, args }: Peer): Promise<[Tool, string]> {
  const port = String(freePort());
  const tool = new Tool(program, args(port));
  await tool.until(/listening on/i);
  return [tool, port];
}

/** Starts `tcp listen`, and waits until it does. */
async function startParley(
  args: readonly string[],
  flags?: readonly string[],
): Promise<[Tool, string]> {
  const tool = Tool.parley(["tcp", "listen", "0", ...args], flags);
  const [, port] = await tool.until(/listening on 127\.0\.0\.1:(\d+)/);
  return [tool, port!];
}

/** Some mebibytes, and their sum. */
async function load(length: number) {
  const bytes = noise(length);
  return { bytes, sum: await sha256(bytes) };
}

async function sumOf(tool: Tool): Promise<string> {
  return await sha256(await tool.output);
}

/**
 * Feeds parley, and with socat ends its input at once. With the others it stays open, so that they end first: where the
 * other side ends before them, ncat and both kinds of nc drop what they have still to send.
 */
async function feed(
  ours: Tool,
  bytes: Uint8Array<ArrayBuffer>,
  { program }: Pick<Peer, "program">,
): Promise<void> {
  await ours.write(bytes);
  if (program === "socat") await ours.endInput();
}

for (const peer of LISTENERS) {
  test(`tcp connect and ${peer.name}: megabytes each way at once, then both inputs end`, [
    peer.program,
  ], async () => {
    const [theirs, port] = await startListener(peer);
    await using _theirs = theirs;
    await using ours = Tool.parley(["tcp", "connect", "127.0.0.1", port]);
    const [there, back] = [await load(5 << 20), await load(4 << 20)];
    await Promise.all([feed(ours, there.bytes, peer), theirs.feed(back.bytes)]);
    assertEquals(await ours.ended(), 0, ours.said);
    assertEquals(await sumOf(ours), back.sum);
    assertEquals(await sumOf(theirs), there.sum);
    assertMatch(ours.said, /: 5,242,880 bytes sent, 4,194,304 received$/m);
  });

  test(`tcp connect ends with ${peer.name}, though its own input stays open`, [
    peer.program,
  ], async () => {
    const [theirs, port] = await startListener(peer);
    await using _theirs = theirs;
    await using ours = Tool.parley(["tcp", "connect", "127.0.0.1", port]);
    await ours.until(/connected/);
    await theirs.feed(new TextEncoder().encode("bye\n"));
    // Some go on until they are told to stop: their end is then that of the program.
    await ours.until(/has ended/).catch(() => theirs.kill("SIGTERM"));
    assertEquals(await ours.ended(), 0, ours.said);
    assertEquals(new TextDecoder().decode(await ours.output), "bye\n");
  });

  test(`tcp connect gives up on ${peer.name} that says nothing`, [peer.program], async () => {
    const [theirs, port] = await startListener(peer);
    await using _theirs = theirs;
    await using ours = Tool.parley(["tcp", "connect", "127.0.0.1", port, "--idle", "100"]);
    assertEquals(await ours.ended(), 1);
    assertMatch(ours.said, /^parley: connection to .* for 100 ms \(IDLE\)$/m);
  });
}

for (const peer of CLIENTS) {
  test(`${peer.name} and tcp listen: megabytes each way at once`, [
    peer.program,
  ], async () => {
    const [ours, port] = await startParley([]);
    await using _ours = ours;
    await using theirs = new Tool(peer.program, peer.args(port));
    const [there, back] = [await load(5 << 20), await load(4 << 20)];
    await Promise.all([theirs.feed(there.bytes), feed(ours, back.bytes, peer)]);
    assertEquals(await ours.ended(), 0, ours.said);
    await theirs.ended();
    assertEquals(await sumOf(ours), there.sum);
    assertEquals(await sumOf(theirs), back.sum);
  });
}

test(
  "tcp connect and tcp listen: a file goes through unchanged, whatever its bytes",
  [],
  async () => {
    const [server, port] = await startParley([]);
    await using _server = server;
    await using client = Tool.parley(["tcp", "connect", "localhost", port]);
    const every = new Uint8Array(256 * 256).map((_, i) => i & 0xff);
    await Promise.all([client.feed(every), server.endInput()]);
    assertEquals([await client.ended(), await server.ended()], [0, 0]);
    assertEquals(await server.output, every);
  },
);

test(
  "tcp connect prints what came before a reset, says which error, and exits with 1",
  [],
  async () => {
    await using far = await openResetter();
    await using ours = Tool.parley(["tcp", "connect", "127.0.0.1", String(far.port)]);
    const socket = await far.socket;
    await ours.write(new TextEncoder().encode("x"));
    await new Promise((resolve) => socket.once("data", resolve));
    socket.write("before", () => setTimeout(() => socket.resetAndDestroy(), 200));
    assertEquals(await ours.ended(), 1);
    assertEquals(new TextDecoder().decode(await ours.output), "before");
    assertMatch(ours.said, /^parley: connection to .*: .* \(ECONNRESET\)$/m);
  },
);

test("tcp listen --keep outlives a reset and serves socat after it", ["socat"], async () => {
  const [ours, port] = await startParley(["--keep"]);
  await using _ours = ours;
  const { connect } = await import("node:net");
  const socket = connect(Number(port), "127.0.0.1");
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("connect", resolve));
  await ours.until(/has connected/);
  socket.resetAndDestroy();
  await ours.until(/\(ECONNRESET\)/);
  await using theirs = new Tool("socat", ["-t", "60", "-", `TCP:127.0.0.1:${port}`]);
  await theirs.feed(new TextEncoder().encode("after the reset\n"));
  await ours.until(/has ended/);
  ours.kill("SIGTERM");
  assertEquals(await ours.ended(), 0);
  assertEquals(new TextDecoder().decode(await ours.output), "after the reset\n");
});

test(
  "tcp connect ends the connection, and with 1, when its own reader has gone",
  ["sh"],
  async () => {
    const [server, port] = await startParley([]);
    await using _server = server;
    const connect = `deno run --no-prompt --allow-net main.ts tcp connect -q 127.0.0.1 ${port}`;
    await using shell = new Tool("sh", ["-c", `(${connect}; echo "ended with $?" >&2) | true`]);
    await server.until(/has connected/);
    const flow = new Uint8Array(1 << 16);
    const flowing = async () => {
      while (!/has ended|is broken off/.test(server.said)) await server.write(flow);
    };
    await Promise.all([flowing(), server.until(/has ended|is broken off/)]);
    await shell.until(/ended with 1$/m);
  },
);

const FILES = ["--allow-net", "--allow-read", "--allow-write"] as const;
const tlsIgnore = !HAS_OPENSSL || !MAY_WRITE || !MAY_RUN_PARLEY;

/** A test with certificates of a test's own authority. */
function tlsTest(
  name: string,
  programs: readonly string[],
  fn: (certificates: Certificates) => Promise<void>,
): void {
  const ignore = tlsIgnore || !programs.every((program) => there.get(program));
  Deno.test({
    name,
    ignore,
    async fn() {
      await using certificates = await Certificates.make();
      await certificates.issue("good");
      await fn(certificates);
    },
  });
}

const TLS_LISTENERS: Readonly<
  Record<string, (port: string, file: (name: string) => string) => readonly string[]>
> = {
  ncat: (port, file) => [
    ...["-v", "-l", "127.0.0.1", port, "--ssl"],
    ...["--ssl-cert", file("good.pem"), "--ssl-key", file("good.key")],
  ],
  socat: (port, file) => [
    ...["-d", "-d", "-t", "60", "-"],
    `OPENSSL-LISTEN:${port},bind=127.0.0.1,verify=0,cert=${file("good.pem")},key=${
      file("good.key")
    }`,
  ],
};

for (const [program, args] of Object.entries(TLS_LISTENERS)) {
  tlsTest(`tcp connect --tls and ${program}: megabytes each way at once`, [
    program,
  ], async (certificates) => {
    const file = (name: string) => certificates.file(name);
    const [theirs, port] = await startListener({
      name: program,
      program,
      args: (port) => args(port, file),
    });
    await using _theirs = theirs;
    const tls = ["--tls", "--ca", file("ca.pem")];
    await using ours = Tool.parley(["tcp", "connect", "localhost", port, ...tls], FILES);
    const [there, back] = [await load(3 << 20), await load(2 << 20)];
    await Promise.all([feed(ours, there.bytes, { program }), theirs.feed(back.bytes)]);
    assertEquals(await ours.ended(), 0, ours.said);
    assertEquals(await sumOf(ours), back.sum);
    assertEquals(await sumOf(theirs), there.sum);
    // ncat ends without TLS's own end, which might be somebody's who cut the connection.
    assertEquals(/close_notify/.test(ours.said), program === "ncat", ours.said);
  });
}

const TLS_CLIENTS: Readonly<
  Record<string, (port: string, ca: string) => readonly string[]>
> = {
  ncat: (port, ca) => ["--ssl-verify", "--ssl-trustfile", ca, "localhost", port],
  socat: (port, ca) => ["-t", "60", "-", `OPENSSL:localhost:${port},cafile=${ca}`],
};

for (const [program, args] of Object.entries(TLS_CLIENTS)) {
  tlsTest(`${program} and tcp listen with TLS: megabytes each way at once`, [
    program,
  ], async (certificates) => {
    const [ours, port] = await startParley(certificates.flags("good"), FILES);
    await using _ours = ours;
    await using theirs = new Tool(program, args(port, certificates.file("ca.pem")));
    const [there, back] = [await load(3 << 20), await load(2 << 20)];
    await Promise.all([theirs.feed(there.bytes), feed(ours, back.bytes, { program })]);
    assertEquals(await ours.ended(), 0, ours.said);
    await theirs.ended();
    assertEquals(await sumOf(ours), there.sum);
    assertEquals(await sumOf(theirs), back.sum);
  });
}

tlsTest(
  "tcp connect and listen within TLS: a half-close leaves the other direction open",
  [],
  async (certificates) => {
    const [server, port] = await startParley(certificates.flags("good"), FILES);
    await using _server = server;
    const tls = ["--tls", "--ca", certificates.file("ca.pem")];
    await using client = Tool.parley(["tcp", "connect", "localhost", port, ...tls], FILES);
    const data = await load(3 << 20);
    await client.feed(new TextEncoder().encode("question"));
    await server.until(/has connected/);
    await server.feed(data.bytes);
    assertEquals([await client.ended(), await server.ended()], [0, 0]);
    assertEquals(await sumOf(client), data.sum);
    assertEquals(new TextDecoder().decode(await server.output), "question");
    assert(!/close_notify/.test(client.said + server.said), client.said + server.said);
  },
);

tlsTest(
  "tcp connect --tls takes the right certificate, and says what is wrong with another",
  [],
  async (certificates) => {
    await certificates.issue("other", { names: "DNS:other.example" });
    await certificates.issue("old", { days: ["20200101", "20200201"] });
    await certificates.selfSigned("self", false);
    const file = (name: string) => certificates.file(name);
    const ca = ["--ca", file("ca.pem")];
    const cases = [
      ["good", ca, undefined],
      ["good", [], "TLS_UNKNOWN_ISSUER"],
      ["other", ca, "TLS_WRONG_NAME"],
      ["other", [...ca, "--server-name", "other.example"], undefined],
      ["old", ca, "TLS_EXPIRED"],
      ["self", [], "TLS_UNKNOWN_ISSUER"],
      ["self", ["--ca", file("self.pem")], undefined],
    ] as const;
    for (const [name, flags, code] of cases) {
      const [server, port] = await startParley(certificates.flags(name), FILES);
      await using _server = server;
      const args = ["tcp", "connect", "localhost", port, "--tls", ...flags];
      await using client = Tool.parley(args, FILES);
      await Promise.all([client.endInput(), server.endInput()]);
      const what = `${name} ${flags.join(" ")}: ${client.said}`;
      assertEquals(await client.ended(), code === undefined ? 0 : 1, what);
      if (code !== undefined) assertStringIncludes(client.said, `(${code})`);
      // One whose only client did not take the certificate has failed too.
      assertEquals(await server.ended(), code === undefined ? 0 : 1, server.said);
    }
  },
);

tlsTest(
  "tcp listen --keep within TLS: neither plain text nor silence holds up who follows",
  [],
  async (certificates) => {
    const [server, port] = await startParley([...certificates.flags("good"), "--keep"], FILES);
    await using _server = server;
    const silent = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    const plain = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    await plain.write(new TextEncoder().encode("GET / HTTP/1.0\r\n\r\n"));
    await server.until(/\(TLS_NOT_SPOKEN\)/);
    const tls = ["--tls", "--ca", certificates.file("ca.pem")];
    await using client = Tool.parley(["tcp", "connect", "localhost", port, ...tls], FILES);
    await client.feed(new TextEncoder().encode("I am here"));
    await server.until(/has connected/);
    await server.endInput();
    assertEquals(await client.ended(), 0, client.said);
    silent.close();
    plain.close();
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0);
    assertEquals(new TextDecoder().decode(await server.output), "I am here");
  },
);

Deno.test({
  name:
    "Unix sockets by path, with socat; the file goes with the listener, and permissions are asked for",
  ignore: tlsIgnore || there.get("socat") !== true || Deno.build.os === "windows",
  async fn() {
    await using scratch = await Scratch.make();
    const path = scratch.file("s.sock");
    const server = Tool.parley(["tcp", "listen", `unix:${path}`], FILES);
    await using _server = server;
    await server.until(/listening on unix:/);
    const taken = Tool.parley(["tcp", "listen", `unix:${path}`], FILES);
    await using _taken = taken;
    assertEquals(await taken.ended(), 1);
    assertStringIncludes(
      taken.said,
      "a file with that name already exists (EADDRINUSE)\n" +
        "hint: remove the file if no program listens there any longer",
    );
    await using theirs = new Tool("socat", ["-t", "60", "-", `UNIX-CONNECT:${path}`]);
    await Promise.all([
      theirs.feed(new TextEncoder().encode("to parley")),
      server.feed(new TextEncoder().encode("to socat")),
    ]);
    assertEquals(await server.ended(), 0, server.said);
    assertEquals(new TextDecoder().decode(await server.output), "to parley");
    assertEquals(new TextDecoder().decode(await theirs.output), "to socat");
    assertEquals(await scratch.names(), []);
    await using listening = new Tool("socat", ["-d", "-d", "-t", "60", "-", `UNIX-LISTEN:${path}`]);
    await listening.until(/listening on/);
    await using refused = Tool.parley(["tcp", "connect", `unix:${path}`]);
    assertEquals(await refused.ended(), 1);
    assertStringIncludes(refused.said, "(NOT_PERMITTED)");
    await using client = Tool.parley(["tcp", "connect", `unix:${path}`], FILES);
    await Promise.all([
      client.feed(new TextEncoder().encode("hello")),
      listening.feed(new TextEncoder().encode("there")),
    ]);
    assertEquals(await client.ended(), 0, client.said);
    assertEquals(new TextDecoder().decode(await client.output), "there");
    await using absent = Tool.parley(["tcp", "connect", `unix:${path}x`], FILES);
    assertEquals(await absent.ended(), 1);
    assertStringIncludes(absent.said, "(ENOENT)");
  },
});
