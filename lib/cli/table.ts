/**
 * Tables and facts for people, in columns.
 *
 * @module
 */

import type { Missing, Page } from "../os/io.ts";
import { makeStyle, type Paint } from "../terminal/terminal.ts";

/** A cell: text that is safe for a terminal, with a colour or without. */
export type Cell = string | { readonly text: string; readonly paint: Paint };

/** How a table is laid out. */
export interface TableOptions {
  /** The titles above the columns. */
  readonly titles?: readonly string[];
  /** The columns that are right-aligned, counted from 0. */
  readonly right?: readonly number[];
}

const GAP = 2;
/** The least width of the last column. With less room it moves to a line of its own. */
const LEAST_WRAPPED = 16;
/** The indent of a line that continues a row. */
const SET_IN = 4;
/** On a narrower terminal, the terminal wraps the lines. */
const LEAST_WIDTH = 24;
const PLAIN = /^[\x20-\x7e]*$/;

/**
 * Formats rows as lines, with aligned columns.
 *
 * @param rows The rows, each with as many cells as it needs.
 * @param page The page to print on. The last cell of a row is wrapped to its width.
 * @param options Titles and alignment.
 * @returns Lines without line feeds.
 */
export async function tableLines(
  rows: readonly (readonly Cell[])[],
  { columns: width, coloured }: Page,
  { titles, right = [] }: TableOptions = {},
): Promise<string[]> {
  const head = titles?.map((text) => ({ text, paint: makeStyle(coloured).dim }));
  const all = head === undefined ? rows : [head, ...rows];
  const widthOf = await measure(all.flat().map(textOf));
  const columns = Math.max(0, ...all.map((row) => row.length));
  const widths = Array.from(
    { length: columns },
    (_, i) => Math.max(0, ...all.map((row) => row[i] === undefined ? 0 : widthOf(textOf(row[i])))),
  );
  const breaks = breaksOf(widths, width);
  const parts = breaks.map((from, i) => {
    const to = breaks[i + 1];
    const indent = i === 0 ? 0 : SET_IN;
    const layout = {
      widths: widths.slice(from, to),
      right: right.map((column) => column - from),
      width: width === undefined ? undefined : width - indent,
      widthOf,
    };
    return (row: readonly Cell[]) => indented(rowLines(row.slice(from, to), layout), indent);
  });
  return all.flatMap(([...row]) => {
    const [first, ...rest] = parts.map((part) => part(row));
    return [...first!, ...rest.flat().filter((line) => line !== "")];
  });
}

/**
 * Formats facts as lines: names at the left, values at the right.
 *
 * @param facts Names and values.
 * @param page The page to print on.
 */
export function factLines(
  facts: readonly (readonly [name: string, value: Cell])[],
  page: Page,
): Promise<string[]> {
  const paint = makeStyle(page.coloured).dim;
  return tableLines(facts.map(([name, value]) => [{ text: name, paint }, value]), page);
}

/** Finds the columns that start a line: the first one, and each one that does not fit in the line before. */
function breaksOf(widths: readonly number[], width: number | undefined): number[] {
  if (width === undefined || width < LEAST_WIDTH) return [0];
  const breaks = [0];
  let room = width;
  for (const [column, own] of widths.entries()) {
    // The last cell is wrapped, down to its least width.
    const needed = column === widths.length - 1 ? Math.min(own, LEAST_WRAPPED) : own;
    if (needed > room && column > breaks.at(-1)!) {
      breaks.push(column);
      room = width - SET_IN;
    }
    room -= own + GAP;
  }
  return breaks;
}

function indented(lines: readonly string[], by: number): string[] {
  return lines.map((line) => line === "" ? "" : " ".repeat(by) + line);
}

interface Layout {
  readonly widths: readonly number[];
  readonly right: readonly number[];
  readonly width: number | undefined;
  readonly widthOf: (text: string) => number;
}

function rowLines(row: readonly Cell[], { widths, right, width, widthOf }: Layout): string[] {
  const last = row.length - 1;
  const cells = row.slice(0, -1).map((cell, i) => {
    const space = " ".repeat(widths[i]! - widthOf(textOf(cell)));
    return right.includes(i) ? space + painted(cell) : painted(cell) + space;
  });
  const gap = " ".repeat(GAP);
  const before = cells.map((cell) => cell + gap).join("");
  const indent = widths.slice(0, last).reduce((sum, each) => sum + each + GAP, 0);
  const cell = row[last];
  if (cell === undefined) return [""];
  const text = textOf(cell);
  const pad = right.includes(last) ? " ".repeat(widths[last]! - widthOf(text)) : "";
  const room = width === undefined ? Infinity : width - indent;
  const parts = room < LEAST_WRAPPED ? [text] : wrapped(text, room, widthOf);
  return parts.map((part, i) => {
    const shown = typeof cell === "string" ? part : cell.paint(part);
    return ((i === 0 ? before + pad : " ".repeat(indent)) + shown).trimEnd();
  });
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

function painted(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.paint(cell.text);
}

/** Breaks a text at its spaces. A word that is too wide is not broken. */
function wrapped(text: string, room: number, widthOf: (text: string) => number): string[] {
  if (widthOf(text) <= room) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && widthOf(longer) > room) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Chooses how to measure texts. Only texts beyond ASCII need the package, which is slow to load. */
export async function measure(texts: readonly string[]): Promise<(text: string) => number> {
  if (texts.every((text) => PLAIN.test(text))) return (text) => text.length;
  const { default: stringWidth } = await import("string-width");
  return (text) => PLAIN.test(text) ? text.length : stringWidth(text);
}

/**
 * The parts that are not shown, as fields of a JSON object: what each one is, and the flag that would show it.
 *
 * @param missing The parts.
 */
export function notShown(
  missing: readonly Missing[],
): { readonly part: string; readonly flag: string | null }[] {
  return missing.map(({ part, permission }) => ({ part, flag: flagOf(permission) }));
}

function flagOf(permission: string | null): string | null {
  return permission === null ? null : `--allow-${permission}`;
}

/**
 * Formats an empty line and a line for each part that is not shown; nothing if there is none.
 *
 * @param missing The parts.
 * @param words The words of the command: `info`, `host`.
 * @param page Where the lines are printed.
 */
export async function missingLines(
  missing: readonly Missing[],
  words: readonly string[],
  page: Page,
): Promise<string[]> {
  if (missing.length === 0) return [];
  const { permissionHint } = await import("./permissions.ts");
  const paint = makeStyle(page.coloured).dim;
  const rows = notShown(missing).map(({ part, flag }) => {
    const how = flag === null
      ? "not on this system"
      : permissionHint(words, [flag]) ?? "not permitted to this program";
    return [{ text: `not shown: ${part}: ${how}`, paint }];
  });
  return ["", ...await tableLines(rows, page)];
}
