/**
 * What members seal, and what a reader makes of what a malicious one seals.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assert, assertEquals, assertThrows } from "@std/assert";
// @ts-types="../../../types/std.d.ts"
import { concat } from "@std/bytes/concat";
import fc from "fast-check";
import {
  type Bytes,
  ByteWriter,
  MalformedError,
  secureRandom,
  utf8,
} from "../../../lib/base/bytes.ts";
import {
  encodeMessages,
  encodeReceipt,
  encodeTexts,
  MAX_MESSAGES,
  MAX_NOTICE_BYTES,
  MAX_PLAINTEXT_BYTES,
  MAX_TEXT_BYTES,
  MESSAGE,
  messageIds,
  NOTICES,
  paddedLength,
  readPairMessages,
  readReceipt,
  readTexts,
  STREAM,
} from "../../../lib/chat/wire/content.ts";

/** A message of a kind, with a body. */
function message(kind: number, body: Bytes): Bytes {
  return new ByteWriter(4 + body.length).u8(kind).u24(body.length).raw(body).finish();
}

function zeros(length: number): Bytes {
  return new Uint8Array(length);
}

/** The body of a text, or of what says it is one. */
function textBody(text: Bytes): Bytes {
  return new ByteWriter(6 + text.length).u48(5).raw(text).finish();
}

interface LineFields {
  stream?: number;
  number?: number;
  last?: number;
  text?: Bytes;
}

function lineBody({ stream = 0, number = 2, last = 1, text = utf8("x") }: LineFields): Bytes {
  return new ByteWriter(32).u8(stream).u48(number).u48(last).u48(5).raw(text).finish();
}

function grantBody(next: number, last: number): Bytes {
  return new ByteWriter(64).u32(1).u16(2).raw(zeros(32)).u48(next).u48(last).finish();
}

const TEXT = message(MESSAGE.text, textBody(utf8("x")));
const TIME = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const NUMBERS = fc.tuple(TIME, TIME).filter(([a, b]) => a !== b)
  .map(([a, b]) => ({ number: Math.max(a, b), last: Math.min(a, b) }));
const WORDS = fc.string({ minLength: 1, unit: "grapheme" });
const BODY = fc.nat({ max: MAX_NOTICE_BYTES }).map((length) => secureRandom(length));
const ANY_STREAM = fc.constantFrom(STREAM.group, STREAM.private);

