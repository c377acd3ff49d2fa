/**
 * A process that is typed into, and is ended with the scope that holds it.
 *
 * @module
 */

const encoder = new TextEncoder();

/** A process with a pipe to its input. Whoever extends it reads what it says. */
export abstract class PipedProcess implements AsyncDisposable {
  protected readonly child: Deno.ChildProcess;
  /** Fulfilled when all that it said has been read. */
  protected abstract readonly reading: Promise<unknown>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  /** Starts a command whose input is a pipe. */
  constructor(command: Deno.Command) {
    this.child = command.spawn();
    this.#input = this.child.stdin.getWriter();
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
    this.child.kill(signal);
  }

  /** Waits for the end; gives the exit code. */
  async ended(): Promise<number> {
    const { code } = await this.child.status;
    await this.reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The pipe breaks where the process is gone already.
    await this.#input.close().catch(() => {});
    try {
      this.child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
    await this.ended();
  }
}
