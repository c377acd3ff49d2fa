// needs: net run=deno (about 25 s)

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { HostFacts, SocketReport } from "../../lib/info.ts";
import { SOCKET_ERRORS } from "../../lib/os/errors.ts";
import { granted } from "../fixtures/granted.ts";
import { command, parley } from "../fixtures/parley.ts";
import { DnsServer } from "../info/dns_server.ts";

const ignore = !granted("run=deno");

/** Runs `parley info` with the network alone; gives the objects of its `--json` output. */
async function json(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout, stderr } = await parley(["info", ...args, "--json"]);
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test({
  name:
    "parley info byteorder 1234 prints the tutorial's 53764 and 3523477504, and takes them back",
  ignore,
  async fn() {
    const [object] = await json("byteorder", "1234");
    assertEquals([object?.htons, object?.ntohs], [53764, 53764]);
    assertEquals([object?.htonl, object?.ntohl], [3523477504, 3523477504]);
    assertEquals((await json("byteorder", "53764"))[0]?.ntohs, 1234);
    const people = await parley(["info", "byteorder", "1234"]);
    assertStringIncludes(people.stdout, "htons(1234)       53764  0xd204\n");
    assertStringIncludes(people.stdout, "htonl(1234)  3523477504  0xd2040000\n");
    const padded = await parley(["info", "byteorder", "53764"]);
    assertStringIncludes(padded.stdout, "htons(53764)      1234  0x04d2\n");
    assertStringIncludes(padded.stdout, "htonl(53764)  80871424  0x04d20000\n");
  },
});

Deno.test({
  name: "parley info byteorder exits 2 and names the range if a number does not fit",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await parley(["info", "byteorder", "70000", "--bits", "16"]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, "16 bits hold a number from 0 to 65535 (USAGE)\n");
  },
});

Deno.test({
  name: "parley info address prints every notation, and exits 2 at what is none",
  ignore,
  async fn() {
    const [object] = await json("address", "127.1");
    assertEquals([object?.packed, object?.kind], ["7f000001", "loopback"]);
    const people = await parley(["info", "address", "fe80::1%eth0"]);
    assertStringIncludes(people.stdout, "address  fe80::1%eth0\n");
    assertStringIncludes(people.stdout, "kind     link-local (fe80::/10, RFC 4291)\n");
    const wrong = await parley(["info", "address", "1.2.3", "--strict"]);
    assertEquals([wrong.code, wrong.stdout], [2, ""]);
    assertStringIncludes(wrong.stderr, "it is short, 3 of 4 parts (USAGE)\n");
  },
});

Deno.test({
  name: "parley info service says where it looked, with and without /etc/services",
  ignore,
  async fn() {
    const [object] = await json("service", "80", "--protocol", "tcp");
    assertEquals([object?.name, object?.source], ["http", "IANA"]);
    assertEquals(object?.not_shown, [
      { part: "this machine's own table", flag: "--allow-read=/etc/services" },
    ]);
    const reading = await parley(
      ["info", "service", "ssh", "--protocol", "tcp", "--json"],
      ["--allow-read=/etc/services"],
    );
    const own: Record<string, unknown> = JSON.parse(reading.stdout);
    assertEquals([own.port, own.not_shown], [22, []]);
    assertEquals(own.source, await hasServices() ? "/etc/services" : "IANA");
  },
});

/** Whether this host has a table of services. */
async function hasServices(): Promise<boolean> {
  const { success } = await new Deno.Command("deno", {
    args: ["eval", "Deno.statSync('/etc/services')"],
  }).output();
  return success;
}

Deno.test({
  name: "parley info service exits 1 for an unknown service, and suggests a similar name",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await parley(["info", "service", "htpp"]);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(stderr, "hint: did you mean http?\n");
  },
});

Deno.test({
  name:
    "parley info resolve shows the answers of one type beside the failure of another, and exits 1",
  ignore,
  async fn() {
    await using server = new DnsServer();
    const at = `@127.0.0.1:${server.address.port}`;
    const { code, stdout, stderr } = await parley(
      ["info", "resolve", "v4only.example", "A", "AAAA", at, "--timeout", "30000"],
    );
    assertEquals(code, 1);
    assertMatch(stdout, /^v4only\.example +A +\d+\.\d ms +192\.0\.2\.1$/m);
    assertStringIncludes(stdout, `server: ${at.slice(1)}\n`);
    assertStringIncludes(
      stderr,
      "parley: cannot resolve v4only.example AAAA: the name has no such record (NODATA)\n",
    );
  },
});

