/**
 * Terminals: raw input, output in order, size, signals, and text style.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import type { Io, Keyboard, OutputStream } from "../os/io.ts";
import { UNDER_TASK } from "../os/io.ts";

/** The callbacks for events of a terminal and of its process. */
export interface TerminalHandlers {
  /** The terminal has changed its size. */
  resized(): void;
  /** The process continues after a suspension; other programs may have written to the terminal. */
  resumed(): void;
  /** The process received SIGTSTP. */
  suspendRequested(): void;
  /** The process received a signal to end. */
  endRequested(): void;
  /** The process is ending. */
  ending(): void;
}

/** A terminal in raw mode. */
export interface Terminal {
  size(): Size;
  setRaw(raw: boolean): void;
  /**
   * Reads typed bytes; null at the end of input. It returns the same bytes until {@linkcode take}
   * is called.
   */
  read(): Promise<Uint8Array | null>;
  /** Consumes the bytes that `read` returned. */
  take(): void;
  /** Writes in the background, so that a terminal that does not read blocks nothing else. */
  write(bytes: Uint8Array): Promise<void>;
  /** Writes synchronously; after the background write in progress, if there is one. */
  writeSync(bytes: Uint8Array): void;
  /** Waits until everything is written. */
  flushed(): Promise<void>;
  /** Why the process cannot be suspended, as a predicate for "Ctrl-Z"; undefined if it can be. */
  readonly cannotSuspend: string | undefined;
  /** Suspends the process until it receives SIGCONT. */
  suspend(): void;
  /** Calls the handlers until the returned function is called. */
  watch(handlers: TerminalHandlers): () => void;
}

/**
 * Returns the terminal of standard input and output.
 *
 * @param io The standard streams.
 * @throws {Failure} `ENOTTY` if one of them is not a terminal.
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
    cannotSuspend: CANNOT_SUSPEND,
    suspend: () => Deno.kill(Deno.pid, "SIGSTOP"),
    watch: (handlers) => watch(io, ordered, handlers),
  };
}

/** Why this process cannot be suspended, as a predicate for "Ctrl-Z"; undefined if it can be. */
export const CANNOT_SUSPEND: string | undefined = Deno.build.os === "windows"
  ? "does nothing on this system"
  : UNDER_TASK
  ? "does nothing under deno task: start it by deno run, as in docs/chat.md"
  : undefined;

/**
 * Returns the size of a terminal. One that reports no size, as under expect(1), counts as 80 by 24,
 * the size of a VT100.
 */
function sizeOf({ size }: OutputStream): Size {
  return { columns: size?.columns || 80, rows: size?.rows || 24 };
}

/**
 * The pending read. A read cannot be cancelled, so the next screen continues the one that a closed
 * screen left.
 */
let reading: Promise<Uint8Array | null> | undefined;

function take(): void {
  reading = undefined;
}

async function readChunk(keyboard: Keyboard): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(16 * 1024);
  const length = await keyboard.read(buffer);
  return length === null ? null : buffer.subarray(0, length);
}

/** One per output, so that a new screen's writes follow those that a closed screen left. */
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
  // An uncaught error ends the process without an unload event.
  for (const type of ["unload", "error", "unhandledrejection"]) {
    onEvent(type, () => {
      output.hurry();
      handlers.ending();
    });
  }
  onSignal("SIGINT", handlers.endRequested);
  if (Deno.build.os === "windows") {
    onSignal("SIGBREAK", handlers.endRequested); // no SIGWINCH here: the next draw notices a new size
  } else {
    onSignal("SIGTERM", handlers.endRequested);
    onSignal("SIGHUP", handlers.endRequested);
    onSignal("SIGWINCH", handlers.resized);
    onSignal("SIGTSTP", handlers.suspendRequested);
    onSignal("SIGCONT", handlers.resumed);
  }
  return () => unwatch.forEach((stop) => stop());
}

/** The size of a terminal. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** An output stream. */
export interface Writable {
  write(bytes: Uint8Array): Promise<number>;
  writeSync(bytes: Uint8Array): number;
}

/**
 * Keeps background and synchronous writes to a stream in order. Deno writes in the background on
 * another thread, so a synchronous write could overtake an earlier background write. Here it waits
 * until that write ends.
 */
export class OrderedOutput {
  readonly #stream: Writable;
  #writing: Promise<void> | undefined;
  #behind: Uint8Array[] = [];
  #hurried = false;

  /** @param stream The stream; nothing else may write to it. */
  constructor(stream: Writable) {
    this.#stream = stream;
  }

  /**
   * Writes in the background, one buffer at a time.
   *
   * @param bytes The bytes to write.
   * @throws The error of the stream.
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
   * Writes synchronously; after the background write in progress, if there is one.
   *
   * @param bytes The bytes to write.
   */
  writeSync(bytes: Uint8Array): void {
    if (this.#writing === undefined || this.#hurried) this.#writeAllSync(bytes);
    else this.#behind.push(bytes);
  }

  #writeAllSync(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) at += this.#stream.writeSync(bytes.subarray(at));
  }

  /** Stops ordering, because the process is ending: the write in progress may never finish. */
  hurry(): void {
    this.#hurried = true;
    for (const behind of this.#behind.splice(0)) this.#writeAllSync(behind);
  }

  /** Waits until the background write has ended, with or without an error. */
  async flushed(): Promise<void> {
    await this.#writing?.catch(() => {});
  }
}

/**
 * Adds a colour or a weight to a text (SGR sequences, ECMA-48). Each is reset by its own end
 * sequence.
 */
export type Paint = (text: string) => string;

/** The available colours and weights. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly blue: Paint;
  readonly magenta: Paint;
  readonly cyan: Paint;
  /** Exchanges the colours of the text and the background. */
  readonly reverse: Paint;
}

/** A style with the colours of xterm's palette of 256. */
export interface PaletteStyle extends Style {
  /** Returns the paint of a colour by its number. */
  palette(index: number): Paint;
}

/**
 * Makes a style.
 *
 * @param on Whether to colour; otherwise the functions return the text unchanged.
 */
export function makeStyle(on: boolean): PaletteStyle {
  const paint = (start: number | string, end: number): Paint => (text) =>
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
    reverse: paint(7, 27),
    palette: (index) => paint(`38;5;${index}`, 39),
  };
}

/** Matches a start or end sequence that {@linkcode makeStyle} writes. */
// deno-lint-ignore no-control-regex -- SGR sequences begin with a control character
const SGR = /\x1b\[[\d;]+m/g;

/** Returns a text without its colours and weights. */
export function unstyled(text: string): string {
  return text.replace(SGR, "");
}
