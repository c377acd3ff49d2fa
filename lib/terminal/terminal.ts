/**
 * A terminal: raw bytes, size and signals.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import type { Io, Keyboard, OutputStream } from "../os/io.ts";
import { UNDER_TASK } from "../os/surroundings.ts";

/** What happens to a terminal, or to the process at it. */
export interface TerminalHandlers {
  /** It has another size. */
  resized(): void;
  /** The process was stopped and goes on: others have written meanwhile. */
  resumed(): void;
  /** The process was told to stop for a while (SIGTSTP). */
  toldToStop(): void;
  /** The process was told to end. */
  told(): void;
  /** The process ends now. */
  ending(): void;
}

/** A terminal. */
export interface Terminal {
  size(): Size;
  setRaw(raw: boolean): void;
  /** What was typed, or null where nothing will come any more; the same bytes until they are taken. */
  read(): Promise<Uint8Array | null>;
  /** Takes what was read. */
  take(): void;
  /** Writes, while the process goes on: a terminal that is not read from must not stop a room. */
  write(bytes: Uint8Array): Promise<void>;
  /** Writes before it returns; while something is being written, right behind that. */
  writeSync(bytes: Uint8Array): void;
  /** Waits until everything is written. */
  flushed(): Promise<void>;
  /** That the process cannot stop for a while, in words that stand behind the key; undefined where it can. */
  readonly keepsGoing: string | undefined;
  /** Stops the process, with all that it does, until it is told to go on (SIGCONT). */
  stop(): void;
  /** Calls the handlers until the returned function is called. */
  watch(handlers: TerminalHandlers): () => void;
}

/**
 * The terminal that standard input and output are.
 *
 * @throws {Failure} `ENOTTY` where one of them is none.
 */
export function terminalOf(io: Io): Terminal {
  const { input: { keyboard }, output } = io;
  if (keyboard === undefined || !output.isTerminal) {
    throw new Failure({
      what: "cannot edit lines",
      why: "standard input and output are not both a terminal",
      code: "ENOTTY",
    });
  }
  const ordered = orderedOutput(output);
  return {
    size: () => sizeOf(output),
    setRaw: (raw) => keyboard.setRaw(raw),
    read: () => reading ??= readChunk(keyboard),
    take,
    write: (bytes) => ordered.write(bytes),
    writeSync: (bytes) => ordered.writeSync(bytes),
    flushed: () => ordered.flushed(),
    keepsGoing: KEEPS_GOING,
    stop: () => Deno.kill(Deno.pid, "SIGSTOP"),
    watch: (handlers) => watch(io, ordered, handlers),
  };
}

const KEEPS_GOING = Deno.build.os === "windows"
  ? "does nothing on this system"
  : UNDER_TASK
  ? "does nothing under deno task: start it by deno run, as in docs/chat.md"
  : undefined;

/** Some terminals have no size (expect(1) makes such): those are taken for a VT100. */
function sizeOf({ size }: OutputStream): Size {
  return { columns: size?.columns || 80, rows: size?.rows || 24 };
}

/** A read of a terminal cannot be taken back, so one that a closed screen left is the next one's. */
let reading: Promise<Uint8Array | null> | undefined;

function take(): void {
  reading = undefined;
}

async function readChunk(keyboard: Keyboard): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(16 * 1024);
  const length = await keyboard.read(buffer);
  return length === null ? null : buffer.subarray(0, length);
}

/** One for each output: the next screen writes behind what a closed one has left. */
const orderedOutputs = new WeakMap<OutputStream, OrderedOutput>();

function orderedOutput(output: OutputStream): OrderedOutput {
  const known = orderedOutputs.get(output);
  if (known !== undefined) return known;
  const ordered = new OrderedOutput(output);
  orderedOutputs.set(output, ordered);
  globalThis.addEventListener("unload", () => ordered.hurry());
  return ordered;
}