Deno.test("texts in a seal are read back as they were put in", () => {
  const texts = fc.array(fc.record({ time: TIME, text: WORDS }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(texts, (list) => {
    const plaintext = encodeTexts(list);
    assertEquals(plaintext.length, paddedLength(plaintext.length), "it is padded");
    assertEquals(readTexts(plaintext), list.map((one) => ({ kind: "text" as const, ...one })));
  }));
});

Deno.test("lines, grants, gone messages and notices are read back as they were put in", () => {
  const line = fc.tuple(ANY_STREAM, NUMBERS, TIME, WORDS).map((
    [stream, numbers, time, text],
  ) => ({ kind: "line" as const, stream, ...numbers, time, text }));
  const grant = fc.tuple(NUMBERS, fc.nat(), fc.integer({ min: 0, max: 0xffff })).map((
    [{ number, last }, chain, step],
  ) => ({ kind: "grant" as const, chain, step, key: secureRandom(32), next: number, last }));
  const gone = fc.tuple(ANY_STREAM, TIME).map((
    [stream, number],
  ) => ({ kind: "gone" as const, stream, number }));
  const notice = fc.tuple(fc.constantFrom(...NOTICES), BODY).map((
    [notice, body],
  ) => ({ kind: "notice" as const, notice, body }));
  const grants = fc.array(grant, { maxLength: 1 });
  const others = fc.array(fc.oneof(line, gone, notice), { maxLength: 12 });
  const any = fc.tuple(grants, others, fc.nat({ max: 12 }))
    .map(([grants, others, at]) => [...others.slice(0, at), ...grants, ...others.slice(at)]);
  fc.assert(
    fc.property(any, (list) => {
      assertEquals(readPairMessages(encodeMessages(list)), list);
    }),
  );
});

Deno.test("a plaintext is padded to a multiple of 32 bytes up to 256, and by Padmé above", () => {
  const steps = [[1, 32], [32, 32], [33, 64], [224, 224], [225, 256], [256, 256], [257, 272]];
  const above = [[511, 512], [513, 544], [1024, 1024], [1025, 1088], [65_537, 67_584]];
  for (const [length, padded] of [...steps, ...above]) {
    assertEquals(paddedLength(length!), padded, `${length}`);
  }
  fc.assert(fc.property(fc.integer({ min: 257, max: MAX_PLAINTEXT_BYTES }), (length) => {
    const padded = paddedLength(length);
    assert(padded >= length && padded <= length * 1.12, `${length} ${padded}`);
    assertEquals(paddedLength(padded), padded);
  }));
});

Deno.test("a pair frame without messages is empty, and a sealed one has 32 bytes at least", () => {
  assertEquals(encodeMessages([]).length, 0);
  assertEquals(readPairMessages(zeros(0)), []);
  assertEquals(encodeTexts([{ time: 0, text: "x" }]).length, 32);
});

Deno.test("messages that fill a plaintext are followed by nothing, and others by zeros", () => {
  const full = encodeTexts([{ time: 5, text: "A".repeat(22) }]);
  assertEquals([full.length, readTexts(full).length], [32, 1]);
  assertEquals(readTexts(concat([TEXT, zeros(1)])).length, 1);
  assertEquals(readPairMessages(zeros(64)), []);
  for (const at of [TEXT.length + 1, 63]) {
    const dirty = concat([TEXT, zeros(64 - TEXT.length)]);
    dirty[at] = 1;
    assertThrows(() => readTexts(dirty), MalformedError, "not zero");
  }
});

Deno.test("kinds that a reader does not know are skipped, and take a number in a sealed frame", () => {
  for (const kind of [6, 15, 18, 255]) {
    const unknown = message(kind, secureRandom(9));
    assertEquals(readTexts(concat([unknown, TEXT, unknown])), [
      { kind: "unknown" },
      { kind: "text", time: 5, text: "x" },
      { kind: "unknown" },
    ]);
  }
  for (const kind of [6, 15, 18, 255]) {
    assertEquals(readPairMessages(message(kind, secureRandom(9))), [{ kind: "unknown" }]);
  }
});

Deno.test("a message that belongs into the other sort of frame makes the frame malformed", () => {
  const line = message(MESSAGE.line, lineBody({}));
  const grant = message(MESSAGE.grant, grantBody(2, 1));
  const gone = message(MESSAGE.gone, zeros(7));
  const notices = NOTICES.map((notice) => message(MESSAGE[notice], zeros(7)));
  for (const one of [line, grant, gone, ...notices]) {
    assertEquals(readPairMessages(one).length, 1);
    assertThrows(() => readTexts(concat([TEXT, one])), MalformedError);
  }
  assertThrows(() => readPairMessages(concat([line, TEXT])), MalformedError);
});

Deno.test("lines and gone messages of a stream that a reader does not know are skipped", () => {
  assertEquals(readPairMessages(message(MESSAGE.line, lineBody({ stream: 2 }))), [
    { kind: "unknown" },
  ]);
  const gone = new ByteWriter(7).u8(2).u48(9).finish();
  assertEquals(readPairMessages(message(MESSAGE.gone, gone)), [{ kind: "unknown" }]);
});

Deno.test("a sealed frame with malicious content is refused as a whole", () => {
  const bad: Record<string, Bytes> = {
    nothing: zeros(0),
    "nothing but padding": zeros(32),
    "a kind without a length": new Uint8Array([1, 0, 0]),
    "a length that is not there": message(MESSAGE.text, textBody(utf8("xx"))).slice(0, -1),
    "a text without a time": message(MESSAGE.text, zeros(5)),
    "an empty text": message(MESSAGE.text, textBody(zeros(0))),
    "a text over the bound": message(
      MESSAGE.text,
      textBody(new Uint8Array(MAX_TEXT_BYTES + 1).fill(65)),
    ),
    "what is not UTF-8": message(MESSAGE.text, textBody(new Uint8Array([0xff]))),
    "half a surrogate pair": message(MESSAGE.text, textBody(new Uint8Array([0xed, 0xa0, 0x80]))),
  };
  for (const [what, plaintext] of Object.entries(bad)) {
    assertThrows(() => readTexts(plaintext), MalformedError, "", what);
    if (plaintext.length > 0 && what !== "nothing but padding") {
      assertThrows(() => readTexts(concat([TEXT, plaintext])), MalformedError, "", what);
    }
  }
});

/** Returns some bytes several times. */
function repeat(bytes: Bytes, times: number): Bytes {
  return concat(Array.from({ length: times }, () => bytes)) as Bytes;
}

Deno.test("a frame has at most 8,192 messages, of known kinds or not", () => {
  assertEquals(MAX_MESSAGES, 8192);
  const line = message(MESSAGE.line, lineBody({}));
  const notice = message(MESSAGE.mistrust, zeros(0));
  const unknown = message(15, zeros(0));
  const read: [(plaintext: Bytes) => unknown[], Bytes][] = [
    [readTexts, TEXT],
    [readTexts, unknown],
    ...[line, notice, unknown].map((one): [typeof readPairMessages, Bytes] => [
      readPairMessages,
      one,
    ]),
  ];
  for (const [reader, one] of read) {
    assertEquals(reader(repeat(one, MAX_MESSAGES)).length, MAX_MESSAGES);
    assertThrows(() => reader(repeat(one, MAX_MESSAGES + 1)), MalformedError, "messages");
  }
});

Deno.test("a pair frame with malicious content is refused as a whole", () => {
  const long = new Uint8Array(MAX_TEXT_BYTES + 1).fill(65);
  const bad: Record<string, Bytes> = {
    "a line with number 0": message(MESSAGE.line, lineBody({ number: 0, last: 0 })),
    "a line whose last is its number": message(MESSAGE.line, lineBody({ number: 2, last: 2 })),
    "a line whose last is above it": message(MESSAGE.line, lineBody({ number: 2, last: 3 })),
    "a line without a text": message(MESSAGE.line, lineBody({ text: zeros(0) })),
    "a line over the bound": message(MESSAGE.line, lineBody({ text: long })),
    "a line of another stream, malformed": message(
      MESSAGE.line,
      lineBody({ stream: 2, text: zeros(0) }),
    ),
    "a line that is not UTF-8": message(
      MESSAGE.line,
      lineBody({ text: new Uint8Array([0xc0, 0x80]) }),
    ),
    "half a line": message(MESSAGE.line, zeros(18)),
    "a grant whose last is its next": message(MESSAGE.grant, grantBody(3, 3)),
    "a grant with the next number 0": message(MESSAGE.grant, grantBody(0, 0)),
    "half a grant": message(MESSAGE.grant, grantBody(2, 1).slice(0, -1)),
    "two grants": repeat(message(MESSAGE.grant, grantBody(2, 1)), 2),
    "a grant and more": message(MESSAGE.grant, concat([grantBody(2, 1), zeros(1)])),
    "half a gone": message(MESSAGE.gone, zeros(6)),
    "a gone and more": message(MESSAGE.gone, zeros(8)),
    "a notice over the bound": message(MESSAGE.invitation, zeros(MAX_NOTICE_BYTES + 1)),
    "a notice of words over the bound": message(MESSAGE.words, zeros(MAX_NOTICE_BYTES + 1)),
    "a length that is not there": new Uint8Array([5, 0, 0, 1]),
    "padding that is not zero": concat([zeros(31), [1]].map((part) => new Uint8Array(part))),
  };
  for (const [what, plaintext] of Object.entries(bad)) {
    assertThrows(() => readPairMessages(plaintext), MalformedError, "", what);
  }
});

Deno.test("receipts are read back as they were put in", () => {
  const progress = fc.tuple(ANY_STREAM, TIME, TIME, TIME).map((
    [stream, through, withheld, more],
  ) => ({
    stream,
    through,
    seen: Math.max(through, withheld, more),
    withheld,
  }));
  fc.assert(fc.property(fc.array(progress, { maxLength: 8 }), (streams) => {
    assertEquals(readReceipt(encodeReceipt(streams)), streams);
  }));
});

Deno.test("a receipt skips streams that its reader does not know", () => {
  const other = new ByteWriter(19).u8(2).u48(3).u48(4).u48(0).finish();
  const streams = [{ stream: 1, through: 3, seen: 4, withheld: 0 }] as const;
  assertEquals(readReceipt(concat([encodeReceipt(streams), other])), [...streams]);
});

Deno.test("a stream that a receipt names twice is read twice, in order", () => {
  const twice = [1, 3].map((through) => ({
    stream: STREAM.group,
    through,
    seen: 3,
    withheld: 0,
  }));
  assertEquals(readReceipt(encodeReceipt(twice)), twice);
});

Deno.test("a receipt that is malformed is refused", () => {
  const progress = (through: number, seen: number, withheld = 0) =>
    new ByteWriter(19).u8(0).u48(through).u48(seen).u48(withheld).finish();
  const bad: Record<string, Bytes> = {
    "half a stream": progress(1, 1).slice(0, -1),
    "more taken than seen": progress(2, 1),
    "more withheld than seen": progress(1, 1, 2),
    "a stream and more": concat([progress(1, 1), zeros(1)]),
  };
  for (const [what, plaintext] of Object.entries(bad)) {
    assertThrows(() => readReceipt(plaintext), MalformedError, "", what);
  }
  assertEquals(readReceipt(zeros(0)), []);
});

Deno.test("a message's id tells senders, recipients and numbers apart", () => {
  const [ada, bo] = [secureRandom(32), secureRandom(32)];
  const ids = [
    messageIds(ada)(1),
    messageIds(ada)(2),
    messageIds(bo)(1),
    messageIds(ada, bo)(1),
    messageIds(bo, ada)(1),
  ];
  assertEquals(new Set(ids).size, ids.length);
});
