/**
 * The terminal that the process was started at: raw bytes, size and signals. None of it takes a
 * permission.
 *
 * @module
 */

import { Failure } from "../failure.ts";
import { OrderedOutput } from "./ordered_output.ts";
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
  /** Writes before it returns; while something is being written, right behind that. */
  writeSync(bytes: Uint8Array): void;
  /** Waits until everything is written. */
  flushed(): Promise<void>;
  /** Calls the handlers until the returned function is called. */
  watch(handlers: TerminalHandlers): () => void;
}

/**
 * The terminal of this process.
 *
 * @throws {Failure} `ENOTTY` where standard input or output is none.
 */
export function processTerminal(): Terminal {
  if (!Deno.stdin.isTerminal() || !Deno.stdout.isTerminal()) {
    throw new Failure({
      what: "cannot edit lines",
      why: "standard input and output are not both a terminal",
      code: "ENOTTY",
    });
  }
  return {
    size,
    setRaw: (raw) => Deno.stdin.setRaw(raw),
    read,
    take,
    write: (bytes) => output.write(bytes),
    writeSync: (bytes) => output.writeSync(bytes),
    flushed: () => output.flushed(),
    watch,
  };
}

/** Some terminals have no size (expect(1) makes such): those are taken for a VT100. */
function size(): Size {
  const { columns, rows } = Deno.consoleSize();
  return { columns: columns || 80, rows: rows || 24 };
}

/** A read of a terminal cannot be taken back, so one that a closed screen left is the next one's. */
let reading: Promise<Uint8Array | null> | undefined;

function read(): Promise<Uint8Array | null> {
  return reading ??= readChunk();
}

function take(): void {
  reading = undefined;
}

async function readChunk(): Promise<Uint8Array | null> {
  const buffer = new Uint8Array(16 * 1024);
  const length = await Deno.stdin.read(buffer);
  return length === null ? null : buffer.subarray(0, length);
}

/** One for all screens: the next one writes behind what a closed one has left. */
const output = new OrderedOutput(Deno.stdout);
globalThis.addEventListener("unload", () => output.hurry());

function watch(handlers: TerminalHandlers): () => void {
  const unwatch: (() => void)[] = [];
  const onSignal = (signal: Deno.Signal, handler: () => void) => {
    Deno.addSignalListener(signal, handler);
    unwatch.push(() => Deno.removeSignalListener(signal, handler));
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
    onSignal("SIGCONT", handlers.resumed);
  }
  return () => unwatch.forEach((stop) => stop());
}
