/**
 * The terminal that the process was started at: raw bytes, size and signals. None of it takes a
 * permission.
 *
 * @module
 */

import { Failure } from "../failure.ts";
import { UNDER_TASK } from "../surroundings.ts";
import type { Size } from "./drawing.ts";

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
  /** Writes before it returns, after whatever is being written. */
  writeSync(bytes: Uint8Array): void;
  /** That the process cannot stop for a while, in words that stand behind the key; undefined where it can. */
  readonly keepsGoing: string | undefined;
  /** Stops the process, with all that it does, until it is told to go on (SIGCONT). */
  stop(): void;
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
    write,
    writeSync,
    keepsGoing: KEEPS_GOING,
    stop: () => Deno.kill(Deno.pid, "SIGSTOP"),
    watch,
  };
}

const KEEPS_GOING = Deno.build.os === "windows"
  ? "does nothing on this system"
  : UNDER_TASK
  ? "does nothing under deno task: start it by deno run, as in docs/chat.md"
  : undefined;

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

async function write(bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await Deno.stdout.write(bytes.subarray(at));
}

function writeSync(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}

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
  for (const type of ["unload", "error", "unhandledrejection"]) onEvent(type, handlers.ending);
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