function watch(io: Io, output: OrderedOutput, handlers: TerminalHandlers): () => void {
  const unwatch: (() => void)[] = [];
  const onSignal = (signal: Deno.Signal, handler: () => void) => {
    const listening = io.onSignal(signal, handler);
    unwatch.push(() => listening[Symbol.dispose]());
  };
  const onEvent = (type: string, handler: () => void) => {
    globalThis.addEventListener(type, handler);
    unwatch.push(() => globalThis.removeEventListener(type, handler));
  };
  // An error that nobody catches ends the process without an unload event.
  for (const type of ["unload", "error", "unhandledrejection"]) {
    onEvent(type, () => {
      output.hurry();
      handlers.ending();
    });
  }
  onSignal("SIGINT", handlers.told);
  if (Deno.build.os === "windows") {
    onSignal("SIGBREAK", handlers.told); // a new size is noticed at the next draw
  } else {
    onSignal("SIGTERM", handlers.told);
    onSignal("SIGHUP", handlers.told);
    onSignal("SIGWINCH", handlers.resized);
    onSignal("SIGTSTP", handlers.toldToStop);
    onSignal("SIGCONT", handlers.resumed);
  }
  return () => unwatch.forEach((stop) => stop());
}

/** The size of a terminal. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What is written to. */
export interface Writable {
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
}

/**
 * A stream whose two ways to write keep their order. Deno writes in the background on another thread, so that what
 * is written at once can overtake what was asked for before it: here it waits behind that, and is written with it.
 */
export class OrderedOutput {
  readonly #stream: Writable;
  #writing: Promise<void> | undefined;
  #behind: Uint8Array[] = [];
  #hurried = false;

  /** Orders the writes to a stream. */
  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /**
   * Writes in the background, one text at a time.
   *
   * @param bytes What is written.
   * @throws What the stream says.
   */
  async write(bytes: Uint8Array): Promise<void> {
    while (this.#writing !== undefined) await this.#writing.catch(() => {});
    this.#writing = this.#writeAll(bytes);
    await this.#writing;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length;) at += await this.#stream.write(bytes.subarray(at));
    } finally {
      this.#writing = undefined;
      for (const behind of this.#behind.splice(0)) this.#writeAllSync(behind);
    }
  }

  /**
   * Writes before it returns; while something is written in the background, right behind that.
   *
   * @param bytes What is written.
   */
  writeSync(bytes: Uint8Array): void {
    if (this.#writing === undefined || this.#hurried) this.#writeAllSync(bytes);
    else this.#behind.push(bytes);
  }

  #writeAllSync(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.#stream.writeSync(bytes.subarray(at));
  }

  /** Waits for nothing any more: the process ends, and what is written in the background may never be. */
  hurry(): void {
    this.#hurried = true;
    for (const behind of this.#behind.splice(0)) this.#writeAllSync(behind);
  }

  /** Waits until everything is written that was asked for, or the stream takes no more. */
  async flushed(): Promise<void> {
    await this.#writing?.catch(() => {});
  }
}

/** Wraps a text into a colour or a weight: SGR sequences (ECMA-48), each undone by its own end. */
export type Paint = (text: string) => string;

/** The colours and weights that there are. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly blue: Paint;
  readonly magenta: Paint;
  readonly cyan: Paint;
}

/**
 * A set of colours.
 *
 * @param on Whether they colour: where not, text stays as it is.
 */
export function makeStyle(on: boolean): Style {
  const paint = (start: number, end: number): Paint => (text) =>
    on && text !== "" ? `\x1b[${start}m${text}\x1b[${end}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    blue: paint(34, 39),
    magenta: paint(35, 39),
    cyan: paint(36, 39),
  };
}

/** A colour or a weight, or the end of one, as {@linkcode makeStyle} writes it. */
// deno-lint-ignore no-control-regex -- the sequences begin with one
const SGR = /\x1b\[\d+m/g;

/** A text without its colours and weights. */
export function unstyled(text: string): string {
  return text.replace(SGR, "");
}
