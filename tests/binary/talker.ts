/**
 * An executable file as a process that is talked to.
 *
 * @module
 */

import { type Program, started } from "./built.ts";

const encoder = new TextEncoder();
const PATIENCE_MS = 60_000;

/** A process whose output is collected while it runs. */
export class Talker implements AsyncDisposable {
  /** All that it has said on stdout and stderr. */
  said = "";
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<unknown>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  constructor(program: Program, args: readonly string[], cwd?: string) {
    const how = {
      env: program.env,
      stdin: "piped",
      ...(cwd === undefined ? {} : { cwd }),
    } as const;
    this.#child = started(program.path, args, how).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#reading = Promise.all([this.#read(this.#child.stdout), this.#read(this.#child.stderr)])
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

  /** Types text. */
  async type(text: string): Promise<void> {
    await this.#input.write(encoder.encode(text));
  }

  /** Ends the input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end; gives the exit code. */
  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The pipe breaks where the process is gone already.
    await this.#input.close().catch(() => {});
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
    await this.ended();
  }
}
