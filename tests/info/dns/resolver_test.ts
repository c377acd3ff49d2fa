// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Failure } from "../../../lib/base/failure.ts";
import {
  failuresOf,
  readResolvConf,
  resolve,
  type ResolveOptions,
  SocketPool,
} from "../../../lib/info.ts";
import { decodeMessage, encodeMessage, FLAGS } from "../../../lib/info/dns/message.ts";
import { candidates } from "../../../lib/info/dns/name.ts";
import { withheld } from "../../fixtures/granted.ts";
import { HandClock } from "../../fixtures/hand_clock.ts";
import {
  authority,
  encodeResponse,
  ipv4,
  named,
  Responder,
  type Response,
  texts,
} from "./responder.ts";

const A = ipv4("192.0.2.1");
const DENIED = [["example.", "SOA", authority()]] as const;

/** Asks for one type, with time to spare. */
async function one(server: Responder, name: string, type: string, options: ResolveOptions = {}) {
  const how = { server: server.address, timeoutMs: 20_000, ...options };
  const [resolution] = await resolve(name, { types: [type], ...how });
  return resolution!;
}

Deno.test("resolve() tells the TTL, the owners and the chain of aliases", async () => {
  await using server = new Responder(() => ({
    answer: [
      ["www.example.", "CNAME", named("cdn.Example."), 60],
      ["CDN.example.", "CNAME", named("edge.example."), 30],
      ["edge.example.", "A", A, 5],
      ["stray.example.", "A", A, 5],
    ],
  }));
  const { chain, records, data, reply } = await one(server, "WWW.example", "A");
  assertEquals(chain, ["www.example", "cdn.example", "edge.example"]);
  assertEquals(data, ["192.0.2.1"]);
  assertEquals(records, [
    { name: "edge.example", type: "A", class: "IN", ttl: 5, data: "192.0.2.1" },
  ]);
  assertEquals(reply?.answer.map(({ name, ttl }) => [name, ttl]), [
    ["www.example", 60],
    ["CDN.example", 30],
    ["edge.example", 5],
    ["stray.example", 5],
  ]);
});

Deno.test("resolve() tells the whole reply: status, flags, question, every section, EDNS, size", async () => {
  const error = new Uint8Array([0, 22, ...new TextEncoder().encode("at delegation")]);
  const subnet = Uint8Array.of(0, 1, 24, 16, 192, 0, 2);
  await using server = new Responder(() => ({
    flags: FLAGS.aa | FLAGS.ad,
    answer: [["a.example.", "A", A]],
    authority: [["example.", "NS", named("ns.example.")]],
    additional: [["ns.example.", "A", A, 7]],
    edns: {
      udpSize: 1400,
      version: 0,
      extendedRcode: 0,
      dnssecOk: true,
      options: [{ code: 15, data: error }, { code: 8, data: subnet }],
    },
  }));
  const { reply, server: asked, resolver, local } = await one(server, "a.example", "A");
  assertEquals(reply, {
    status: "NOERROR",
    flags: ["qr", "aa", "rd", "ad"],
    question: [{ name: "a.example", type: "A", class: "IN" }],
    answer: [{ name: "a.example", type: "A", class: "IN", ttl: 300, data: "192.0.2.1" }],
    authority: [{ name: "example", type: "NS", class: "IN", ttl: 300, data: "ns.example." }],
    additional: [{ name: "ns.example", type: "A", class: "IN", ttl: 7, data: "192.0.2.1" }],
    transport: "udp",
    size: reply!.size,
    edns: {
      version: 0,
      udp_size: 1400,
      dnssec_ok: true,
      subnet: "192.0.2.0/24/16",
      extended_errors: [{ code: 22, meaning: "no reachable authority", text: "at delegation" }],
    },
  });
  assert(reply!.size > 100);
  const { hostname, port } = server.address;
  assertEquals([asked, resolver, local], [`${hostname}:${port}`, "parley", false]);
});

