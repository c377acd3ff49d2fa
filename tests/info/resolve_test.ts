// @ts-types="../../types/std_assert.d.ts"
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Failure } from "../../lib/base/failure.ts";
import {
  failuresOf,
  type NameServer,
  readDnsName,
  readNameServers,
  readRecordType,
  RECORD_TYPES,
  recordText,
  type RecordType,
  resolve,
} from "../../lib/info.ts";
import { withheld } from "../fixtures/granted.ts";
import { DnsServer } from "./dns_server.ts";

async function one(server: DnsServer, name: string, type: RecordType, timeoutMs = 20_000) {
  const [resolution] = await resolve(name, { types: [type], server: server.address, timeoutMs });
  return resolution!;
}

Deno.test("resolve() gives every record type, typed", async () => {
  await using server = new DnsServer();
  const resolutions = await resolve("all.example", {
    types: RECORD_TYPES,
    server: server.address,
    timeoutMs: 20_000,
  });
  const { hostname, port } = server.address;
  for (const { name, server, failure, time_ms } of resolutions) {
    assertEquals([name, server, failure], ["all.example", `${hostname}:${port}`, undefined]);
    assert(Number.isFinite(time_ms));
  }
  assertEquals(Object.fromEntries(resolutions.map(({ type, data }) => [type, data])), {
    A: ["192.0.2.1", "192.0.2.2"],
    AAAA: ["2001:db8::1"],
    CNAME: ["alias.example."],
    MX: [{ preference: 10, exchange: "mx.example." }],
    NS: ["ns.example."],
    PTR: ["host.example."],
    SOA: [{
      mname: "ns.example.",
      rname: "admin.example.",
      serial: 2026112401,
      refresh: 7200,
      retry: 900,
      expire: 1209600,
      minimum: 300,
    }],
    SRV: [{ priority: 1, weight: 2, port: 5222, target: "im.example." }],
    TXT: [["v=spf1 -all"], ['quo"te\\', "\x1b[2J", "ü", "\\255A"]],
    CAA: [{ flags: 128, tag: "issue", value: "ca.example" }],
    NAPTR: [{
      order: 100,
      preference: 10,
      flags: "s",
      services: "SIP+D2U",
      regexp: "",
      replacement: "_sip._udp.example.",
    }],
  });
});

Deno.test("resolve() asks for A and AAAA by default, and for PTR of an address", async () => {
  await using server = new DnsServer();
  const byName = await resolve("host.example", { server: server.address, timeoutMs: 20_000 });
  assertEquals(byName.map(({ type }) => type), ["A", "AAAA"]);
  const options = { server: server.address, timeoutMs: 20_000 };
  const [v4] = await resolve("192.0.2.9", options);
  assertEquals([v4?.name, v4?.type, v4?.data], ["9.2.0.192.in-addr.arpa", "PTR", [
    "host.example.",
  ]]);
  const [v6] = await resolve("2001:db8::9", options);
  assertEquals([v6?.name.slice(0, 8), v6?.type], ["9.0.0.0.", "PTR"]);
  await assertRejects(() => resolve("192.0.2.9", { types: ["MX"] }), Failure, "only PTR records");
});

Deno.test("resolve() asks for every type at the same time", async () => {
  await using server = new DnsServer();
  // The server answers neither question before it has heard the other.
  const pair = await resolve("pair.example", { server: server.address, timeoutMs: 20_000 });
  assertEquals(pair.map(({ failure }) => failure), [undefined, undefined]);
});

Deno.test("resolve() gives each failure a code of its own, which the runtime does not", async () => {
  await using server = new DnsServer();
  const codes = {
    "nx.example": "NXDOMAIN",
    "none.example": "NODATA",
    "servfail.example": "SERVFAIL",
    "refused.example": "REFUSED",
    "formerr.example": "FORMERR",
  };
  for (const [name, code] of Object.entries(codes)) {
    const { failure, data } = await one(server, name, "MX");
    assertEquals([failure?.code, failure?.exitCode, data], [code, 1, []]);
    assertStringIncludes(failure?.message ?? "", `cannot resolve ${name} MX: `);
  }
});

Deno.test("resolve() gives up after its time limit, with a code of its own", async () => {
  await using server = new DnsServer();
  const { failure } = await one(server, "silent.example", "A", 200);
  assertEquals(failure?.code, "TIMEOUT");
  assertStringIncludes(failure?.message ?? "", "no answer in time");
});

