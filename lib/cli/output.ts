/**
 * The output of commands: lines, tables and facts for people, one JSON object per line for programs, and failures.
 *
 * Field names are an interface: later versions only add.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable, printableJson } from "../base/printable.ts";
import { type Io, type Missing, type Page, ReaderGone, writeAll, writeError } from "../os/io.ts";
import type { Paint } from "../terminal/terminal.ts";

/**
 * Prints lines.
 *
 * @param lines Text fit for a terminal, without line feeds.
 */
export function printLines({ output }: Pick<Io, "output">, lines: readonly string[]): void {
  if (lines.length > 0) writeAll(output, `${lines.join("\n")}\n`);
}

/**
 * Prints a value as JSON on a line of its own.
 *
 * @param value What `JSON.stringify` takes.
 */
export function printJson({ output }: Pick<Io, "output">, value: unknown): void {
  writeAll(output, `${printableJson(value)}\n`);
}

/** An event, as lines for people and as JSON for programs. */
export interface Said {
  /** Lines for people, fit for a terminal. */
  readonly lines: readonly string[];
  /** The name of the event. */
  readonly event: string;
  /** Its fields. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The lines that show an event: those for people, or one line of JSON with the time. */
export function voiced({ lines, event, fields }: Said, json: boolean): readonly string[] {
  return json ? [jsonEvent(event, fields)] : lines;
}

/**
 * Returns a function that formats a time, in milliseconds since 1970, by ISO 8601. It keeps the last second: many events
 * share it.
 */
export function timeFormat(): (ms: number) => string {
  let last = NaN;
  let text = "";
  return (ms) => {
    const second = Math.floor(ms / 1000);
    if (second !== last) {
      text = new Date(1000 * (last = second)).toISOString().slice(0, -"000Z".length);
    }
    const rest = Math.trunc(ms - 1000 * second);
    return `${text}${rest < 10 ? "00" : rest < 100 ? "0" : ""}${rest}Z`;
  };
}

const eventTime = timeFormat();

/**
 * Returns a function that returns the start of an event as a line of JSON: its name and the time. Its fields and a brace
 * follow. It keeps the last millisecond: many events share it.
 */
export function jsonEventStart(event: string): () => string {
  let last = NaN;
  let text = "";
  return () => {
    const now = Date.now();
    if (now !== last) text = startOf(event, last = now);
    return text;
  };
}

function startOf(event: string, ms: number): string {
  return `{"event":"${event}","at":"${eventTime(ms)}"`;
}

/** Formats an event as a line of JSON: its name, the time, and its fields. */
export function jsonEvent(event: string, fields: Readonly<Record<string, unknown>>): string {
  const start = startOf(event, Date.now());
  const json = printableJson(fields);
  return json === "{}" ? `${start}}` : `${start},${json.slice(1)}`;
}

/** Prints an event. On a terminal, the lines for people are broken between words. */
export function say({ output }: Pick<Io, "output">, said: Said, json: boolean): void {
  const lines = voiced(said, json);
  printLines({ output }, json ? lines : brokenLines(lines, output));
}

/**
 * Runs a command. If it fails and the output is JSON, prints an event `error` before the failure reaches the
 * command line.
 *
 * @param json Whether the output is JSON.
 * @param run The command.
 */
export async function reportingFailure(
  io: Pick<Io, "output">,
  json: boolean,
  run: () => Promise<number>,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (json && error instanceof Failure) tellProgram(io, error);
    throw error;
  }
}

/** The failures that programs have been told. */
const told = new WeakSet<Failure>();

/** Prints a failure as an event `error`, unless it was printed before or the user interrupted the command. */
export function tellProgram(io: Pick<Io, "output">, failure: Failure): void {
  if (told.has(failure) || failure.exitCode === 130 || failure instanceof ReaderGone) return;
  told.add(failure);
  try {
    printLines(io, [jsonEvent("error", failureFields(failure))]);
  } catch (error) {
    // The output itself may have failed. The command line reports the first failure.
    if (!(error instanceof Failure)) throw error;
  }
}