Deno.test("resolve() says that a name is an alias if its target does not exist (RFC 6604)", async () => {
  await using server = new Responder(({ question: { name } }): Response => ({
    rcode: name.startsWith("none.") ? 0 : 3,
    answer: [[name, "CNAME", named("gone.example.")]],
    authority: DENIED,
  }));
  const missing = (await one(server, "www.example", "A")).failure;
  assertEquals(missing?.code, "NXDOMAIN");
  assertEquals(missing?.why, "it is an alias of gone.example, which does not exist");
  const empty = (await one(server, "none.example", "A")).failure;
  assertEquals(empty?.code, "NODATA");
  assertEquals(empty?.why, "it is an alias of gone.example, which has no such record");
  // It was not asked once more for what it has said is not there.
  assertEquals(server.asked.length, 2);
});

Deno.test("resolve() follows an alias that the server does not follow, and never loops", async () => {
  await using server = new Responder(({ question: { name } }) => {
    if (name === "end.example.") return { answer: [[name, "A", A]] };
    const next = { "www.example.": "mid.example.", "mid.example.": "end.example." }[name];
    return { answer: [[name, "CNAME", named(next ?? `x${name}`)]] };
  });
  const { chain, data } = await one(server, "www.example", "A");
  assertEquals([chain, data], [["www.example", "mid.example", "end.example"], ["192.0.2.1"]]);
  const endless = await one(server, "loop.example", "A");
  assertEquals([endless.failure?.code, endless.chain.length], ["NODATA", 17]);
  const alias = await one(server, "www.example", "CNAME");
  assertEquals([alias.chain, alias.data], [["www.example"], ["mid.example."]]);
  const own = await one(server, "www.example", "A", { recurse: false });
  assertEquals(own.failure?.why, "it is an alias of mid.example, which has no such record");
});

Deno.test("resolve() reads replies that arrived while the process was busy for longer than the time limit", async () => {
  using clock = new HandClock();
  using sockets = new SocketPool();
  const server = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = server.addr as Deno.NetAddr;
  const options = { types: ["A"], server: { hostname, port }, timeoutMs: 400, sockets };
  const codes: (string | undefined)[] = [];
  const asking: Promise<unknown>[] = [];
  const replies: (() => Promise<number>)[] = [];
  // Of more than 128 sockets the runtime reads only a part at a time. The kernel's buffer takes fewer questions.
  for (let count = 0; count < 300; count += 50) {
    for (let i = 0; i < 50; i++) {
      asking.push(resolve("a.example", options).then(([one]) => codes.push(one?.failure?.code)));
    }
    while (replies.length < asking.length) {
      // deno-lint-ignore no-await-in-loop -- one socket
      const [bytes, from] = await server.receive();
      const message = decodeMessage(bytes as Uint8Array<ArrayBuffer>);
      const reply = encodeResponse(message, { answer: [["a.example.", "A", A]] });
      replies.push(() => server.send(reply, from));
    }
  }
  // Every reply arrives before the process, which is busy, reads any.
  const sent = replies.map((send) => send());
  clock.pass(800);
  assertEquals(codes, []);
  await clock.passUntil(Promise.all(asking), 20);
  assertEquals([codes.length, [...new Set(codes)]], [300, [undefined]]);
  await Promise.all(sent);
  server.close();
});

Deno.test("resolve() asks again if a datagram is lost, and waits as long as requested", async () => {
  using clock = new HandClock();
  const times: number[] = [];
  await using server = new Responder(({ question: { name } }) => {
    times.push(performance.now());
    return times.length < 3 ? undefined : { answer: [[name, "A", A]] };
  });
  const asking = one(server, "lost.example", "A", { timeoutMs: 60_000 });
  const { data, failure } = await clock.passUntil(asking, 20);
  assertEquals([data, failure], [["192.0.2.1"], undefined]);
  // The wait doubles.
  assertEquals(times.map((time) => Math.round((time - times[0]!) / 1000)), [0, 1, 3]);
});

Deno.test("resolve() asks without EDNS if a server does not know it (RFC 6891 section 7)", async () => {
  await using server = new Responder(({ message, question: { name } }) => {
    return message.edns === undefined ? { answer: [[name, "A", A]] } : { rcode: 1 };
  });
  assertEquals((await one(server, "a.example", "A")).data, ["192.0.2.1"]);
  assertEquals(server.messages.map(({ edns }) => edns === undefined), [false, true]);
});

