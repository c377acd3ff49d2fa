// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";
import { drawScreens, readRow, readRows } from "../../scripts/record/screen_svg.ts";

Deno.test("readRow() reads colours and weights, and where they end", () => {
  const plain = { colour: undefined, bold: false, dim: false };
  assertEquals(readRow("a\x1b[1mb\x1b[36mc\x1b[0md\x1b[2;91me\x1b[22;39mf"), [
    { ...plain, text: "a" },
    { ...plain, text: "b", bold: true },
    { text: "c", bold: true, dim: false, colour: 6 },
    { ...plain, text: "d" },
    { text: "e", bold: false, dim: true, colour: 1 },
    { ...plain, text: "f" },
  ]);
  assertEquals(readRow(""), []);
});

Deno.test("readRows() continues a colour in the next row", () => {
  const dim = { colour: undefined, bold: false, dim: true };
  assertEquals(readRows("\x1b[2ma\nb\x1b[0mc"), [
    [{ ...dim, text: "a" }],
    [{ ...dim, text: "b" }, { ...dim, dim: false, text: "c" }],
  ]);
});

Deno.test("drawScreens() puts every text at its column, and escapes what is markup", () => {
  const svg = drawScreens(
    [{ title: "<ada>", columns: 10, rows: [readRow("a & \x1b[31m<b>\x1b[39m")] }],
    'a "picture"',
  );
  assertStringIncludes(svg, 'aria-label="a &quot;picture&quot;"');
  assertStringIncludes(svg, ">&lt;ada></text>");
  assertStringIncludes(svg, ">a &amp; </text>");
  // The fifth column: four cells of 8.4 behind a margin of 14.
  assertStringIncludes(
    svg,
    '<text x="47.6" y="57.5" textLength="25.2" fill="#ff7b72">&lt;b></text>',
  );
});
