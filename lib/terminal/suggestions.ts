/**
 * The texts that the line editor offers: earlier lines, by arrow key or by search, and completions of
 * a word. State machines without I/O.
 *
 * @module
 */

import { printable } from "../base/printable.ts";
import { splitGraphemes } from "./rows.ts";

/** The most lines that the history holds. */
export const MAX_HISTORY = 500;

/** Control characters (C0, DEL, C1) except the line feed. */
// deno-lint-ignore no-control-regex -- matches control characters on purpose
export const CONTROLS = /[\0-\x09\x0b-\x1f\x7f-\x9f]/g;

/**
 * Writes a line of the history as a line of a file: `\\n` stands for a line feed, `\\\\` for a
 * backslash.
 */
export function toRecord(line: string): string {
  return line.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/** Reads a line of the history from a line of a file, without control characters. */
export function fromRecord(record: string): string {
  return record.replace(/\\([n\\])/g, (_, char) => char === "n" ? "\n" : "\\")
    .replace(CONTROLS, "");
}

/** A line of the history. */
export interface EarlierLine {
  readonly text: string;
  /** Whether it may outlast this run: no pasted text is in it. */
  readonly lasting: boolean;
}

/** A line and a cursor. */
export interface Draft extends EarlierLine {
  /** The cursor's offset in the text, in UTF-16 code units. */
  readonly cursor: number;
}

/** The lines that were entered, oldest first, and which of them is shown. */
export class History {
  readonly #lines: EarlierLine[];
  /** Index of the shown line; the number of lines means the line being edited. */
  #place: number;
  /** The line being edited, kept while an older line is shown. */
  #draft: Draft = { text: "", cursor: 0, lasting: true };

  /** @param earlier Lines of earlier runs, oldest first. */
  constructor(earlier: readonly string[] = []) {
    this.#lines = earlier.slice(-MAX_HISTORY).map((text) => ({ text, lasting: true }));
    this.#place = this.#lines.length;
  }

  /** Adds a line, unless it is empty or repeats the last one. */
  add(line: EarlierLine): void {
    if (line.text !== "" && line.text !== this.#lines.at(-1)?.text) this.#lines.push(line);
    if (this.#lines.length > MAX_HISTORY) this.#lines.shift();
    this.leave();
  }

  /** Returns to the line being edited, which is now empty. */
  leave(): void {
    this.#place = this.#lines.length;
  }

  /**
   * Moves to an older (-1) or newer (1) line.
   *
   * @param current What the editor shows.
   * @returns What to show instead; undefined if there is no such line.
   */
  recall(step: -1 | 1, current: Draft): Draft | undefined {
    const place = this.#place + step;
    if (place < 0 || place > this.#lines.length) return undefined;
    if (this.#place === this.#lines.length) this.#draft = current;
    this.#place = place;
    const older = this.#lines[place];
    return older === undefined ? this.#draft : { ...older, cursor: older.text.length };
  }

  /** Starts a search in the lines. */
  search(current: Draft): Search {
    return new Search(this.#lines, current);
  }
}

/** An incremental search through earlier lines, newest first, as readline's Ctrl-R. */
export class Search {
  readonly #lines: readonly EarlierLine[];
  /** What the editor showed before. */
  readonly before: Draft;
  #query = "";
  /** The index of the line that was found. */
  #at: number;
  #failed = false;
  /** What the editor shows: the line that was found, with the cursor at the match. */
  shown: Draft;

  /**
   * @param lines The lines, oldest first.
   * @param before What the editor shows.
   */
  constructor(lines: readonly EarlierLine[], before: Draft) {
    this.#lines = lines;
    this.before = before;
    this.shown = before;
    this.#at = lines.length;
  }

  /** The prompt of the search. It is printable. */
  get prompt(): string {
    const query = `"${printable(this.#query)}"`;
    return this.#failed ? `no line with ${query}: ` : `search ${query}: `;
  }

  /** Adds typed text to what is searched for. */
  type(text: string): void {
    this.#query += text;
    this.#find(Math.min(this.#at, this.#lines.length - 1), -1, undefined);
  }

  /** Removes the last cluster of what is searched for, and searches from the newest line. */
  erase(): void {
    this.#query = splitGraphemes(this.#query).slice(0, -1).join("");
    this.#at = this.#lines.length;
    this.shown = this.before;
    this.#failed = false;
    if (this.#query !== "") this.#find(this.#at - 1, -1, undefined);
  }

  /** Finds the next older (-1) or newer (1) line that matches and differs. */
  next(step: -1 | 1): void {
    if (this.#query !== "") this.#find(this.#at + step, step, this.shown.text);
  }

  #find(from: number, step: -1 | 1, except: string | undefined): void {
    const query = this.#query.toLowerCase();
    for (let at = from; at >= 0 && at < this.#lines.length; at += step) {
      const line = this.#lines[at]!;
      const match = line.text.toLowerCase().indexOf(query);
      if (match < 0 || line.text === except) continue;
      this.#at = at;
      this.#failed = false;
      this.shown = { ...line, cursor: Math.min(match, line.text.length) };
      return;
    }
    this.#failed = true;
  }
}

/** The ways to complete the word before the cursor. */
export interface Completions {
  /** The offset of the word in the line, in UTF-16 code units. */
  readonly start: number;
  /** The texts that may replace the word, with what follows it, such as a blank. */
  readonly candidates: readonly string[];
}

/**
 * Finds the completions of a line.
 *
 * @param before The line up to the cursor.
 */
export type Complete = (before: string) => Completions;

/** An entry of a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

/** Lists a directory: an empty list if it cannot be read. */
export type ListDirectory = (path: string) => readonly DirectoryEntry[];

/** The most paths that complete one. */
const MAX_PATHS = 100;

/**
 * Completes a path. A directory ends in a slash; hidden files are offered only after a dot. A quote that begins the path
 * is kept, and closed behind a file.
 *
 * @param begun The path so far.
 * @param list Lists the directory that it names.
 */
export function completePath(begun: string, list: ListDirectory): string[] {
  const quote = /^["']/.exec(begun)?.[0] ?? "";
  const [, directory = "", word = ""] = /^(.*\/)?([^/]*)$/su.exec(begun.slice(quote.length))!;
  return list(directory === "" ? "." : directory)
    .filter(({ name }) => name.startsWith(word) && (word.startsWith(".") || !name.startsWith(".")))
    .filter(({ name }) => name.replace(CONTROLS, "") === name && !name.includes("\n"))
    .map(({ name, isDirectory }) => quote + directory + name + (isDirectory ? "/" : quote))
    .sort()
    .slice(0, MAX_PATHS);
}

/** A change to a line: the text between two offsets is replaced. */
export interface Replacement {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Repeated presses of Tab on one word. */
export class CompletionCycle {
  readonly #completions: Completions;
  #end: number;
  #chosen: number | undefined;

  /**
   * @param completions The completions; there are several.
   * @param end The end of the word, in UTF-16 code units.
   */
  constructor(completions: Completions, end: number) {
    this.#completions = completions;
    this.#end = end;
  }

  /** The candidates, as a list for people. */
  get list(): string {
    return this.#completions.candidates.map((one) => printable(one.trimEnd())).join("  ");
  }

  /** Completes the word as far as all candidates agree. */
  begin(word: string): Replacement {
    const common = commonStart(this.#completions.candidates);
    return this.#replace(common.length > word.length ? common : word);
  }

  /** Chooses the next (1) or previous (-1) candidate. */
  choose(step: -1 | 1): Replacement {
    const { candidates } = this.#completions;
    const { length } = candidates;
    const from = this.#chosen ?? (step > 0 ? -1 : length);
    this.#chosen = (from + step + length) % length;
    return this.#replace(candidates[this.#chosen]!);
  }

  #replace(text: string): Replacement {
    const { start } = this.#completions;
    const end = this.#end;
    this.#end = start + text.length;
    return { start, end, text };
  }
}

function commonStart(texts: readonly string[]): string {
  const [first = [], ...others] = texts.map(splitGraphemes);
  const differs = first.findIndex((cluster, i) => others.some((other) => other[i] !== cluster));
  return (differs < 0 ? first : first.slice(0, differs)).join("");
}