Deno.test("resolve() accepts no answer from elsewhere, to another question, or that is not a reply", async () => {
  const wrong = ipv4("203.0.113.1");
  const proxy = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const stranger = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const [bytes, from] = await proxy.receive();
    const { id, question } = decodeMessage(bytes as Uint8Array<ArrayBuffer>);
    const { name, type } = question[0]!;
    const record = { name, type, class: 1, ttl: 1, rdata: wrong };
    const right = { id, flags: FLAGS.qr, question, answer: [{ ...record, rdata: A }] };
    const lie = { ...right, answer: [record] };
    await stranger.send(encodeMessage(lie), from);
    for (
      const parts of [
        { ...lie, id: id ^ 1 },
        { ...lie, flags: 0 },
        { ...lie, question: [{ name: "b.example.", type, class: 1 }] },
        { ...lie, question: [{ name, type: 28, class: 1 }] },
        { ...lie, question: [{ name, type, class: 3 }] },
        { ...lie, question: [] },
        { ...lie, question: [question[0]!, question[0]!] },
        right,
      ]
    ) {
      // deno-lint-ignore no-await-in-loop -- the right one last
      await proxy.send(encodeMessage(parts), from);
    }
  })();
  const at = proxy.addr as Deno.NetAddr;
  const options = { server: at, timeoutMs: 20_000, types: ["A"] };
  const [resolution] = await resolve("a.example", options);
  assertEquals(resolution?.data, ["192.0.2.1"]);
  await serving;
  proxy.close();
  stranger.close();
});

Deno.test("resolve() asks from another port and with another id each time", async () => {
  const ports = new Set<number>();
  const ids = new Set<number>();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const [bytes, from] of socket) {
      const { id, question } = decodeMessage(bytes as Uint8Array<ArrayBuffer>);
      ports.add((from as Deno.NetAddr).port);
      ids.add(id);
      await socket.send(encodeMessage({ id, flags: FLAGS.qr | 3, question }), from);
    }
  })();
  const server = socket.addr as Deno.NetAddr;
  for (let i = 0; i < 8; i++) {
    // deno-lint-ignore no-await-in-loop -- one after the other
    await resolve("a.example", { types: ["A"], server, timeoutMs: 20_000 });
  }
  socket.close();
  await serving;
  assert(ports.size > 4 && ids.size > 6, `${ports.size} ports, ${ids.size} ids`);
});

Deno.test("the options of resolve() set their bits and fields", async () => {
  await using server = new Responder(({ question: { name } }) => ({ answer: [[name, "A", A]] }));
  await one(server, "a.example", "A");
  await one(server, "a.example", "A", { recurse: false, dnssec: true, subnet: "192.0.2.129/25" });
  await one(server, "a.example", "A", { subnet: "2001:db8:ffff::/33", transport: "tcp" });
  const [plain, asked, third] = server.messages;
  assertEquals([plain!.flags & FLAGS.rd, plain!.edns?.dnssecOk], [FLAGS.rd, false]);
  assertEquals([asked!.flags & FLAGS.rd, asked!.edns?.dnssecOk], [0, true]);
  const options = (i: typeof plain) => i!.edns!.options.map(({ code, data }) => [code, ...data]);
  assertEquals(options(asked), [[8, 0, 1, 25, 0, 192, 0, 2, 128]]);
  assertEquals(options(third), [[8, 0, 2, 33, 0, 0x20, 1, 0x0d, 0xb8, 0x80]]);
  assertEquals(server.asked[2], "tcp a.example. 1");
  const bad = one(server, "a.example", "A", { subnet: "192.0.2.0/33" });
  await assertRejects(() => bad, Failure, "the address has 32 bits");
});

