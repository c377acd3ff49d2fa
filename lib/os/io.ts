/**
 * What a command gets from its process: standard input, output and errors, signals and permissions.
 *
 * Commands get an {@linkcode Io} as an argument. {@linkcode processIo} is the one of this process, and the
 * only code that names the standard streams of the runtime.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { fileFailure } from "./errors.ts";
import { DUMB_TERMINAL } from "./surroundings.ts";

/** Standard input, output and errors of a command, and the signals sent to it. */
export interface Io {
  readonly input: InputStream;
  readonly output: OutputStream;
  readonly errors: OutputStream;
  /**
   * Calls a handler at each signal, until what is returned is disposed.
   *
   * @param signal Such as `SIGINT`.
   */
  onSignal(signal: Deno.Signal, handler: () => void): Disposable;
}

/** Standard input. */
export interface InputStream {
  /**
   * Everything that comes, in order. There is one reader.
   *
   * @throws {Failure} While reading: what the system says.
   */
  chunks(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** The keyboard; undefined where the input is no terminal. */
  readonly keyboard: Keyboard | undefined;
}

/** A terminal's input. */
export interface Keyboard {
  /** Whether keys come one by one and are not echoed. */
  setRaw(raw: boolean): void;
  /** Reads some bytes; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** What is known of the paper that text is printed on. */
export interface Page {
  /** The columns that lines are wrapped at; undefined where they are not wrapped. */
  readonly columns: number | undefined;
  /** Whether text may have colours. */
  readonly coloured: boolean;
}

/** Standard output, or standard error. Writing throws {@linkcode ReaderGone} or another {@linkcode Failure}. */
export interface OutputStream extends Page {
  readonly isTerminal: boolean;
  /** Whether it is a terminal that obeys no escape codes. */
  readonly dumb: boolean;
  /** Columns and rows of the terminal, each 0 where it has no size; undefined where it is none. */
  readonly size: { readonly columns: number; readonly rows: number } | undefined;
  /** Writes some of the bytes: how many is returned. */
  write(bytes: Uint8Array): Promise<number>;
  /** The same, before it returns. */
  writeSync(bytes: Uint8Array): number;
}

/** The reader of an output has gone (`parley … | head -1`): nobody is left to be told. */
export class ReaderGone extends Failure {}

const encoder = new TextEncoder();

/**
 * Writes text whole, however many writes it takes.
 *
 * @param to `io.output`, or `io.errors`.
 */
export function writeAll(to: Pick<OutputStream, "writeSync">, text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
}

/**
 * Writes text to standard error. Where that cannot be written to, the text is dropped: there is no other
 * place to say so, and what the command does goes on.
 */
export function writeError({ errors }: Pick<Io, "errors">, text: string): void {
  try {
    writeAll(errors, text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

/** The standard streams and the signals of this process. None of it takes a permission. */
export function processIo(): Io {
  return {
    input: {
      chunks: readStandardInput,
      get keyboard() {
        return Deno.stdin.isTerminal() ? Deno.stdin : undefined;
      },
    },
    output: new ProcessOutput(Deno.stdout, "standard output"),
    errors: new ProcessOutput(Deno.stderr, "standard error"),
    onSignal(signal, handler) {
      Deno.addSignalListener(signal, handler);
      return { [Symbol.dispose]: () => Deno.removeSignalListener(signal, handler) };
    },
  };
}

async function* readStandardInput(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  try {
    yield* Deno.stdin.readable;
  } catch (error) {
    throw fileFailure(error, "cannot read standard input");
  }
}

/** How long a pipe that is full and does not block is left alone, in milliseconds. */
const FULL_MS = 10;

/** What the runtime's own outputs can do. */
type RuntimeOutput = Pick<typeof Deno.stdout, "write" | "writeSync" | "isTerminal">;

/** An output of this process. */
export class ProcessOutput implements OutputStream {
  readonly #stream: RuntimeOutput;
  readonly #what: string;

  /**
   * @param stream What the runtime has for it.
   * @param name What failures call it.
   */
  constructor(stream: RuntimeOutput, name: string) {
    this.#stream = stream;
    this.#what = `cannot write to ${name}`;
  }

  get isTerminal(): boolean {
    return this.#stream.isTerminal();
  }

  get dumb(): boolean {
    return this.isTerminal && DUMB_TERMINAL;
  }

  /** Never where `NO_COLOR` is set (no-color.org). */
  get coloured(): boolean {
    return this.isTerminal && !this.dumb && !Deno.noColor;
  }

  /** Some terminals have no size (expect(1) makes such): nothing is wrapped for those. */
  get columns(): number | undefined {
    return this.size?.columns || undefined;
  }

  get size(): { readonly columns: number; readonly rows: number } | undefined {
    return this.isTerminal ? Deno.consoleSize() : undefined;
  }

  async write(bytes: Uint8Array): Promise<number> {
    for (;;) {
      try {
        return await this.#stream.write(bytes);
      } catch (error) {
        this.#throwUnlessFull(error);
      }
      await new Promise((resolve) => setTimeout(resolve, FULL_MS));
    }
  }

  writeSync(bytes: Uint8Array): number {
    for (;;) {
      try {
        return this.#stream.writeSync(bytes);
      } catch (error) {
        this.#throwUnlessFull(error);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_MS);
    }
  }

  /** A pipe that another process has set not to block (`O_NONBLOCK`, open(2)) says so when it is full. */
  #throwUnlessFull(error: unknown): void {
    if (error instanceof Deno.errors.WouldBlock) return;
    const failure = fileFailure(error, this.#what);
    throw error instanceof Deno.errors.BrokenPipe
      ? new ReaderGone({ ...failure, why: "nobody reads it any longer", cause: error })
      : failure;
  }
}

/** What counts as being told to stop, besides SIGINT and SIGTERM. */
export interface StopSignalsOptions {
  /** Whether SIGHUP does: the terminal of the process is closed. False by default. */
  readonly hangup?: boolean;
}

/** SIGINT, SIGTERM and SIGHUP, as the exit codes that they end the process with. */
export class StopSignals implements Disposable {
  /** Fulfilled with the exit code: 130 for SIGINT (Ctrl-C), 0 for SIGTERM, 129 for SIGHUP. */
  readonly stopped: Promise<number>;
  /** Fulfilled when the process is told a second time. */
  readonly insisted: Promise<void>;
  readonly #listening: readonly Disposable[];

  /** Listens from now on. */
  constructor(io: Pick<Io, "onSignal">, { hangup = false }: StopSignalsOptions = {}) {
    const first = Promise.withResolvers<number>();
    const second = Promise.withResolvers<void>();
    this.stopped = first.promise;
    this.insisted = second.promise;
    let told = false;
    const stop = (code: number) => () => {
      if (told) second.resolve();
      told = true;
      first.resolve(code);
    };
    const posix = Deno.build.os !== "windows";
    this.#listening = [
      io.onSignal("SIGINT", stop(130)),
      // Asked to stop, it stops: nothing failed.
      ...(posix ? [io.onSignal("SIGTERM", stop(0))] : []),
      ...(posix && hangup ? [io.onSignal("SIGHUP", stop(129))] : []),
    ];
  }

  /** Listens no longer. */
  [Symbol.dispose](): void {
    for (const one of this.#listening) one[Symbol.dispose]();
  }
}

/** A part that is not shown. */
export interface Missing {
  /** What it is, in words. */
  readonly part: string;
  /** The permission that would show it: `sys`, `read=/etc/services`; null if none does on this system. */
  readonly permission: string | null;
}

/** Whether a permission is granted: asks nobody. */
export function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
