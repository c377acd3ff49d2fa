/**
 * What a person at a terminal sees of work that takes a while: one line on stderr, gone when it is done.
 *
 * @module
 */

import { type Io, writeError } from "./io.ts";

/** How often the line is drawn, in milliseconds. What is done before the first time is not shown at all. */
const DRAW_MS = 200;
const FRAMES = "|/-\\";
const CLEAR = "\r\x1b[K";

/** Shows how work goes on. Where stderr is no terminal, or one that obeys no escape codes, it
 * shows nothing. */
export class Progress implements Disposable {
  readonly #io: Pick<Io, "errors">;
  #label: string;
  /** By the clock that does not jump with the date, in milliseconds. */
  #since = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #bytes: number | undefined;
  #total: number | undefined;
  #frame = 0;

  /**
   * Starts.
   *
   * @param io Where to: its errors.
   * @param label What is being done, such as "making a key of 4096 bits".
   */
  constructor(io: Pick<Io, "errors">, label: string) {
    this.#io = io;
    this.#label = label;
    this.next(label);
  }

  /** Goes on to another part of the work. */
  next(label: string): void {
    this.#label = label;
    this.#bytes = this.#total = undefined;
    const { isTerminal, dumb } = this.#io.errors;
    if (this.#timer !== undefined || !isTerminal || dumb) return;
    this.#since = performance.now();
    this.#timer = setInterval(() => this.#draw(), DRAW_MS);
  }

  /** So many bytes are done, of so many where that is known. */
  bytes(done: number, total?: number): void {
    this.#bytes = done;
    this.#total = total;
  }

  #draw(): void {
    const seconds = Math.floor((performance.now() - this.#since) / 1000);
    const parts = [this.#label];
    if (this.#bytes !== undefined) parts.push(amount(this.#bytes, this.#total));
    parts.push(`${seconds} s`);
    writeError(this.#io, `${CLEAR}${FRAMES[this.#frame++ % FRAMES.length]} ${parts.join(", ")}`);
  }

  /** Stops, and clears the line: what follows is for the person to read, or to type. */
  done(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#frame > 0) writeError(this.#io, CLEAR);
    this.#frame = 0;
  }

  [Symbol.dispose](): void {
    this.done();
  }
}

function amount(done: number, total: number | undefined): string {
  return total === undefined ? mebibytes(done) : `${mebibytes(done)} of ${mebibytes(total)}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