Deno.test("resolve() asks for names of any octets, and for any type by its number", async () => {
  await using server = new Responder(({ question: { name, type } }) => ({
    answer: [[name, `TYPE${type}`, type === 16 ? texts("yes") : Uint8Array.of(1, 2)]],
  }));
  const names = [
    "my printer._ipp._tcp.test",
    "my\\032printer.test",
    "a/b",
    "a+b",
    "a*b",
    "-x",
    "xn--a",
    "ü_x",
    "_ü",
    "0/25.2.0.192.in-addr.arpa",
    "\\000\\255\\..test",
  ];
  for (const name of names) {
    // deno-lint-ignore no-await-in-loop -- one after the other
    assertEquals((await one(server, name, "TXT")).data, [["yes"]], name);
  }
  assertEquals(server.asked.slice(0, 2), [
    "udp my\\032printer._ipp._tcp.test. 16",
    "udp my\\032printer.test. 16",
  ]);
  assertEquals(server.asked.at(-1), "udp \\000\\255\\..test. 16");
  const unknown = await one(server, "a.example", "TYPE65280");
  assertEquals([unknown.type, unknown.data], ["TYPE65280", ["\\# 2 0102"]]);
});

Deno.test("resolve() asks the server that was named for what the hosts file has, whatever the type", async () => {
  await using server = new Responder(({ question: { name, type } }) => ({
    answer: [[name, `TYPE${type}`, type === 16 ? texts("asked") : named("my\\032host.test.")]],
  }));
  assertEquals((await one(server, "localhost", "TXT")).data, [["asked"]]);
  assertEquals((await one(server, "127.0.0.1", "PTR")).data, ["my\\032host.test."]);
  await assertRejects(() => one(server, "example.com:443", "A"), Failure, "it has a port");
});

Deno.test("ANY gives the records of every type", async () => {
  await using server = new Responder(({ question: { name } }) => ({
    answer: [[name, "A", A], [name, "TXT", texts("x")]],
  }));
  const { records, failure } = await one(server, "a.example", "ANY");
  assertEquals([records.map(({ type }) => type), failure], [["A", "TXT"], undefined]);
});

Deno.test("failures exit with 9 if no server was reached, and others with 1", async () => {
  await using server = new Responder(() => ({ rcode: 2 }));
  const failed = await one(server, "a.example", "A");
  assertEquals([failed.failure?.code, failed.failure?.exitCode], ["SERVFAIL", 1]);
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { hostname, port } = closed.addr;
  closed.close();
  const options = { types: ["A"], timeoutMs: 20_000, server: { hostname, port } };
  const refused = await resolve("a.example", { ...options, transport: "tcp" });
  const [failure] = failuresOf(refused, false);
  assertEquals([failure?.code, failure?.exitCode], ["ECONNREFUSED", 9]);
  const silent = await resolve("a.example", { ...options, timeoutMs: 50 });
  assertEquals(failuresOf(silent, false)[0]?.exitCode, 9);
});

Deno.test("resolve() shows an extended error with the failure that it explains (RFC 8914)", async () => {
  const meanings: readonly (readonly [number, string])[] = [
    [0, "other error"],
    [6, "DNSSEC bogus"],
    [24, "invalid data"],
    [25, "signature expired before valid"],
    [28, "unable to conform to policy"],
    [33, "negative trust anchor"],
    [34, "extended error 34"],
  ];
  let code = 0;
  await using server = new Responder(() => ({
    rcode: 2,
    edns: {
      udpSize: 1232,
      version: 0,
      extendedRcode: 0,
      dnssecOk: false,
      options: [{ code: 15, data: Uint8Array.of(0, code) }],
    },
  }));
  for (const [number, meaning] of meanings) {
    code = number;
    const { failure } = await one(server, "a.example", "A");
    assertEquals(failure?.why, `the name server failed (${meaning})`);
  }
});

Deno.test("resolve() tries the domains of the search list, and first a name with dots unchanged", async () => {
  await using server = new Responder(({ question: { name } }) => {
    return name === "www.b.example." ? { answer: [[name, "A", A]] } : { rcode: 3 };
  });
  const search = { domains: ["a.example", "b.example"], ndots: 1 };
  const found = await one(server, "www", "A", { search });
  assertEquals([found.name, found.data], ["www.b.example", ["192.0.2.1"]]);
  assertEquals(server.asked, ["udp www.a.example. 1", "udp www.b.example. 1"]);
  assertEquals(candidates("x.y", search), ["x.y", "x.y.a.example", "x.y.b.example"]);
  assertEquals(candidates("x.y.", search), ["x.y."]);
  assertEquals((await one(server, "none", "A", { search })).failure?.code, "NXDOMAIN");
});

