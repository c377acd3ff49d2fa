// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import { Failure } from "../../lib/base/failure.ts";
import { IPV4_BLOCKS, IPV6_BLOCKS } from "../../lib/info/address/address.ts";
import {
  addressKind,
  addressText,
  describeAddress,
  ipv6Text,
  readIp,
  REGISTRY_DATE,
} from "../../lib/info.ts";

const bytesOf = (text: string, strict = false) => [...readIp(text, { strict }).bytes];

Deno.test("describeAddress() gives the tutorial's 7f000001 and 127 for 127.0.0.1, and every notation", async () => {
  assertEquals(await describeAddress("127.0.0.1"), {
    input: "127.0.0.1",
    read_as: "dotted quad",
    family: "IPv4",
    address: "127.0.0.1",
    zone: null,
    packed: "7f000001",
    bytes: [127, 0, 0, 1],
    binary: ["01111111", "00000000", "00000000", "00000001"],
    integer: "2130706433",
    reverse: "1.0.0.127.in-addr.arpa",
    kind: "loopback",
    block: "127.0.0.0/8",
    reference: "RFC 1122",
    ipv4: null,
  });
});

Deno.test("readIp() reads every notation of 127.0.0.1", () => {
  const notations = [
    ...["127.0.0.1", "127.1", "127.0.1", "0x7f.1", "0X7F.0x0.0.1", "017700000001", "0177.1"],
    ...["2130706433", "0x7f000001", "7f000001", "7F000001", "1.0.0.127.in-addr.arpa"],
  ];
  for (const text of notations) assertEquals(bytesOf(text), [127, 0, 0, 1], text);
});

Deno.test("readIp() reads 1.2.3 as inet_aton(3) does, and says how it was read", () => {
  const { bytes, form } = readIp("1.2.3");
  assertEquals([...bytes], [1, 2, 0, 3]);
  assertEquals(form, "inet_aton(3): 3 parts, the last of which fills 2 bytes");
  assertStringIncludes(readIp("0x7f.010").form, "part 1 is hexadecimal; part 2 is octal");
  assertEquals(bytesOf("1.65535"), [1, 0, 255, 255]);
  assertEquals(bytesOf("1.2.256"), [1, 2, 1, 0]);
});

Deno.test("readIp() with strict refuses short forms, octal, hex and packed hex", () => {
  assertEquals(bytesOf("1.2.3.4", true), [1, 2, 3, 4]);
  for (const text of ["1.2.3", "127.1", "2130706433", "0x7f.0.0.1", "01.2.3.4", "7f000001"]) {
    assertThrows(() => readIp(text, { strict: true }), Failure);
  }
});

Deno.test("readIp() says which part is wrong, and why", () => {
  const wrong = {
    "": "it is empty",
    "256.1.1.1": 'part 1, "256", is more than 255',
    "1.2.3.256": 'part 4, "256", is more than 255',
    "1.2.65536": 'part 3, "65536", is more than 65535',
    "4294967296": "is more than 4294967295",
    "08.1": 'part 1, "08", starts with 0, so it is octal, and 8 is no octal digit',
    "1..2": "part 2 is empty",
    ".1": "part 1 is empty",
    "1.": "part 2 is empty",
    "0x.1": 'part 1, "0x", has no digits',
    "1.0xg": 'part 2, "0xg", is hexadecimal, but g is no hexadecimal digit',
    "1.2x": 'part 2, "2x", is decimal, but x is no decimal digit',
    "1.2.3.4.5": "it has 5 parts, and four at most",
    "-1": "is not a number",
    "1.2.3.4 ": "part 4",
    "::g": 'group 1, "g", is not 1 to 4 hex digits',
    "1:2:12345::": 'group 3, "12345", is not 1 to 4 hex digits',
    ":1:2:3:4:5:6:7": "group 1 is empty",
    "1:2": "it has 2 groups of 16 bits, not 8",
    "1:2:3:4:5:6:7:8:9": "it has 9 groups of 16 bits, not 8",
    "1:2:3:4::5:6:7:8": "leaves no room for zeros",
    "1::2::3": `"::" stands for one run of zeros, and only once`,
    "1:::2": `"::" stands for one run of zeros, and only once`,
    "::1.2.3.256": 'part 4, "256", is more than 255',
    "::1.2.3": 'group 1, "1.2.3", is not 1 to 4 hex digits',
    "1.2.3.4::": 'group 1, "1.2.3.4", is not 1 to 4 hex digits',
    "fe80::1%": "the zone behind %",
    "1.2.in-addr.arpa": "a reverse name has 4 numbers",
  };
  for (const [text, why] of Object.entries(wrong)) {
    const failure = assertThrows(() => readIp(text), Failure);
    assertStringIncludes(failure.message, why, text);
    assertEquals(failure.exitCode, 2);
  }
});