Deno.test({
  name:
    "parley info resolve prints one JSON object a record, failures too, and the data alone with --short",
  ignore,
  async fn() {
    await using server = new DnsServer();
    const at = `@127.0.0.1:${server.address.port}`;
    const [mx] = await json("resolve", "bücher.example", "mx", at, "--timeout", "30000");
    assertEquals(
      [mx?.name, mx?.unicode, mx?.type, mx?.data, mx?.server, typeof mx?.time_ms],
      [
        "xn--bcher-kva.example",
        "bücher.example",
        "MX",
        { preference: 10, exchange: "mx.example." },
        at.slice(1),
        "number",
      ],
    );
    const failed = await parley(["info", "resolve", "nx.example", "A", at, "--json"]);
    assertEquals([failed.code, failed.stderr], [1, ""]);
    assertEquals(JSON.parse(failed.stdout).error.code, "NXDOMAIN");
    const short = await parley(["info", "resolve", "x.example", "TXT", at, "--short"]);
    assertEquals(
      [short.code, short.stdout],
      [0, String.raw`"v=spf1 -all"` + "\n" + String.raw`"quo\"te\\" "\027[2J" "ü" "\255A"` + "\n"],
    );
  },
});

Deno.test({
  name:
    "parley info resolve says of a name in the hosts file who answered, this machine or @SERVER",
  ignore,
  async fn() {
    await using server = new DnsServer();
    const at = `127.0.0.1:${server.address.port}`;
    const own = await parley(["info", "resolve", "localhost", "A"]);
    assertMatch(own.stdout, /^server: none, this machine answered/m);
    const [object] = await json("resolve", "localhost", "A");
    assertEquals([object?.data, object?.server, object?.local], ["127.0.0.1", null, true]);
    const named = await json("resolve", "localhost", "A", `@${at}`, "--timeout", "30000");
    assertEquals(named.map(({ data, server, local }) => [data, server, local]), [
      ["192.0.2.1", at, false],
      ["192.0.2.2", at, false],
    ]);
    // Granted the server alone, parley cannot find out: it says so, and names no server.
    const unknown = await parley(["info", "resolve", "localhost", "A", `@${at}`, "--json"], [
      `--allow-net=${at}`,
    ]);
    const { data, server: none, local } = JSON.parse(unknown.stdout);
    assertEquals([data, none, local], ["127.0.0.1", null, null]);
  },
});

Deno.test({
  name: "parley info ping prints a line a probe and the summary, and exits 0 at a refusal too",
  ignore,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const at = `127.0.0.1:${listener.addr.port}`;
    const open = await parley(["info", "ping", at, "-c", "2", "-i", "1", "-W", "30000"]);
    listener.close();
    assertEquals([open.code, open.stderr], [0, ""]);
    assertMatch(open.stdout, /^ {3}1 {2}open +\d+\.\d\d ms\n {3}2 {2}open +\d+\.\d\d ms\n/m);
    assertMatch(
      open.stdout,
      /^2 sent, 2 answered, 0% lost\nmin \/ avg \/ max \/ stddev {2}\d.* ms\np50 \/ p90 \/ p99 \/ jitter {2}\d.* ms\n$/m,
    );
    const [probe, summary, ...rest] = await json("ping", at, "-c", "1", "-W", "30000");
    assertEquals([probe?.event, probe?.seq, probe?.state], ["probe", 1, "refused"]);
    assertEquals([summary?.event, summary?.sent, summary?.answered], ["summary", 1, 1]);
    assertEquals(rest, []);
  },
});

Deno.test({
  name: "parley info ping exits 1 if no probe was answered",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    const { code, stdout } = await parley(["info", "ping", "224.0.0.1", "-c", "1"]);
    assertEquals(code, 1);
    assertMatch(
      stdout,
      /^ {3}1 {2}unreachable {2}ENETUNREACH\n\n1 sent, 0 answered, 100% lost\n$/m,
    );
  },
});

for (const [signal, exit] of [["SIGINT", 130], ["SIGTERM", 0]] as const) {
  Deno.test({
    name: `parley info ping -c 0 runs on until ${signal}, and then prints the summary`,
    ignore: ignore || Deno.build.os === "windows",
    async fn() {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const child = command(
        ["info", "ping", `127.0.0.1:${listener.addr.port}`, "-c", "0", "-i", "1", "--json"],
      ).spawn();
      let said = "";
      let told = false;
      for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
        said += text;
        // More than the four that it would send by default.
        if (!told && said.includes('"seq":6,')) {
          child.kill(signal);
          told = true;
        }
      }
      const { code } = await child.status;
      await child.stderr.cancel();
      assertEquals(code, exit);
      const summary = JSON.parse(said.trimEnd().split("\n").at(-1)!);
      assertEquals([summary.event, summary.loss_percent], ["summary", 0]);
    },
  });
}

