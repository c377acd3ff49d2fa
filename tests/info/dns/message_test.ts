// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MalformedError } from "../../../lib/base/bytes.ts";
import { Failure } from "../../../lib/base/failure.ts";
import { readRecordType, recordText } from "../../../lib/info.ts";
import {
  decodeMessage,
  type Edns,
  encodeMessage,
  encodeName,
  flagNames,
  FLAGS,
  MessageReader,
  rcodeOf,
} from "../../../lib/info/dns/message.ts";
import {
  comparable,
  isWithin,
  nameText,
  readDnsName,
  readLabels,
  withoutDot,
} from "../../../lib/info/dns/name.ts";
import { readRecord } from "../../../lib/info/dns/record.ts";
import { typeName, typeNumber } from "../../../lib/info/dns/record.ts";
import { octetsOf, quoted, stringOf } from "../../../lib/info/dns/fields.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const latin1 = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const utf8 = (text: string) => new TextEncoder().encode(text);

/** Labels of any octets that a name may have. */
const LABELS = fc.array(fc.uint8Array({ minLength: 1, maxLength: 30 }), { maxLength: 8 })
  .filter((labels) => labels.reduce((sum, { length }) => sum + length + 1, 1) <= 255);

Deno.test("a name is the same after it was written as text and read again, whatever its octets", () => {
  fc.assert(fc.property(LABELS, (labels) => {
    const text = nameText(labels);
    assertEquals(readLabels(text).map((label) => [...label]), labels.map((label) => [...label]));
    assertEquals(new MessageReader(encodeName(text)).name(), text);
    assertEquals(nameText(readLabels(withoutDot(text))), text);
  }));
});

Deno.test("nameText() escapes in decimal, as in RFC 1035 section 5.1", () => {
  assertEquals(nameText([latin1("My Printer."), latin1("_ipp")]), "My\\032Printer\\.._ipp.");
  assertEquals(nameText([utf8("café")]), "caf\\195\\169.");
  assertEquals(nameText([latin1('"();@$\\')]), '\\"\\(\\)\\;\\@\\$\\\\.');
  assertEquals(nameText([]), ".");
});

Deno.test("readDnsName() accepts any octet in a label (RFC 2181 section 11)", async () => {
  const names = {
    "my printer._ipp._tcp.test": "my\\032printer._ipp._tcp.test",
    "my\\032printer.test": "my\\032printer.test",
    "a\\.b.test": "a\\.b.test",
    "a\\.": "a\\.",
    "0/25.2.0.192.in-addr.arpa": "0/25.2.0.192.in-addr.arpa",
    "a_b.a+b.a*b.-x.xn--a": "a_b.a+b.a*b.-x.xn--a",
    "\\255\\000": "\\255\\000",
    "ü_x.test": "xn--_x-wka.test",
    "_ü": "xn--_-eha",
    "ü。test．a｡b": "xn--tda.test.a.b",
  };
  for (const [text, ascii] of Object.entries(names)) {
    assertEquals((await readDnsName(text)).ascii, ascii, text);
  }
});

Deno.test("comparable() and isWithin() ignore case, and compare whole labels", () => {
  assertEquals(comparable("A\\065.Ü"), "a\\065.Ü.");
  assertEquals(isWithin("a.Example.", "example"), true);
  assertEquals(isWithin("badexample.", "example."), false);
  assertEquals(isWithin("a\\.example.", "example."), false);
  assertEquals(isWithin("a\\\\.example.", "example."), true);
  assertEquals(isWithin("example.", "."), true);
  assertEquals(isWithin("example.", "a.example."), false);
});