/**
 * Prints a failure on standard error: one line, a hint if there is one, and with `debug` the stack.
 * Prints nothing if the reader of the output has gone, as is usual for pipes.
 *
 * @param failure What failed.
 * @param debug Whether to print the stack.
 */
export function printFailure(io: Pick<Io, "errors">, failure: Failure, debug = false): void {
  if (failure instanceof ReaderGone) return;
  const line = `parley: ${printable(failure.what)}: ${printable(failure.why)} (${failure.code})\n`;
  const hint = failure.hint === undefined ? "" : `hint: ${printable(failure.hint)}\n`;
  const stack = debug ? `${failure.stack ?? ""}\n${causeStack(failure.cause)}` : "";
  writeError(io, line + hint + stack);
}

function causeStack(cause: unknown): string {
  return cause instanceof Error ? `Caused by: ${cause.stack ?? cause.message}\n` : "";
}

/** A failure as fields of an event. */
export function failureFields(
  { code, what, why }: Failure,
): { readonly code: string; readonly message: string } {
  return { code, message: `${what}: ${why}` };
}

/** An address as fields of an event. */
export function addressFields(
  { hostname, port }: Deno.NetAddr,
): { readonly host: string; readonly port: number } {
  return { host: hostname, port };
}

/** An address or the path of a Unix socket as fields of an event. */
export function endpointFields(
  endpoint: { readonly hostname: string; readonly port: number } | { readonly path: string },
): Readonly<Record<string, string | number>> {
  return "path" in endpoint
    ? { path: endpoint.path }
    : { host: endpoint.hostname, port: endpoint.port };
}

/** Formats a number of things: `1 datagram`, `1,024 datagrams`. */
export function counted(count: number, thing: string): string {
  return `${count.toLocaleString("en-US")} ${thing}${count === 1 ? "" : "s"}`;
}

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
  const paint = await dimming(coloured);
  const head = titles?.map((text) => ({ text, paint }));
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
export async function factLines(
  facts: readonly (readonly [name: string, value: Cell])[],
  page: Page,
): Promise<string[]> {
  const paint = await dimming(page.coloured);
  return await tableLines(facts.map(([name, value]) => [{ text: name, paint }, value]), page);
}

/** Returns what dims a text. Colours are loaded only where there are colours. */
async function dimming(coloured: boolean): Promise<Paint> {
  if (!coloured) return (text) => text;
  const { makeStyle } = await import("../terminal/terminal.ts");
  return makeStyle(true).dim;
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

/** The further rows of a line start with this, so that they cannot pass for lines of their own. */
const FURTHER = "  ";

/**
 * Breaks lines between words where a terminal would break them within one. Lines beyond ASCII are left to the terminal:
 * to measure them takes a package.
 *
 * @param lines Lines without colours.
 * @param page The page to print on. If it has no width, the lines are not broken.
 */
export function brokenLines(lines: readonly string[], { columns }: Page): string[] {
  if (columns === undefined || columns < LEAST_WIDTH) return [...lines];
  const widthOf = (text: string) => text.length;
  return lines.flatMap((line) => {
    if (line.length <= columns || !PLAIN.test(line)) return [line];
    const [first = ""] = wrapped(line, columns, widthOf);
    const rest = line.slice(first.length).trimStart();
    if (rest === "") return [first];
    return [first, ...wrapped(rest, columns - FURTHER.length, widthOf).map((row) => FURTHER + row)];
  });
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
  const { permissionHint } = await import("./help.ts");
  const paint = await dimming(page.coloured);
  const rows = notShown(missing).map(({ part, flag }) => {
    const how = flag === null ? "not on this system" : permissionHint(words, [flag]);
    return [{ text: `not shown: ${part}: ${how}`, paint }];
  });
  return ["", ...await tableLines(rows, page)];
}
