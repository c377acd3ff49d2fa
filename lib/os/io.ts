/**
 * What a command gets from its process: arguments, standard streams, signals and permissions.
 *
 * Commands get an {@linkcode Io} as an argument. {@linkcode processIo} is the one of this process, and the
 * only code that names the standard streams of the runtime.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { fileFailure } from "./errors.ts";

// The tasks of deno.json pass the terminal type as the first argument, `--task=$TERM`. Without a task, the program reads
// it from the environment if it is run with --allow-env=TERM.
const [first = "", ...rest] = Deno.args;
const task = /^--task=(.*)$/s.exec(first);

/** The program's arguments. */
export const ARGS: readonly string[] = task === null ? Deno.args : rest;

/**
 * Whether `deno task` is the parent process. It does not notice that a child stops (SIGTSTP), and keeps the shell from
 * the terminal meanwhile.
 */
export const UNDER_TASK: boolean = task !== null;

/** Whether the terminal has no escape codes: its type is `dumb` (terminfo(5)). Read before permissions are dropped. */
const DUMB_TERMINAL: boolean = (task?.[1] ?? readableTerm()) === "dumb";

function readableTerm(): string | undefined {
  // Asking for the permission takes 0.4 ms.
  if (!Deno.stdout.isTerminal() && !Deno.stderr.isTerminal()) return undefined;
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" ? Deno.env.get("TERM") : undefined;
}

/** The standard streams of a command, and the signals sent to it. */
export interface Io {
  readonly input: InputStream;
  readonly output: OutputStream;
  readonly errors: OutputStream;
  /**
   * Calls a handler at each signal until the returned object is disposed.
   *
   * @param signal A signal name, such as `SIGINT`.
   */
  onSignal(signal: Deno.Signal, handler: () => void): Disposable;
}