Deno.test("a message is the same after it was encoded and decoded", () => {
  const name = LABELS.map(nameText);
  const u16 = fc.nat(65_535);
  const question = fc.record({ name, type: u16, class: u16 });
  const rdata = fc.uint8Array({ maxLength: 40 }).map((each) => Uint8Array.from(each));
  const record = fc.record({
    name,
    type: u16.filter((type) => type !== 41),
    class: u16,
    ttl: fc.nat(2 ** 32 - 1),
    rdata,
  });
  const section = fc.array(record, { maxLength: 3 });
  const edns: fc.Arbitrary<Edns | undefined> = fc.option(
    fc.record({
      udpSize: u16,
      version: fc.nat(255),
      extendedRcode: fc.nat(255),
      dnssecOk: fc.boolean(),
      options: fc.array(fc.record({ code: u16, data: rdata }), { maxLength: 2 }),
    }),
    { nil: undefined },
  );
  const parts = fc.record({
    id: u16,
    flags: u16.map((flags) => flags & ~FLAGS.tc),
    question: fc.array(question, { maxLength: 2 }),
    answer: section,
    authority: section,
    additional: section,
    edns,
  });
  fc.assert(fc.property(parts, (message) => {
    const decoded = decodeMessage(encodeMessage(message));
    const plain = (records: readonly (typeof message.answer)[number][]) =>
      records.map(({ name, type, class: of, ttl, rdata }) => [name, type, of, ttl, [...rdata]]);
    assertEquals([decoded.id, decoded.flags], [message.id, message.flags]);
    assertEquals(decoded.question, message.question);
    for (const section of ["answer", "authority", "additional"] as const) {
      assertEquals(plain(decoded[section]), plain(message[section]));
    }
    assertEquals(decoded.edns, message.edns);
  }));
});

Deno.test("a compressed name is read; a pointer forwards, to itself or out of the message is refused", () => {
  const read = (at: number, ...values: number[]) => new MessageReader(bytes(...values), at).name();
  assertEquals(read(3, 1, 97, 0, 1, 98, 0xc0, 0), "b.a.");
  // From pointer to pointer, each to an earlier place.
  assertEquals(read(7, 1, 97, 0, 1, 98, 0xc0, 0, 1, 99, 0xc0, 3), "c.b.a.");
  const refused: readonly (readonly [at: number, ...number[]])[] = [
    [0, 0xc0, 0], // to itself
    [0, 0xc0, 2, 1, 97, 0], // forwards
    [3, 1, 97, 0xc0, 1, 98, 0xc0, 0], // a pointer that is cut, then its own start
    [2, 0xc0, 2, 0xc0, 0], // back and forth
    [0, 0xc0], // cut
    [0, 0x40, 0], // a label of another kind
    [0, 0x80, 0],
    [0, 3, 97, 98], // a label that is cut
    [0, 1, 97], // no end
    [0],
  ];
  for (const [at, ...values] of refused) {
    assertThrows(() => new MessageReader(bytes(...values), at).name(), MalformedError);
  }
});

Deno.test("a name has at most 255 octets, those behind pointers included", () => {
  const label = (length: number) => [length, ...Array(length).fill(97)];
  const longest = [...label(63), ...label(63), ...label(63), ...label(61), 0];
  assertEquals(new MessageReader(bytes(...longest)).name().length, 254);
  const tail = [...label(63), ...label(63), ...label(63), 0];
  const pointing = (length: number) =>
    new MessageReader(bytes(...tail, ...label(length), 0xc0, 0), tail.length).name();
  assertEquals(pointing(61).length, 254);
  assertThrows(() => pointing(62), MalformedError);
});

Deno.test("decodeMessage() refuses a message that is cut at any place, and trusts no count", () => {
  const question = [{ name: "a.example.", type: 1, class: 1 }];
  const answer = [{ ...question[0]!, ttl: 1, rdata: bytes(192, 0, 2, 1) }];
  const whole = encodeMessage({ id: 1, flags: FLAGS.qr, question, answer });
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => decodeMessage(whole.slice(0, length)), MalformedError);
  }
  const many = whole.slice();
  many.set([0xff, 0xff], 6);
  assertThrows(() => decodeMessage(many), MalformedError);
  // Of a reply that was cut on purpose (TC), the rest is to be asked for again.
  many[2]! |= 2;
  assertEquals(decodeMessage(many).answer, []);
});

Deno.test("flags and response codes have names, also those of EDNS", () => {
  assertEquals(flagNames(0x8580), ["qr", "aa", "rd", "ra"]);
  assertEquals(flagNames(0x0230), ["tc", "ad", "cd"]);
  assertEquals(rcodeOf({ flags: 3, edns: undefined }), "NXDOMAIN");
  const edns = { udpSize: 512, version: 0, extendedRcode: 1, dnssecOk: false, options: [] };
  assertEquals(rcodeOf({ flags: 0, edns }), "BADVERS");
  assertEquals(rcodeOf({ flags: 6, edns }), "BADTRUNC");
  assertEquals(rcodeOf({ flags: 8, edns }), "RCODE24");
  assertEquals(rcodeOf({ flags: 12, edns: undefined }), "RCODE12");
});

