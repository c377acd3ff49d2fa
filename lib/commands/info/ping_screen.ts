/**
 * Rows at the end of a terminal's output that are redrawn in place.
 *
 * @module
 */

import { type Io, type OutputStream, writeAll } from "../../os/io.ts";
import { unstyled } from "../../terminal/terminal.ts";

/** The least time from one drawing to the next, in milliseconds. */
const DRAW_MS = 100;
/** The size of a terminal that reports none, as under expect(1). */
const DEFAULT_SIZE = { columns: 80, rows: 24 };

// ECMA-48 sequences, and DEC's private mode 7 (autowrap): no line continues in the next row.
const ERASE_RIGHT = "\x1b[K";
const ERASE_BELOW = "\x1b[J";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/** The size of a terminal. */
export type Size = NonNullable<OutputStream["size"]>;

/** What is drawn. */
export interface Drawable {
  /** Returns the lines for a size: printable text with the colours of `Style`, none wider than the terminal. */
  lines(size: Size): readonly string[];
  /** Returns the width of a text without colours. */
  widthOf(text: string): number;
}

/** Draws lines in place, until it is closed. The last drawing stays. */
export class LiveLines {
  readonly #io: Pick<Io, "output">;
  readonly #drawable: Drawable;
  readonly #listening: readonly Disposable[];
  /** The widths of the drawn lines, above the cursor. */
  #drawn: readonly number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isStale = false;
  #failure: { readonly error: unknown } | undefined;

  /**
   * @param io The terminal and the signals.
   * @param drawable What is drawn.
   */
  constructor(io: Pick<Io, "output" | "onSignal">, drawable: Drawable) {
    this.#io = io;
    this.#drawable = drawable;
    this.#listening = Deno.build.os === "windows" ? [] : [
      io.onSignal("SIGWINCH", () => this.#tryToDraw()),
      io.onSignal("SIGCONT", () => this.#resume()),
    ];
  }

  /**
   * Draws soon, because something has changed.
   *
   * @throws {Failure} If an earlier drawing failed.
   */
  changed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#isStale = true;
    if (this.#timer !== undefined) return;
    this.#draw();
    this.#startTimer();
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#isStale) return;
      this.#tryToDraw();
      this.#startTimer();
    }, DRAW_MS);
  }

  /** Prints a line above the drawing. */
  print(line: string): void {
    this.#draw(`${ERASE_BELOW}${line}\n`);
  }

  /** Draws for the last time. */
  close(): void {
    clearTimeout(this.#timer);
    for (const one of this.#listening) one[Symbol.dispose]();
    this.#draw();
  }

  /** Another program has used the terminal while this process was suspended. */
  #resume(): void {
    this.#drawn = [];
    this.#tryToDraw();
  }

  /** Draws outside of a call. The next call reports a failure, such as a terminal that has hung up. */
  #tryToDraw(): void {
    try {
      this.#draw();
    } catch (error) {
      this.#failure = { error };
    }
  }

  #draw(above = ""): void {
    this.#isStale = false;
    const { size } = this.#io.output;
    const [columns, rows] = [
      size?.columns || DEFAULT_SIZE.columns,
      size?.rows || DEFAULT_SIZE.rows,
    ];
    const lines = this.#drawable.lines({ columns, rows });
    // Without autowrap the cursor stays on the last column: erasing behind a full line would erase its end.
    const drawn = lines.map((line) => `${ERASE_RIGHT}${line}\n`).join("");
    writeAll(
      this.#io.output,
      `${this.#toStart(columns)}${above}${WRAP_OFF}${drawn}${ERASE_BELOW}${WRAP_ON}`,
    );
    this.#drawn = lines.map((line) => this.#drawable.widthOf(unstyled(line)));
  }

  /** Moves to the first drawn line. A terminal that has become narrower has broken lines into several rows. */
  #toStart(columns: number): string {
    const rows = this.#drawn.map((width) => Math.max(1, Math.ceil(width / columns)));
    const up = rows.reduce((sum, each) => sum + each, 0);
    return up === 0 ? "\r" : `\r\x1b[${up}A`;
  }
}
