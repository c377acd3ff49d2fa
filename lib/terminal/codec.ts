/**
 * Between the screen and the bytes of a terminal. Read: keys and pastes. Written: the input line, and
 * printed text that wraps at blanks. It does no I/O.
 *
 * @module
 */

import { emitKeypressEvents } from "node:readline";
import { PassThrough } from "node:stream";
import { type Key, MAX_LINE } from "./editor.ts";
import {
  firstShown,
  type Layout,
  layOut,
  mostColumns,
  type Place,
  placeOf,
  type Row,
  rowsAbove,
  splitGraphemes,
} from "./rows.ts";
import type { Size } from "./terminal.ts";

/** The escape sequence that turns bracketed paste on (xterm's private mode 2004). */
export const PASTE_ON = "\x1b[?2004h";
/** The escape sequence that turns bracketed paste off. */
export const PASTE_OFF = "\x1b[?2004l";

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";

/** The callbacks that receive keys and pastes. */
export interface KeyHandlers {
  key(key: Key): void;
  /**
   * Receives a paste. `enters` tells that it came without marks and that its last line has a line
   * end, as if the person had pressed Enter.
   */
  paste(text: string, enters: boolean): void;
  /** Whether a question about a paste is open: several characters at once then continue the paste. */
  readonly asks: boolean;
}

/**
 * Text without control characters but tabs and line ends. Terminals send the line ends of a paste as
 * carriage returns.
 */