Deno.test("resolve() asks by TCP for the response code if the reply by UDP was cut", async () => {
  await using server = new DnsServer();
  const { failure } = await one(server, "cut-nx.example", "TXT");
  assertEquals(failure?.code, "NXDOMAIN");
  assert(server.asked.includes("tcp cut-nx.example TXT"), server.asked.join("\n"));
});

Deno.test("resolve() accepts neither garbage nor an answer to another question", async () => {
  await using server = new DnsServer();
  assertEquals((await one(server, "servfail-noise.example", "A")).failure?.code, "SERVFAIL");
});

Deno.test("a failure of one type does not hide the answer of another in resolve()", async () => {
  await using server = new DnsServer();
  const options = { server: server.address, timeoutMs: 20_000 };
  const resolutions = await resolve("v4only.example", { ...options, types: ["A", "AAAA", "MX"] });
  assertEquals(resolutions.map(({ data }) => data.length), [2, 0, 1]);
  assertEquals(failuresOf(resolutions, false).map(({ code }) => code), ["NODATA"]);
  // For want of other wishes, one of both families is enough.
  assertEquals(failuresOf(await resolve("v4only.example", options), true), []);
  // One that is in the hosts file with an IPv4 address alone has none of the other family.
  const [listed] = await resolve("localhost", { types: ["A"], timeoutMs: 20_000 });
  const [unlisted] = await resolve("nx.example", { ...options, types: ["AAAA"] });
  assertEquals(failuresOf([listed!, unlisted!], true), []);
  assertEquals(failuresOf([listed!, unlisted!], false).map(({ code }) => code), ["NXDOMAIN"]);
  const neither = failuresOf(await resolve("nx.example", options), true);
  assertEquals(neither.map(({ what, code }) => [what, code]), [
    ["cannot resolve nx.example A, AAAA", "NXDOMAIN"],
  ]);
});

Deno.test({
  name: "resolve() without a known server says NO_ANSWER, and how to find out more",
  ignore: !withheld("sys"),
  async fn() {
    // A name that the resolver answers by itself, without a server (RFC 6761 section 6.4).
    const [resolution] = await resolve("parley.invalid", { types: ["A"], timeoutMs: 20_000 });
    assertEquals([resolution?.failure?.code, resolution?.server], ["NO_ANSWER", null]);
    assertStringIncludes(resolution?.failure?.hint ?? "", "permit parley to read the system's");
  },
});

Deno.test("resolve() sends an internationalized name as punycode, and keeps both", async () => {
  await using server = new DnsServer();
  const { name, unicode } = await one(server, "bücher.example", "A");
  assertEquals([name, unicode], ["xn--bcher-kva.example", "bücher.example"]);
  assert(server.asked.includes("udp xn--bcher-kva.example A"), server.asked.join("\n"));
  assertEquals(
    (await one(server, "nx.bücher.example", "A")).failure?.what,
    "cannot resolve nx.bücher.example (nx.xn--bcher-kva.example) A",
  );
});

Deno.test("readDnsName() refuses an invalid name, and says why", async () => {
  assertEquals(await readDnsName("Example.COM."), { ascii: "example.com", unicode: undefined });
  assertEquals((await readDnsName("xn--bcher-kva.example")).unicode, "bücher.example");
  assertEquals((await readDnsName("_dmarc.bücher.de")).ascii, "_dmarc.xn--bcher-kva.de");
  assertEquals((await readDnsName(".")).ascii, ".");
  const wrong = {
    "": "it is empty",
    "a..b": "label 2 is empty",
    ["x".repeat(64)]: "more than 63 characters",
    ["x.".repeat(128)]: "more than 253 characters",
    "http://a": "it is a URL, not a name",
    "a\\256": "\\256 is not a byte",
    "a\\": "is followed by neither a character nor three digits",
    "ü/": "not an internationalized name",
  };
  for (const [text, why] of Object.entries(wrong)) {
    await assertRejects(() => readDnsName(text), Failure, why);
  }
});

Deno.test("readRecordType() ignores case, and suggests the nearest type", () => {
  assertEquals(readRecordType("mx"), "MX");
  const failure = assertThrows(() => readRecordType("AAA"), Failure);
  assertEquals([failure.exitCode, failure.hint], [2, "did you mean AAAA?"]);
});

Deno.test("recordText() writes data in the format of master files, with texts escaped", () => {
  assertEquals(recordText("A", "192.0.2.1"), "192.0.2.1");
  assertEquals(recordText("MX", { preference: 10, exchange: "mx.example." }), "10 mx.example.");
  assertEquals(
    recordText("TXT", ['quo"te\\', "\x1b[2J", "ü", "\\255A"]),
    String.raw`"quo\"te\\" "\027[2J" "ü" "\255A"`,
  );
  assertEquals(
    recordText("CAA", { flags: 128, tag: "issue", value: "ca.example" }),
    `128 issue "ca.example"`,
  );
});

