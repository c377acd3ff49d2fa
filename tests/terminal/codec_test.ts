// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { KeyReader, wrapped } from "../../lib/terminal/codec.ts";
import { widthOf } from "../../lib/terminal/rows.ts";
import { makeStyle, unstyled } from "../../lib/terminal/terminal.ts";

/** The rows of a wrapped text. */
function rows(text: string, columns: number): string[] {
  return wrapped(text, columns).split("\n");
}

Deno.test("wrapped() breaks a line at blanks and indents its further rows", () => {
  assertEquals(rows("bo: one two three four", 12), ["bo: one two", "  three four"]);
  assertEquals(rows("bo: one", 12), ["bo: one"]);
  assertEquals(rows("bo: 12345678 x", 12), ["bo: 12345678", "  x"]);
  assertEquals(rows("", 12), [""]);
});

Deno.test("wrapped() keeps the mark of a message's further lines, and blanks within a row", () => {
  assertEquals(rows("bo: a\n  | one two three four", 14), [
    "bo: a",
    "  | one two",
    "  | three four",
  ]);
  assertEquals(rows("bo: a   b    c", 12), ["bo: a   b", "  c"]);
});

Deno.test("wrapped() moves a URL to the next row, and leaves one that is wider than a row whole", () => {
  assertEquals(rows("bo: see http://a.b/c ok", 20), ["bo: see http://a.b/c", "  ok"]);
  assertEquals(rows("bo: look http://a.b/c ok", 20), ["bo: look", "  http://a.b/c ok"]);
  const url = `https://example.org/${"a".repeat(30)}`;
  assertEquals(rows(`bo: see ${url} and that`, 20), [`bo: see ${url}`, "  and that"]);
  assertEquals(rows(`bo: (${url}é)`, 20), [`bo: (${url}é)`]);
});

Deno.test("wrapped() breaks between Chinese characters, and never within a cluster", () => {
  assertEquals(rows("bo: 中文中文中文中文", 11), ["bo: 中文中", "  文中文中", "  文"]);
  assertEquals(rows(`bo: ${"ж".repeat(14)}`, 12), [`bo: ${"ж".repeat(8)}`, `  ${"ж".repeat(6)}`]);
  assertEquals(rows("bo: naïveté fiancée", 12), ["bo: naïveté", "  fiancée"]);
});

Deno.test("wrapped() breaks a word that is wider than a row, unless it is a URL", () => {
  assertEquals(rows(`bo: ${"=".repeat(16)}17:14 cy: yes`, 20), [
    "bo: " + "=".repeat(16),
    "  17:14 cy: yes",
  ]);
  // What follows a URL that the terminal continues cannot begin a row.
  const url = `http://x/${"=".repeat(27)}`;
  assertEquals(rows(`bo: ${url} cy: yes`, 20), [`bo: ${url}`, "  cy: yes"]);
  // The braille blank and the Hangul filler are drawn as blanks.
  for (const blank of ["\u2800", "\u3164", "\u00a0"]) {
    const [first, ...further] = rows(`bo: ${url}cy:${blank}yes`, 20);
    assertEquals([first, further.length > 0], [`bo: ${url}cy:`, true]);
    assertEquals(further.filter((row) => !row.startsWith("  ")), []);
  }
});

Deno.test("wrapped() allows for terminals that draw the parts of an emoji one beside the other", () => {
  const family = "👩‍👩‍👧‍👦"; // two columns as one, eight as its four parts
  assertEquals(rows(`bo: a${family}b${family}`, 16), [`bo: a${family}b`, `  ${family}`]);
  assertEquals(rows(`bo: ${family}`, 12), [`bo: ${family}`]);
  // Drawn by some terminals, and left out by others: fillers, soft hyphens and spacing marks.
  for (const [char, width] of [["\u3164", 2], ["\u00ad", 1], ["क\u093e", 2]] as const) {
    const [first, ...further] = rows(`bo: ${char.repeat(20)}`, 12);
    assertEquals([first, further.length > 0], [`bo: ${char.repeat(8 / width)}`, true]);
  }
});