Deno.test("readIp() suggests to resolve a name", () => {
  const failure = assertThrows(() => readIp("localhost"), Failure);
  assertMatch(failure.hint ?? "", /^resolve the name localhost to its addresses$/);
});

Deno.test("readIp() reads IPv6 with zones, zeros left out and IPv4 inside", () => {
  assertEquals(bytesOf("::"), Array(16).fill(0));
  assertEquals(bytesOf("::1"), [...Array(15).fill(0), 1]);
  assertEquals(bytesOf("1::"), [0, 1, ...Array(14).fill(0)]);
  assertEquals(bytesOf("1:2:3:4:5:6:7:8"), [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]);
  assertEquals(bytesOf("::ffff:1.2.3.4").slice(10), [255, 255, 1, 2, 3, 4]);
  assertEquals(bytesOf("1:2:3:4:5:6:1.2.3.4").slice(10), [0, 6, 1, 2, 3, 4]);
  assertEquals(readIp("fe80::1%eth0").zone, "eth0");
  assertEquals(bytesOf("fe800000000000000000000000000001"), bytesOf("fe80::1"));
});

Deno.test("addressText() is canonical by RFC 5952", async () => {
  const canonical = {
    "2001:DB8:0:0:1:0:0:1": "2001:db8::1:0:0:1", // section 4.2.3: the first of equal runs
    "2001:db8:0:1:1:1:1:1": "2001:db8:0:1:1:1:1:1", // section 4.2.2: no single zero
    "2001:0db8::0001": "2001:db8::1", // section 4.1
    "0:0:0:0:0:0:0:0": "::",
    "1:0:0:0:0:0:0:0": "1::",
    "1:0:0:2:0:0:0:3": "1:0:0:2::3",
    "::ffff:102:304": "::ffff:1.2.3.4", // section 5
    "64:ff9b::c000:221": "64:ff9b::192.0.2.33",
  };
  for (const [text, expected] of Object.entries(canonical)) {
    assertEquals(await addressText(readIp(text).bytes), expected);
  }
});

Deno.test("addressText(), packed hex, integer and reverse name all read back as the same address", async () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
    // Many zeros: the runs that RFC 5952 shortens.
    fc.array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 })
      .map((bytes) => Uint8Array.from(bytes)),
  );
  await fc.assert(fc.asyncProperty(address, async (bytes) => {
    const facts = await describeAddress(await addressText(bytes));
    assertEquals(facts.bytes, [...bytes]);
    assertEquals(bytesOf(facts.reverse), [...bytes]);
    assertEquals(BigInt(facts.integer), BigInt(`0x${facts.packed}`));
    if (bytes.length === 4) assertEquals(bytesOf(facts.integer), [...bytes]);
    assertEquals(bytesOf(bytes.length === 4 ? `0x${facts.packed}` : facts.packed), [...bytes]);
  }));
});

