// needs: net run=deno (about 30 s)

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { authority, ipv4, named, Responder, texts } from "../info/dns/responder.ts";
import { command, type Ended, parley } from "../fixtures/parley.ts";
import { start, TestIo } from "./test_io.ts";

const ignore = !granted("run=deno");
const DENIED = [["example.", "SOA", authority()]] as const;
const PATIENT = ["--timeout", "60000"];
const READING = ["--allow-net", "--allow-read"];

/** A server that has one alias, and for other names what their first label says. */
function makeServer(address = "192.0.2.1"): Responder {
  return new Responder(({ question: { name, type } }) => {
    if (name.startsWith("none.")) return { rcode: 3, authority: DENIED };
    if (type === 28) return { authority: DENIED };
    if (type === 12) return { answer: [[name, "PTR", named("xn--bcher-kva.example.")]] };
    if (type === 16) return { answer: [[name, "TXT", texts("v=1", '"\\')]] };
    if (type === 65) return { answer: [[name, "TYPE65", Uint8Array.of(0, 1, 0)]] };
    if (name !== "www.example.") return { answer: [[name, "A", ipv4(address), 60]] };
    return {
      answer: [[name, "CNAME", named("cdn.example."), 30], [
        "cdn.example.",
        "A",
        ipv4(address),
        60,
      ]],
      authority: [["example.", "NS", named("ns.example.")]],
    };
  });
}

function at(server: Responder): string {
  return `@127.0.0.1:${server.address.port}`;
}

function resolve(args: readonly string[], flags?: readonly string[]): Promise<Ended> {
  return parley(["info", "resolve", ...args, ...PATIENT], flags);
}

