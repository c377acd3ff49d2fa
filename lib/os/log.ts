/**
 * What a program says and keeps of its work: a relay's log, one line of `key=value` pairs for each event; the line on a
 * terminal that shows how far an operation has come; and a private file of lines.
 *
 * A relay's log never has messages, keys or tokens.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { fileFailure } from "./errors.ts";
import type { HeldFile } from "./held_file.ts";
import { type Io, writeError } from "./io.ts";

/** Levels from the most to the least important. */
export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

/** The importance of an event. */
export type LogLevel = typeof LOG_LEVELS[number];

/** The details of an event. Undefined values are omitted. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Values that need no quotes. */
const BARE = /^[\w.:+/@[\]-]+$/;

/** Writes the events that are at least as important as a level. */
export class Log {
  readonly #depth: number;
  readonly #write: (line: string) => void;
  readonly #now: () => number;

  /**
   * @param level The least important level to write. Undefined writes nothing.
   * @param write Called with each line, line feed included.
   * @param now Returns the time in milliseconds since 1970.
   */
  constructor(
    level: LogLevel | undefined,
    write: (line: string) => void,
    now: () => number = Date.now,
  ) {
    this.#depth = level === undefined ? -1 : LOG_LEVELS.indexOf(level);
    this.#write = write;
    this.#now = now;
  }