Deno.test("readNameServers() reads addresses with and without a port, each once", () => {
  assertEquals(
    readNameServers(["192.0.2.53", "192.0.2.53", "192.0.2.54:5353", "2001:db8::53"]),
    [
      { hostname: "192.0.2.53", port: 53 },
      { hostname: "192.0.2.54", port: 5353 },
      { hostname: "2001:db8::53", port: 53 },
    ],
  );
  assertEquals(readNameServers(["[2001:db8::53]:5353"]), [{
    hostname: "2001:db8::53",
    port: 5353,
  }]);
  assertEquals(readNameServers([]), []);
});

Deno.test("resolve() asks the server that was named for a name that the hosts file lists, too", async () => {
  await using server = new DnsServer();
  const { hostname, port } = server.address;
  // The runtime answers all of these by itself, whichever server it is told to ask.
  for (
    const [name, type, data] of [
      ["localhost", "A", ["192.0.2.1", "192.0.2.2"]],
      ["localhost", "AAAA", ["2001:db8::1"]],
      ["alias.localhost", "A", ["192.0.2.1", "192.0.2.2"]],
    ] as const
  ) {
    const { failure, ...answer } = await one(server, name, type);
    assertEquals(failure, undefined);
    assertEquals([answer.data, answer.server, answer.local], [data, `${hostname}:${port}`, false]);
    assert(server.asked.includes(`udp ${name} ${type}`), server.asked.join("\n"));
  }
  assert(server.asked.includes("udp target.example A"), server.asked.join("\n"));
  const { failure, server: asked } = await one(server, "nx.localhost", "A");
  assertEquals([failure?.code, asked], ["NXDOMAIN", `${hostname}:${port}`]);
});

Deno.test("resolve() accepts no record of another name as an answer", async () => {
  await using server = new DnsServer();
  const { failure, data } = await one(server, "stray.localhost", "A");
  // That it has a record of the type all the same is no answer to this question.
  assertEquals([failure?.code, data], ["NO_ANSWER", []]);
});

Deno.test("resolve() accepts replies of the named server, in any notation of its address", async () => {
  await using server = new DnsServer();
  const { port } = server.address;
  for (const hostname of ["127.1", "0x7f.0.0.1"]) {
    const asked = { server: { hostname, port }, types: ["A"] as const, timeoutMs: 20_000 };
    const [resolution] = await resolve("localhost", asked);
    assertEquals(resolution?.failure, undefined);
    assertEquals(resolution?.data, ["192.0.2.1", "192.0.2.2"]);
  }
});

Deno.test("resolve() says that this machine answered, and names no server, if none was asked", async () => {
  await using server = new DnsServer();
  const options = { systemServers: [server.address], timeoutMs: 20_000 };
  const [resolution] = await resolve("localhost", { types: ["A"], ...options });
  assertEquals(
    [resolution?.data, resolution?.server, resolution?.local],
    [["127.0.0.1"], null, true],
  );
  assertEquals(server.asked, []);
});

Deno.test("resolve() asks the system's servers in turn why there is no record, and names the one that answered", async () => {
  await using alive = new DnsServer();
  await using other = new DnsServer();
  // It is bound, and answers nothing.
  const dead = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  using closing = new DisposableStack();
  closing.defer(() => dead.close());
  const ask = async (name: string, ...systemServers: NameServer[]) => {
    // Names that the runtime answers by itself, without a server (RFC 6761 section 6.4).
    const [resolution] = await resolve(name, { types: ["A"], systemServers, timeoutMs: 20_000 });
    return [resolution?.failure?.code, resolution?.server];
  };
  const text = `127.0.0.1:${alive.address.port}`;
  const silent = dead.addr as Deno.NetAddr;
  assertEquals(await ask("nx.invalid", silent, alive.address), ["NXDOMAIN", text]);
  assertEquals(await ask("none.invalid", alive.address, silent), ["NODATA", text]);
  assertEquals(other.asked, []);
  // One that cannot say leaves it to the next; where none can, it is the first that is named.
  assertEquals(await ask("servfail.invalid", alive.address, other.address), ["SERVFAIL", text]);
  assertEquals(other.asked, ["udp servfail.invalid A"]);
  assertEquals(await ask("nx.invalid", alive.address, other.address), ["NXDOMAIN", text]);
  assertEquals(other.asked, ["udp servfail.invalid A"]);
});