Deno.test("readResolvConf() reads the servers, domains and ndots of resolv.conf(5)", () => {
  const text = "# comment\nnameserver 192.0.2.1\nnameserver 2001:db8::1\ndomain x.example\n" +
    "search a.example b.example\noptions timeout:1 ndots:2\n";
  assertEquals(readResolvConf(text), {
    nameServers: ["192.0.2.1", "2001:db8::1"],
    domains: ["a.example", "b.example"],
    ndots: 2,
  });
  assertEquals(readResolvConf(""), { nameServers: [], domains: [], ndots: 1 });
});

Deno.test({
  name: "resolve() says that the runtime's resolver does not support a type if no server is known",
  ignore: !withheld("sys"),
  async fn() {
    const [resolution] = await resolve("a.invalid", { types: ["HTTPS"], timeoutMs: 20_000 });
    assertEquals([resolution?.failure?.code, resolution?.resolver], ["NO_SERVER", "runtime"]);
    assertStringIncludes(resolution?.failure?.hint ?? "", "choose a name server");
  },
});

Deno.test("resolve() tells a referral from an answer without records (RFC 2308 section 2.2)", async () => {
  const below = [
    ["sub.example.", "NS", named("ns1.sub.example.")],
    ["sub.example.", "NS", named("NS2.sub.example.")],
  ] as const;
  let response: Response = { flags: 0, authority: below };
  await using server = new Responder(() => response);
  const refers =
    "only refers to the name servers of sub.example.: ns1.sub.example, ns2.sub.example";
  const { failure } = await one(server, "www.sub.example", "A");
  assertEquals([failure?.code, failure?.exitCode], ["REFERRAL", 1]);
  const { hostname, port } = server.address;
  assertEquals(
    failure?.why,
    `the name server (${hostname}:${port}) ${refers}; it does not recurse`,
  );
  const unasked = await one(server, "www.sub.example", "A", { recurse: false });
  assert(unasked.failure?.why.endsWith(refers));
  const cases: readonly (readonly [Response, string])[] = [
    [{ flags: FLAGS.ra, authority: below }, "REFERRAL"],
    [{ flags: FLAGS.aa, authority: below }, "NODATA"],
    [{ flags: 0, authority: [...below, ...DENIED] }, "NODATA"],
    [{ flags: 0, authority: [["other.example.", "NS", named("ns.example.")]] }, "NODATA"],
    [{ flags: 0 }, "NODATA"],
    [{ flags: 0, rcode: 3, authority: below }, "NXDOMAIN"],
  ];
  for (const [given, code] of cases) {
    response = given;
    assertEquals((await one(server, "www.sub.example", "A")).failure?.code, code);
  }
});

Deno.test("resolve() accepts the name servers of a referral as the answer only for NS without recursion", async () => {
  const authority = [["sub.example.", "NS", named("ns1.sub.example.")]] as const;
  await using server = new Responder(() => ({ flags: 0, authority }));
  const found = await one(server, "sub.example", "NS", { recurse: false });
  assertEquals([found.data, found.failure], [["ns1.sub.example."], undefined]);
  const codes = await Promise.all([
    one(server, "sub.example", "NS"),
    one(server, "sub.example", "A", { recurse: false }),
    one(server, "www.sub.example", "NS", { recurse: false }),
  ]);
  assertEquals(codes.map(({ failure }) => failure?.code), ["REFERRAL", "REFERRAL", "REFERRAL"]);
});

Deno.test("the hint of an answer without records names another type than the requested one", async () => {
  await using server = new Responder(() => ({ authority: DENIED }));
  const hints = await Promise.all(
    ["A", "MX"].map(async (type) => (await one(server, "a.example", type)).failure?.hint),
  );
  assertEquals(hints.map((hint) => hint?.split(" ").at(-1)), ["MX", "TXT"]);
});