Deno.test({
  name: "parley info errors lists every socket error with the network alone",
  ignore,
  async fn() {
    const reports = await json("errors");
    assertEquals(reports.map(({ code }) => code), Object.keys(SOCKET_ERRORS));
    const people = await parley(["info", "errors", "EPIPE"]);
    assertEquals([people.code, people.stderr], [0, ""]);
    assertMatch(
      people.stdout,
      /^EPIPE {2}errno \d+ {2}Deno\.errors\.BrokenPipe\n {2}means +the other/,
    );
    assertStringIncludes(
      people.stdout,
      "  provoked  by writing after closing one's own side of the connection\n",
    );
    const unknown = await parley(["info", "errors", "EPIPPE"]);
    assertEquals([unknown.code, unknown.stdout], [1, ""]);
    assertStringIncludes(unknown.stderr, "hint: did you mean EPIPE?\n");
  },
});

Deno.test({
  name:
    "parley info errors without a permission explains every error, and says which flag provokes it",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await parley(["info", "errors", "--json"], []);
    assertEquals([code, stderr], [0, ""]);
    const reports = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(reports.map(({ code }) => code), Object.keys(SOCKET_ERRORS));
    for (const { provoked } of reports) assertEquals(provoked, false);
    const refused = reports.find(({ code }) => code === "ECONNREFUSED");
    assertStringIncludes(refused.by, "needs the network, which this process may not use");
    // Granted the loopback alone, what goes beyond it is said to take more.
    const loopback = await parley(["info", "errors", "--json"], ["--allow-net=127.0.0.1"]);
    assertEquals([loopback.code, loopback.stderr], [0, ""]);
    assertMatch(loopback.stdout, /"code":"ECONNREFUSED".*"provoked":true/);
    assertMatch(loopback.stdout, /"code":"EADDRNOTAVAIL".*this process may not use/);
    assertMatch(loopback.stdout, /"code":"ENOTFOUND".*this process may not use/);
  },
});

Deno.test({
  name: "parley info ping refuses a URL, and says what to write instead",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await parley(["info", "ping", "https://a.example:8443/x"]);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, "it is a URL, not HOST or HOST:PORT (USAGE)\n");
    assertStringIncludes(stderr, "hint: did you mean a.example:8443?\n");
  },
});

Deno.test({
  name: "parley info socket without its permission fails, and names the task that has it",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    for (const args of [["--json"], ["--rcvbuf", "8192"]]) {
      const { code, stdout, stderr } = await parley(["info", "socket", ...args]);
      const told = stdout === "" ? undefined : JSON.parse(stdout);
      assertEquals([code, told?.code], [1, args[0] === "--json" ? "NOT_PERMITTED" : undefined]);
      assertStringIncludes(stderr, "(NOT_PERMITTED)\nhint: use deno task info-socket …, or run");
    }
  },
});

