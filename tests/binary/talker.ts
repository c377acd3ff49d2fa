/**
 * An executable file as a process that is talked to.
 *
 * @module
 */

import { PipedProcess } from "../fixtures/piped_process.ts";
import { type Program, started } from "./built.ts";

const PATIENCE_MS = 180_000;

/** A process whose output is collected while it runs. */
export class Talker extends PipedProcess {
  /** All that it has said on stdout and stderr. */
  said = "";
  protected override readonly reading: Promise<unknown>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  constructor(program: Program, args: readonly string[], cwd?: string) {
    const how = {
      env: program.env,
      stdin: "piped",
      ...(cwd === undefined ? {} : { cwd }),
    } as const;
    super(started(program.path, args, how));
    this.reading = Promise.all([this.#read(this.child.stdout), this.#read(this.child.stderr)])
      .then(() => {
        this.#ended = true;
        this.#changed.resolve();
      });
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.said += text;
      this.#changed.resolve();
      this.#changed = Promise.withResolvers();
    }
  }

  /** Waits until it has said something; gives all that it has said. */
  async until(words: string): Promise<string> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    const lateness = new Promise<void>((resolve) => late.onabort = () => resolve());
    while (!this.said.includes(words)) {
      if (late.aborted || this.#ended) throw new Error(`it never said ${words}:\n${this.said}`);
      await Promise.race([this.#changed.promise, lateness]);
    }
    late.onabort = null;
    return this.said;
  }
}
