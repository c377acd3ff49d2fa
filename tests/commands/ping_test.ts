// needs: net run=deno,unshare (about 15 s)

/**
 * `parley info ping` as a process: several hosts, its options, and names that a name server moves.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { parley, ROOT } from "../fixtures/parley.ts";
import { canUnshare } from "../fixtures/unshare.ts";

const ignore = !granted("run=deno");

async function run(...args: string[]) {
  return await parley(["info", "ping", "-i", "1", "-W", "30000", ...args]);
}

async function events(...args: string[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await run("--json", ...args);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test({
  name:
    "parley info ping takes HOST PORT and HOST:PORT, and exits 1 unless every host has answered",
  ignore,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const port = String(listener.addr.port);
    const both = await run("127.0.0.1", port, `127.0.0.1:1`, "-c", "2");
    assertEquals([both.code, both.stderr], [0, ""]);
    assertMatch(both.stdout, new RegExp(`^127\\.0\\.0\\.1, port ${port}, by TCP connect\n`));
    assertMatch(both.stdout, new RegExp(`^   2  127\\.0\\.0\\.1:${port}  open `, "m"));
    assertMatch(both.stdout, /^ {3}2 {2}127\.0\.0\.1:1 +refused /m);
    assertMatch(both.stdout, /^127\.0\.0\.1:1 +2 +0%( +\d+\.\d\d){6}\n$/m);
    const open = await run("127.0.0.1", port, "127.0.0.1:1", "-c", "1", "--open");
    assertEquals(open.code, 1);
    assertMatch(open.stdout, /^127\.0\.0\.1:1 +1 +100%( +-){6}\n$/m);
    assertEquals((await run("127.0.0.1", port, "-c", "1", "--open")).code, 0);
  },
});

Deno.test({
  name: "parley info ping -q prints the host and the summary, and -D the time of day on every line",
  ignore,
  async fn() {
    const quiet = await run("127.0.0.1:1", "-c", "1", "-q");
    assertMatch(
      quiet.stdout,
      /^127\.0\.0\.1, port 1, by TCP connect\n\n1 sent, 1 answered, 0% lost\nmin .* ms\np50 .* ms\n$/,
    );
    const { stdout } = await run("127.0.0.1:1", "::1", "1", "-c", "1", "-D");
    const [lines = ""] = stdout.split("\n\n");
    assertEquals(lines.split("\n").length, 4);
    for (const line of lines.split("\n")) {
      assertMatch(
        line,
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z .*(by TCP connect|refused .* ms)$/,
      );
    }
    assertEquals((await events("127.0.0.1:1", "-q")).map(({ event }) => event), ["summary"]);
  },
});

Deno.test({
  name: "parley info ping --json prints the documented fields",
  ignore,
  async fn() {
    const shown = await events("localhost", "1", "-4", "-c", "1");
    assertEquals(shown.map(({ at: _, time_ms: __, ...fields }) => fields).slice(0, 2), [
      {
        event: "addresses",
        host: "localhost",
        port: 1,
        addresses: ["127.0.0.1"],
        added: ["127.0.0.1"],
        removed: [],
        left_out: 0,
      },
      {
        event: "probe",
        host: "localhost",
        address: "127.0.0.1",
        port: 1,
        seq: 1,
        state: "refused",
        error: null,
        answered: true,
      },
    ]);
    assertEquals(
      Object.keys(shown[2]!),
      [
        ...["event", "at", "host", "address", "port", "sent", "answered", "loss_percent"],
        ...["min_ms", "avg_ms", "max_ms", "stddev_ms", "p50_ms", "p90_ms", "p99_ms", "jitter_ms"],
      ],
    );
    const [error, ...rest] = await events("127.0.0.1", "-6");
    assertEquals([error?.event, error?.code, rest], ["error", "ENOTFOUND", []]);
  },
});

Deno.test({
  name: "parley info ping says what is wrong with its arguments",
  ignore,
  async fn() {
    const refused = async (...args: string[]) => {
      const { code, stdout, stderr } = await run(...args);
      const told = args.includes("--json") ? JSON.parse(stdout).code : stdout;
      assertEquals([code, told], [2, args.includes("--json") ? "USAGE" : ""]);
      return stderr.split("\n")[0];
    };
    assertEquals(
      await refused("a.example:80", "443"),
      'parley: cannot read the port "443": a.example:80 has a port already (USAGE)',
    );
    assertEquals(
      await refused("a.example", "65536"),
      'parley: cannot read the port "65536": a port is a number from 1 to 65535 (USAGE)',
    );
    assertEquals(
      await refused("a.example", "-4", "-6"),
      "parley: --ipv4 and --ipv6: each excludes the other (USAGE)",
    );
    assertEquals(
      await refused("a.example", "--plot", "--json"),
      "parley: --plot and --json: each excludes the other (USAGE)",
    );
  },
});

/** A network with a route that prohibits its destinations. */
const PROHIBITED = "ip link set lo up && ip route add prohibit 198.51.100.0/24";

