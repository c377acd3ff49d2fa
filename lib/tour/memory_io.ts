/**
 * Standard streams that exist in memory only, for the tour and for tests: what is typed is given to a command,
 * and what the command prints is kept.
 *
 * @module
 */

import type { InputStream, Io, OutputStream, Page } from "../os/io.ts";
import { unstyled } from "../terminal/terminal.ts";

/** How they are set up. */
export interface MemoryIoOptions extends Partial<Page> {
  /**
   * Hears what is printed, with its colours, on either output.
   *
   * @throws Where it cannot be shown: the command's write fails with that.
   */
  readonly printed?: (text: string) => void;
}

/** Standard input that is typed, outputs that are kept, and an interrupt key. No terminal. */
export class MemoryIo implements Io {
  readonly input: InputStream;
  readonly output: OutputStream;
  readonly errors: OutputStream;
  readonly #typed: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #interrupts = new Set<() => void>();
  #interrupted = false;
  #text = "";

  /** Opens them. */
  constructor(options: MemoryIoOptions = {}) {
    const pipe = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    this.#typed = pipe.writable.getWriter();
    this.input = { keyboard: undefined, chunks: () => pipe.readable };
    this.output = this.#opened(options);
    this.errors = this.#opened({ ...options, columns: undefined, coloured: false });
  }

  /** All that was printed on either output, in order, without colours. */
  get text(): string {
    return unstyled(this.#text);
  }

  #opened({ columns, coloured = false, printed }: MemoryIoOptions): OutputStream {
    const decoder = new TextDecoder();
    const writeSync = (bytes: Uint8Array) => {
      const text = decoder.decode(bytes, { stream: true });
      this.#text += text;
      printed?.(text);
      return bytes.length;
    };
    return {
      isTerminal: false,
      size: undefined,
      columns,
      coloured,
      dumb: false,
      writeSync,
      write: (bytes) => Promise.try(writeSync, bytes),
    };
  }

  /** Types text. */
  async type(text: string): Promise<void> {
    await this.#typed.write(new TextEncoder().encode(text));
  }

  /** Ends the input. */
  async endInput(): Promise<void> {
    await this.#typed.close();
  }

  /** Sends SIGINT, as Ctrl-C does. Where nobody listens yet, the first who does hears of it. */
  interrupt(): void {
    this.#interrupted = this.#interrupts.size === 0;
    for (const handler of [...this.#interrupts]) handler();
  }

  /** Signals but SIGINT never come. */
  onSignal(signal: Deno.Signal, handler: () => void): Disposable {
    if (signal === "SIGINT") {
      this.#interrupts.add(handler);
      if (this.#interrupted) queueMicrotask(() => this.interrupt());
    }
    return { [Symbol.dispose]: () => void this.#interrupts.delete(handler) };
  }
}
