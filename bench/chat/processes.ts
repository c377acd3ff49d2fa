/**
 * The processes of a benchmark: each real, each ended by its id.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url).pathname;
/** How long any one line of a process may take to come, in milliseconds. */
const LINE_TIMEOUT_MS = 120_000;
const NEWLINE = 10;

/** A running process with its input and output. */
export class Running {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #output: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  #held = "";

  /** Takes over a process whose input and output are pipes. */
  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.pid = child.pid;
    this.status = child.status;
    this.#input = child.stdin.getWriter();
    this.#output = child.stdout.getReader();
  }

  /** Writes to its input. */
  async write(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Ends its input. */
  async endInput(): Promise<void> {
    await this.#input.close();
  }

  /** The next piece of its output, as it comes; undefined at the end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return (await this.#output.read()).value;
  }

  /** The next line of its output. Not to be mixed with {@linkcode read} but between lines. */
  async line(): Promise<string> {
    const decoder = new TextDecoder();
    while (true) {
      const end = this.#held.indexOf("\n");
      if (end >= 0) {
        const line = this.#held.slice(0, end);
        this.#held = this.#held.slice(end + 1);
        return line;
      }
      const chunk = await within(LINE_TIMEOUT_MS, "a line of a process", this.read());
      if (chunk === undefined) throw new Error(`process ${this.pid} ended before it said a line`);
      this.#held += decoder.decode(chunk, { stream: true });
    }
  }

  /** Ends it, and waits until it has gone. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    this.kill(signal);
    await this.status;
  }

  /** Ends it by its id. */
  kill(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      // It has ended already, which is what was wanted.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Every process that a benchmark started. */
export class Processes {
  readonly #running = new Set<Running>();

  /** Starts a program. What it says on stderr is seen where `quiet` is not set. */
  start(program: string, args: readonly string[], quiet = false): Running {
    const child = new Deno.Command(program, {
      args: [...args],
      cwd: ROOT,
      stdin: "piped",
      stdout: "piped",
      stderr: quiet ? "null" : "inherit",
    }).spawn();
    const running = new Running(child);
    this.#running.add(running);
    running.status.then(() => this.#running.delete(running));
    return running;
  }

  /** Starts a module of this project with the given permissions. */
  deno(flags: readonly string[], module: string, args: readonly string[]): Running {
    return this.start("deno", ["run", "--no-prompt", "--frozen", ...flags, module, ...args]);
  }

  /** Starts `parley chat …` as a person would. */
  chat(args: readonly string[]): Running {
    return this.deno(["--allow-net"], "main.ts", ["chat", ...args]);
  }

  /** Ends all that still run. */
  killAll(): void {
    for (const running of this.#running) running.kill("SIGKILL");
  }
}

/**
 * Does work with processes, none of which outlives it: not where it fails, nor where it is interrupted.
 *
 * @param work What to do with them.
 */
export async function withProcesses<T>(work: (processes: Processes) => Promise<T>): Promise<T> {
  const processes = new Processes();
  const interrupted = () => {
    processes.killAll();
    Deno.exit(130);
  };
  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  for (const signal of signals) Deno.addSignalListener(signal, interrupted);
  try {
    return await work(processes);
  } finally {
    processes.killAll();
    for (const signal of signals) Deno.removeSignalListener(signal, interrupted);
  }
}

/**
 * Waits for a promise, but not for ever.
 *
 * @throws {Error} Where it takes longer.
 */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** How many lines end in a piece of output. */
export function linesIn(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count += 1;
  return count;
}

/** Waits. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
