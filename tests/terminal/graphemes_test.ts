// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Move,
  splitGraphemes,
  toNext,
  toNextWord,
  toPrevious,
  toPreviousBlank,
  toPreviousWord,
} from "../../lib/terminal/rows.ts";

/** Every place that a move stops at, from one end of a text to the other. */
function stops(move: Move, text: string, from: number): string[] {
  const parts: string[] = [];
  for (let at = from;;) {
    const to = move(text, at);
    if (to === at) return parts;
    parts.push(text.slice(Math.min(at, to), Math.max(at, to)));
    at = to;
  }
}

const CLUSTERS = ["a", "中", "e\u0301", "👩‍👩‍👧‍👦", "🇩🇪", "🇫🇷", "한", "1️⃣", "🏳️‍🌈", "\u0600", "x", "\n"];

Deno.test("toNext() and toPrevious() step over whole grapheme clusters", () => {
  const text = CLUSTERS.slice(0, 9).join("");
  assertEquals(stops(toNext, text, 0), CLUSTERS.slice(0, 9));
  assertEquals(stops(toPrevious, text, text.length), CLUSTERS.slice(0, 9).toReversed());
});

Deno.test("toNextWord() and toPreviousWord() stop at words, Chinese ones by dictionary", () => {
  const text = "don't stop,  你好世界 (ok)";
  assertEquals(stops(toNextWord, text, 0), ["don't", " stop", ",  你好", "世界", " (ok", ")"]);
  assertEquals(
    stops(toPreviousWord, text, text.length),
    ["ok)", "世界 (", "你好", "stop,  ", "don't "],
  );
});

Deno.test("toPreviousBlank() stops after white space only", () => {
  const text = "/msg bo  a.b(c)  ";
  assertEquals(stops(toPreviousBlank, text, text.length), ["a.b(c)  ", "bo  ", "/msg "]);
});

Deno.test("splitGraphemes() splits any text as Intl.Segmenter does", () => {
  const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
  const piece = fc.oneof(
    fc.constantFrom(...CLUSTERS, "\u0301", "\u200d", "🇩", "\ud83d", "\r"),
    fc.string({ unit: "grapheme-ascii", maxLength: 5 }),
    fc.string({ unit: "binary", maxLength: 3 }),
  );
  fc.assert(fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
    const text = pieces.join("");
    assertEquals(splitGraphemes(text), [...segmenter.segment(text)].map((s) => s.segment));
  }));
});