Deno.test("wrapped() gives colours no width and breaks none", () => {
  const { bold, red } = makeStyle(true);
  const text = `${bold("bo")}: ${red("one two")} three ${red("four")}`;
  assertEquals(rows(unstyled(text), 12), wrapped(text, 12).split("\n").map(unstyled));
  const long = red("ж".repeat(20));
  assertEquals(rows(long, 12).map(unstyled), ["ж".repeat(12), `  ${"ж".repeat(8)}`]);
});

Deno.test("wrapped() leaves lines to a terminal of less than 8 columns", () => {
  assertEquals(rows("bo: one two three", 7), ["bo: one two three"]);
});

Deno.test("wrapped() loses nothing but blanks, and fits all rows but those of URLs", () => {
  const pieces = ["a", "word", " ", "  ", "é", "中", "👩‍👩‍👧", "ก\u0e49", "ж".repeat(9), "=".repeat(9)];
  const piece = fc.constantFrom(...pieces, "http://a.b/");
  fc.assert(fc.property(fc.array(piece), fc.integer({ min: 8, max: 30 }), (pieces, columns) => {
    const text = pieces.join("");
    const all = rows(text, columns);
    const body = all.map((row, i) => i === 0 ? row : row.slice(2));
    assertEquals(body.join("").replaceAll(" ", ""), text.replaceAll(" ", ""));
    for (const row of all) {
      assertEquals(
        row.includes("://") || widthOf(row) <= columns,
        true,
        JSON.stringify([row, columns]),
      );
    }
  }));
});

/** What a reader reports for the reads of a terminal: keys by their bytes, pastes with what follows. */
function read(reads: readonly string[], asks = false): (string | [string, boolean])[] {
  const reported: (string | [string, boolean])[] = [];
  const reader = new KeyReader({
    key: ({ sequence }) => reported.push(sequence),
    paste: (text, enters) => reported.push([text, enters]),
    asks,
  });
  for (const one of reads) reader.push(new TextEncoder().encode(one));
  return reported;
}

Deno.test("KeyReader reports keys, and what stands between the marks of a paste", () => {
  assertEquals(read(["a\x1b[D\r"]), ["a", "\x1b[D", "\r"]);
  assertEquals(read(["<\x1b[20", "0~one\rtwo\r\x1b", "[201~>"]), [
    "<",
    ["one\rtwo\r", false],
    ">",
  ]);
});

Deno.test("KeyReader treats several lines in one read as a paste without marks", () => {
  assertEquals(read(["one\rtwo\tx"]), [["one\rtwo\tx", false]]);
  assertEquals(read(["one\r\ntwo\r\n"]), [["one\r\ntwo", true]]);
  assertEquals(read(["\rone\rtwo\r"]), ["\r", ["one\rtwo", true]]);
});

Deno.test("KeyReader takes lines for keys that come one a read, end in a line feed, or have other keys", () => {
  assertEquals(read(["a\r", "b\r"]), ["a", "\r", "b", "\r"]);
  // Lines that were typed before the terminal was in raw mode end in line feeds.
  assertEquals(read(["a\nb\n"]), ["a", "\n", "b", "\n"]);
  assertEquals(read(["a\rb\x03"]), ["a", "\r", "b", "\x03"]);
  assertEquals(read(["a\r\r"]), ["a", "\r", "\r"]);
  assertEquals(read(["\rab"]), ["\r", "a", "b"]);
});

Deno.test("KeyReader continues a paste about which there is a question, and reports the answer", () => {
  assertEquals(read(["y"], true), ["y"]);
  assertEquals(read(["yes and no\r", "n"], true), [["yes and no", true], "n"]);
  assertEquals(read(["yes"]), ["y", "e", "s"]);
});

Deno.test("KeyReader treats unmarked text as typed once the terminal has marked a paste", () => {
  const paste = "\x1b[200~one\x1b[201~";
  assertEquals(read([paste, "a\rb\r"]), [["one", false], "a", "\r", "b", "\r"]);
  assertEquals(read([`${paste}yes`], true), [["one", false], "y", "e", "s"]);
});
