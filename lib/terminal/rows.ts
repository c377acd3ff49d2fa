/**
 * How a prompt and a line lie in the rows of a terminal: pure geometry.
 *
 * A row is broken here, never by the terminal, so that terminals that disagree about the width of an
 * emoji still agree about the number of rows.
 *
 * @module
 */

import stringWidth from "string-width";
import { printable } from "../base/printable.ts";

/** What is never split: a grapheme cluster, or the picture of what may not be shown. */
interface Cell {
  /** What is written for it. */
  readonly text: string;
  /** How many columns it takes: 0, 1, 2, or more for a picture such as `\u{202e}`. */
  readonly width: number;
  /** Where its cluster starts in the line, in UTF-16 code units; -1 for the prompt. */
  readonly at: number;
}

/** One row. */
export interface Row {
  /** What is written for it. */
  readonly text: string;
  /**
   * How much of the text, at its end, is a letter with marks in the last column: UTF-16 code units, 0 for none. A
   * terminal that does not wrap stays in that column, and puts the marks on what stands before it.
   */
  readonly markedEnd: number;
  /** The widths of its cells: enough to tell how a terminal breaks it when it gets narrower. */
  readonly widths: readonly number[];
}

/** A prompt and a line, broken into rows. There is always a row. */
export interface Layout {
  /** The columns that it was broken for. */
  readonly columns: number;
  readonly rows: readonly Row[];
  readonly cells: readonly Cell[];
  /** The index of each row's first cell. */
  readonly starts: readonly number[];
}

/** Where the cursor stands. */
export interface Place {
  readonly row: number;
  /** How many cells of the row lie before it. */
  readonly cells: number;
  /** What is written from the start of the row to the cursor. */
  readonly before: string;
}

/**
 * Breaks a prompt and a line into rows.
 *
 * @param prompt The prompt: fit for a terminal, colours (SGR sequences) included.
 * @param text The line, as it was typed: what may not be shown becomes visible.
 * @param columns The columns of the terminal, at least 1.
 */
export function layOut(prompt: string, text: string, columns: number): Layout {
  const cells = [...promptCells(prompt), ...lineCells(text)];
  const starts = breaks(cells.map((cell) => cell.width), columns);
  const rows = starts.map((start, row) => {
    const inRow = cells.slice(start, starts[row + 1]);
    return {
      text: coloursBefore(cells, start) + inRow.map((cell) => cell.text).join(""),
      markedEnd: markedEnd(inRow, columns),
      widths: inRow.map((cell) => cell.width),
    };
  });
  return { columns, rows, cells, starts };
}

/** A letter and marks that take no column; a variation selector may change how wide an emoji is. */
const MARKED = /^\P{M}[^\P{M}\u{fe00}-\u{fe0f}]+$/u;

function markedEnd(cells: readonly Cell[], columns: number): number {
  const width = cells.reduce((sum, cell) => sum + cell.width, 0);
  const last = cells.at(-1)?.text ?? "";
  return width === columns && MARKED.test(last) ? last.length : 0;
}

/**
 * Where the cursor stands in a layout: where a row is full, at the start of the next.
 *
 * @param layout The layout.
 * @param cursor The cursor, in UTF-16 code units of the line; inside a cluster, it stands after it.
 */
export function placeOf(layout: Layout, cursor: number): Place {
  const { cells, starts } = layout;
  let index = cells.findIndex((cell) => cell.at >= cursor);
  if (index < 0) index = cells.length;
  let row = starts.length - 1;
  while (row > 0 && starts[row]! > index) row--;
  const start = starts[row]!;
  const before = cells.slice(start, index).map((cell) => cell.text).join("");
  return { row, cells: index - start, before: coloursBefore(cells, start) + before };
}

/**
 * How many terminal rows lie between the start of the first row and the cursor, once the terminal has
 * become narrower and has broken the rows anew. Rows that were broken here stay apart when it widens.
 *
 * @param rows The rows that were drawn.
 * @param place Where the cursor was left in them.
 * @param columns The columns of the terminal now.
 */
export function rowsAbove(rows: readonly Row[], place: Place, columns: number): number {
  const whole = rows.slice(0, place.row).map((row) => reflowed(row.widths, columns));
  const before = rows[place.row]?.widths.slice(0, place.cells) ?? [];
  return whole.reduce((sum, count) => sum + count, 0) + reflowed(before, columns) - 1;
}

/**
 * The first row to show where there are more than may be shown: as few steps from the last as keep the
 * cursor in sight.
 *
 * @param rows How many rows there are.
 * @param shown How many may be shown.
 * @param cursorRow The row of the cursor.
 * @param top The row that was shown first until now.
 */
export function firstShown(rows: number, shown: number, cursorRow: number, top: number): number {
  const lowest = Math.max(0, cursorRow - shown + 1);
  const highest = Math.min(cursorRow, Math.max(0, rows - shown));
  return Math.max(lowest, Math.min(top, highest));
}

/**
 * The columns that a text takes in a terminal.
 *
 * @param text Text fit for a terminal, without line feeds; colours take none.
 */
export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

const PLAIN = /^[\x20-\x7e]*$/;

