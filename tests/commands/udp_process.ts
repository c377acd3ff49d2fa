/**
 * parley's datagrams as processes: what they say, line by line.
 *
 * @module
 */

import { command } from "../fixtures/parley.ts";

/** One object of `--json`. */
export interface UdpEvent {
  readonly event: string;
  readonly at: string;
  readonly [field: string]: unknown;
}

/** A process of `parley udp` whose output is read as it comes. */
export class UdpProcess implements AsyncDisposable {
  readonly lines: string[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #errors: Promise<string>;
  readonly #reading: Promise<void>;
  #changed = Promise.withResolvers<void>();
  #ended = false;

  constructor(...args: readonly string[]) {
    const ffi = args.includes("--ffi") ? ["--allow-ffi"] : [];
    this.#child = command(["udp", ...args], ["--allow-net", ...ffi]).spawn();
    this.#errors = new Response(this.#child.stderr).text();
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      this.lines.push(...lines);
      this.#notify();
    }
    this.#ended = true;
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** What it has said so far, as objects. */
  get events(): UdpEvent[] {
    return this.lines.map((line) => JSON.parse(line));
  }

  /** Waits for a line; fails with what it said after three minutes. */
  async line(wanted: RegExp): Promise<RegExpExecArray> {
    const late = AbortSignal.timeout(180_000);
    const lateness = new Promise<void>((resolve) => late.onabort = () => resolve());
    try {
      for (;;) {
        for (const line of this.lines) {
          const found = wanted.exec(line);
          if (found !== null) return found;
        }
        if (late.aborted || this.#ended) {
          throw new Error(`no ${wanted} in:\n${this.lines.join("\n")}`);
        }
        await Promise.race([this.#changed.promise, lateness]);
      }
    } finally {
      late.onabort = null;
    }
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end. */
  async ended(): Promise<{ readonly code: number; readonly stderr: string }> {
    const { code } = await this.#child.status;
    await this.#reading;
    return { code, stderr: await this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended
    }
    await this.ended();
  }
}

/** A server that listens, and its port. */
export async function startEcho(
  ...args: readonly string[]
): Promise<{ readonly server: UdpProcess; readonly port: string }> {
  const server = new UdpProcess("server", "-p", "0", ...args);
  const [, port] = await server.line(/^Listening at .*:(\d+)$|"port":(\d+)/)
    .then((found) => found.filter((part) => part !== undefined));
  return { server, port: port! };
}