/** A record's data and text, from its octets. */
function read(type: string, ...values: number[]) {
  const rdata = bytes(...values);
  const raw = { name: "a.", type: typeNumber(type)!, class: 1, ttl: 1, rdata, message: rdata };
  const { data } = readRecord(raw);
  return [data, recordText(type, data, { ascii: true })];
}

Deno.test("texts with backslashes, digits and octets that are no UTF-8 do not look alike", () => {
  const text = (octets: Uint8Array<ArrayBuffer>) => {
    const [data, written] = read("TXT", octets.length, ...octets);
    return [...(data as string[]), written];
  };
  assertEquals(text(latin1("a\\123b")), ["a\\\\123b", '"a\\\\123b"']);
  assertEquals(text(latin1("\xff{")), ["\\255{", '"\\255{"']);
  assertEquals(text(latin1("\\255{")), ["\\\\255{", '"\\\\255{"']);
  assertEquals(text(latin1("\\\xff")), ["\\\\\\255", '"\\\\\\255"']);
  assertEquals(text(latin1("\\x\\")), ["\\x\\", '"\\\\x\\\\"']);
  assertEquals(text(utf8("ü")), ["ü", '"\\195\\188"']);
  assertEquals(quoted("ü\u202e"), '"\\195\\188\\226\\128\\174"');
  fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), (octets) => {
    assertEquals([...octetsOf(stringOf(octets))], [...octets]);
  }));
  const tricky = fc.array(fc.constantFrom(0x5c, 0x32, 0x35, 0xff, 0x41), { maxLength: 12 });
  const seen = new Map<string, string>();
  fc.assert(fc.property(tricky, (octets) => {
    const data = stringOf(Uint8Array.from(octets));
    assertEquals(seen.get(data) ?? String(octets), String(octets));
    seen.set(data, String(octets));
    assertEquals([...octetsOf(data)], octets);
  }));
});

Deno.test("the flags of a CAA record are the octet", () => {
  for (const flags of [0, 1, 2, 64, 128, 255]) {
    const [data, text] = read("CAA", flags, 5, ...latin1("issue"), ...latin1("ca"));
    assertEquals(data, { flags, tag: "issue", value: "ca" });
    assertEquals(text, `${flags} issue "ca"`);
  }
});

Deno.test("malformed data is kept whole, as that of unknown types is (RFC 3597)", () => {
  assertEquals(read("A", 1, 2, 3), ["\\# 3 010203", "\\# 3 010203"]);
  assertEquals(read("A"), ["\\# 0", "\\# 0"]);
  assertEquals(read("A", 1, 2, 3, 4, 5), ["\\# 5 0102030405", "\\# 5 0102030405"]);
  assertEquals(read("NSEC", 0, 0, 0), ["\\# 3 000000", "\\# 3 000000"]);
  assertEquals(read("TYPE65280", 0xab), ["\\# 1 AB", "\\# 1 AB"]);
});

Deno.test("types are read by name and by number", () => {
  const types = {
    mx: "MX",
    "65": "HTTPS",
    TYPE65: "HTTPS",
    svcb: "SVCB",
    Ds: "DS",
    type65280: "TYPE65280",
  };
  for (const [text, type] of Object.entries(types)) assertEquals(readRecordType(text), type);
  for (const text of ["opt", "41", "TYPE41", "AXFR", "type251"]) {
    assertThrows(() => readRecordType(text), Failure, "it belongs to the protocol");
  }
  assertEquals([typeNumber("TYPE65536"), typeNumber("AXFR"), typeNumber("toString")], [
    undefined,
    undefined,
    undefined,
  ]);
  for (let number = 0; number < 65_536; number += 1) {
    const name = typeName(number);
    if (!/^(OPT|TKEY|TSIG|[AI]XFR|MAIL[AB])$/.test(name)) {
      assertEquals(typeNumber(name), number);
    }
  }
});