Deno.test({
  name: "parley info host shows what the network alone permits, and everything with --allow-sys",
  ignore,
  async fn() {
    const [bare] = await json("host");
    assertEquals([bare?.name, bare?.interfaces, bare?.os], [null, null, Deno.build.os]);
    const people = await parley(["info", "host"]);
    assertEquals([people.code, people.stderr], [0, ""]);
    assertMatch(
      people.stdout,
      /^not shown: its interfaces: use deno task info host …, or run again with --allow-sys$/m,
    );
    const flags = ["--allow-net", "--allow-sys"];
    const { code, stdout } = await parley(["info", "host", "--json"], flags);
    const facts: HostFacts & { not_shown: unknown } = JSON.parse(stdout);
    assertEquals([code, facts.not_shown], [0, []]);
    assert(facts.name !== null && facts.name !== "");
    assert(facts.release !== null && facts.release !== "");
    const loopback = facts.interfaces!.find(({ address }) => address === "127.0.0.1");
    assertEquals([loopback?.family, loopback?.netmask], ["IPv4", "255.0.0.0"]);
    assertMatch(loopback!.mac, /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    const shown = await parley(["info", "host"], flags);
    assertStringIncludes(shown.stdout, `host name  ${facts.name}\n`);
    assertMatch(shown.stdout, /^interface +family +address +netmask +MAC$/m);
    // As prefix lengths, the masks of IPv6 leave a row within 80 columns.
    assertMatch(shown.stdout, /^lo\d* +IPv4 +127\.0\.0\.1 +255\.0\.0\.0 +/m);
    for (const { family, netmask } of facts.interfaces!) {
      if (family === "IPv6") assert(!shown.stdout.includes(netmask), shown.stdout);
    }
  },
});

Deno.test({
  name: "parley info runtime shows versions, and the permissions that it was given",
  ignore,
  async fn() {
    const [object] = await json("runtime");
    assertEquals([object?.deno, object?.compiled], [Deno.version.deno, false]);
    assertEquals(object?.permissions, ["net"]);
    const more = await parley(["info", "runtime"], ["--allow-net", "--allow-ffi"]);
    assertMatch(more.stdout, /^permissions +--allow-net, --allow-ffi /m);
    assertMatch(more.stdout, /^workon NAME +not needed/m);
  },
});

Deno.test({
  name: "parley info runtime shows a permission that it was given in part, and says that it is one",
  ignore,
  async fn() {
    const flags = [
      "--allow-read=/etc/services",
      "--allow-sys=uid",
      "--allow-net",
      "--deny-net=[::1]",
    ];
    const { stdout } = await parley(["info", "runtime", "--json"], flags);
    const report = JSON.parse(stdout);
    assertEquals(report.permissions, ["net"]);
    assertEquals(report.permissions_in_part, [
      { name: "read", whole: false, parts: ["/etc/services"] },
      { name: "net", whole: true, parts: ["[::1]"] },
      { name: "sys", whole: false, parts: ["uid"] },
    ]);
    const people = await parley(["info", "runtime"], flags);
    assertStringIncludes(
      people.stdout,
      "\nin part      --allow-read=/etc/services, --allow-net but --deny-net=[::1], --allow-sys=uid (",
    );
    // One that parley has no name for is not seen; that a whole lacks it is.
    const other = await parley(["info", "runtime", "--json"], [
      ...["--allow-read=/nowhere", "--allow-net", "--deny-net=192.0.2.1"],
    ]);
    assertEquals(JSON.parse(other.stdout).permissions_in_part, [
      { name: "net", whole: true, parts: [] },
    ]);
    const whole = await parley(["info", "runtime", "--json"], ["-A"]);
    assertEquals(JSON.parse(whole.stdout).permissions_in_part, []);
  },
});

Deno.test({
  name: "deno task info-socket grants what it takes to read and change a socket",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    const { code, stdout } = await new Deno.Command("deno", {
      args: ["task", "info-socket", "--timeout", "100", "--nonblocking", "--json"],
      cwd: new URL("../../", import.meta.url),
    }).output();
    const report: SocketReport = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals([code, report.type, report.local?.address], [0, "SOCK_STREAM", "127.0.0.1"]);
    assertEquals(report.settings.map(({ name, after }) => [name, typeof after]), [
      ["SO_RCVTIMEO", "number"],
      ["SO_RCVBUF", "number"],
      ["SO_SNDBUF", "number"],
      ["O_NONBLOCK", "boolean"],
    ]);
    assertEquals([report.settings[0]?.after, report.settings[3]?.after], [100, true]);
  },
});

Deno.test({
  name: "with --json, every failure is one event for programs, also one of wrong usage",
  ignore,
  async fn() {
    const cases = [
      [["info", "service", "nosuch", "--json"], 1, "UNKNOWN_SERVICE"],
      [["info", "resolve", "a..b", "--json"], 2, "USAGE"],
      [["info", "address", "--json", "--nosuch"], 2, "USAGE"],
      [["info", "address", "::1", "--", "--json"], 2, undefined],
      [["info", "nosuch", "--json"], 2, undefined],
    ] as const;
    const ended = await Promise.all(cases.map(([args]) => parley(args)));
    for (const [i, { code, stdout }] of ended.entries()) {
      const events = stdout.split("\n").filter((line) => line !== "").map((line) =>
        JSON.parse(line)
      );
      const [args, exit, expected] = cases[i]!;
      assertEquals(code, exit, args.join(" "));
      assertEquals(
        events.map(({ event, code }) => [event, code]),
        expected === undefined ? [] : [["error", expected]],
        args.join(" "),
      );
    }
  },
});
