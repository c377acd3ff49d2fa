/**
 * The terminal side of the chat: a line being typed at the bottom, messages coming in above it.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import type { Io } from "../os/io.ts";
import { Editor, type Entered, type Key } from "./editor.ts";
import { KeyReader, PASTE_OFF, PASTE_ON } from "./keys.ts";
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

/** A screen: see {@linkcode openScreen}. */
export interface Screen extends Disposable {
  /**
   * Prints text above the input line, which stays as it is. Several calls in one turn are one write.
   *
   * @param text Fit for a terminal: no controls but line feeds, and the colours of `style.ts`.
   */
  print(text: string): void;
  /** What the person enters, in order; it ends when the screen is closed. One consumer. */
  readonly entered: AsyncIterable<Entered>;
  /**
   * Changes what stands before the line.
   *
   * @param prompt Fit for a terminal.
   */
  setPrompt(prompt: string): void;
  /** Takes the input line away and leaves the terminal as it was, at the start of a row. */
  close(): void;
  /** Waits until the terminal shows it, also after the screen was closed. */
  flushed(): Promise<void>;
}

/** Options of {@linkcode openScreen}. */
export interface ScreenOptions {
  /** What stands before the line: fit for a terminal. */
  readonly prompt: string;
}

/**
 * How much printed text waits for a terminal that does not take it, in UTF-16 code units. What is
 * beyond is left out, oldest first, and the number of lines is said.
 */
const MAX_WAITING = 4 * 1024 * 1024;

const encoder = new TextEncoder();

/**
 * Opens the terminal that standard input and output are for line editing. It takes no permission.
 *
 * Keys are those of {@linkcode Editor}. The signals that end a process (SIGINT, SIGTERM, SIGHUP) close
 * the screen and are entered as an interrupt; the next one ends the process. Ctrl-Z and SIGTSTP stop it for a while.
 * Whatever stops or ends the process, the terminal is left as it was.
 *
 * @param io The standard streams.
 * @param options The prompt.
 * @throws {Failure} `ENOTTY` where standard input or output is no terminal.
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

/** A screen on any terminal: {@linkcode openScreen} is the one on the standard streams. */
export class TerminalScreen implements Screen {
  readonly #terminal: Terminal;
  readonly #editor = new Editor();
  readonly #drawing = new Drawing();
  readonly #unwatch: () => void;
  readonly #entries = new Entries();
  #prompt: string;
  #waiting: string[] = [];
  #waitingLength = 0;
  #leftOut = 0;
  #toClear = false;
  #state: "idle" | "scheduled" | "writing" | "closed" = "idle";
  /** Whether the terminal is the shell's: nothing is drawn until the process goes on. */
  #stopped = false;
  /** Whether there is something to draw that the write under way does not show. */
  #stale = false;

  /** Opens a screen on a terminal. */
  constructor(terminal: Terminal, { prompt }: ScreenOptions) {
    this.#terminal = terminal;
    this.#prompt = prompt;
    terminal.setRaw(true);
    this.#unwatch = terminal.watch({
      resized: () => this.#redraw(),
      resumed: () => this.#resume(),
      toldToStop: () => this.#suspend(),
      told: () => this.#interrupt(),
      ending: () => this.close(),
    });
    terminal.writeSync(encoder.encode(PASTE_ON + this.#frame()));
    this.#read();
  }

  get entered(): AsyncIterable<Entered> {
    return this.#entries;
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
    this.#entries.end();
    this.#giveBack();
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
      // A read that fails is a terminal that has hung up.
      const bytes = await this.#terminal.read().catch(() => null);
      if (this.#state === "closed") return;
      if (bytes === null) return this.#entries.add({ kind: "end" });
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
    else this.#entries.add(outcome);
  }

  #interrupt(): void {
    this.#entries.add({ kind: "interrupt" });
    this.close();
  }

  /** Gives the terminal back as it was and stops, as other programs do at Ctrl-Z, until the shell has it go on. */
  #suspend(): void {
    const { keepsGoing } = this.#terminal;
    if (keepsGoing !== undefined) {
      return this.print(`* Ctrl-Z ${keepsGoing}`);
    }
    this.#stopped = true;
    this.#giveBack();
    this.#terminal.flushed().then(() => this.#terminal.stop());
  }

  /** Takes the input line away and leaves the terminal as it was; one that has hung up has nothing to restore. */
  #giveBack(): void {
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
      return this.#entries.add({ kind: "end" }); // the terminal went while this process was stopped
    }
    this.#drawing.forget();
    this.#redraw();
  }

  /** Draws soon: whatever else happens in this turn is drawn with it. */
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
        return this.#entries.add({ kind: "end" }); // the terminal has hung up: it is written to no more
      }
    }
    if (this.#state !== "closed") this.#state = "idle";
  }

  /** What brings the terminal up to date, from what it shows. */
  #frame(): string {
    this.#stale = false;
    const size = this.#terminal.size();
    const cleared = this.#toClear ? this.#drawing.clear() : this.#drawing.erase(size);
    this.#toClear = false;
    const { text, cursor } = this.#editor;
    const waiting = this.#takeWaiting();
    return cleared + waiting + this.#drawing.draw({ prompt: this.#prompt, text, cursor }, size);
  }

  /** The printed text that waits, for a raw terminal. */
  #takeWaiting(): string {
    const left = this.#leftOut === 0
      ? ""
      : `(${this.#leftOut} lines are left out: the terminal did not keep up)\n`;
    const text = left + this.#waiting.join("");
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#leftOut = 0;
    return text.replaceAll("\n", "\r\n");
  }
}

