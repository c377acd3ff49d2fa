/**
 * Lays out a prompt and a line in the rows of a terminal: pure geometry, no I/O.
 *
 * The layout breaks rows itself instead of leaving it to the terminal, so that terminals that
 * disagree about the width of an emoji still agree about the number of rows. This file also
 * measures text width, splits grapheme clusters and moves the cursor by cluster and by word.
 *
 * @module
 */

import stringWidth from "string-width";
import { printable } from "../base/printable.ts";

/**
 * A unit that a row break never splits: a grapheme cluster, or the escape that replaces an
 * unprintable character.
 */
interface Cell {
  /** The text to write. */
  readonly text: string;
  /** Its width in columns: 0, 1, 2, or more for an escape such as `\u{202e}`. */
  readonly width: number;
  /** The offset of its cluster in the line, in UTF-16 code units; -1 for the prompt. */
  readonly at: number;
}

/** One row. */
export interface Row {
  /** The text to write. */
  readonly text: string;
  /**
   * The length of a letter with combining marks in the last column, at the end of the text, in
   * UTF-16 code units; 0 if there is none. With autowrap off, a terminal stays in the last column
   * and puts the marks on the wrong letter.
   */
  readonly markedEnd: number;
  /**
   * The widths of its cells, from which {@linkcode rowsAbove} computes how a narrower terminal
   * reflows the row.
   */
  readonly widths: readonly number[];
}

/** A prompt and a line, broken into rows. There is at least one row. */
export interface Layout {
  /** The width that the layout was made for, in columns. */
  readonly columns: number;
  readonly rows: readonly Row[];
  readonly cells: readonly Cell[];
  /** The index of each row's first cell. */
  readonly starts: readonly number[];
}

/** The cursor's position in a layout. */
export interface Place {
  readonly row: number;
  /** The number of the row's cells before the cursor. */
  readonly cells: number;
  /** The text from the start of the row to the cursor. */
  readonly before: string;
}

/**
 * Breaks a prompt and a line into rows.
 *
 * @param prompt The prompt: printable text and colours (SGR sequences).
 * @param text The line as typed. Unprintable characters become visible escapes.
 * @param columns The width of the terminal in columns, at least 1.
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

/**
 * A letter followed by combining marks. Variation selectors are excluded: they can change an
 * emoji's width.
 */
const MARKED = /^\P{M}[^\P{M}\u{fe00}-\u{fe0f}]+$/u;

function markedEnd(cells: readonly Cell[], columns: number): number {
  const width = cells.reduce((sum, cell) => sum + cell.width, 0);
  const last = cells.at(-1)?.text ?? "";
  return width === columns && MARKED.test(last) ? last.length : 0;
}

/**
 * Returns the cursor's position in a layout. After a full row, that is the start of the next row.
 *
 * @param layout The layout.
 * @param cursor The cursor's offset in the line, in UTF-16 code units. An offset inside a cluster
 * counts as the cluster's end.
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
 * Returns the number of terminal rows from the first row to the cursor after the terminal has
 * become narrower and has reflowed the rows. A terminal that becomes wider does not join them
 * again.
 *
 * @param rows The drawn rows.
 * @param place The position at which the cursor was left.
 * @param columns The current width of the terminal in columns.
 */
export function rowsAbove(rows: readonly Row[], place: Place, columns: number): number {
  const whole = rows.slice(0, place.row).map((row) => reflowed(row.widths, columns));
  const before = rows[place.row]?.widths.slice(0, place.cells) ?? [];
  return whole.reduce((sum, count) => sum + count, 0) + reflowed(before, columns) - 1;
}

/**
 * Returns the first row to show if not all rows fit. It scrolls as little as possible from `top` to
 * keep the cursor visible.
 *
 * @param rows The number of rows.
 * @param shown The number of rows that fit.
 * @param cursorRow The row of the cursor.
 * @param top The row that was shown first before.
 */
export function firstShown(rows: number, shown: number, cursorRow: number, top: number): number {
  const lowest = Math.max(0, cursorRow - shown + 1);
  const highest = Math.min(cursorRow, Math.max(0, rows - shown));
  return Math.max(lowest, Math.min(top, highest));
}

/**
 * Returns the width of a text in a terminal, in columns.
 *
 * @param text Printable text without line feeds. Colours (SGR sequences) have no width.
 */
export function widthOf(text: string): number {
  return PLAIN.test(text) ? text.length : stringWidth(text);
}

const PLAIN = /^[\x20-\x7e]*$/;

/** A cache of widths: a text has few different clusters, and measuring one is slow. */
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

/**
 * Returns the most columns that a terminal takes for a text: some draw the parts of a cluster, such as
 * those of a family of emoji, one beside the other.
 *
 * @param text Printable text without line feeds. Colours (SGR sequences) have no width.
 */
export function mostColumns(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const part of text.split(SGR)) {
    if (PLAIN.test(part)) columns += part.length;
    else if (!part.startsWith("\x1b[")) {
      for (const cluster of splitGraphemes(part)) columns += mostOfCluster(cluster);
    }
  }
  return columns;
}

