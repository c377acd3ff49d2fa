/**
 * The chat's screen: an input line at the bottom, and messages that scroll above it.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Io } from "../os/io.ts";
import { Editor, type Entered, type Key, KeyReader, PASTE_OFF, PASTE_ON } from "./editor.ts";
import {
  firstShown,
  type Layout,
  layOut,
  type Place,
  placeOf,
  type Row,
  rowsAbove,
} from "./rows.ts";
import { type Size, type Terminal, terminalOf } from "./terminal.ts";

export type { Entered } from "./editor.ts";

/** A terminal with an input line at the bottom. {@linkcode openScreen} opens one. */
export interface Screen extends Disposable {
  /**
   * Prints text above the input line. The screen writes all text printed in one turn of the event
   * loop at once.
   *
   * @param text Printable text. It may contain line feeds and the colours of {@linkcode Style}, no
   * other control characters.
   */
  print(text: string): void;
  /**
   * The lines and commands that the person enters, in order. It ends when the screen is closed. It
   * supports one consumer.
   */
  readonly entered: AsyncIterable<Entered>;
  /**
   * Changes the prompt.
   *
   * @param prompt Printable text; it may contain colours.
   */
  setPrompt(prompt: string): void;
  /** Removes the input line and restores the terminal, with the cursor at the start of a row. */
  close(): void;
  /** Waits until all output is written to the terminal, also after the screen was closed. */
  flushed(): Promise<void>;
}

/** Options of {@linkcode openScreen}. */
export interface ScreenOptions {
  /** The prompt before the input line: printable text; it may contain colours. */
  readonly prompt: string;
}

/**
 * The most printed text that waits for a slow terminal, in UTF-16 code units. The screen drops the
 * oldest text beyond that and reports the number of dropped lines.
 */
const MAX_WAITING = 4 * 1024 * 1024;

const encoder = new TextEncoder();

/**
 * Opens a screen on the terminal of standard input and output. It needs no permission.
 *
 * Keys are those of {@linkcode Editor}. The first SIGINT, SIGTERM or SIGHUP closes the screen and
 * is reported as an interrupt; the next one ends the process. Ctrl-Z and SIGTSTP suspend the
 * process. The terminal is restored however the process stops or ends.
 *
 * @param io The standard streams.
 * @param options The prompt.
 * @throws {Failure} `ENOTTY` if standard input or output is not a terminal.
 *
 * @example
 * ```ts ignore
 * using screen = openScreen(processIo(), { prompt: "> " });
 * for await (const entered of screen.entered) {
 *   if (entered.kind !== "line") break;
 *   screen.print(`you: ${printable(entered.text)}`);
 * }
 * ```
 */
export function openScreen(io: Io, options: ScreenOptions): Screen {
  return new TerminalScreen(terminalOf(io), options);
}

/** A screen on any terminal; {@linkcode openScreen} opens one on the standard streams. */
export class TerminalScreen implements Screen {
  readonly #terminal: Terminal;
  readonly #editor = new Editor();
  readonly #drawing = new Drawing();
  readonly #unwatch: () => void;
  readonly #inputs = new InputQueue();
  #prompt: string;
  #waiting: string[] = [];
  #waitingLength = 0;
  #leftOut = 0;
  #toClear = false;
  #state: "idle" | "scheduled" | "writing" | "closed" = "idle";
  /**
   * Whether the process is suspended. The shell then uses the terminal, and the screen draws
   * nothing.
   */
  #stopped = false;
  /** Whether something changed after the write in progress began. */
  #stale = false;

