// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertNotMatch } from "@std/assert";
import {
  printable,
  printableBytes,
  printableJson,
  printableJsonText,
  quote,
  shortened,
} from "../../lib/base/printable.ts";

// deno-lint-ignore no-control-regex -- controls are what it looks for
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

Deno.test("printable() leaves text of any language as it is", () => {
  for (const text of ["", "hello", "你好", "👨‍👩‍👧‍👦", "שלום", "é", "a\u0301", "नमस्ते"]) {
    assertEquals(printable(text), text);
  }
});

Deno.test("printable() shows controls and escape sequences instead of sending them", () => {
  assertEquals(printable("a\x1b[2Jb\r\n\t\x07\x00\x7f"), "a␛[2Jb␍␊␉␇␀␡");
  assertEquals(printable("\x9b31m\x85"), "\\u{9b}31m\\u{85}");
});

Deno.test("printable() shows bidirectional overrides, marks and invisible tags", () => {
  assertEquals(
    printable("a\u202eb\u2066c\u200fd\ufeff"),
    "a\\u{202e}b\\u{2066}c\\u{200f}d\\u{feff}",
  );
  assertEquals(printable("x\u{e0041}"), "x\\u{e0041}");
});

Deno.test("printable() lets no code point of the control blocks through", () => {
  for (let code = 0; code <= 0x3000; code++) {
    const shown = printable(String.fromCodePoint(code));
    assertNotMatch(shown, CONTROLS, `U+${code.toString(16)}`);
  }
});

Deno.test("printableBytes() decodes UTF-8 and escapes every byte that is not", () => {
  assertEquals(printableBytes(new TextEncoder().encode("日本 é 👍")), "日本 é 👍");
  assertEquals(printableBytes(new Uint8Array([0x61, 0xff, 0xc0, 0x80, 0x62])), "a\\xff\\xc0\\x80b");
  assertEquals(printableBytes(new Uint8Array([0xe6, 0x97])), "\\xe6\\x97");
  assertEquals(printableBytes(new Uint8Array([0xed, 0xa0, 0x80])), "\\xed\\xa0\\x80");
  assertEquals(printableBytes(new Uint8Array([0x1b, 0x5b, 0x41])), "␛[A");
});

Deno.test("printableJson() escapes what a terminal would act on, and loses nothing", () => {
  const value = { text: 'a\u009b2J\u202eb\x7f\x1b"\n\u{e0041}\ud800', 中: "🙂" };
  const json = printableJson(value);
  assertNotMatch(json, CONTROLS);
  assertEquals(JSON.parse(json), value);
  assertEquals(printableJson("中\u202e🙂"), '"中\\u202e🙂"');
  for (let unit = 0; unit < 0x300; unit++) {
    const text = `a${String.fromCharCode(unit)}z`;
    assertEquals(printableJsonText(text), printableJson(text));
  }
});

Deno.test("a quoted word leaves out the fragment of a link, which may be a secret, and no other #", () => {
  const secret = "kJ2nQf0m3pWmSxw1-u_VtA";
  for (
    const word of [`parley://h:1/r#${secret}`, `parley:/h#${secret}.${secret}`, `h#${secret}==`]
  ) {
    assertEquals(quote(word), `"${word.slice(0, word.indexOf("#"))}#…"`);
  }
  assertEquals(quote("issue#12"), `"issue#12"`);
});

Deno.test("shortened() puts an ellipsis in the place of the last character that fits", () => {
  assertEquals(["", "abcd", "abcde"].map((text) => shortened(text, 4)), ["", "abcd", "abc…"]);
  assertEquals(shortened("👍".repeat(4), 4), "👍👍👍👍");
  assertEquals(shortened("👍".repeat(5), 4), "👍👍👍…", "no character is cut in two");
  assertEquals(shortened("a\x1b[31m", 4), "a␛[…", "controls are pictures");
  assertEquals(quote("x".repeat(61)), `"${"x".repeat(59)}…"`);
});
