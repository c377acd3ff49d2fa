/**
 * Standard output without waiting for whoever reads it.
 *
 * @module
 */

const encoder = new TextEncoder();

/** Writes lines in order; what comes while a write is under way goes with the next. */
export class Output {
  readonly #writer: { write(bytes: Uint8Array): Promise<number> };
  readonly #written: (marked: number) => void;
  #pending: string[] = [];
  #mark = 0;
  #dirty = false;
  #writing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param writer Where to: `Deno.stdout`.
   * @param written Hears the last mark before which everything has been written.
   */
  constructor(
    writer: { write(bytes: Uint8Array): Promise<number> },
    written: (marked: number) => void,
  ) {
    this.#writer = writer;
    this.#written = written;
  }

  /** Why nothing can be written any longer. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Writes lines, or nothing, and then counts a mark as reached. */
  print(lines: readonly string[], mark: number = this.#mark): void {
    for (const line of lines) this.#pending.push(line);
    this.#mark = mark;
    this.#dirty = true;
    this.#writing ??= this.#drain().finally(() => this.#writing = undefined);
  }

  /** Waits until everything has been written. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
  }

  async #drain(): Promise<void> {
    // Later in this turn: a frame brings many lines.
    await undefined;
    try {
      while (this.#dirty) {
        this.#dirty = false;
        const mark = this.#mark;
        await this.#write(this.#pending.splice(0));
        this.#written(mark);
      }
    } catch (error) {
      this.#failure = { error };
      this.#pending = [];
    }
  }

  async #write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    let bytes = encoder.encode(`${lines.join("\n")}\n`);
    while (bytes.length > 0) bytes = bytes.subarray(await this.#writer.write(bytes));
  }
}
