/**
 * Input that is read as soon as it is there, and taken in its own time.
 *
 * @module
 */

import type { Input } from "./lines.ts";

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