/** Runs with what is on its standard input. */
async function fed(input: string, args: readonly string[]): Promise<Ended> {
  const child = command(["info", "resolve", ...args, ...PATIENT], READING, { stdin: "piped" })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test({
  name: "parley info resolve shows aliases with their owners, TTL, flags and transport",
  ignore,
  async fn() {
    await using server = makeServer();
    const { code, stdout, stderr } = await resolve(["www.example", "A", at(server), "--tcp"]);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(stdout, /^www\.example +CNAME +\d+\.\d ms +cdn\.example\.$/m);
    assertMatch(stdout, /^cdn\.example +A +\d+\.\d ms +192\.0\.2\.1$/m);
    assertMatch(stdout, /^TTL 60 s, flags qr rd ra, \d+ bytes by tcp$/m);
    const short = await resolve(["www.example", "A", at(server), "--short"]);
    assertEquals(short.stdout, "192.0.2.1\n");
  },
});

Deno.test({
  name: "parley info resolve --all shows the whole reply as a master file has it, and as JSON",
  ignore,
  async fn() {
    await using server = makeServer();
    const { stdout } = await resolve(["www.example", "A", at(server), "--all"]);
    assertMatch(stdout, /^www\.example A: NOERROR, flags qr rd ra$/m);
    assertMatch(stdout, /^answer\nwww\.example\. +30 +IN +CNAME +cdn\.example\.$/m);
    assertMatch(stdout, /^authority\nexample\. +300 +IN +NS +ns\.example\.$/m);
    const json = await resolve(["www.example", "A", at(server), "--all", "--json"]);
    const whole = JSON.parse(json.stdout);
    assertEquals([whole.status, whole.flags, whole.transport], [
      "NOERROR",
      ["qr", "rd", "ra"],
      "udp",
    ]);
    assertEquals(whole.question, [{ name: "www.example", type: "A", class: "IN" }]);
    assertEquals(whole.answer, [
      { name: "www.example", type: "CNAME", class: "IN", ttl: 30, data: "cdn.example." },
      { name: "cdn.example", type: "A", class: "IN", ttl: 60, data: "192.0.2.1" },
    ]);
    assertEquals(whole.authority.map(({ type }: { type: string }) => type), ["NS"]);
    assertEquals([whole.additional, whole.server], [[], at(server).slice(1)]);
    assertEquals([whole.chain, typeof whole.time_ms], [["www.example", "cdn.example"], "number"]);
    const record = JSON.parse((await resolve(["a.example", "A", at(server), "--json"])).stdout);
    assertEquals(
      [record.name, record.type, record.class, record.ttl, record.data],
      ["a.example", "A", "IN", 60, "192.0.2.1"],
    );
  },
});

Deno.test({
  name: "parley info resolve asks several servers at once, and says whether they agree",
  ignore,
  async fn() {
    await using one = makeServer();
    await using two = makeServer();
    await using other = makeServer("192.0.2.9");
    const same = await resolve(["a.example", at(one), at(two)]);
    assertEquals(same.code, 0);
    assertStringIncludes(same.stdout, "\nthe 2 servers agree\n");
    const { code, stdout } = await resolve(["a.example", "A", at(one), at(other)]);
    assertEquals(code, 0);
    assertStringIncludes(stdout, "\nthe servers differ in A\n");
    for (const [server, address] of [[one, "192.0.2.1"], [other, "192.0.2.9"]] as const) {
      const escaped = `${at(server).slice(1)} +${address}`.replaceAll(".", "\\.");
      assertMatch(stdout, new RegExp(`^a\\.example +A +\\d+\\.\\d ms +${escaped}$`, "m"));
    }
  },
});

Deno.test({
  name:
    "parley info resolve exits 9 where no server answers, and 1 where one says that there is none",
  ignore,
  async fn() {
    await using server = makeServer();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const nobody = `@127.0.0.1:${listener.addr.port}`;
    listener.close();
    const refused = await resolve(["a.example", nobody, "--tcp"]);
    assertEquals([refused.code, refused.stdout], [9, ""]);
    assertStringIncludes(refused.stderr, "(ECONNREFUSED)\n");
    const silent = await parley(["info", "resolve", "a.example", nobody, "--timeout", "50"]);
    assertEquals(silent.code, 9);
    assertStringIncludes(silent.stderr, "(TIMEOUT)\n");
    assertEquals((await resolve(["none.example", at(server)])).code, 1);
    assertEquals((await resolve(["a.example", "A", nobody, at(server), "--tcp"])).code, 1);
  },
});

Deno.test({
  name:
    "parley info resolve takes types by number, names with any octet, -x, and names that start with -",
  ignore,
  async fn() {
    await using server = makeServer();
    const https = await resolve(["a.example", "65", at(server), "--short"]);
    assertEquals([https.code, https.stdout], [0, "1 .\n"]);
    const spaced = await resolve(["my printer._ipp._tcp.test", "TXT", at(server), "--short"]);
    assertEquals(spaced.stdout, String.raw`"v=1" "\"\\"` + "\n");
    await parley(["info", "resolve", at(server), ...PATIENT, "--", "-x", "TXT"]);
    await resolve(["-x", "127.1", at(server)]);
    assertEquals(server.asked.slice(1), [
      "udp my\\032printer._ipp._tcp.test. 16",
      "udp -x. 16",
      "udp 1.0.0.127.in-addr.arpa. 12",
    ]);
    const shown = await resolve(["192.0.2.1", at(server), "--idn", "--short"]);
    assertEquals(shown.stdout, "bücher.example.\n");
  },
});

Deno.test({
  name: "parley info resolve -f asks for every line, and prints in their order",
  ignore,
  async fn() {
    await using server = makeServer();
    const names = Array.from({ length: 300 }, (_, i) => `n${i}.example A`);
    const input = `# a comment\n\n${names.join("\n")}\nnone.example\n`;
    const args = ["-f", "-", "--parallel", "50", at(server)];
    const { code, stdout, stderr } = await fed(input, [...args, "--short"]);
    assertEquals([code, stdout], [1, "192.0.2.1\n".repeat(300)]);
    assertMatch(stderr, /^parley: cannot resolve none\.example A, AAAA: .*\(NXDOMAIN\)$/m);
    const json = await fed("b.example\na.example A TXT\nx..y\n", [...args, "--json"]);
    const lines = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map(({ name, type, error }) => [name, type, error?.code]), [
      ["b.example", "A", undefined],
      ["b.example", "AAAA", "NODATA"],
      ["a.example", "A", undefined],
      ["a.example", "TXT", undefined],
      ["x..y", undefined, "USAGE"],
    ]);
    assertEquals([json.code, json.stderr], [1, ""]);
    const lone = await fed("a.example A", args);
    assertEquals([lone.code, lone.stdout], [0, "a.example.  60  IN  A  192.0.2.1\n"]);
  },
});

Deno.test("parley info resolve -f puts the rows of several names under one another on a terminal", async () => {
  await using server = makeServer();
  const io = new TestIo({ columns: 80 });
  const { code } = await start(io, "info", "resolve", "-f", "-", at(server), ...PATIENT);
  await io.type("a.example A\nlonger.name.example A\n");
  await io.endInput();
  assertEquals(await code, 0);
  assertEquals(io.out.trimEnd().split("\n"), [
    "a.example.            60  IN  A  192.0.2.1",
    "longer.name.example.  60  IN  A  192.0.2.1",
  ]);
});

