/**
 * Standard output that a flood does not fill the memory through.
 *
 * @module
 */

import { Output } from "../../conversation/output.ts";

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
