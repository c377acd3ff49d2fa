// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { firstShown, layOut, placeOf, rowsAbove, widthOf } from "../../lib/terminal/rows.ts";
import { makeStyle } from "../../lib/terminal/terminal.ts";

/** The rows as text. */
function rows(prompt: string, text: string, columns: number): string[] {
  return layOut(prompt, text, columns).rows.map((row) => row.text);
}

/** The row and column of the cursor. */
function place(prompt: string, text: string, columns: number, cursor: number): [number, number] {
  const { row, before } = placeOf(layOut(prompt, text, columns), cursor);
  return [row, widthOf(before)];
}

Deno.test("layOut() breaks a line at the right margin", () => {
  assertEquals(rows("> ", "abcdefgh", 6), ["> abcd", "efgh"]);
  assertEquals(rows("", "", 6), [""]);
});

Deno.test("layOut() has a row for the cursor after a full one", () => {
  assertEquals(rows("> ", "abcd", 6), ["> abcd", ""]);
  assertEquals(place("> ", "abcd", 6, 4), [1, 0]);
  assertEquals(place("> ", "abcde", 6, 4), [1, 0]);
  assertEquals(place("> ", "abcd", 6, 3), [0, 5]);
});

Deno.test("layOut() moves a wide character to the next row whole", () => {
  assertEquals(rows("> ", "中文中文", 7), ["> 中文", "中文"]);
  assertEquals(rows("> ", "abc👩‍👩‍👧‍👦d", 6), ["> abc", "👩‍👩‍👧‍👦d"]);
});

Deno.test("layOut() gives combining marks, flags and emoji sequences the width of one", () => {
  const cases: [string, number][] = [["e\u0301", 1], ["中", 2], ["👩‍👩‍👧‍👦", 2], ["🇩🇪", 2], ["한", 2]];
  for (const [cluster, width] of cases) {
    assertEquals(place("", cluster, 80, cluster.length), [0, width]);
  }
});

Deno.test("layOut() keeps a combining mark at the margin with its base", () => {
  assertEquals(rows("", "abce\u0301f", 4), ["abce\u0301", "f"]);
});

Deno.test("layOut() says where a letter with marks stands in the last column", () => {
  const ends = (text: string, columns: number) =>
    layOut("", text, columns).rows.map((row) => row.markedEnd);
  assertEquals(ends("abce\u0301f", 4), [2, 0]);
  assertEquals(ends("abก\u0e49", 3), [2, 0]);
  assertEquals([ends("ae\u0301", 4), ends("abcd", 4), ends("abc❤\ufe0f", 5)], [[0], [0, 0], [
    0,
    0,
  ]]);
});

Deno.test("layOut() shows line feeds, controls and overrides of the line", () => {
  assertEquals(rows("> ", "a\nb\u202ec\x1b", 80), ["> a␊b\\u{202e}c␛"]);
  assertEquals(place("> ", "a\nb", 80, 2), [0, 4]);
});

Deno.test("layOut() survives a terminal narrower than a character", () => {
  assertEquals(rows("", "中文", 1), ["中", "文", ""]);
});

Deno.test("placeOf() stands after a cluster that the cursor is inside of", () => {
  assertEquals(place("> ", "👩‍👩", 80, 3), [0, 4]);
});

Deno.test("layOut() counts no column for the prompt's colours and repeats them on each row", () => {
  const { red } = makeStyle(true);
  const layout = layOut(red("abc> "), "xy", 4);
  assertEquals(layout.rows.map((row) => row.text), ["\x1b[31mabc>", "\x1b[31m \x1b[39mxy"]);
  assertEquals(placeOf(layout, 1), { row: 1, cells: 3, before: "\x1b[31m \x1b[39mx" });
});

Deno.test("rowsAbove() tells how far up the input starts once the terminal is narrower", () => {
  const layout = layOut("> ", "a".repeat(30), 20); // 20 columns and 12
  const above = (cursor: number, columns: number) =>
    rowsAbove(layout.rows, placeOf(layout, cursor), columns);
  assertEquals(above(30, 20), 1);
  assertEquals(above(30, 10), 3); // 10 + 10 + 10 + 2
  assertEquals(above(0, 10), 0);
  assertEquals(above(10, 10), 1);
  assertEquals(above(30, 40), 1); // rows stay apart
});

Deno.test("firstShown() scrolls by as little as keeps the cursor in sight", () => {
  assertEquals(firstShown(3, 5, 2, 0), 0);
  assertEquals(firstShown(10, 5, 9, 0), 5);
  assertEquals(firstShown(10, 5, 6, 5), 5);
  assertEquals(firstShown(10, 5, 3, 5), 3);
  assertEquals(firstShown(6, 5, 3, 5), 1);
});

Deno.test("layOut() loses nothing and overflows no row", () => {
  const piece = fc.constantFrom("a", " ", "中", "e\u0301", "👩‍👩‍👧‍👦", "🇩🇪", "\n", "\u202e", "ก็");
  const given = fc.record({
    pieces: fc.array(piece, { maxLength: 40 }),
    columns: fc.integer({ min: 8, max: 30 }),
  });
  fc.assert(fc.property(given, ({ pieces, columns }) => {
    const layout = layOut("> ", pieces.join(""), columns);
    const whole = layout.cells.map((cell) => cell.text).join("");
    assertEquals(layout.rows.map((row) => row.text).join(""), whole);
    for (const row of layout.rows) {
      const width = row.widths.reduce((sum, w) => sum + w, 0);
      assertEquals(width <= columns, true);
    }
    for (const cell of layout.cells.filter((c) => c.at >= 0)) {
      const { row, cells } = placeOf(layout, cell.at);
      assertEquals(layout.cells[layout.starts[row]! + cells], cell);
    }
  }));
});
