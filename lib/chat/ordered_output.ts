/**
 * Writes that reach a stream in the order in which they were asked for.
 *
 * @module
 */

/** What is written to. */
export interface Writable {
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
}

/**
 * A stream whose two ways to write keep their order. Deno writes in the background on another thread, so that what
 * is written at once can overtake what was asked for before it: here it waits behind that, and is written with it.
 */
export class OrderedOutput {
  readonly #stream: Writable;
  #writing: Promise<void> | undefined;
  #behind: Uint8Array[] = [];
  #hurried = false;

  /** Orders the writes to a stream. */
  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /**
   * Writes in the background, one text at a time.
   *
   * @param bytes What is written.
   * @throws What the stream says.
   */
  async write(bytes: Uint8Array): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => {});
    this.#writing = this.#writeAll(bytes);
    await this.#writing;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#stream.write(bytes.subarray(at));
    } finally {
      this.#writing = undefined;
      for (const behind of this.#behind.splice(0)) this.#writeAllSync(behind);
    }
  }

  /**
   * Writes before it returns; while something is written in the background, right behind that.
   *
   * @param bytes What is written.
   */
  writeSync(bytes: Uint8Array): void {
    if (this.#writing === undefined || this.#hurried) this.#writeAllSync(bytes);
    else this.#behind.push(bytes);
  }

  #writeAllSync(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.#stream.writeSync(bytes.subarray(at));
  }

  /** Waits for nothing any more: the process ends, and what is written in the background may never be. */
  hurry(): void {
    this.#hurried = true;
    for (const behind of this.#behind.splice(0)) this.#writeAllSync(behind);
  }

  /** Waits until everything is written that was asked for, or the stream takes no more. */
  async flushed(): Promise<void> {
    await this.#writing?.catch(() => {});
  }
}
