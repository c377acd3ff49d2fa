/**
 * Standard input as lines, where it is not a terminal.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";

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

/**
 * Reads an input to its end, whether or not anybody takes what was read. For a terminal: a person who presses
 * Ctrl-C is heard while earlier lines wait. It keeps what was not taken, without a bound.
 */
export class ReadAhead implements AsyncIterable<Input> {
  readonly #queue: Input[] = [];
  #end: { readonly error?: unknown } | undefined;
  #wake = () => {};

  /**
   * Starts to read.
   *
   * @param input What is read.
   * @param heard Hears of each entry as it is read.
   */
  constructor(input: AsyncIterable<Input>, heard: (entered: Input) => void) {
    this.#read(input, heard).then(
      () => this.#finish({}),
      (error) => this.#finish({ error }),
    );
  }

  async #read(input: AsyncIterable<Input>, heard: (entered: Input) => void): Promise<void> {
    for await (const entered of input) {
      this.#queue.push(entered);
      heard(entered);
      this.#wake();
    }
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end = end;
    this.#wake();
  }

  /** What has been read and not been taken. */
  get waiting(): readonly Input[] {
    return this.#queue;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Input, void, void> {
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#end === undefined) await new Promise<void>((resolve) => this.#wake = resolve);
      else if ("error" in this.#end) throw this.#end.error;
      else return;
    }
  }
}
