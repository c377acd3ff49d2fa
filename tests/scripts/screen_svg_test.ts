// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  drawFilm,
  drawScreens,
  readRow,
  readRows,
  type Screen,
} from "../../scripts/record/screen_svg.ts";

const PLAIN = { colour: undefined, bold: false, dim: false, reverse: false };

Deno.test("readRow() reads the start and end of colours, weights and reverse video", () => {
  assertEquals(readRow("a\x1b[1mb\x1b[36mc\x1b[0md\x1b[2;91me\x1b[22;39mf"), [
    { ...PLAIN, text: "a" },
    { ...PLAIN, text: "b", bold: true },
    { ...PLAIN, text: "c", bold: true, colour: 6 },
    { ...PLAIN, text: "d" },
    { ...PLAIN, text: "e", dim: true, colour: 1 },
    { ...PLAIN, text: "f" },
  ]);
  assertEquals(readRow("\x1b[38;5;130mbo\x1b[1;38;5;98;7mada\x1b[27m!"), [
    { ...PLAIN, text: "bo", colour: 130 },
    { text: "ada", colour: 98, bold: true, dim: false, reverse: true },
    { text: "!", colour: 98, bold: true, dim: false, reverse: false },
  ]);
  assertEquals(readRow(""), []);
});

Deno.test("readRows() continues a colour in the next row", () => {
  const dim = { ...PLAIN, dim: true };
  assertEquals(readRows("\x1b[2ma\nb\x1b[0mc"), [
    [{ ...dim, text: "a" }],
    [{ ...dim, text: "b" }, { ...dim, dim: false, text: "c" }],
  ]);
});

Deno.test("drawScreens() draws the palette's colours, reverse video and wide characters", () => {
  const draw = (row: string) =>
    drawScreens([{ title: "", columns: 10, rows: [readRow(row)] }], "a picture");
  assertStringIncludes(draw("\x1b[38;5;130mbo"), 'fill="#af5f00">bo</text>');
  assertStringIncludes(draw("\x1b[38;5;240mbo"), 'fill="#585858">bo</text>');
  assertStringIncludes(draw("\x1b[38;5;9mbo"), 'fill="#ff7b72">bo</text>');
  const reversed = draw("a\x1b[7mbo");
  assertStringIncludes(reversed, '<rect x="22.4" y="44" width="16.8" height="18" fill="#c9d1d9"/>');
  assertStringIncludes(reversed, 'fill="#0d1117">bo</text>');
  assertStringIncludes(draw("你好\x1b[1mbo"), '<text x="47.6" y="57.5" textLength="16.8"');
});

Deno.test("drawFilm() shows each row until it changes, and ends on the last screen", () => {
  const screen = (cursor: number, ...rows: string[]): Screen => ({
    ...{ title: "ada", columns: 10, rows: rows.map(readRow) },
    cursor: [cursor, 0],
  });
  const frames = [
    { screens: [screen(0, "same", "one")], ms: 500 },
    { screens: [screen(0, "same", "two")], ms: 1_200 },
    { screens: [screen(0, "same", "three")], ms: 0 },
  ];
  const svg = drawFilm(frames, "a film");
  const timing = (text: string) =>
    new RegExp(`(?:<g([^>]*)>)?<text[^>]*>${text}</text>`).exec(svg)?.[1];
  assertEquals(timing("same"), undefined, "it is always there");
  assertEquals(timing("one"), ' class="past" style="animation: seen 0.5s 0s"');
  assertEquals(timing("two"), ' class="past" style="animation: seen 1.2s 0.5s"');
  assertEquals(timing("three"), ' style="animation: unseen 1ms 1.7s backwards"');
  assertStringIncludes(svg, "prefers-reduced-motion");
  assertEquals(svg.match(/opacity="0.5"/g)?.length, 1, "the cursor has not moved");
  assertEquals(drawScreens(frames[2]!.screens, "a picture").includes("animation"), false);
});

Deno.test("drawScreens() puts every text at its column and escapes markup", () => {
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