Deno.test({
  name:
    "a host that this machine may not reach is unreachable for parley info ping and parley tcp check",
  ignore: ignore || !await canUnshare("-rn", PROHIBITED),
  async fn() {
    const main = "deno run --no-prompt --allow-net main.ts";
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: [
        ...["-rn", "sh", "-c"],
        `${PROHIBITED}; ${main} info ping 198.51.100.1 -c 1; ${main} tcp check 198.51.100.1 80`,
      ],
      cwd: ROOT,
    }).output();
    const decoder = new TextDecoder();
    assertEquals(decoder.decode(stderr), "");
    const said = decoder.decode(stdout);
    assertMatch(said, /^ {3}1 {2}unreachable {2}EACCES\n\n1 sent, 0 answered, 100% lost\n/m);
    assertMatch(said, /^ *80 +unreachable/m);
  },
});

/** A network and a name server of its own, which the system's resolver asks. */
const NETWORK = "ip link set lo up && mount -t tmpfs tmpfs /mnt && " +
  "echo nameserver 127.0.0.1 > /mnt/resolv.conf && mount --bind /mnt/resolv.conf /etc/resolv.conf";

Deno.test({
  name: "parley info ping probes the A and AAAA addresses of a name, and follows it when it moves",
  ignore: ignore || !await canUnshare("-rnm", NETWORK),
  async fn() {
    const deno = "deno run --no-prompt --allow-net";
    const ping = `${deno} main.ts info ping moving.example 1`;
    const script = `${NETWORK} || exit 9
      touch /mnt/said
      ${deno} tests/fixtures/moving_name.ts & server=$!
      until ${ping} -4 -c 1 > /dev/null 2>&1; do sleep 0.1; done
      ${ping} -c 0 -i 20 --refresh 0.1 > /mnt/said & ping=$!
      until grep -q "  127.0.0.1  " /mnt/said; do sleep 0.1; done
      ${deno} main.ts info ping move.example 1 -4 -c 1 > /dev/null
      until grep -q "  127.0.0.2  " /mnt/said; do sleep 0.1; done
      kill $ping; wait $ping; echo "exit $?" >> /mnt/said; cat /mnt/said; kill $server`;
    const { stdout, stderr } = await new Deno.Command("unshare", {
      args: ["-rnm", "sh", "-c", script],
      cwd: ROOT,
    }).output();
    const said = new TextDecoder().decode(stdout);
    const why = said + new TextDecoder().decode(stderr);
    assertMatch(said, /^moving\.example \((127\.0\.0\.1, ::1|::1, 127\.0\.0\.1)\), port 1/, why);
    assertMatch(said, /^ {3}1 {2}127\.0\.0\.1 +refused /m);
    assertMatch(said, /^ {3}1 {2}::1 +refused /m);
    const moved = "\n* moving.example is now at 127.0.0.2, no longer at 127.0.0.1\n";
    const [before, after] = said.split(moved);
    assert(before !== undefined && after !== undefined, why);
    assertEquals(/ 127\.0\.0\.2 /.test(before), false);
    assertMatch(after, /^ +\d+ {2}127\.0\.0\.2 +refused /m);
    assertEquals(/^ +\d+ {2}127\.0\.0\.1 +refused /m.test(after), false, why);
    for (const address of ["127.0.0.1", "::1", "127.0.0.2"]) {
      assertMatch(after, new RegExp(`^${address} +\\d+ +0% `, "m"), "it is in the summary");
    }
    assertMatch(said, /\nexit 0\n$/);
  },
});

Deno.test({
  name: "ping -q names the host first; one answer has no jitter; localhost has an IPv6 address",
  ignore,
  async fn() {
    const [quiet, six] = await Promise.all([
      parley(["info", "ping", "127.0.0.1", "9", "-q", "-c", "1"]),
      parley(["info", "ping", "localhost", "9", "-6", "-c", "1", "--json"]),
    ]);
    assertMatch(
      quiet.stdout,
      /^127\.0\.0\.1, port 9, by TCP connect\n\n1 sent, 1 answered, 0% lost\nmin \/ avg \/ max \/ stddev {2}[\d. /]+ ms\np50 \/ p90 \/ p99 {2}[\d. /]+ ms\n$/,
    );
    assertStringIncludes(six.stdout, '"address":"::1"');
  },
});