/** Takes one step of restoring a terminal. */
function restore(step: () => void): void {
  try {
    step();
  } catch {
    // Whoever sat there has gone, and the other steps are still to be tried.
  }
}

/** What was entered and not yet consumed. */
class Entries implements AsyncIterable<Entered> {
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

/** What is to be drawn. */
export interface Input {
  readonly prompt: string;
  readonly text: string;
  /** In UTF-16 code units of the text. */
  readonly cursor: number;
}

// ECMA-48, and DEC's private mode 7: without it a terminal overwrites its last column instead of
// going on in the next row, so that a row of ours is always one of its rows.
// The row first and then what is below it: erasing everything from the top left corner makes some
// terminals keep it in their history.
const ERASE_BELOW = "\x1b[K\x1b7\x1b[B\x1b[J\x1b8";
const RESET_COLOURS = "\x1b[m";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";
const CLEAR = "\x1b[H\x1b[2J";
const up = (rows: number) => rows > 0 ? `\x1b[${rows}A` : "";

/** A row; at its margin a letter is put where its marks find it, which is done by letting the terminal wrap there. */
function written({ text, markedEnd }: Row): string {
  if (markedEnd === 0) return text;
  const end = text.length - markedEnd;
  return text.slice(0, end) + WRAP_ON + text.slice(end) + WRAP_OFF;
}

/** The drawn input line. */
export class Drawing {
  #drawn: { readonly rows: readonly Row[]; readonly place: Place } | undefined;
  #top = 0;
  #layout: { readonly layout: Layout; readonly prompt: string; readonly text: string } | undefined;

  /**
   * What takes the input line away and leaves the cursor where it began.
   *
   * @param size The terminal now; it may have changed since.
   */
  erase({ columns }: Size): string {
    const drawn = this.#drawn;
    this.#drawn = undefined;
    if (drawn === undefined) return "";
    return `${up(rowsAbove(drawn.rows, drawn.place, columns))}\r${ERASE_BELOW}`;
  }

  /** What clears the whole screen. */
  clear(): string {
    this.#drawn = undefined;
    return CLEAR;
  }

  /** Forgets what was drawn: something else has written since. */
  forget(): void {
    this.#drawn = undefined;
  }

  /**
   * What draws the input line, from the start of an empty row. It takes half of the screen at most, and
   * scrolls within it.
   *
   * @param input The line.
   * @param size The terminal.
   */
  draw(input: Input, size: Size): string {
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

  /** Most draws are of a line that has not changed: a message came in above it. */
  #layOut({ prompt, text }: Input, columns: number): Layout {
    const last = this.#layout;
    if (
      last !== undefined && last.text === text && last.prompt === prompt &&
      last.layout.columns === columns
    ) {
      return last.layout;
    }
    const layout = layOut(prompt, text, columns);
    this.#layout = { layout, prompt, text };
    return layout;
  }
}