  /** Writes an event, if its level is enabled. */
  write(level: LogLevel, event: string, fields: LogFields = {}): void {
    if (LOG_LEVELS.indexOf(level) > this.#depth) return;
    const time = new Date(this.#now()).toISOString();
    const words = Object.entries({ time, level, event, ...fields }).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}=${logValue(value)}`]
    );
    this.#write(`${words.join(" ")}\n`);
  }
}

/** Formats a value for `key=`: on one line, printable, quoted if necessary. */
export function logValue(value: string | number): string {
  const text = String(value);
  return BARE.test(text) ? text : JSON.stringify(printable(text));
}

/** The most UTF-16 code units that may wait for the target of a relay's log. Lines beyond that are dropped. */
const MAX_WAITING = 1024 * 1024;
/** The same for an appended file. */
const MAX_WAITING_FOR_FILE = 16 * MAX_WAITING;
const LINE_FEED = 10;
const encoder = new TextEncoder();

/** The destination of a log: `Deno.stderr` or a file. */
export interface LogTarget {
  write(bytes: Uint8Array): Promise<number>;
}

/**
 * Writes log lines without waiting for the target. A log must not stop the relay: lines that the target refuses (its
 * reader is gone, its disk is full) or does not accept in time are dropped and counted.
 */
export class LogSink {
  readonly #target: LogTarget;
  readonly #recovered: (lines: number) => void;
  readonly #most: number;
  #waiting: string[] = [];
  #length = 0;
  #dropped = 0;
  /** The number of dropped lines already reported through `recovered`. */
  #told = 0;
  /** Whether the target ends within a line. */
  #cut: boolean;
  #writing: Promise<void> | undefined;

  /**
   * @param target The destination of the bytes.
   * @param recovered Called with the number of dropped lines, after the first write that succeeds again.
   * @param most The most UTF-16 code units that may wait.
   * @param cut Whether the target ends within a line already.
   */
  constructor(
    target: LogTarget,
    recovered: (lines: number) => void,
    most: number = MAX_WAITING,
    cut = false,
  ) {
    this.#target = target;
    this.#recovered = recovered;
    this.#most = most;
    this.#cut = cut;
  }

  /** The number of lines dropped so far. */
  get dropped(): number {
    return this.#dropped;
  }

  /**
   * Queues a line, line feed included, or drops it.
   *
   * @returns Whether it is queued.
   */
  write(line: string): boolean {
    if (this.#length + line.length > this.#most) {
      this.#dropped += 1;
      return false;
    }
    this.#waiting.push(line);
    this.#length += line.length;
    this.#writing ??= this.#drain();
    return true;
  }

  /** Resolves when every line so far has been written or dropped. */
  get flushed(): Promise<void> {
    return this.#writing ?? Promise.resolve();
  }

  async #drain(): Promise<void> {
    // Waits for the end of this turn, so that several events share one write.
    await undefined;
    while (this.#waiting.length > 0) {
      const text = (this.#cut ? "\n" : "") + this.#waiting.join("");
      this.#waiting = [];
      this.#length = 0;
      if (await this.#put(encoder.encode(text)) && this.#told < this.#dropped) {
        const lines = this.#dropped - this.#told;
        this.#told = this.#dropped;
        this.#recovered(lines);
      }
    }
    this.#writing = undefined;
  }

  /** Writes bytes. Counts the lines that were not written to their end. */
  async #put(bytes: Uint8Array): Promise<boolean> {
    let rest = bytes;
    try {
      while (rest.length > 0) rest = rest.subarray(await this.#target.write(rest));
      this.#cut = false;
      return true;
    } catch {
      // There is no other place to report it: the metrics have the count, and the log once it accepts lines again.
      if (rest.length < bytes.length) {
        this.#cut = bytes[bytes.length - rest.length - 1] !== LINE_FEED;
      }
      const skipped = rest.length === bytes.length && bytes[0] === LINE_FEED ? 1 : 0;
      this.#dropped += rest.reduce((sum, byte) => sum + (byte === LINE_FEED ? 1 : 0), -skipped);
      return false;
    }
  }
}

/** Milliseconds between redraws. Work that ends before the first draw shows nothing. */
const DRAW_MS = 200;
const FRAMES = "|/-\\";
const CLEAR = "\r\x1b[K";

/**
 * Shows the progress of an operation on standard error. It shows nothing if standard error is not a terminal, or a
 * terminal without escape codes.
 */
export class Progress implements Disposable {
  readonly #io: Pick<Io, "errors">;
  #label: string;
  /** The start of the operation by the monotonic clock, in milliseconds. */
  #since = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  #bytes: number | undefined;
  #total: number | undefined;
  #frame = 0;

  /**
   * Starts an operation.
   *
   * @param io Provides standard error.
   * @param label What is being done, such as "making a key of 4096 bits".
   */
  constructor(io: Pick<Io, "errors">, label: string) {
    this.#io = io;
    this.#label = label;
    this.next(label);
  }

  /** Starts the next part of the operation. */
  next(label: string): void {
    this.#label = label;
    this.#bytes = this.#total = undefined;
    const { isTerminal, dumb } = this.#io.errors;
    if (this.#timer !== undefined || !isTerminal || dumb) return;
    this.#since = performance.now();
    this.#timer = setInterval(() => this.#draw(), DRAW_MS);
  }

  /** Reports the number of bytes done, and the total if it is known. */
  bytes(done: number, total?: number): void {
    this.#bytes = done;
    this.#total = total;
  }

  #draw(): void {
    const seconds = Math.floor((performance.now() - this.#since) / 1000);
    const parts = [this.#label];
    if (this.#bytes !== undefined) parts.push(amount(this.#bytes, this.#total));
    parts.push(`${seconds} s`);
    writeError(this.#io, `${CLEAR}${FRAMES[this.#frame++ % FRAMES.length]} ${parts.join(", ")}`);
  }

  /** Stops and clears the line, so that other text can follow. */
  done(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#frame > 0) writeError(this.#io, CLEAR);
    this.#frame = 0;
  }

  [Symbol.dispose](): void {
    this.done();
  }
}

function amount(done: number, total: number | undefined): string {
  return total === undefined ? mebibytes(done) : `${mebibytes(done)} of ${mebibytes(total)}`;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** A private file of lines to which a process appends. Lines that wait are written together. */
export class AppendedFile implements AsyncDisposable {
  readonly #held: HeldFile;
  readonly #failed: (error: unknown) => void;
  readonly #sink: LogSink;
  #hasFailed = false;

  private constructor(held: HeldFile, failed: (error: unknown) => void, cut: boolean) {
    this.#held = held;
    this.#failed = failed;
    const write = (bytes: Uint8Array) => this.#write(bytes);
    this.#sink = new LogSink({ write }, () => {}, MAX_WAITING_FOR_FILE, cut);
  }

  /**
   * Opens a file, or creates it with the mode 0600. If it ends within a line, as after a power cut, the next line starts
   * a new one.
   *
   * @param path The file.
   * @param failed Called at the first write that fails, or when the first line is dropped because too much waits.
   * Later lines are tried all the same.
   * @throws {Failure} `NOT_A_FILE`; `FILE_NOT_PRIVATE` if other users may read or write it; `FILE_OF_ANOTHER`; file system
   * errors.
   */
  static async open(path: string, failed: (error: unknown) => void): Promise<AppendedFile> {
    const what = `cannot open ${printable(path)}`;
    // Loaded here, since a log and a progress line need no file.
    const [{ HeldFile }, { bitsOf }] = await Promise.all([
      import("./held_file.ts"),
      import("./files.ts"),
    ]);
    try {
      const held = await HeldFile.open(path, { append: true, mode: 0o600, guarded: true });
      const { mode, size } = await held.file.stat();
      if (mode === null || Deno.build.os === "windows" || (mode & 0o077) === 0) {
        return new AppendedFile(held, failed, await endsWithinLine(held.file, size));
      }
      held[Symbol.dispose]();
      const why = `users other than its owner may use it (mode ${bitsOf(mode)})`;
      const hint = "permit it to its owner alone: chmod 600";
      throw new Failure({ what, why, code: "FILE_NOT_PRIVATE", hint });
    } catch (error) {
      throw fileFailure(error, what);
    }
  }

  /**
   * Reads the last lines.
   *
   * @param maxBytes The most bytes to read. A line that starts before them is left out.
   */
  async lastLines(maxBytes: number): Promise<string[]> {
    const { file } = this.#held;
    const length = await file.seek(0, Deno.SeekMode.End);
    const from = Math.max(0, length - maxBytes);
    await file.seek(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length - from);
    let read = 0;
    while (read < bytes.length) {
      const more = await file.read(bytes.subarray(read));
      if (more === null) break;
      read += more;
    }
    const lines = new TextDecoder().decode(bytes.subarray(0, read)).split("\n");
    lines.pop(); // empty, or a line that was cut short
    return from === 0 ? lines : lines.slice(1);
  }

  /** Appends a line in the background, after those before it. */
  append(line: string): void {
    if (this.#sink.write(`${line}\n`)) return;
    this.#fail(new Error("the disk is too slow for what is to be written"));
  }

  async #write(bytes: Uint8Array): Promise<number> {
    try {
      return await this.#held.file.write(bytes);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #fail(error: unknown): void {
    if (!this.#hasFailed) this.#failed(error);
    this.#hasFailed = true;
  }

  /** Waits for the writes and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sink.flushed;
    this.#held[Symbol.dispose]();
  }
}

async function endsWithinLine(file: Deno.FsFile, size: number): Promise<boolean> {
  const last = new Uint8Array([LINE_FEED]);
  await file.seek(Math.max(0, size - 1), Deno.SeekMode.Start);
  await file.read(last);
  return last[0] !== LINE_FEED;
}
