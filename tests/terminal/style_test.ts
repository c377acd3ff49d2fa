// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { makeStyle, type Paint, unstyled } from "../../lib/terminal/terminal.ts";

Deno.test("makeStyle() adds colours if it is on, each with its own end", () => {
  const { bold, red } = makeStyle(true);
  assertEquals(bold(`a${red("b")}c`), "\x1b[1ma\x1b[31mb\x1b[39mc\x1b[22m");
  assertEquals(red(""), "");
});

Deno.test("makeStyle() does not change text if it is off", () => {
  const style = makeStyle(false);
  const paints = Object.values<Paint>({ ...style, palette: style.palette(28) });
  assertEquals(paints.map((paint) => paint("a")), paints.map(() => "a"));
});

Deno.test("unstyled() removes colours and weights, and nothing else", () => {
  const style = makeStyle(true);
  const paints = Object.values<Paint>({ ...style, palette: style.palette(28) });
  assertEquals(paints.map((paint) => unstyled(`a${paint("b")}`)), paints.map(() => "ab"));
  assertEquals(unstyled("[1m \x1b[2J"), "[1m \x1b[2J");
});
