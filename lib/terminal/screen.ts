/**
 * The chat's screen: an input line at the bottom, and messages that scroll above it.
 *
 * @module
 */

import { printable } from "../base/printable.ts";
import type { Io } from "../os/io.ts";
import { Drawing, KeyReader, PASTE_OFF, PASTE_ON, wrapped } from "./codec.ts";
import { Editor, type EditorOptions, type Entered, type Outcome } from "./editor.ts";
import { type Terminal, terminalOf } from "./terminal.ts";

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
  /**
   * Shows text above the input line, below everything printed. It may change, and is not part of
   * what scrolls. A terminal that is too small for it does not show it.
   *
   * @param text Printable text; it may contain colours. An empty text removes it.
   */
  setAbove(text: string): void;
  /**
   * Counts a notice in the terminal's title until the next key, and rings the bell. The title that
   * the terminal had then comes back.
   *
   * @param title What follows the count in the title.
   * @param rings Whether to ring the bell.
   */
  notify(title: string, rings: boolean): void;
  /** Clears the terminal, as Ctrl-L does. */
  clear(): void;
  /** Removes the input line and restores the terminal, with the cursor at the start of a row. */
  close(): void;
  /** Waits until all output is written to the terminal, also after the screen was closed. */
  flushed(): Promise<void>;
}

/** Options of {@linkcode openScreen}: the prompt, and what the line editor offers. */
export interface ScreenOptions extends EditorOptions {
  /** The prompt before the input line: printable text; it may contain colours. */
  readonly prompt: string;
}

/**
 * The most printed text that waits for a slow terminal, in UTF-16 code units. The screen drops the
 * oldest text beyond that and reports the number of dropped lines.
 */
const MAX_WAITING = 4 * 1024 * 1024;

/** Removes what another program left in the row of the cursor, such as the progress of a download. */
const CLEAN_ROW = "\r\x1b[K";

const encoder = new TextEncoder();

/**
 * Opens a screen on the terminal of standard input and output. It needs no permission.
 *
 * Keys are those of {@linkcode Editor}. The first SIGINT, SIGTERM or SIGHUP closes the screen and
 * is reported as an interrupt; the next one ends the process. Ctrl-Z and SIGTSTP suspend the
 * process. The terminal is restored however the process stops or ends.
 *
 * @param io The standard streams.
 * @param options The prompt, the history and the completions.
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
  readonly #editor: Editor;
  readonly #drawing = new Drawing();
  readonly #unwatch: () => void;
  readonly #inputs = new InputQueue();
  #prompt: string;
  #above = "";
  #waiting: string[] = [];
  #waitingLength = 0;
  #leftOut = 0;
  #toClear = false;
  readonly #title = new Title();
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
   * @param options The prompt, the history and the completions.
   */
  constructor(terminal: Terminal, options: ScreenOptions) {
    this.#terminal = terminal;
    this.#editor = new Editor(options);
    this.#prompt = options.prompt;
    terminal.setRaw(true);
    this.#unwatch = terminal.watch({
      resized: () => this.#redraw(),
      resumed: () => this.#resume(),
      suspendRequested: () => this.#suspend(),
      endRequested: () => this.#interrupt(),
      ending: () => this.close(),
    });
    terminal.writeSync(encoder.encode(CLEAN_ROW + PASTE_ON + this.#frame()));
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

  setAbove(text: string): void {
    if (text === this.#above) return;
    this.#above = text;
    this.#redraw();
  }

  notify(title: string, rings: boolean): void {
    this.#title.count(title, rings);
    this.#redraw();
  }

  clear(): void {
    this.#toClear = true;
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
    const editor = this.#editor;
    const keys = new KeyReader({
      key: (key) => this.#act(editor.press(key)),
      paste: (text, enters) => this.#act(editor.paste(text, enters)),
      get asks() {
        return editor.asks;
      },
    });
    for (;;) {
      // A read fails if the terminal has hung up.
      const bytes = await this.#terminal.read().catch(() => null);
      if (this.#state === "closed") return;
      if (bytes === null) return this.#inputs.add({ kind: "end" });
      this.#terminal.take();
      this.#title.clear();
      keys.push(bytes);
      this.#redraw();
    }
  }

  #act(outcome: Outcome): void {
    if (outcome === undefined) return;
    if (outcome.kind === "clear") this.#toClear = true;
    else if (outcome.kind === "candidates") this.print(outcome.list);
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
      const erased = this.#title.restore() + this.#drawing.erase(this.#terminal.size());
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
    const { prompt = this.#prompt, text, cursor } = this.#editor;
    const waiting = this.#takeWaiting();
    return this.#title.change() + cleared + waiting +
      this.#drawing.draw({ above: this.#above, prompt, text, cursor }, size);
  }

  /** Takes the printed text that waits, wrapped and converted for a raw terminal. */
  #takeWaiting(): string {
    const left = this.#leftOut === 0
      ? ""
      : `(${this.#leftOut} lines omitted: the terminal is too slow)\n`;
    const text = wrapped(left + this.#waiting.join(""), this.#terminal.size().columns);
    this.#waiting = [];
    this.#waitingLength = 0;
    this.#leftOut = 0;
    return text.replaceAll("\n", "\r\n");
  }
}

// XTWINOPS 22 and 23 keep the terminal's title and bring it back, and OSC 2 sets it (xterm). A terminal without them
// ignores them.
const KEEP_TITLE = "\x1b[22;2t";
const RESTORE_TITLE = "\x1b[23;2t";
const BELL = "\x07";

/** The terminal's title while there are notices, and the bell. */
class Title {
  #count = 0;
  #wanted: string | undefined;
  #shown: string | undefined;
  #rings = false;

  /** Counts a notice. */
  count(title: string, rings: boolean): void {
    this.#count += 1;
    this.#wanted = `(${this.#count}) ${printable(title)}`;
    this.#rings ||= rings;
  }

  /** The notices have been seen. */
  clear(): void {
    this.#count = 0;
    this.#wanted = undefined;
  }

  /** Returns the bytes that bring the terminal up to date. */
  change(): string {
    const bell = this.#rings ? BELL : "";
    this.#rings = false;
    if (this.#wanted === undefined) return bell + this.restore();
    if (this.#wanted === this.#shown) return bell;
    const kept = this.#shown === undefined ? KEEP_TITLE : "";
    this.#shown = this.#wanted;
    return `${bell}${kept}\x1b]2;${this.#shown}\x1b\\`;
  }

  /** Returns the bytes that bring the terminal's own title back. */
  restore(): string {
    if (this.#shown === undefined) return "";
    this.#shown = undefined;
    return RESTORE_TITLE;
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