/** Standard input. */
export interface InputStream {
  /**
   * Returns the input as chunks, in order. Call it once.
   *
   * @throws {Failure} System errors, while iterating.
   */
  chunks(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /**
   * Reads bytes into the buffer and returns their number, or null at the end. It is the faster choice for large inputs.
   * Use either this or `chunks()`. Undefined if the input has only chunks.
   *
   * @throws {Failure} System errors.
   */
  readonly read?: (into: Uint8Array) => Promise<number | null>;
  /** The keyboard; undefined if the input is not a terminal. */
  readonly keyboard: Keyboard | undefined;
}

/** A terminal's input. */
export interface Keyboard {
  /** Turns raw mode on or off. In raw mode keys arrive one by one and are not echoed. */
  setRaw(raw: boolean): void;
  /** Reads bytes into the buffer. Returns their number, or null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
}

/** How text may be laid out on an output. */
export interface Page {
  /** The column at which lines are wrapped; undefined if they are not wrapped. */
  readonly columns: number | undefined;
  /** Whether text may be coloured. */
  readonly coloured: boolean;
}

/** Standard output or standard error. Writes throw {@linkcode ReaderGone} or another {@linkcode Failure}. */
export interface OutputStream extends Page {
  readonly isTerminal: boolean;
  /** Whether it is a terminal without escape codes. */
  readonly dumb: boolean;
  /** The terminal's columns and rows, each 0 if it reports no size; undefined if it is not a terminal. */
  readonly size: { readonly columns: number; readonly rows: number } | undefined;
  /** Writes some of the bytes and returns how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Does the same synchronously. */
  writeSync(bytes: Uint8Array): number;
}

/** Thrown if the reader of an output has closed it, as in `parley … | head -1`. No one is left to report it to. */
export class ReaderGone extends Failure {}

const encoder = new TextEncoder();

/**
 * Writes all of a text, in as many writes as it takes.
 *
 * @param to `io.output` or `io.errors`.
 */
export function writeAll(to: Pick<OutputStream, "writeSync">, text: string): void {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(to.writeSync(bytes));
}

/**
 * Writes text to standard error. If the write fails, the text is dropped and the command continues: there is no other
 * place to report the error.
 */
export function writeError({ errors }: Pick<Io, "errors">, text: string): void {
  try {
    writeAll(errors, text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
  }
}

/** Returns the standard streams and signals of this process. They need no permission. */
export function processIo(): Io {
  return {
    input: {
      chunks: readStandardInput,
      read: readSome,
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

/** Returns the same streams, with a terminal's output as one without escape codes and colours. */
export function plainIo(io: Io): Io {
  return { ...io, output: plainOutput(io.output), errors: plainOutput(io.errors) };
}

function plainOutput(stream: OutputStream): OutputStream {
  return {
    isTerminal: stream.isTerminal,
    dumb: stream.isTerminal,
    coloured: false,
    get columns() {
      return stream.columns;
    },
    get size() {
      return stream.size;
    },
    write: (bytes) => stream.write(bytes),
    writeSync: (bytes) => stream.writeSync(bytes),
  };
}

/** Not a generator, which passes each chunk on by several promises. */
function readStandardInput(): AsyncIterable<Uint8Array<ArrayBuffer>> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  const next = async (): Promise<IteratorResult<Uint8Array<ArrayBuffer>, undefined>> => {
    const length = await readSome(buffer);
    return length === null
      ? { done: true, value: undefined }
      : { done: false, value: buffer.slice(0, length) };
  };
  return { [Symbol.asyncIterator]: () => ({ next }) };
}

/** The most bytes of a chunk of standard input. */
const CHUNK_BYTES = 64 << 10;

async function readSome(into: Uint8Array): Promise<number | null> {
  for (;;) {
    try {
      return await Deno.stdin.read(into);
    } catch (error) {
      // EAGAIN: another process may have made the pipe non-blocking (`O_NONBLOCK`, open(2)), and it is empty.
      if (!(error instanceof Deno.errors.WouldBlock)) {
        throw fileFailure(error, "cannot read standard input");
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** The pause in milliseconds before retrying with a non-blocking pipe that is full or empty. */
const RETRY_MS = 10;

/** The methods of the runtime's output streams that are used. */
type RuntimeOutput = Pick<typeof Deno.stdout, "write" | "writeSync" | "isTerminal">;

/** An output of this process. */
export class ProcessOutput implements OutputStream {
  readonly #stream: RuntimeOutput;
  readonly #what: string;

  /**
   * @param stream The runtime's stream.
   * @param name Its name in failures.
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

  /** False if `NO_COLOR` is set (no-color.org). */
  get coloured(): boolean {
    return this.isTerminal && !this.dumb && !Deno.noColor;
  }

  /** Some terminals report a size of 0, such as those of expect(1). Lines are not wrapped for them. */
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
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  writeSync(bytes: Uint8Array): number {
    for (;;) {
      try {
        return this.#stream.writeSync(bytes);
      } catch (error) {
        this.#throwUnlessFull(error);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }

  /** Ignores EAGAIN: another process may have made the pipe non-blocking (`O_NONBLOCK`, open(2)), and it is full. */
  #throwUnlessFull(error: unknown): void {
    if (error instanceof Deno.errors.WouldBlock) return;
    const failure = fileFailure(error, this.#what);
    throw error instanceof Deno.errors.BrokenPipe
      ? new ReaderGone({ ...failure, why: "the reader has closed it", cause: error })
      : failure;
  }
}

/** The exit code of a command that SIGTERM stops before it is complete: 128 and the number of the signal, as in sh(1). */
export const TERMINATED = 143;

/** Options of {@linkcode StopSignals}. */
export interface StopSignalsOptions {
  /** Whether SIGHUP (the terminal closed) stops the process too. False by default. */
  readonly hangup?: boolean;
  /** The exit code for SIGTERM: 0, the default, for a command that runs until it is stopped; otherwise {@linkcode TERMINATED}. */
  readonly terminated?: 0 | typeof TERMINATED;
}

/** Listens for SIGINT, SIGTERM and SIGHUP and maps them to exit codes. */
export class StopSignals implements Disposable {
  /** Resolves with the exit code: 130 for SIGINT (Ctrl-C), 0 or {@linkcode TERMINATED} for SIGTERM, 129 for SIGHUP. */
  readonly stopped: Promise<number>;
  /** Resolves at the second signal. */
  readonly insisted: Promise<void>;
  readonly #listening: readonly Disposable[];

  /** Starts listening. */
  constructor(
    io: Pick<Io, "onSignal">,
    { hangup = false, terminated = 0 }: StopSignalsOptions = {},
  ) {
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
      // A requested stop is not a failure of a command that would run for ever.
      ...(posix ? [io.onSignal("SIGTERM", stop(terminated))] : []),
      ...(posix && hangup ? [io.onSignal("SIGHUP", stop(129))] : []),
    ];
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    for (const one of this.#listening) one[Symbol.dispose]();
  }
}

/**
 * Runs work until it ends or SIGINT or SIGTERM arrives.
 *
 * @param work The work. It ends with the reason of its signal if that is aborted.
 * @param options The exit code for SIGTERM.
 * @returns The exit code of the work, or that of {@linkcode StopSignals}.
 */
export async function untilStopped(
  io: Pick<Io, "onSignal">,
  work: (signal: AbortSignal) => Promise<number>,
  options: StopSignalsOptions = {},
): Promise<number> {
  using signals = new StopSignals(io, options);
  const stop = new AbortController();
  signals.stopped.then(() => stop.abort(new DOMException("Interrupted", "AbortError")));
  try {
    return await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted || error !== stop.signal.reason) throw error;
    return await signals.stopped;
  }
}

/** A part of the output that is missing because a permission was not granted. */
export interface Missing {
  /** The part, in words. */
  readonly part: string;
  /** The permission that would show it: `sys`, `read=/etc/services`; null if none does on this system. */
  readonly permission: string | null;
}

/** Returns whether a permission is granted, without a prompt. */
export function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** The part of the read permission to keep. */
export interface KeptReading {
  /** A file that will be read again by its path. The permission covers the file, not its directory. */
  readonly path: string;
  /** Files that will not be read again. */
  readonly done: readonly string[];
}

/** Gives up the permissions that were needed only to open or read the files named in options. */
export type Release = (kept?: KeptReading) => void;