  /**
   * Opens a screen on a terminal.
   *
   * @param terminal The terminal.
   * @param options The prompt.
   */
  constructor(terminal: Terminal, { prompt }: ScreenOptions) {
    this.#terminal = terminal;
    this.#prompt = prompt;
    terminal.setRaw(true);
    this.#unwatch = terminal.watch({
      resized: () => this.#redraw(),
      resumed: () => this.#resume(),
      suspendRequested: () => this.#suspend(),
      endRequested: () => this.#interrupt(),
      ending: () => this.close(),
    });
    terminal.writeSync(encoder.encode(PASTE_ON + this.#frame()));
    this.#read();
  }

  get entered(): AsyncIterable<Entered> {
    return this.#inputs;
  }

  print(text: string): void {
    const lines = text.endsWith("\n") ? text : `${text}\n`;
    if (this.#state === "closed") {
      return restore(() => this.#terminal.writeSync(encoder.encode(lines)));
    }
    this.#waiting.push(lines);
    this.#waitingLength += lines.length;
    while (this.#waitingLength > MAX_WAITING && this.#waiting.length > 1) {
      const oldest = this.#waiting.shift()!;
      this.#waitingLength -= oldest.length;
      this.#leftOut += oldest.split("\n").length - 1;
    }
    this.#redraw();
  }

  setPrompt(prompt: string): void {
    this.#prompt = prompt;
    this.#redraw();
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#unwatch();
    this.#inputs.end();
    this.#restore();
  }

  flushed(): Promise<void> {
    return this.#terminal.flushed();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #read(): Promise<void> {
    const keys = new KeyReader({
      key: (key) => this.#press(key),
      paste: (text) => this.#editor.paste(text),
    });
    for (;;) {
      // A read fails if the terminal has hung up.
      const bytes = await this.#terminal.read().catch(() => null);
      if (this.#state === "closed") return;
      if (bytes === null) return this.#inputs.add({ kind: "end" });
      this.#terminal.take();
      keys.push(bytes);
      this.#redraw();
    }
  }

  #press(key: Key): void {
    const outcome = this.#editor.press(key);
    if (outcome === undefined) return;
    if (outcome.kind === "clear") this.#toClear = true;
    else if (outcome.kind === "suspend") this.#suspend();
    else this.#inputs.add(outcome);
  }

  #interrupt(): void {
    this.#inputs.add({ kind: "interrupt" });
    this.close();
  }

  /** Restores the terminal and suspends the process, as other programs do at Ctrl-Z. */
  #suspend(): void {
    const { cannotSuspend } = this.#terminal;
    if (cannotSuspend !== undefined) {
      return this.print(`* Ctrl-Z ${cannotSuspend}`);
    }
    this.#stopped = true;
    this.#restore();
    this.#terminal.flushed().then(() => this.#terminal.suspend());
  }

  /**
   * Removes the input line and restores the terminal. Errors are ignored: a terminal that has hung
   * up needs no restoring.
   */
  #restore(): void {
    restore(() => {
      const erased = this.#drawing.erase(this.#terminal.size());
      this.#terminal.writeSync(encoder.encode(erased + this.#takeWaiting() + PASTE_OFF));
    });
    restore(() => this.#terminal.setRaw(false));
  }

  #resume(): void {
    this.#stopped = false;
    try {
      this.#terminal.setRaw(true);
      this.#terminal.writeSync(encoder.encode(`\r${PASTE_ON}`));
    } catch {
      return this.#inputs.add({ kind: "end" }); // the terminal hung up while this process was suspended
    }
    this.#drawing.forget();
    this.#redraw();
  }

  /** Schedules a draw for the end of this turn, so that several changes are drawn at once. */
  #redraw(): void {
    this.#stale = true;
    if (this.#state !== "idle") return;
    this.#state = "scheduled";
    setImmediate(() => this.#write());
  }

  async #write(): Promise<void> {
    while (this.#stale && !this.#stopped && this.#state !== "closed") {
      this.#state = "writing";
      try {
        await this.#terminal.write(encoder.encode(this.#frame()));
      } catch {
        return this.#inputs.add({ kind: "end" }); // the terminal has hung up
      }
    }
    if (this.#state !== "closed") this.#state = "idle";
  }

  /** Returns the bytes that update the terminal from what it shows. */
  #frame(): string {
    this.#stale = false;
    const size = this.#terminal.size();
    const cleared = this.#toClear ? this.#drawing.clear() : this.#drawing.erase(size);
    this.#toClear = false;
    const { text, cursor } = this.#editor;
    const waiting = this.#takeWaiting();
    return cleared + waiting + this.#drawing.draw({ prompt: this.#prompt, text, cursor }, size);
  }

  /** Takes the printed text that waits and converts it for a raw terminal. */
  #takeWaiting(): string {
    const left = this.#leftOut === 0
      ? ""
      : `(${this.#leftOut} lines omitted: the terminal is too slow)\n`;
    const text = left + this.#waiting.join("");
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#leftOut = 0;
    return text.replaceAll("\n", "\r\n");
  }
}

