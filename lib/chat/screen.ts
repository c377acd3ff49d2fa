/**
 * The terminal side of the chat: a line being typed at the bottom, messages coming in above it.
 *
 * @module
 */

import { setImmediate } from "node:timers";
import { Drawing } from "./drawing.ts";
import { Editor, type Entered, type Key } from "./editor.ts";
import { KeyReader, PASTE_OFF, PASTE_ON } from "./keys.ts";
import { processTerminal, type Terminal } from "./terminal.ts";

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
  /** A promise that what was printed has been drawn. A screen that is closed while it draws may draw too late. */
  drawn(): Promise<void>;
  /** Takes the input line away and leaves the terminal as it was, at the start of a row. */
  close(): void;
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
 * Opens the terminal of this process for line editing. It takes no permission.
 *
 * Keys are those of {@linkcode Editor}. The signals that end a process (SIGINT, SIGTERM, SIGHUP) close
 * the screen and are entered as an interrupt; the next one ends the process. Whatever ends the process,
 * the terminal is left as it was.
 *
 * @param options The prompt.
 * @throws {Failure} `ENOTTY` where standard input or output is no terminal.
 *
 * @example
 * ```ts ignore
 * using screen = openScreen({ prompt: "> " });
 * for await (const entered of screen.entered) {
 *   if (entered.kind !== "line") break;
 *   screen.print(`you: ${printable(entered.text)}`);
 * }
 * ```
 */
export function openScreen(options: ScreenOptions): Screen {
  return new TerminalScreen(processTerminal(), options);
}

/** A screen on any terminal: {@linkcode openScreen} is the one on the terminal of this process. */
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
  /** Fulfilled when nothing is being drawn any longer. */
  #drawn = Promise.withResolvers<void>();
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
    restore(() => {
      const erased = this.#drawing.erase(this.#terminal.size());
      this.#terminal.writeSync(encoder.encode(erased + this.#takeWaiting() + PASTE_OFF));
    });
    restore(() => this.#terminal.setRaw(false));
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
    else this.#entries.add(outcome);
  }

  #interrupt(): void {
    this.#entries.add({ kind: "interrupt" });
    this.close();
  }

  #resume(): void {
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
    this.#drawn = Promise.withResolvers();
    setImmediate(() => this.#write().finally(this.#drawn.resolve));
  }

  async drawn(): Promise<void> {
    if (this.#state === "scheduled" || this.#state === "writing") await this.#drawn.promise;
  }

  async #write(): Promise<void> {
    while (this.#stale && this.#state !== "closed") {
      this.#state = "writing";
      try {
        await this.#terminal.write(encoder.encode(this.#frame()));
      } catch {
        return this.#entries.add({ kind: "end" }); // the terminal has hung up: it is written to no more
      }
    }
    if (this.#state === "writing") this.#state = "idle";
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

/** Takes one step of restoring a terminal; one that has hung up has nothing to restore. */
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