/** Widths that were asked for: a text has few different clusters, and measuring one is slow. */
const widths = new Map<string, number>();

function cachedWidth(cluster: string): number {
  let width = widths.get(cluster);
  if (width === undefined) {
    if (widths.size >= 4096) widths.clear();
    width = widthOf(cluster);
    widths.set(cluster, width);
  }
  return width;
}

function lineCells(text: string): Cell[] {
  let at = 0;
  return splitGraphemes(text).map((cluster) => {
    const shown = printable(cluster);
    const cell = { text: shown, width: cachedWidth(shown), at };
    at += cluster.length;
    return cell;
  });
}

/** The cells of a prompt; each colour (SGR) is a cell of no width. */
function promptCells(prompt: string): Cell[] {
  return prompt.split(SGR).flatMap((part, i) =>
    i % 2 === 1
      ? [{ text: part, width: 0, at: -1 }]
      : splitGraphemes(part).map((text) => ({ text, width: cachedWidth(text), at: -1 }))
  );
}

// deno-lint-ignore no-control-regex -- SGR sequences begin with a control
const SGR = /(\x1b\[[0-9;]*m)/;

/** The colours that the prompt has set before a cell: a row may be written without those above it. */
function coloursBefore(cells: readonly Cell[], index: number): string {
  let colours = "";
  for (const { at, text } of cells.slice(0, index)) {
    if (at >= 0) break;
    if (text.startsWith("\x1b")) colours += text;
  }
  return colours;
}

/** The index of the first cell of each row; an empty row follows a full one, for the cursor. */
function breaks(widths: readonly number[], columns: number): number[] {
  const starts = [0];
  let column = 0;
  widths.forEach((width, i) => {
    if (column + width > columns && i > starts.at(-1)!) {
      starts.push(i);
      column = 0;
    }
    column += width;
  });
  if (column >= columns) starts.push(widths.length);
  return starts;
}

/** How many rows a terminal of so many columns makes of one. */
function reflowed(widths: readonly number[], columns: number): number {
  const starts = breaks(widths, columns);
  // No empty row follows a full one here: the cursor of a terminal waits at its margin.
  return starts.at(-1) === widths.length && widths.length > 0 ? starts.length - 1 : starts.length;
}

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
const words = new Intl.Segmenter("und", { granularity: "word" });

/**
 * From here to there in a text.
 *
 * @param text The text.
 * @param at Where one stands.
 * @returns Where one stands afterwards.
 */
export type Move = (text: string, at: number) => number;

/** To the start of the text. */
export const toStart: Move = () => 0;

/** To the end of the text. */
export const toEnd: Move = (text) => text.length;

/** One grapheme cluster to the left. */
export const toPrevious: Move = (text, at) =>
  at <= 0 ? 0 : graphemes.segment(text).containing(at - 1)!.index;

/** One grapheme cluster to the right. */
export const toNext: Move = (text, at) => {
  const found = graphemes.segment(text).containing(at);
  return found === undefined ? text.length : found.index + found.segment.length;
};

/** To the start of the word at the left; Chinese, Japanese and Thai words by dictionary. */
export const toPreviousWord: Move = (text, at) => {
  const segments = words.segment(text);
  for (let to = at; to > 0;) {
    const found = segments.containing(to - 1)!;
    if (found.isWordLike === true) return found.index;
    to = found.index;
  }
  return 0;
};

/** To the end of the word at the right. */
export const toNextWord: Move = (text, at) => {
  const segments = words.segment(text);
  for (let to = at; to < text.length;) {
    const found = segments.containing(to)!;
    to = found.index + found.segment.length;
    if (found.isWordLike === true) return to;
  }
  return text.length;
};

/** To the start of what white space encloses at the left, as Ctrl-W does in shells. */
export const toPreviousBlank: Move = (text, at) => {
  let to = text.slice(0, at).trimEnd().length;
  while (to > 0 && !/\s/.test(text.charAt(to - 1))) to--;
  return to;
};

/**
 * Printable ASCII that is followed by printable ASCII is a cluster by itself; only what lies between
 * such stretches needs the segmenter. Most lines are one stretch.
 */
const ASCII_STRETCH = /[\x20-\x7e]+(?=[\x20-\x7e]|$)/y;

/**
 * The grapheme clusters of a text, in order.
 *
 * @param text Any text.
 * @returns The clusters; joined, they are the text.
 */
export function splitGraphemes(text: string): string[] {
  const clusters: string[] = [];
  let at = 0;
  while (at < text.length) {
    ASCII_STRETCH.lastIndex = at;
    const stretch = ASCII_STRETCH.exec(text)?.[0] ?? "";
    for (const char of stretch) clusters.push(char);
    at += stretch.length;
    const end = nextStretch(text, at);
    for (const { segment } of graphemes.segment(text.slice(at, end))) clusters.push(segment);
    at = end;
  }
  return clusters;
}

/** Where two printable ASCII characters next follow each other: between them is a boundary. */
function nextStretch(text: string, from: number): number {
  const found = text.slice(from).search(/[\x20-\x7e](?=[\x20-\x7e])/);
  return found < 0 ? text.length : from + found + 1;
}