Deno.test({
  name: "parley info resolve --trace shows each step from --root-hints down",
  ignore: ignore || Deno.build.os !== "linux",
  async fn() {
    await using root = new Responder(() => ({
      authority: [["example.", "NS", named("ns.example.")]],
      additional: [["ns.example.", "A", ipv4("127.0.0.3")]],
    }), "127.0.0.2");
    const { port } = root.address;
    await using _zone = new Responder(
      ({ question: { name } }) => {
        return name.startsWith("none.")
          ? { rcode: 3, authority: DENIED }
          : { answer: [[name, "A", ipv4("192.0.2.1"), 60]] };
      },
      "127.0.0.3",
      port,
    );
    const args = ["--trace", "--port", String(port), "--root-hints", "tests/fixtures/root.hints"];
    const { code, stdout, stderr } = await resolve(["www.example", ...args], READING);
    assertEquals([code, stderr], [0, ""]);
    assertMatch(
      stdout,
      /^\. {2}127\.0\.0\.2:\d+ \(a\.root\) {2}\d+\.\d ms {2}refers to example\. /m,
    );
    assertMatch(stdout, /^example\. {2}127\.0\.0\.3:\d+ \(ns\.example\) {2}.* {2}A 192\.0\.2\.1$/m);
    assertMatch(stdout, /^www\.example\. {2}60 {2}IN {2}A {2}192\.0\.2\.1$/m);
    const json = await resolve(["www.example", ...args, "--json"], READING);
    const events = json.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(events.map(({ event }) => event), ["step", "step", "answer"]);
    assertEquals([events[0].referral.zone, events[2].answer[0].data], ["example", "192.0.2.1"]);
    const none = await resolve(["none.example", ...args], READING);
    assertEquals(none.code, 1);
    assertStringIncludes(none.stderr, "there is no such name (NXDOMAIN)\n");
  },
});

Deno.test({
  name: "parley info resolve --watch shows what has changed, until it is told to stop",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    let asked = 0;
    await using server = new Responder(({ question: { name } }) => {
      asked += 1;
      const address = asked < 3 ? "192.0.2.1" : "192.0.2.2";
      return { answer: [[name, "A", ipv4(address)]] };
    });
    const args = ["info", "resolve", "a.example", "A", at(server), "--watch", "0.05", "--json"];
    const child = command([...args, ...PATIENT]).spawn();
    let said = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += text;
      if (said.split("\n").length === 3) child.kill("SIGTERM");
    }
    const { code } = await child.status;
    await child.stderr.cancel();
    const [first, second] = said.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals([code, first.added, first.removed], [0, ["a.example A 192.0.2.1"], []]);
    assertEquals(
      [second.event, second.added, second.removed],
      ["change", ["a.example A 192.0.2.2"], ["a.example A 192.0.2.1"]],
    );
    assert(asked >= 3);
  },
});

Deno.test({
  name: "parley info resolve refuses options that contradict each other, and says why",
  ignore,
  async fn() {
    const wrong: Readonly<Record<string, readonly string[]>> = {
      "NAME is missing": ["@127.0.0.1"],
      "choose one of --tcp, --tls": ["a.example", "@127.0.0.1", "--tls", "--https"],
      "it needs a name server: add @SERVER": ["a.example", "--tls"],
      "it asks the servers that it finds": ["a.example", "--trace", "@127.0.0.1"],
      "it cannot be combined with NAME": ["a.example", "-f", "-"],
      "it is not a URL": ["a.example", "@https://"],
      "no record type": ["a.example", "AXFR"],
      "did you mean a.example?": ["http://a.example/"],
    };
    for (const [why, args] of Object.entries(wrong)) {
      // deno-lint-ignore no-await-in-loop -- one after the other
      const { code, stdout, stderr } = await resolve(args, READING);
      assertEquals([code, stdout], [2, ""], why);
      assertStringIncludes(stderr, why);
    }
  },
});

Deno.test({
  name:
    "resolve says that a server only refers to others, in text and in JSON, and shows those with NS and --norecurse",
  ignore,
  async fn() {
    const below = [["sub.example.", "NS", named("ns1.sub.example.")]] as const;
    await using server = new Responder(() => ({ flags: 0, authority: below }));
    const [text, json, servers] = await Promise.all([
      resolve(["www.sub.example", "A", at(server)]),
      resolve(["www.sub.example", "A", at(server), "--json"]),
      resolve(["sub.example", "NS", at(server), "--norecurse"]),
    ]);
    assertEquals([text.code, json.code, servers.code], [1, 1, 0]);
    assertStringIncludes(text.stderr, "only refers to the name servers of sub.example.: ns1");
    assertStringIncludes(
      text.stderr,
      "it does not recurse (REFERRAL)\nhint: ask one of them with @",
    );
    const told = JSON.parse(json.stdout);
    assertEquals(told.error.code, "REFERRAL");
    assertEquals(told.referral, { zone: "sub.example", servers: ["ns1.sub.example"] });
    assertMatch(servers.stdout, /^sub\.example +NS +\S+ ms +ns1\.sub\.example\.$/m);
    assertStringIncludes(servers.stdout, "the server refers to these name servers");
  },
});

Deno.test({
  name: "resolve refuses a second name, and shows no row of a file's name twice",
  ignore,
  async fn() {
    await using server = makeServer();
    const [second, file] = await Promise.all([
      resolve(["a.example", "A", "b.example", at(server)]),
      fed("www.example A AAAA\n", ["-f", "-", at(server)]),
    ]);
    assertEquals([second.code, second.stdout], [2, ""]);
    assertStringIncludes(second.stderr, 'cannot resolve "b.example": one call resolves one name');
    assertStringIncludes(second.stderr, "-f FILE");
    assertEquals(file.stdout.match(/CNAME/g)?.length, 1);
  },
});