function mostOfCluster(cluster: string): number {
  const chars = [...cluster];
  return Math.max(cachedWidth(cluster), chars.reduce((sum, char) => sum + mostOfChar(char), 0));
}

/** Some terminals draw spacing marks, fillers and soft hyphens, which others leave out. */
function mostOfChar(char: string): number {
  const width = cachedWidth(char);
  if (width > 0 || JOINERS.test(char)) return width;
  if (HANGUL_FILLERS.test(char)) return 2;
  return /[\p{Mc}\p{DI}]/u.test(char) ? 1 : 0;
}

/** Joiners and variation selectors, which have no width anywhere. */
const JOINERS = /[\u034f\u200c\u200d\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/u;
/** Wide by the Unicode property East_Asian_Width. */
const HANGUL_FILLERS = /[\u115f\u3164]/;

function lineCells(text: string): Cell[] {
  let at = 0;
  return splitGraphemes(text).map((cluster) => {
    const shown = printable(cluster);
    const cell = { text: shown, width: cachedWidth(shown), at };
    at += cluster.length;
    return cell;
  });
}

/** Splits a prompt into cells; each colour (SGR sequence) is a cell of width 0. */
function promptCells(prompt: string): Cell[] {
  return prompt.split(SGR).flatMap((part, i) =>
    i % 2 === 1
      ? [{ text: part, width: 0, at: -1 }]
      : splitGraphemes(part).map((text) => ({ text, width: cachedWidth(text), at: -1 }))
  );
}

// deno-lint-ignore no-control-regex -- SGR sequences begin with a control character
const SGR = /(\x1b\[[0-9;]*m)/;

/**
 * Returns the colours that the prompt sets before a cell: a row may be drawn without the rows above
 * it.
 */
function coloursBefore(cells: readonly Cell[], index: number): string {
  let colours = "";
  for (const { at, text } of cells.slice(0, index)) {
    if (at >= 0) break;
    if (text.startsWith("\x1b")) colours += text;
  }
  return colours;
}

/**
 * Returns the index of each row's first cell. An empty row follows a full last row, for the cursor.
 */
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

/** Returns the number of rows into which a terminal of `columns` columns breaks one row. */
function reflowed(widths: readonly number[], columns: number): number {
  const starts = breaks(widths, columns);
  // A terminal adds no empty row after a full one: its cursor waits at the margin.
  return starts.at(-1) === widths.length && widths.length > 0 ? starts.length - 1 : starts.length;
}

const graphemes = new Intl.Segmenter("und", { granularity: "grapheme" });
const words = new Intl.Segmenter("und", { granularity: "word" });

/**
 * Computes a cursor movement in a text.
 *
 * @param text The text.
 * @param at The offset before the movement, in UTF-16 code units.
 * @returns The offset after the movement.
 */
export type Move = (text: string, at: number) => number;

/** Moves to the start of the text. */
export const toStart: Move = () => 0;

/** Moves to the end of the text. */
export const toEnd: Move = (text) => text.length;

/** Moves one grapheme cluster to the left. */
export const toPrevious: Move = (text, at) =>
  at <= 0 ? 0 : graphemes.segment(text).containing(at - 1)!.index;

/** Moves one grapheme cluster to the right. */
export const toNext: Move = (text, at) => {
  const found = graphemes.segment(text).containing(at);
  return found === undefined ? text.length : found.index + found.segment.length;
};

/**
 * Moves left to the start of a word. Chinese, Japanese and Thai words are found by dictionary (UAX
 * #29).
 */
export const toPreviousWord: Move = (text, at) => {
  const segments = words.segment(text);
  for (let to = at; to > 0;) {
    const found = segments.containing(to - 1)!;
    if (found.isWordLike === true) return found.index;
    to = found.index;
  }
  return 0;
};

/** Moves right to the end of a word. */
export const toNextWord: Move = (text, at) => {
  const segments = words.segment(text);
  for (let to = at; to < text.length;) {
    const found = segments.containing(to)!;
    to = found.index + found.segment.length;
    if (found.isWordLike === true) return to;
  }
  return text.length;
};

/** Moves left to the previous white space, as Ctrl-W does in shells. */
export const toPreviousBlank: Move = (text, at) => {
  let to = text.slice(0, at).trimEnd().length;
  while (to > 0 && !/\s/.test(text.charAt(to - 1))) to--;
  return to;
};

/**
 * Printable ASCII followed by printable ASCII. Each such character is a cluster by itself, so that
 * only the text between these stretches needs the slow segmenter. Most lines are one stretch.
 */
const ASCII_STRETCH = /[\x20-\x7e]+(?=[\x20-\x7e]|$)/y;

/**
 * Splits a text into grapheme clusters (UAX #29), in order.
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

/**
 * Returns the offset between the next two adjacent printable ASCII characters: a cluster boundary.
 */
function nextStretch(text: string, from: number): number {
  const found = text.slice(from).search(/[\x20-\x7e](?=[\x20-\x7e])/);
  return found < 0 ? text.length : from + found + 1;
}
