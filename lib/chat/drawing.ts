/**
 * The input line as a terminal shows it: what to write to draw it, and to take it away again.
 *
 * It remembers what it drew, and writes nothing itself. The cursor is placed by writing the start of
 * its row once more: wherever the terminal then stands is right, even where it and this program
 * disagree about the width of an emoji.
 *
 * @module
 */

import {
  firstShown,
  type Layout,
  layOut,
  type Place,
  placeOf,
  type Row,
  rowsAbove,
} from "./rows.ts";

/** The size of a terminal. */
export interface Size {
  readonly columns: number;
  readonly rows: number;
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
