/**
 * Standard output without waiting for whoever reads it.
 *
 * @module
 */

import type { Failure } from "../base/failure.ts";
import { fileFailure } from "./errors.ts";

const encoder = new TextEncoder();

/** Writes lines in order; what comes while a write is under way goes with the next. */
export class Output {
  readonly #writer: { write(bytes: Uint8Array): Promise<number> };
  readonly #written: (marked: number) => void;
  #pending: string[] = [];
  #mark = 0;
  /** How many times something was printed, and how many of them have been written. */
  #printed = 0;
  #done = 0;
  #waiting: { readonly printed: number; resolve(): void }[] = [];
  #writing: Promise<void> | undefined;
  readonly #failed = Promise.withResolvers<unknown>();
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param writer Where to: `io.output`.
   * @param written Hears the last mark before which everything has been written.
   */
  constructor(
    writer: { write(bytes: Uint8Array): Promise<number> },
    written: (marked: number) => void,
  ) {
    this.#writer = writer;
    this.#written = written;
  }

  /** Fulfilled with an error when nothing can be written any longer. */
  get failed(): Promise<unknown> {
    return this.#failed.promise;
  }

  /** Why nothing can be written any longer. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Writes lines, or nothing, and then counts a mark as reached. */
  print(lines: readonly string[], mark: number = this.#mark): void {
    if (this.#failure !== undefined) return;
    for (const line of lines) this.#pending.push(line);
    this.#mark = mark;
    this.#printed += 1;
    this.#writing ??= this.#drain();
  }

  /** A promise that what has been printed so far is written; undefined where it is. */
  caughtUp(): Promise<void> | undefined {
    if (this.#done === this.#printed || this.#failure !== undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ printed: this.#printed, resolve });
    return promise;
  }

  async #drain(): Promise<void> {
    // Later in this turn: a frame brings many lines.
    await undefined;
    try {
      while (this.#done < this.#printed) {
        const mark = this.#mark;
        const printed = this.#printed;
        await this.#write(this.#pending.splice(0));
        this.#done = printed;
        this.#written(mark);
        this.#wake();
      }
    } catch (error) {
      this.#failure = { error };
      this.#failed.resolve(error);
      this.#pending = [];
      this.#done = this.#printed;
      this.#wake();
    } finally {
      // Here and not in a later turn, or what was printed in between would wait for the next.
      this.#writing = undefined;
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = waiting.filter(({ printed }) => printed > this.#done);
    for (const { printed, resolve } of waiting) if (printed <= this.#done) resolve();
  }

  async #write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    let bytes = encoder.encode(`${lines.join("\n")}\n`);
    while (bytes.length > 0) bytes = bytes.subarray(await this.#writer.write(bytes));
  }
}

/** The failure of an output that does not take what is printed. */
export function outputFailure(error: unknown): Failure {
  return fileFailure(error, "cannot write to standard output");
}

/** How many lines wait to be written at most: a reader that is slower loses some. */
const MAX_WAITING = 10_000;

/** Prints lines without waiting for whoever reads them; leaves out what does not fit, and counts it. */
export class BoundedLog {
  /** Fails with what writing fails with. */
  readonly failed: Promise<never>;
  readonly #output: Output;
  #printed = 0;
  #written = 0;
  #leftOut = 0;

  /** @param writer Where to: `io.output`. */
  constructor(writer: { write(bytes: Uint8Array): Promise<number> }) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    // Whoever does not wait for it learns of it from print() and flush().
    promise.catch(() => {});
    const write = async (bytes: Uint8Array) => {
      try {
        return await writer.write(bytes);
      } catch (error) {
        reject(error);
        throw error;
      }
    };
    this.#output = new Output({ write }, (written) => this.#written = written);
  }

  /** How many lines were left out. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * Prints lines, or leaves them out.
   *
   * @param always Whether these lines are printed however many wait.
   * @throws What writing failed with: the reader may have gone.
   */
  print(lines: readonly string[], always = false): void {
    if (this.#output.failure !== undefined) throw this.#output.failure.error;
    if (!always && this.#printed - this.#written >= MAX_WAITING) {
      this.#leftOut += lines.length;
      return;
    }
    this.#printed += lines.length;
    this.#output.print(lines, this.#printed);
  }

  /** Waits until everything is written. */
  async flush(): Promise<void> {
    await this.#output.caughtUp();
    if (this.#output.failure !== undefined) throw this.#output.failure.error;
  }
}
