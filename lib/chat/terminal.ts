/**
 * A terminal: raw bytes, size and signals.
 *
 * @module
 */

import { Failure } from "../failure.ts";
import type { Io, Keyboard, OutputStream } from "../io.ts";
import { UNDER_TASK } from "../surroundings.ts";
import { OrderedOutput } from "./ordered_output.ts";
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
