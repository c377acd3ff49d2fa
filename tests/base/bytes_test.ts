// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertThrows } from "@std/assert";
import {
  fromUtf8,
  MalformedError,
  sameBytes,
  shortAscii,
  utf8,
  utf8Length,
} from "../../lib/base/bytes.ts";

const LENGTHS = [0, 1, 64, 255, 256, 257, 5000];

Deno.test("utf8() and fromUtf8() convert as the runtime does, at every length and with a character that is not ASCII anywhere", () => {
  for (const length of LENGTHS) {
    const ascii = "a\n\0\x7f".repeat(length).slice(0, length);
    for (const text of [ascii, `é${ascii}`, `${ascii}é`, `${ascii}🙂${ascii}`, `${ascii}\ufeff`]) {
      const bytes = new TextEncoder().encode(text);
      assertEquals(utf8(text), bytes);
      assertEquals(utf8Length(text), bytes.length);
      assertEquals(fromUtf8(bytes), text);
    }
    assertEquals(utf8(`${ascii}\ud800`), new TextEncoder().encode(`${ascii}\ufffd`));
  }
});

Deno.test("fromUtf8() refuses bytes that are not UTF-8, at every length", () => {
  for (const length of LENGTHS) {
    const ascii = utf8("a".repeat(length));
    for (const bytes of [[0xff, ...ascii], [...ascii, 0xff], [...ascii, 0xc3]]) {
      assertThrows(() => fromUtf8(new Uint8Array(bytes)), MalformedError);
    }
  }
});

Deno.test("shortAscii() reads ASCII of up to 256 bytes, and nothing else", () => {
  assertEquals(shortAscii(utf8("a".repeat(256))), "a".repeat(256));
  assertEquals(shortAscii(utf8("a".repeat(257))), undefined);
  assertEquals(shortAscii(new Uint8Array([0x61, 0x80])), undefined);
  assertEquals(shortAscii(new Uint8Array(0)), "");
});

Deno.test("sameBytes() compares every byte and the lengths", () => {
  const bytes = Uint8Array.of(1, 2, 3);
  assertEquals(sameBytes(bytes, bytes.slice()), true);
  assertEquals(sameBytes(new Uint8Array(0), new Uint8Array(0)), true);
  const others = [[1, 2], [1, 2, 3, 0], [0, 2, 3], [1, 2, 4]];
  for (const other of others) assertEquals(sameBytes(bytes, Uint8Array.from(other)), false);
});
