/**
 * A terminal: raw bytes, size and signals.
 *
 * @module
 */

import { Failure } from "../failure.ts";
import type { Io, Keyboard, OutputStream } from "../io.ts";
import type { Size } from "./drawing.ts";

/** What happens to a terminal, or to the process at it. */
export interface TerminalHandlers {
  /** It has another size. */
  resized(): void;
  /** The process was stopped and goes on: others have written meanwhile. */
  resumed(): void;
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
  /** Writes before it returns, after whatever is being written. */
  writeSync(bytes: Uint8Array): void;
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
  return {
    size: () => sizeOf(output),
    setRaw: (raw) => keyboard.setRaw(raw),
    read: () => reading ??= readChunk(keyboard),
    take,
    write: (bytes) => write(output, bytes),
    writeSync: (bytes) => writeSync(output, bytes),
    watch: (handlers) => watch(io, handlers),
  };
}

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

async function write(output: OutputStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await output.write(bytes.subarray(at));
}

function writeSync(output: OutputStream, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += output.writeSync(bytes.subarray(at));
}

function watch(io: Io, handlers: TerminalHandlers): () => void {
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
  for (const type of ["unload", "error", "unhandledrejection"]) onEvent(type, handlers.ending);
  onSignal("SIGINT", handlers.told);
  if (Deno.build.os === "windows") {
    onSignal("SIGBREAK", handlers.told); // a new size is noticed at the next draw
  } else {
    onSignal("SIGTERM", handlers.told);
    onSignal("SIGHUP", handlers.told);
    onSignal("SIGWINCH", handlers.resized);
    onSignal("SIGCONT", handlers.resumed);
  }
  return () => unwatch.forEach((stop) => stop());
}
