/**
 * Programs that tests start and talk to: parley, ncat, nc, socat, openssl.
 *
 * @module
 */

import { granted } from "../fixtures/granted.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
/** How long a program may take to say or to end, before a test gives it up, in milliseconds. */
const PATIENCE_MS = 180_000;

/** Whether a program may be run and is there. */
export async function hasTool(name: string): Promise<boolean> {
  if (!granted("run=ncat,nc.openbsd,nc.traditional,sh,socat")) return false;
  try {
    await new Deno.Command(name, { args: ["-h"], stdin: "null" }).output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Whether parley can be run as a process. */
export const MAY_RUN_PARLEY: boolean = granted("run=deno");

/** A program that runs; it is ended when it is disposed. */
export class Tool implements AsyncDisposable {
  readonly output: Promise<Uint8Array<ArrayBuffer>>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #errors: Promise<void>;
  #said = "";
  #changed = Promise.withResolvers<void>();

  /** Starts a program. */
  constructor(program: string, args: readonly string[]) {
    this.#child = new Deno.Command(program, {
      args: [...args],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.output = new Response(this.#child.stdout).bytes();
    this.#errors = this.#readErrors();
  }

  /** Starts parley, with the network alone unless said otherwise. */
  static parley(args: readonly string[], flags: readonly string[] = ["--allow-net"]): Tool {
    return new Tool("deno", ["run", "--no-prompt", "--frozen", ...flags, "main.ts", ...args]);
  }

  /** What it has said on standard error. */
  get said(): string {
    return this.#said;
  }

  async #readErrors(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#said += text;
      this.#notify();
    }
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Waits until it has said something on standard error. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    return await patiently(`${pattern} in ${this.#said}`, async () => {
      for (;;) {
        const found = pattern.exec(this.#said);
        if (found !== null) return found;
        await this.#changed.promise;
      }
    });
  }

  /** Writes to its input, as far as it takes it. */
  async write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#input.write(bytes).catch(ignorePipe);
  }

  /** Ends its input. */
  async endInput(): Promise<void> {
    await this.#input.close().catch(ignorePipe);
  }

  /** Gives it input whole, and ends it. */
  async feed(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.write(bytes);
    await this.endInput();
  }

  /** Sends it a signal. */
  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for its end. */
  async ended(): Promise<number> {
    return await patiently(`the end: ${this.#said}`, async () => {
      const { code } = await this.#child.status;
      await this.#errors;
      return code;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
    await this.#child.status;
    await this.#errors;
    await this.output;
    await this.#input.abort().catch(() => {}); // closed
  }
}

/** A program that has ended does not take what is left for it. */
function ignorePipe(error: unknown): void {
  if (!(error instanceof Deno.errors.BrokenPipe || error instanceof TypeError)) throw error;
}

async function patiently<T>(what: string, work: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited too long for ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A port of the loopback that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
