/**
 * Standard input as lines, secrets typed without echo, and standard output that does not wait for its reader.
 *
 * @module
 */

import { type Bytes, concat, shortAscii, utf8 } from "../base/bytes.ts";
import { Failure } from "../base/failure.ts";
import { fileFailure } from "./errors.ts";
import { type Io, type Keyboard, StopSignals, writeError } from "./io.ts";

/** One event from a person or program that types. The terminal's screen produces the same events. */
export type Input =
  | { readonly kind: "line"; readonly text: string }
  /** A line that is too long to keep. `bytes` is its length. */
  | { readonly kind: "long"; readonly bytes: number }
  | { readonly kind: "interrupt" }
  | { readonly kind: "end" };

const NEWLINE = 10;
const RETURN = 13;
const NOTHING: Bytes = new Uint8Array(0);
/** How many bytes are decoded at a time. The text of one line can keep all of them in memory. */
const PIECE_BYTES = 4 << 10;

/**
 * Splits a stream into lines, without line ends. Text after the last newline is a line too. Read one line at a time.
 *
 * @param chunks The stream.
 * @param maxBytes The longest line to keep. For a longer line, only its length is reported.
 */
export function readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncIterableIterator<Input, void> {
  return new LineReader(chunks[Symbol.asyncIterator](), maxBytes);
}