Deno.test("addressKind() gives the kind of the smallest block in IANA's registries", async () => {
  const kinds = {
    "127.255.0.1": "loopback",
    "10.0.0.1": "private",
    "172.31.0.1": "private",
    "172.32.0.1": "global",
    "192.168.1.1": "private",
    "169.254.1.1": "link-local",
    "192.0.2.1": "documentation",
    "224.0.0.1": "multicast",
    "255.255.255.255": "limited broadcast",
    "240.0.0.1": "reserved",
    "0.0.0.0": "unspecified",
    "0.1.0.0": "this network",
    "100.64.0.1": "shared (carrier-grade NAT)",
    "8.8.8.8": "global",
    "::1": "loopback",
    "::": "unspecified",
    "fe80::1": "link-local",
    "fd00::1": "unique local",
    "ff02::1": "multicast",
    "2001:db8::1": "documentation",
    "2606:4700::1": "global",
    "4000::1": "reserved",
    "::ffff:10.0.0.1": "IPv4-mapped",
    "2001::1": "Teredo",
    "2001:2::1": "benchmarking",
  };
  for (const [text, kind] of Object.entries(kinds)) {
    assertEquals((await addressKind(readIp(text).bytes)).kind, kind, text);
  }
});

Deno.test("describeAddress() names the IPv4 address in an IPv6 address, and what that is for", async () => {
  assertEquals((await describeAddress("::ffff:10.0.0.1")).ipv4, {
    address: "10.0.0.1",
    kind: "private",
  });
});

Deno.test("readIp() reads an address with a port or in brackets, and says what it left out", () => {
  const readings = {
    "127.0.0.1:80": ["127.0.0.1", "dotted quad, without the port, 80"],
    "127.1:1060": [
      "127.0.0.1",
      "inet_aton(3): 2 parts, the last of which fills 3 bytes, without the port, 1060",
    ],
    "[::1]": ["::1", "IPv6 text, without the brackets"],
    "[fe80::1%eth0]:443": ["fe80::1", "IPv6 text, without the brackets and the port, 443"],
    "::1:80": ["::1:80", "IPv6 text"],
  };
  for (const [text, [address, form]] of Object.entries(readings)) {
    const read = readIp(text);
    assertEquals([addressText(read.bytes), read.form], [address, form], text);
  }
  assertEquals(readIp("[fe80::1%eth0]").zone, "eth0");
  for (const text of ["127.0.0.1:", "127.0.0.1:99999", "[127.0.0.1]", "[::1", "[]", "::1]"]) {
    assertThrows(() => readIp(text), Failure);
  }
  assertThrows(() => readIp("[::1]", { strict: true }), Failure);
});

Deno.test("every row of IANA's registries says what its first and its last address are for", () => {
  const blocks = [...IPV4_BLOCKS, ...IPV6_BLOCKS];
  for (const [block, kind, reference] of blocks) {
    const [start = "", bits] = block.split("/");
    const first = readIp(start).bytes;
    const last = first.map((byte, i) =>
      byte | 0xff >> Math.max(0, Math.min(8, Number(bits) - 8 * i))
    );
    const smaller = (bytes: Uint8Array) => addressKind(bytes).block !== block;
    // The first or the last may be in a smaller block, as 0.0.0.0 is, but not both but for the widest.
    const inside = [first, last].filter((bytes) => !smaller(bytes));
    for (const bytes of inside) {
      assertEquals(addressKind(bytes), { block, kind, reference });
    }
    if (!/\/0$/.test(block)) assert(inside.length > 0, block);
  }
  assertEquals(addressKind(readIp("192.88.99.2").bytes).reference, "RFC 6751");
  assertEquals(addressKind(readIp("2001:1::3").bytes).reference, "RFC 9665");
  assertMatch(REGISTRY_DATE, /^\d{4}-\d{2}-\d{2}$/);
});

Deno.test("ipv6Text() writes addresses as another program does", () => {
  const groups = fc.array(fc.constantFrom(0, 0, 1, 0xffff, 0x10), { minLength: 8, maxLength: 8 });
  fc.assert(fc.property(groups, (numbers) => {
    const bytes = Uint8Array.from(numbers.flatMap((number) => [number >> 8, number & 255]));
    if (/^::ffff:|^64:ff9b::/.test(ipv6Text(bytes))) return;
    assertEquals(ipv6Text(bytes), new ipaddr.IPv6([...bytes]).toRFC5952String());
  }));
});
