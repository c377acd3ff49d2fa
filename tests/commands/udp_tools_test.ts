// needs: net run=deno,ncat,nc.openbsd,nc.traditional,sh,socat,unshare (about 30 s)

/**
 * `udp send` and `udp listen` with other programs on the other end: ncat, both kinds of nc, and socat.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch } from "@std/assert";
import { canUnshare } from "../fixtures/unshare.ts";
import { noise } from "../tcp/pair.ts";
import { hasTool, MAY_RUN_PARLEY, Tool } from "./tool.ts";
import { startEcho } from "./udp_process.ts";

/** A program at the other end, and whether it takes IPv6 addresses. */
interface Peer {
  readonly program: string;
  readonly ipv6: boolean;
  /** Takes a datagram, prints it, and answers with its standard input. */
  readonly listen: (host: string, port: string) => readonly string[];
  /** Sends its standard input. */
  readonly send: (host: string, port: string) => readonly string[];
}

/** An address as socat writes it. */
function socatPlace(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

const PEERS: readonly Peer[] = [
  {
    program: "ncat",
    ipv6: true,
    listen: (host, port) => ["-v", "-u", "-l", host, port],
    send: (host, port) => ["-u", host, port],
  },
  {
    program: "nc.openbsd",
    ipv6: true,
    listen: (host, port) => ["-v", "-n", "-u", "-l", host, port],
    send: (host, port) => ["-u", host, port],
  },
  {
    program: "nc.traditional",
    ipv6: false,
    listen: (host, port) => ["-v", "-n", "-u", "-l", "-s", host, "-p", port],
    send: (host, port) => ["-u", host, port],
  },
  {
    program: "socat",
    ipv6: true,
    listen: (host, port) => {
      const family = host.includes(":") ? "6" : "4";
      return ["-d", "-d", "-", `UDP${family}-LISTEN:${port},bind=${socatPlace(host)}`];
    },
    send: (host, port) => ["-u", "-b", "65507", "-", `UDP-SENDTO:${socatPlace(host)}:${port}`],
  },
];

const there = new Map<string, boolean>();
for (const { program } of PEERS) there.set(program, await hasTool(program));

function test(name: string, programs: readonly string[], fn: () => Promise<void>): void {
  const ignore = !MAY_RUN_PARLEY || !programs.every((program) => there.get(program));
  Deno.test({ name, ignore, fn });
}

/** Every byte once: controls, and what is no UTF-8. */
const EVERY_BYTE = new Uint8Array(256).map((_, i) => i);
const ANSWER = new Uint8Array([0xff, 0x1b, 0x5b, 0x32, 0x4a, 0]);

/** A port that no socket for datagrams has. */
function freeUdpPort(hostname: string): string {
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return String(port);
}

/** Starts `udp listen`, and waits until it does. */
async function startListening(host: string, ...args: readonly string[]): Promise<[Tool, string]> {
  const tool = Tool.parley(["udp", "listen", host, "0", ...args]);
  const [, port] = await tool.until(/listening on .*:(\d+)/);
  return [tool, port!];
}

for (const { program, ipv6, listen, send } of PEERS) {
  for (const host of ipv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"]) {
    test(`udp send --wait and ${program} at ${host}: bytes go and come as they are`, [
      program,
    ], async () => {
      const port = freeUdpPort(host);
      await using theirs = new Tool(program, listen(host, port));
      await theirs.until(/listening on|bound on/i);
      await theirs.write(ANSWER);
      await using ours = Tool.parley(["udp", "send", host, port, "-", "--wait", "60000"]);
      await ours.feed(EVERY_BYTE);
      assertEquals(await ours.ended(), 0, ours.said);
      assertEquals(await ours.output, ANSWER);
      theirs.kill("SIGTERM");
      assertEquals(await theirs.output, EVERY_BYTE);
    });

    test(`${program} and udp listen at ${host}: a pipe gets the bytes as they are`, [
      program,
    ], async () => {
      const [ours, port] = await startListening(host, "-c", "1");
      await using _ours = ours;
      await using theirs = new Tool(program, send(host, port));
      await theirs.write(EVERY_BYTE);
      assertEquals(await ours.ended(), 0, ours.said);
      assertEquals(await ours.output, EVERY_BYTE);
      assertMatch(ours.said, /sent 256 bytes\n\* 1 datagram, 256 bytes\n$/);
    });
  }
}

test("the largest datagrams of IPv4 go to socat and come from it", ["socat"], async () => {
  const data = noise(65_507);
  const port = freeUdpPort("127.0.0.1");
  const place = `UDP4-RECVFROM:${port},bind=127.0.0.1`;
  await using theirs = new Tool("socat", ["-d", "-d", "-u", "-b", "65507", place, "-"]);
  await theirs.until(/receiving on/);
  await using sender = Tool.parley(["udp", "send", `127.0.0.1:${port}`]);
  await sender.feed(data);
  assertEquals(await sender.ended(), 0, sender.said);
  assertEquals(await theirs.output, data);
  const [ours, own] = await startListening("127.0.0.1", "-c", "1");
  await using _ours = ours;
  await using socat = new Tool("socat", ["-u", "-b", "65507", "-", `UDP-SENDTO:127.0.0.1:${own}`]);
  await socat.feed(data);
  assertEquals(await ours.ended(), 0, ours.said);
  assertEquals(await ours.output, data);
});

test("udp listen --join gets what socat sends to a group on the loopback interface", [
  "socat",
], async () => {
  const group = "239.192.7.9";
  await using ours = Tool.parley(["udp", "listen", "0", "--join", `${group}%127.0.0.1`, "-c", "1"]);
  const [, port] = await ours.until(/listening on 0\.0\.0\.0:(\d+), joined 239\.192\.7\.9%127/);
  const place = `UDP4-DATAGRAM:${group}:${port},bind=127.0.0.1`;
  await using theirs = new Tool("socat", ["-u", "-", place]);
  await theirs.feed(EVERY_BYTE);
  assertEquals(await ours.ended(), 0, ours.said);
  assertEquals(await ours.output, EVERY_BYTE);
});

// The loopback interface takes no IPv6 groups: a pair of interfaces in a network of its own does.
const NETWORK = "ip link set lo up && ip link add v0 type veth peer name v1 && " +
  "ip addr add fe80::1/64 dev v0 nodad && ip link set v0 up && ip link set v1 up";

Deno.test({
  name: "udp send and udp listen --join over IPv6, by the interface's number and its name",
  ignore: !MAY_RUN_PARLEY || !await canUnshare("-rn", NETWORK),
  async fn() {
    const script = `${NETWORK}
      parley() { deno run --no-prompt --allow-net --allow-sys main.ts udp "$@"; }
      number=$(ip -o link show v0 | cut -d: -f1)
      port=9000
      for interface in v0 $number; do
        # A port for each: what was sent last may still be on its way.
        port=$((port + 1))
        (while :; do parley send ff02::1234%v0 $port "hello by $interface;" -q; done) &
        parley listen $port --join ff02::1234%$interface -c 1 --idle 30000
        kill $!
      done`;
    await using shell = new Tool("unshare", ["-rn", "sh", "-c", script]);
    assertEquals(await shell.ended(), 0, shell.said);
    assertMatch(shell.said, /joined ff02::1234%v0\n[^]*joined ff02::1234%\d+\n/);
    const said = new TextDecoder().decode(await shell.output);
    assertMatch(said, /^hello by v0;hello by \d+;$/);
  },
});

Deno.test({
  name:
    "udp server --ffi answers, says so, and ends with a summary; without the permission it says which",
  ignore: !MAY_RUN_PARLEY || Deno.build.os !== "linux",
  async fn() {
    for (const host of ["127.0.0.1", "::1"]) {
      const { server, port } = await startEcho("--host", host, "--ffi");
      await using _server = server;
      await using ours = Tool.parley(["udp", "send", host, port, "hello", "--wait", "60000", "-q"]);
      assertEquals(await ours.ended(), 0, ours.said);
      assertEquals(new TextDecoder().decode(await ours.output), "Your data was 5 bytes long");
      await server.line(/^The client at .* says 'hello'$/);
      server.kill("SIGINT");
      assertEquals(await server.ended(), { code: 130, stderr: "" });
      assertEquals(server.lines.at(-1), "1 datagram, 5 bytes: 1 answered, 0 dropped, 0 failed");
    }
    await using refused = Tool.parley(["udp", "server", "--ffi", "-p", "0"]);
    assertEquals(await refused.ended(), 1);
    assertEquals(
      refused.said.trimEnd().split("\n").slice(-2),
      [
        "parley: cannot listen on 127.0.0.1:0: parley was not given the permission for it (NOT_PERMITTED)",
        "hint: run again with --allow-net --allow-ffi",
      ],
    );
    const elsewhere = ["--allow-ffi", "--allow-net=127.0.0.1:9"];
    await using outside = Tool.parley(["udp", "server", "--ffi", "-p", "0"], elsewhere);
    assertEquals(await outside.ended(), 1);
    assert(outside.said.includes("(NOT_PERMITTED)"), outside.said);
  },
});
