/**
 * Standard input as lines, where it is not a terminal.
 *
 * @module
 */

import type { Bytes } from "../rsa.ts";

/** What comes from whoever enters: a terminal's screen gives the same. */
export type Input =
  | { readonly kind: "line"; readonly text: string }
  /** A line too long to keep: how many bytes it had. */
  | { readonly kind: "long"; readonly bytes: number }
  | { readonly kind: "interrupt" }
  | { readonly kind: "end" };

const NEWLINE = 10;
const RETURN = 13;

/**
 * Cuts a stream into lines, without their ends. What is behind the last newline is a line too.
 *
 * @param chunks The stream.
 * @param maxBytes The longest line that is kept. Of a longer one only the length is.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Input, void> {
  const line = new PartialLine(maxBytes);
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      line.add(chunk.subarray(from, at));
      yield line.take();
      from = at + 1;
    }
    line.add(chunk.subarray(from));
  }
  if (line.length > 0) yield line.take();
}

/** The start of a line. */
class PartialLine {
  readonly #max: number;
  #parts: Bytes[] = [];
  length = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(part: Uint8Array): void {
    this.length += part.length;
    // One byte over the bound is kept: it may be a carriage return.
    if (this.length <= this.#max + 1) this.#parts.push(part.slice());
    else this.#parts = [];
  }

  take(): Input {
    const length = this.length;
    const parts = this.#parts;
    this.#parts = [];
    this.length = 0;
    const bytes = parts.length === 1 ? parts[0]! : glue(parts);
    const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length;
    if (length > this.#max + 1 || end > this.#max) return { kind: "long", bytes: length };
    // What is not UTF-8 becomes U+FFFD: a line is never dropped for it.
    return { kind: "line", text: decoder.decode(bytes.subarray(0, end)) };
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function glue(parts: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