/** Runs one step of restoring a terminal and ignores its errors. */
function restore(step: () => void): void {
  try {
    step();
  } catch {
    // The terminal has hung up; the other steps may still work.
  }
}

/** A queue of finished inputs for one consumer. */
class InputQueue implements AsyncIterable<Entered> {
  readonly #queue: Entered[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  add(entered: Entered): void {
    this.#queue.push(entered);
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Entered, void, void> {
    for (;;) {
      const next = this.#queue.shift();
      if (next !== undefined) yield next;
      else if (this.#ended) return;
      else await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** The input line to draw. */
export interface InputLine {
  readonly prompt: string;
  readonly text: string;
  /** The cursor's offset in the text, in UTF-16 code units. */
  readonly cursor: number;
}

// ECMA-48 sequences, and DEC's private mode 7 (autowrap). With autowrap off, a terminal overwrites
// its last column instead of continuing in the next row, so that each row of the layout is one row
// of the terminal. ERASE_BELOW erases the row first and then the rows below: some terminals add the
// screen to their scrollback when everything from the top left corner is erased.
const ERASE_BELOW = "\x1b[K\x1b7\x1b[B\x1b[J\x1b8";
const RESET_COLOURS = "\x1b[m";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";
const CLEAR = "\x1b[H\x1b[2J";
const up = (rows: number) => rows > 0 ? `\x1b[${rows}A` : "";

/**
 * Returns the text of a row. Autowrap is turned on for a letter with marks in the last column, so
 * that the marks join that letter.
 */
function written({ text, markedEnd }: Row): string {
  if (markedEnd === 0) return text;
  const end = text.length - markedEnd;
  return text.slice(0, end) + WRAP_ON + text.slice(end) + WRAP_OFF;
}

/** Draws and erases the input line. */
export class Drawing {
  #drawn: { readonly rows: readonly Row[]; readonly place: Place } | undefined;
  #top = 0;
  #layout: { readonly layout: Layout; readonly prompt: string; readonly text: string } | undefined;

  /**
   * Returns the bytes that erase the input line and move the cursor to where the line began.
   *
   * @param size The current size of the terminal; it may have changed since the last draw.
   */
  erase({ columns }: Size): string {
    const drawn = this.#drawn;
    this.#drawn = undefined;
    if (drawn === undefined) return "";
    return `${up(rowsAbove(drawn.rows, drawn.place, columns))}\r${ERASE_BELOW}`;
  }

  /** Returns the bytes that clear the screen. */
  clear(): string {
    this.#drawn = undefined;
    return CLEAR;
  }

  /** Forgets the drawn line, because something else has written to the terminal. */
  forget(): void {
    this.#drawn = undefined;
  }

  /**
   * Returns the bytes that draw the input line from the start of an empty row. The line takes at
   * most half of the screen and scrolls within it.
   *
   * @param input The input line.
   * @param size The size of the terminal.
   */
  draw(input: InputLine, size: Size): string {
    const layout = this.#layOut(input, size.columns);
    const place = placeOf(layout, input.cursor);
    const shown = Math.max(1, Math.floor(size.rows / 2));
    this.#top = firstShown(layout.rows.length, shown, place.row, this.#top);
    const rows = layout.rows.slice(this.#top, this.#top + shown);
    const row = place.row - this.#top;
    this.#drawn = { rows, place: { ...place, row } };
    return WRAP_OFF + rows.map((r) => written(r) + RESET_COLOURS).join("\r\n") +
      up(rows.length - 1 - row) + "\r" + place.before + RESET_COLOURS + WRAP_ON;
  }

  /** Reuses the last layout of the same line: most draws follow a message printed above it. */
  #layOut({ prompt, text }: InputLine, columns: number): Layout {
    const last = this.#layout;
    const isSame = last?.text === text && last.prompt === prompt;
    if (isSame && last.layout.columns === columns) return last.layout;
    const layout = layOut(prompt, text, columns);
    this.#layout = { layout, prompt, text };
    return layout;
  }
}