/** Not a generator, which passes each line on by several promises. */
class LineReader implements AsyncIterableIterator<Input, void> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #line: PartialLine;
  readonly #size: number;
  #chunk: Uint8Array = NOTHING;
  /** Where the part of the chunk starts that has not been split. */
  #at = 0;
  /** The lines that were split, and how many of them were taken. */
  #lines: Input[] = [];
  #taken = 0;
  #ended = false;

  constructor(chunks: AsyncIterator<Uint8Array>, maxBytes: number) {
    this.#chunks = chunks;
    this.#line = new PartialLine(maxBytes);
    this.#size = Math.min(PIECE_BYTES, maxBytes);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Input, void>> {
    while (this.#taken === this.#lines.length) {
      this.#lines = [];
      this.#taken = 0;
      if (this.#at < this.#chunk.length) this.#split();
      else if (this.#ended) return { done: true, value: undefined };
      else {
        this.#ended = true; // a stream that fails has ended
        const { done, value } = await this.#chunks.next();
        if (done !== true) {
          this.#ended = false;
          this.#chunk = value;
          this.#at = 0;
        } else if (this.#line.length > 0) this.#lines.push(this.#line.end(NOTHING));
      }
    }
    return { done: false, value: this.#lines[this.#taken++]! };
  }

  /** Splits the next piece of the chunk. */
  #split(): void {
    const piece = this.#chunk.subarray(this.#at, this.#at + this.#size);
    this.#at += piece.length;
    const first = piece.indexOf(NEWLINE);
    if (first >= 0) {
      this.#lines.push(this.#line.end(piece.subarray(0, first)));
      for (const text of textsIn(piece, first + 1)) this.#lines.push({ kind: "line", text });
    }
    this.#line.add(piece.subarray(piece.lastIndexOf(NEWLINE) + 1));
  }
}

/** Returns the texts of the lines that start and end in a piece, from an offset on. */
function textsIn(piece: Uint8Array, from: number): string[] {
  const end = piece.lastIndexOf(NEWLINE);
  if (end < from) return [];
  const texts = decoder.decode(piece.subarray(from, end)).split("\n");
  return texts.map((text) => text.endsWith("\r") ? text.slice(0, -1) : text);
}

/** The line read so far. */
class PartialLine {
  readonly #max: number;
  #parts: Bytes[] = [];
  length = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return; // as after most lines
    this.length += part.length;
    // One byte over the limit is kept: it may be the carriage return of the line end.
    if (this.length <= this.#max + 1) this.#parts.push(part.slice());
    else this.#parts = [];
  }

  /** Adds the last part, which is not kept, and returns the line. */
  end(part: Uint8Array): Input {
    const length = this.length + part.length;
    const bytes = this.#parts.length === 0 ? part : concat([...this.#parts, part]);
    this.#parts = [];
    this.length = 0;
    const end = bytes.at(-1) === RETURN ? bytes.length - 1 : bytes.length;
    if (length > this.#max + 1 || end > this.#max) return { kind: "long", bytes: length };
    // Invalid UTF-8 becomes U+FFFD, so that no line is dropped.
    const kept = end === bytes.length ? bytes : bytes.subarray(0, end);
    return { kind: "line", text: shortAscii(kept) ?? decoder.decode(kept) };
  }
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Writes lines in order. Lines printed during a write go out with the next one. */
export class Output {
  readonly #writer: { write(bytes: Uint8Array): Promise<number> };
  readonly #written: (marked: number) => void;
  readonly #form: (text: string) => string;
  #pending: string[] = [];
  #mark = 0;
  /** The number of print() calls, and how many of them have been written. */
  #printed = 0;
  #done = 0;
  #waiting: { readonly printed: number; resolve(): void }[] = [];
  #writing: Promise<void> | undefined;
  readonly #failed = Promise.withResolvers<unknown>();
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param writer The destination, such as `io.output`.
   * @param written Called with the last mark up to which everything has been written.
   * @param form Formats lines just before they are written.
   */
  constructor(
    writer: { write(bytes: Uint8Array): Promise<number> },
    written: (marked: number) => void,
    form: (text: string) => string = (text) => text,
  ) {
    this.#writer = writer;
    this.#written = written;
    this.#form = form;
  }

  /** Resolves with the error after which nothing more can be written. */
  get failed(): Promise<unknown> {
    return this.#failed.promise;
  }

  /** The error after which nothing more can be written. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  /** Queues lines, possibly none. When they are written, `mark` counts as reached. */
  print(lines: readonly string[], mark: number = this.#mark): void {
    if (this.#failure !== undefined || lines.length === 0 && mark === this.#mark) return;
    for (const line of lines) this.#pending.push(line);
    this.#mark = mark;
    this.#printed += 1;
    this.#writing ??= this.#drain();
  }

  /** Resolves when everything printed so far is written. Returns undefined if it already is. */
  caughtUp(): Promise<void> | undefined {
    if (this.#done === this.#printed || this.#failure !== undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ printed: this.#printed, resolve });
    return promise;
  }

  async #drain(): Promise<void> {
    // Waits for the end of this turn: one frame may print many lines.
    await undefined;
    try {
      while (this.#done < this.#printed) {
        const mark = this.#mark;
        const printed = this.#printed;
        await this.#write(this.#pending.splice(0));
        this.#done = printed;
        this.#written(mark);
        this.#wake();
      }
    } catch (error) {
      this.#failure = { error };
      this.#failed.resolve(error);
      this.#pending = [];
      this.#done = this.#printed;
      this.#wake();
    } finally {
      // In this turn: lines printed before a later turn would wait for the next print().
      this.#writing = undefined;
    }
  }

  #wake(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = waiting.filter(({ printed }) => printed > this.#done);
    for (const { printed, resolve } of waiting) if (printed <= this.#done) resolve();
  }

  async #write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    let bytes = utf8(this.#form(`${lines.join("\n")}\n`));
    while (bytes.length > 0) bytes = bytes.subarray(await this.#writer.write(bytes));
  }
}

/** Turns an error of standard output into a failure. */
export function outputFailure(error: unknown): Failure {
  return fileFailure(error, "cannot write to standard output");
}

/** The most lines that may wait to be written. A slower reader loses lines. */
const MAX_WAITING = 10_000;
/** The length above which a line counts as several, in UTF-16 code units. */
const LINE_LENGTH = 400;

/** Prints lines without blocking on the reader. Lines that do not fit are dropped and counted. */
export class BoundedLog {
  /** Rejects with the error of a failed write. */
  readonly failed: Promise<never>;
  readonly #output: Output;
  #printed = 0;
  #written = 0;
  #leftOut = 0;

  /** @param writer The destination, such as `io.output`. */
  constructor(writer: { write(bytes: Uint8Array): Promise<number> }) {
    const { promise, reject } = Promise.withResolvers<never>();
    this.failed = promise;
    // A caller that does not await `failed` gets the error from print() and flush().
    promise.catch(() => {});
    const write = async (bytes: Uint8Array) => {
      try {
        return await writer.write(bytes);
      } catch (error) {
        reject(error);
        throw error;
      }
    };
    this.#output = new Output({ write }, (written) => this.#written = written);
  }

  /** The number of dropped lines. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * Prints lines, or drops them if too many wait.
   *
   * @param always Whether to print them however many lines wait.
   * @throws The error of a failed write, for example if the reader has gone.
   */
  print(lines: readonly string[], always = false): void {
    if (this.#output.failure !== undefined) throw this.#output.failure.error;
    if (!always && this.#printed - this.#written >= MAX_WAITING) {
      this.#leftOut += lines.length;
      return;
    }
    for (const { length } of lines) this.#printed += Math.max(1, length / LINE_LENGTH);
    this.#output.print(lines, this.#printed);
  }

  /** Waits until everything is written. */
  async flush(): Promise<void> {
    await this.#output.caughtUp();
    if (this.#output.failure !== undefined) throw this.#output.failure.error;
  }
}

/**
 * Reads an input to its end, ahead of the consumer. With a terminal, Ctrl-C is noticed while earlier lines wait. The
 * queue has no limit: a person types slowly.
 */
export class ReadAhead implements AsyncIterable<Input> {
  readonly #queue: Input[] = [];
  #heard: (entered: Input) => boolean = () => false;
  #end: { readonly error?: unknown } | undefined;
  #wake = () => {};

  /**
   * Starts reading.
   *
   * @param input The input to read.
   */
  constructor(input: AsyncIterable<Input>) {
    this.#read(input).then(
      () => this.#finish({}),
      (error) => this.#finish({ error }),
    );
  }

  /**
   * Sets who hears of each event as it is read, in place of an earlier listener.
   *
   * @param heard Returns whether the event is dealt with, so that the consumer does not get it.
   */
  listen(heard: (entered: Input) => boolean): void {
    this.#heard = heard;
  }

  async #read(input: AsyncIterable<Input>): Promise<void> {
    for await (const entered of input) {
      this.#queue.push(entered);
      if (this.#heard(entered)) this.#queue.splice(this.#queue.lastIndexOf(entered), 1);
      this.#wake();
    }
  }

  #finish(end: { readonly error?: unknown }): void {
    this.#end = end;
    this.#wake();
  }

  /** The events that were read but not yet consumed. */
  get waiting(): readonly Input[] {
    return this.#queue;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Input, void, void> {
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#end === undefined) await new Promise<void>((resolve) => this.#wake = resolve);
      else if ("error" in this.#end) throw this.#end.error;
      else return;
    }
  }
}

/**
 * Lets one consumer after another read an input: a loop that ends early does not end the input.
 *
 * @param input The input. Nothing else reads it.
 */
export function shared<T>(input: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = input[Symbol.asyncIterator]();
  return { [Symbol.asyncIterator]: () => ({ next: () => iterator.next() }) };
}

/** The longest secret that can be typed, in bytes. */
const MAX_SECRET_BYTES = 1024;

/** Collects a secret from the bytes of a terminal in raw mode. */
export class HiddenLine {
  #bytes: number[] = [];

  /** What was typed so far, as bytes. */
  get bytes(): Bytes {
    return new Uint8Array(this.#bytes);
  }

  /**
   * Takes typed bytes. Backspace removes a character, Ctrl-U everything. Other control characters are dropped.
   *
   * @returns `entered` after Enter, `interrupted` after Ctrl-C or Ctrl-D, otherwise undefined.
   */
  type(typed: Uint8Array): "entered" | "interrupted" | undefined {
    for (const byte of typed) {
      if (byte === NEWLINE || byte === RETURN) return "entered";
      if (byte === CTRL_C || byte === CTRL_D) return "interrupted";
      if (byte === CTRL_U) this.#bytes = [];
      else if (byte === BACKSPACE || byte === DELETE) this.#removeCharacter();
      else if (byte >= 0x20 && this.#bytes.length < MAX_SECRET_BYTES) this.#bytes.push(byte);
    }
    return undefined;
  }

  /** Removes one character of UTF-8: its last byte, and the bytes before it up to its first. */
  #removeCharacter(): void {
    for (let byte = this.#bytes.pop(); byte !== undefined && (byte & 0xc0) === 0x80;) {
      byte = this.#bytes.pop();
    }
  }
}

const CTRL_C = 3;
const CTRL_D = 4;
const BACKSPACE = 8;
const CTRL_U = 21;
const DELETE = 127;

/**
 * Asks for a secret at the terminal and reads it without echo. If standard input is not a terminal, it reads from the
 * terminal of the process, `/dev/tty`.
 *
 * @param io Provides the keyboard, standard error for the prompt, and the signals.
 * @param secret The secret, for the prompt and for failures: "passphrase of key.pem".
 * @returns What was typed, as bytes.
 * @throws {Failure} `NO_TERMINAL` if there is no terminal that may be read; `INTERRUPTED`.
 */
export async function askHidden(io: Io, secret: string): Promise<Bytes> {
  const { keyboard } = io.input;
  if (keyboard !== undefined) return await readHidden(io, keyboard, secret);
  using terminal = await openTerminal(secret);
  return await readHidden(io, terminal, secret);
}

const TERMINAL = "/dev/tty";

async function openTerminal(secret: string): Promise<Deno.FsFile> {
  const what = `cannot ask for the ${secret}`;
  try {
    return await Deno.open(TERMINAL, { read: true });
  } catch (cause) {
    const isPermission = cause instanceof Deno.errors.NotCapable;
    throw new Failure({
      what,
      why: isPermission
        ? "standard input is not a terminal, and parley may not read /dev/tty"
        : "there is no terminal to read it from",
      code: "NO_TERMINAL",
      hint: isPermission ? `permit parley to read ${TERMINAL}` : "run it at a terminal",
    });
  }
}

async function readHidden(io: Io, keyboard: Keyboard, secret: string): Promise<Bytes> {
  const line = new HiddenLine();
  const buffer = new Uint8Array(MAX_SECRET_BYTES);
  using signals = new StopSignals(io, { hangup: true });
  const stopped = signals.stopped.then(() => undefined);
  keyboard.setRaw(true);
  try {
    writeError(io, `${secret}: `);
    for (;;) {
      const length = await Promise.race([keyboard.read(buffer), stopped]);
      const outcome = length === undefined
        ? "interrupted"
        : line.type(buffer.subarray(0, length ?? 0));
      if (outcome === "entered" || length === null) return line.bytes;
      if (outcome === "interrupted") throw interrupted(secret);
    }
  } finally {
    buffer.fill(0);
    keyboard.setRaw(false);
    writeError(io, "\n");
  }
}

function interrupted(secret: string): Failure {
  return new Failure({
    what: `cannot ask for the ${secret}`,
    why: "interrupted",
    code: "INTERRUPTED",
    exitCode: 130,
  });
}