// deno-lint-ignore no-control-regex -- matches control characters on purpose
const PLAIN_TEXT = /^[^\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$/;

/** Reads the bytes from a terminal and reports keys and pastes. */
export class KeyReader {
  readonly #handlers: KeyHandlers;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #stream = new PassThrough();
  /**
   * The start of a paste mark that the next bytes may complete. A lone Escape waits here and does
   * nothing.
   */
  #held = "";
  #pasted: string | undefined;
  /** Whether the terminal has marked a paste: what comes without marks is then typed. */
  #marks = false;

  /** @param handlers Called for each key and each paste. */
  constructor(handlers: KeyHandlers) {
    this.#handlers = handlers;
    emitKeypressEvents(this.#stream);
    this.#stream.on("keypress", (_text: string | undefined, key: KeyEvent) =>
      handlers.key({
        name: key.name,
        sequence: key.sequence ?? "",
        ctrl: key.ctrl === true,
        meta: key.meta === true,
      }));
  }

  /**
   * Decodes bytes from the terminal. It calls the handlers before it returns. A terminal without
   * bracketed paste does not mark a paste: several lines that come in one read are one, unless the
   * terminal has marked a paste before.
   *
   * @param bytes UTF-8, split at any byte.
   */
  push(bytes: Uint8Array): void {
    let text = this.#held + this.#decoder.decode(bytes, { stream: true });
    this.#held = "";
    for (;;) {
      const mark = this.#pasted === undefined ? PASTE_START : PASTE_END;
      const at = text.indexOf(mark);
      if (at < 0) {
        const whole = text.length - partialMark(text, mark);
        this.#held = text.slice(whole);
        this.#take(text.slice(0, whole));
        return;
      }
      this.#take(text.slice(0, at));
      this.#toggle();
      text = text.slice(at + mark.length);
    }
  }

  #take(text: string): void {
    if (text === "") return;
    if (this.#pasted === undefined) this.#takeUnmarked(text);
    else if (this.#pasted.length <= MAX_LINE) this.#pasted += text;
  }

  #takeUnmarked(text: string): void {
    const keys = /^[\r\n]*/.exec(text)![0];
    const rest = text.slice(keys.length);
    const isPaste = !this.#marks && PLAIN_TEXT.test(rest) &&
      (/\r[^]*[^\r\n]/.test(rest) || (this.#handlers.asks && rest.length > 2));
    if (!isPaste) return void this.#stream.emit("data", text);
    if (keys !== "") this.#stream.emit("data", keys);
    this.#handlers.paste(rest.replace(/[\r\n]+$/, ""), /[\r\n]$/.test(rest));
  }

  #toggle(): void {
    const pasted = this.#pasted;
    this.#marks = true;
    this.#pasted = pasted === undefined ? "" : undefined;
    if (pasted !== undefined) this.#handlers.paste(pasted, false);
  }
}

/** The key object that `node:readline` passes to its listeners. */
interface KeyEvent {
  readonly name?: string;
  readonly sequence?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
}

/** Returns the length of the longest suffix of `text` that is a prefix of `mark`. */
function partialMark(text: string, mark: string): number {
  let length = Math.min(text.length, mark.length - 1);
  while (length > 0 && !text.endsWith(mark.slice(0, length))) length--;
  return length;
}

/** The input line to draw. */
export interface InputLine {
  /** What stands in rows of its own above it: printable text; it may contain colours. */
  readonly above?: string;
  readonly prompt: string;
  readonly text: string;
  /** The cursor's offset in the text, in UTF-16 code units. */
  readonly cursor: number;
}

// ECMA-48 sequences, and DEC's private mode 7 (autowrap). With autowrap off, a terminal overwrites
// its last column instead of continuing in the next row, so that each row of the layout is one row
// of the terminal. ERASE_BELOW erases the row first and then the rows below: some terminals add the
// screen to their scrollback when everything from the top left corner is erased.
const ERASE_BELOW = "\x1b[K\x1b7\x1b[B\x1b[J\x1b8";
const RESET_COLOURS = "\x1b[m";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";
const CLEAR = "\x1b[H\x1b[2J";
const up = (rows: number) => rows > 0 ? `\x1b[${rows}A` : "";

/**
 * Returns the text of a row. Autowrap is turned on for a letter with marks in the last column, so
 * that the marks join that letter.
 */
function written({ text, markedEnd }: Row): string {
  if (markedEnd === 0) return text;
  const end = text.length - markedEnd;
  return text.slice(0, end) + WRAP_ON + text.slice(end) + WRAP_OFF;
}

/** Draws and erases the input line. */
export class Drawing {
  #drawn: { readonly rows: readonly Row[]; readonly place: Place } | undefined;
  #top = 0;
  #layout: { readonly layout: Layout; readonly prompt: string; readonly text: string } | undefined;

  /**
   * Returns the bytes that erase the input line and move the cursor to where the line began.
   *
   * @param size The current size of the terminal; it may have changed since the last draw.
   */
  erase({ columns }: Size): string {
    const drawn = this.#drawn;
    this.#drawn = undefined;
    if (drawn === undefined) return "";
    return `${up(rowsAbove(drawn.rows, drawn.place, columns))}\r${ERASE_BELOW}`;
  }

  /** Returns the bytes that clear the screen. */
  clear(): string {
    this.#drawn = undefined;
    return CLEAR;
  }

  /** Forgets the drawn line, because something else has written to the terminal. */
  forget(): void {
    this.#drawn = undefined;
  }

  /**
   * Returns the bytes that draw the input line, and what stands above it, from the start of an empty
   * row. The line takes at most half of the screen and scrolls within it.
   *
   * @param input The input line.
   * @param size The size of the terminal.
   */
  draw(input: InputLine, size: Size): string {
    const layout = this.#layOut(input, size.columns);
    const place = placeOf(layout, input.cursor);
    const shown = Math.max(1, Math.floor(size.rows / 2));
    this.#top = firstShown(layout.rows.length, shown, place.row, this.#top);
    const above = standingRows(input.above ?? "", size);
    const rows = [...above, ...layout.rows.slice(this.#top, this.#top + shown)];
    const row = above.length + place.row - this.#top;
    this.#drawn = { rows, place: { ...place, row } };
    return WRAP_OFF + rows.map((r) => written(r) + RESET_COLOURS).join("\r\n") +
      up(rows.length - 1 - row) + "\r" + place.before + RESET_COLOURS + WRAP_ON;
  }

  /** Reuses the last layout of the same line: most draws follow a message printed above it. */
  #layOut({ prompt, text }: InputLine, columns: number): Layout {
    const last = this.#layout;
    const isSame = last?.text === text && last.prompt === prompt;
    if (isSame && last.layout.columns === columns) return last.layout;
    const layout = layOut(prompt, text, columns);
    this.#layout = { layout, prompt, text };
    return layout;
  }
}

/**
 * Lays out what stands above the input line. It is left out if it takes half of the screen or has a
 * URL that is wider than a row: what the terminal itself wraps cannot be erased for sure.
 */
function standingRows(text: string, { columns, rows }: Size): Row[] {
  if (text === "") return [];
  const lines = wrapped(text, columns).split("\n");
  const isWhole = lines.length < rows / 2 && lines.every((line) => mostColumns(line) <= columns);
  return isWhole ? lines.map((line) => layOut(line, "", columns).rows[0]!) : [];
}

/** A part of a line between two places at which it may be broken. */
interface Unit {
  readonly text: string;
  /** The most columns that it takes. */
  readonly width: number;
  /**
   * A blank; a wide character, which may be parted from its neighbours; a word; or a URL. A URL that
   * is wider than a row stays whole: the terminal continues it in the next row, and copies it without
   * a line break. Those rows cannot pass for a line of the chat, since a URL has no blank in it.
   */
  readonly kind: "blank" | "wide" | "word" | "url";
}

/** The rows after the first start with this, so that their text cannot pass for a line of its own. */
const INDENT = "  ";
/** The mark of the further lines of a message, which their further rows repeat. */
const FURTHER = "  | ";
/** A narrower terminal wraps lines by itself: nothing useful fits beside the indent. */
const MIN_COLUMNS = 8;

/**
 * Wraps printed text at blanks. A row after the first is indented. A URL never gets a line break; any
 * other word that is wider than a row does. Chinese, Japanese and other wide characters may be parted
 * from their neighbours.
 *
 * @param text Lines of printable text; they may contain colours (SGR sequences).
 * @param columns The width of the terminal in columns.
 */
export function wrapped(text: string, columns: number): string {
  if (columns < MIN_COLUMNS) return text;
  return text.split("\n").map((line) => wrapLine(line, columns)).join("\n");
}

function wrapLine(line: string, columns: number): string {
  // A cluster has at most two columns for each UTF-16 code unit.
  if (2 * line.length <= columns) return line;
  const units = unitsOf(line);
  if (units.reduce((sum, { width }) => sum + width, 0) <= columns) return line;
  return rowsOf(units, line.startsWith(FURTHER) ? FURTHER : INDENT, columns).join("\n");
}

function rowsOf(units: readonly Unit[], indent: string, columns: number): string[] {
  const rows = [""];
  let column = 0;
  let blanks = "";
  const put = ({ text, width }: Unit) => {
    if (column + blanks.length + width > columns) {
      rows.push(indent);
      column = indent.length;
      blanks = "";
    }
    rows.push(rows.pop()! + blanks + text);
    column += blanks.length + width;
    blanks = "";
  };
  for (const unit of units) {
    if (unit.kind === "blank") blanks += unit.text;
    else if (indent.length + unit.width <= columns) put(unit);
    else if (unit.kind === "url") {
      // It starts in this row, and what follows it starts a new one.
      rows.push(rows.pop()! + blanks + unit.text);
      column = columns;
      blanks = "";
    } else {
      for (const part of partsOf(unit.text)) put(part);
    }
  }
  return rows;
}

/**
 * Colours, URLs, blanks, ASCII and other text. A URL may have letters of any script, but no character
 * that is drawn as a blank.
 */
const TOKENS =
  // deno-lint-ignore no-control-regex -- SGR sequences begin with a control character
  /(?<colour>\x1b\[[0-9;]*m)|(?<url>[!-~]*:\/\/(?:(?!\p{DI})[!-~\p{L}\p{M}\p{N}])+)|(?<word>[!-~]+)|(?<blank> +)|[^ -~\x1b]+|\x1b/gu;

function unitsOf(line: string): Unit[] {
  const units: Unit[] = [];
  for (const { 0: text, groups = {} } of line.matchAll(TOKENS)) {
    const { colour, url, word, blank } = groups;
    if (blank !== undefined) units.push({ text, width: text.length, kind: "blank" });
    else if (colour !== undefined) join(units, { text, width: 0, kind: "word" });
    else if (url !== undefined) join(units, { text, width: mostColumns(text), kind: "url" });
    else if (word !== undefined) join(units, { text, width: text.length, kind: "word" });
    else for (const cluster of splitGraphemes(text)) join(units, unitOf(cluster));
  }
  return units;
}

function unitOf(cluster: string): Unit {
  const width = mostColumns(cluster);
  return { text: cluster, width, kind: width > 1 ? "wide" : "word" };
}

/** Adds a part to the word before it. Colours belong to whatever stands beside them. */
function join(units: Unit[], part: Unit): void {
  const last = units.at(-1);
  const stuck = last !== undefined && last.kind !== "blank" &&
    (last.width === 0 || part.width === 0 || (last.kind === "word" && part.kind === "word"));
  if (!stuck) return void units.push(part);
  const kind = last.width === 0 ? part.kind : last.kind;
  units[units.length - 1] = { text: last.text + part.text, width: last.width + part.width, kind };
}

/** Splits a word that is wider than a row into clusters and colours. */
function partsOf(text: string): Unit[] {
  return text.split(COLOUR).flatMap((part, i) =>
    i % 2 === 1 ? [{ text: part, width: 0, kind: "word" }] : splitGraphemes(part).map(unitOf)
  );
}

// deno-lint-ignore no-control-regex -- SGR sequences begin with a control character
const COLOUR = /(\x1b\[[0-9;]*m)/;
