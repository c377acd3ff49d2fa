/**
 * Inputs for parsers: what is right, what is nearly right, and what is nothing at all.
 *
 * @module
 */

import fc from "fast-check";
import type { Bytes } from "../../lib/base/bytes.ts";

/** Any bytes. */
export function anyBytes(maxLength: number): fc.Arbitrary<Bytes> {
  return fc.uint8Array({ maxLength }).map((bytes) => new Uint8Array(bytes));
}

/** One change of a text of bytes or characters. `at` and `length` are shares of the whole, 0 to 1. */
interface Edit<Piece> {
  readonly kind: "flip" | "cut" | "insert" | "double" | "end" | "swap";
  readonly at: number;
  readonly length: number;
  readonly pieces: readonly Piece[];
}

function edits<Piece>(piece: fc.Arbitrary<Piece>): fc.Arbitrary<Edit<Piece>[]> {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const edit = fc.record({
    kind: fc.constantFrom("flip", "cut", "insert", "double", "end", "swap"),
    at: share,
    length: share,
    pieces: fc.array(piece, { maxLength: 8 }),
  });
  return fc.array(edit, { maxLength: 4 });
}

function apply<Piece>(sequence: readonly Piece[], { kind, at, length, pieces }: Edit<Piece>) {
  const from = Math.floor(at * sequence.length);
  const to = Math.min(sequence.length, from + 1 + Math.floor(length * length * 40));
  const [before, middle, after] = [
    sequence.slice(0, from),
    sequence.slice(from, to),
    sequence.slice(to),
  ];
  switch (kind) {
    case "flip":
      return [...before, ...pieces.slice(0, 1), ...sequence.slice(from + 1)];
    case "cut":
      return [...before, ...after];
    case "insert":
      return [...before, ...pieces, ...middle, ...after];
    case "double":
      return [...before, ...middle, ...middle, ...after];
    case "end":
      return before;
    case "swap":
      return [...middle, ...before, ...after];
  }
}

/** Samples with a few bytes changed, cut out, put in, doubled or moved. */
export function mutatedBytes(samples: readonly Bytes[]): fc.Arbitrary<Bytes> {
  const byte = fc.oneof(
    fc.integer({ min: 0, max: 255 }),
    fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
  );
  return fc.tuple(fc.constantFrom(...samples), edits(byte)).map(([sample, list]) =>
    new Uint8Array(list.reduce<readonly number[]>(apply, [...sample]))
  );
}

/** Samples with a few characters changed. */
export function mutatedText(samples: readonly string[]): fc.Arbitrary<string> {
  const char = fc.oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
    fc.constantFrom(..." \t\r\n\0-=:[]/.,\"'\\%#\u202e\u{1f642}é１"),
  );
  return fc.tuple(fc.constantFrom(...samples), edits(char)).map(([sample, list]) =>
    list.reduce<readonly string[]>(apply, [...sample]).join("")
  );
}

/** Samples as they are, samples with changes, and anything. */
export function nearly(samples: readonly Bytes[], maxLength: number = 300): fc.Arbitrary<Bytes> {
  return fc.oneof(
    { arbitrary: mutatedBytes(samples), weight: 8 },
    { arbitrary: anyBytes(maxLength), weight: 1 },
    { arbitrary: fc.constantFrom(...samples), weight: 1 },
  );
}

/** As {@linkcode nearly}, for text. */
export function nearlyText(samples: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { arbitrary: mutatedText(samples), weight: 8 },
    { arbitrary: fc.string({ unit: "binary", maxLength: 60 }), weight: 1 },
    { arbitrary: fc.constantFrom(...samples), weight: 1 },
  );
}
