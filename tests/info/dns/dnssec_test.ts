// needs: net run=named,dig,dnssec-dsfromkey,dnssec-keygen,dnssec-signzone read=tests/scratch write=tests/scratch

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type DnsRecord, recordText, resolve } from "../../../lib/info.ts";
import { Scratch } from "../../fixtures/scratch.ts";
import { HAS_BIND, Named, run } from "./named.ts";

const ZONE = `$TTL 300
@ IN SOA ns.signed.test. admin.signed.test. 1 7200 900 1209600 300
@ IN NS ns.signed.test.
ns IN A 127.0.0.1
www IN A 192.0.2.1
alias IN CNAME www.signed.test.
`;

/** Signs the zone; gives the digest of its key for those who trust it, as named.conf has it. */
async function sign(scratch: Scratch): Promise<string> {
  await scratch.write("signed.zone", ZONE);
  const args = ["-q", "-a", "ECDSAP256SHA256", "-f", "KSK", "signed.test"];
  const name = (await run("dnssec-keygen", args, scratch.path)).trim();
  await run("dnssec-signzone", [
    ...["-S", "-z", "-3", "aabb", "-o", "signed.test", "-f", "signed.zone.signed"],
    "signed.zone",
  ], scratch.path);
  const digest = await run("dnssec-dsfromkey", ["-2", `${name}.key`], scratch.path);
  const [, tag, algorithm, type, hex] = /DS (\d+) (\d+) (\d+) ([0-9A-F ]+)/.exec(digest) ?? [];
  return `signed.test static-ds ${tag} ${algorithm} ${type} "${hex!.replaceAll(" ", "")}";`;
}

function text({ name, ttl, class: of, type, data }: DnsRecord): string {
  return `${name === "." ? "" : name}. ${ttl} ${of} ${type} ${
    recordText(type, data, { ascii: true })
  }`;
}

Deno.test({
  name: "with --dnssec, replies have signatures, and the flag ad if the server has verified them",
  ignore: !HAS_BIND,
  async fn() {
    await using scratch = await Scratch.make();
    const anchor = await sign(scratch);
    await using authority = await Named.start({
      directory: scratch.path,
      zones: [{ name: "signed.test", file: "signed.zone.signed" }],
    });
    await using validating = await Named.start({
      directory: scratch.path,
      zones: [],
      options: "recursion yes;",
      validate: true,
      more: `trust-anchors { ${anchor} };
zone "signed.test" { type forward; forward only; forwarders { 127.0.0.1 port ${authority.address.port}; }; };`,
    });
    const [plain] = await resolve("www.signed.test", {
      types: ["A"],
      server: authority.address,
      timeoutMs: 60_000,
    });
    assertEquals(plain?.reply?.answer.map(({ type }) => type), ["A"]);
    const options = { types: ["A"], dnssec: true, timeoutMs: 60_000 };
    const [own] = await resolve("www.signed.test", { ...options, server: authority.address });
    assertEquals(own?.reply?.answer.map(({ type }) => type), ["A", "RRSIG"]);
    assertEquals(own?.reply?.edns?.dnssec_ok, true);
    assert(own?.reply?.flags.includes("ad") === false);
    const [verified] = await resolve("alias.signed.test", {
      ...options,
      server: validating.address,
    });
    assertEquals([verified?.data, verified?.failure], [["192.0.2.1"], undefined]);
    assert(verified?.reply?.flags.includes("ad"), verified?.reply?.flags.join(" "));
  },
});

Deno.test({
  name: "the records of a signed zone, NSEC3 among them, are written as dig does",
  ignore: !HAS_BIND,
  async fn() {
    await using scratch = await Scratch.make();
    await sign(scratch);
    await using server = await Named.start({
      directory: scratch.path,
      zones: [{ name: "signed.test", file: "signed.zone.signed" }],
    });
    const { hostname, port } = server.address;
    for (const [name, type] of [["none.signed.test", "A"], ["signed.test", "DNSKEY"]] as const) {
      const args = [`@${hostname}`, "-p", String(port), "+noall", "+answer", "+authority"];
      // deno-lint-ignore no-await-in-loop -- one after the other
      const said = await run("dig", [...args, "+dnssec", name, type]);
      const lines = said.trim().split("\n").map((line) => line.replace(/[\t ]+/g, " "));
      const options = { types: [type], server: server.address, dnssec: true, timeoutMs: 60_000 };
      // deno-lint-ignore no-await-in-loop -- one after the other
      const [resolution] = await resolve(name, options);
      const { answer, authority } = resolution!.reply!;
      assertEquals([...answer, ...authority].map(text).toSorted(), lines.toSorted());
      assertStringIncludes(lines.join("\n"), type === "A" ? "NSEC3 1 0" : "DNSKEY 257 3 13");
    }
  },
});
