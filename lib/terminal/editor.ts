/**
 * The line editor: a state machine that turns keys into a line and a cursor, and the reader that turns the bytes of a
 * terminal into keys. Neither does I/O.
 *
 * The keys are those of GNU readline's Emacs mode that a chat needs. The editor moves and deletes
 * by grapheme cluster, so that one key never deletes half an emoji.
 *
 * @module
 */

import { emitKeypressEvents } from "node:readline";
import { PassThrough } from "node:stream";
import {
  type Move,
  toEnd,
  toNext,
  toNextWord,
  toPrevious,
  toPreviousBlank,
  toPreviousWord,
  toStart,
} from "./rows.ts";

/** A key press, with the fields of `node:readline`. */
export interface Key {
  /** The key's name, such as `a`, `left` or `return`; undefined if the key only types its text. */
  readonly name?: string | undefined;
  /** The bytes that the terminal sent for the key, decoded. */
  readonly sequence: string;
  readonly ctrl: boolean;
  readonly meta: boolean;
}

/** A finished input: a line, an interrupt (Ctrl-C) or the end of input (Ctrl-D). */
export type Entered =
  | { readonly kind: "line"; readonly text: string }
  | { readonly kind: "interrupt" }
  | { readonly kind: "end" };

/** What the screen must do after a key press; undefined if only the line may have changed. */
export type Outcome =
  | Entered
  | { readonly kind: "clear" }
  | { readonly kind: "suspend" }
  | undefined;

/**
 * The longest line that the editor keeps, in UTF-16 code units. It is four times the limit of a
 * message, so that the chat can refuse a line that is too long while a paste of any size stays
 * bounded.
 */
export const MAX_LINE = 256 * 1024;

/** The number of lines that the history keeps. */
const MAX_HISTORY = 500;

/** Control characters (C0, DEL, C1) except the line feed. */
// deno-lint-ignore no-control-regex -- matches control characters on purpose
const CONTROLS = /[\0-\x09\x0b-\x1f\x7f-\x9f]/g;

/** Keys that move the cursor. `C-` is Ctrl, `M-` is Alt (Meta). */
const MOVES: Readonly<Record<string, Move>> = {
  "left": toPrevious,
  "C-b": toPrevious,
  "right": toNext,
  "C-f": toNext,
  "home": toStart,
  "C-a": toStart,
  "end": toEnd,
  "C-e": toEnd,
  "M-b": toPreviousWord,
  "M-left": toPreviousWord,
  "C-left": toPreviousWord,
  "M-f": toNextWord,
  "M-right": toNextWord,
  "C-right": toNextWord,
};

/** Keys that delete from the cursor to the target of a move. */
const DELETIONS: Readonly<Record<string, Move>> = {
  "backspace": toPrevious,
  "C-h": toPrevious,
  "delete": toNext,
};

/** Keys that delete and keep the deleted text for Ctrl-Y. */
const KILLS: Readonly<Record<string, Move>> = {
  "C-k": toEnd,
  "C-u": toStart,
  "C-w": toPreviousBlank,
  "M-d": toNextWord,
  "M-backspace": toPreviousWord,
};

/** The line editor: the line, the cursor, the history and the killed text. */
export class Editor {
  #text = "";
  #cursor = 0;
  #killed = "";
  /** Whether the last key was a kill: Ctrl-Y inserts the text of consecutive kills together. */
  #killing = false;
  readonly #history: string[] = [];
  /** Index of the shown line in the history; the history's length means the line being edited. */
  #place = 0;
  /** The line being edited, kept while an older line is shown. */
  #draft = { text: "", cursor: 0 };

  /** The line. It may contain pasted line feeds. */
  get text(): string {
    return this.#text;
  }

  /** The cursor's offset from the start of the line, in UTF-16 code units. */
  get cursor(): number {
    return this.#cursor;
  }

  /**
   * Applies one key press to the line.
   *
   * @param key The key.
   * @returns What the screen must do, or undefined if only the line may have changed.
   */
  press(key: Key): Outcome {
    const chord = `${key.ctrl ? "C-" : ""}${key.meta ? "M-" : ""}${key.name ?? ""}`;
    const killing = this.#killing;
    this.#killing = false;
    const move = MOVES[chord];
    const deletion = DELETIONS[chord];
    const kill = KILLS[chord];
    if (move !== undefined) this.#cursor = move(this.#text, this.#cursor);
    else if (deletion !== undefined) this.#delete(deletion);
    else if (kill !== undefined) this.#kill(kill, killing);
    else return this.#command(chord, key);
    return undefined;
  }

  /**
   * Inserts pasted text. Line ends become line feeds, tabs become spaces, and other control
   * characters are dropped.
   *
   * @param text The text between the start and end marks of a bracketed paste.
   */
  paste(text: string): void {
    this.#killing = false;
    this.#insert(text.replace(/\r\n?/g, "\n").replaceAll("\t", " ").replace(CONTROLS, ""));
  }

  #command(chord: string, key: Key): Outcome {
    switch (chord) {
      case "return":
      case "enter":
        return this.#enter();
      case "M-return":
      case "M-enter":
        this.#insert("\n");
        return undefined;
      case "C-c":
        return this.#interrupt();
      case "C-d":
        if (this.#text === "") return { kind: "end" };
        this.#delete(toNext);
        return undefined;
      case "C-l":
        return { kind: "clear" };
      case "C-z":
        return { kind: "suspend" };
      case "C-y":
        this.#insert(this.#killed);
        return undefined;
      case "up":
      case "C-p":
        this.#recall(this.#place - 1);
        return undefined;
      case "down":
      case "C-n":
        this.#recall(this.#place + 1);
        return undefined;
      default:
        if (!key.ctrl && !key.meta && isTyped(key.sequence)) this.#insert(key.sequence);
        return undefined;
    }
  }

  #set(text: string, cursor: number): void {
    this.#text = text;
    this.#cursor = cursor;
  }

  #insert(text: string): void {
    const fits = text.slice(0, Math.max(0, MAX_LINE - this.#text.length));
    const before = this.#text.slice(0, this.#cursor) + fits;
    this.#set(before + this.#text.slice(this.#cursor), before.length);
  }

  #delete(move: Move): string {
    const to = move(this.#text, this.#cursor);
    const [start, end] = to < this.#cursor ? [to, this.#cursor] : [this.#cursor, to];
    const deleted = this.#text.slice(start, end);
    this.#set(this.#text.slice(0, start) + this.#text.slice(end), start);
    return deleted;
  }

  #kill(move: Move, again: boolean): void {
    const backwards = move(this.#text, this.#cursor) < this.#cursor;
    const deleted = this.#delete(move);
    this.#killing = true;
    if (!again) this.#killed = deleted;
    else this.#killed = backwards ? deleted + this.#killed : this.#killed + deleted;
  }

  #enter(): Entered {
    const text = this.#text;
    if (text !== "" && text !== this.#history.at(-1)) this.#history.push(text);
    if (this.#history.length > MAX_HISTORY) this.#history.shift();
    this.#clear();
    return { kind: "line", text };
  }

  #interrupt(): Outcome {
    if (this.#text === "") return { kind: "interrupt" };
    this.#clear();
    return undefined;
  }

  #clear(): void {
    this.#set("", 0);
    this.#place = this.#history.length;
  }

  #recall(place: number): void {
    if (place < 0 || place > this.#history.length) return;
    if (this.#place === this.#history.length) {
      this.#draft = { text: this.#text, cursor: this.#cursor };
    }
    this.#place = place;
    const older = this.#history[place];
    if (older === undefined) this.#set(this.#draft.text, this.#draft.cursor);
    else this.#set(older, older.length);
  }
}

/** Reports whether a key's bytes are text: one character that is not a control character. */
function isTyped(sequence: string): boolean {
  const code = sequence.codePointAt(0);
  return code !== undefined && String.fromCodePoint(code) === sequence &&
    code >= 0x20 && !(code >= 0x7f && code <= 0x9f);
}

/** The escape sequence that turns bracketed paste on (xterm's private mode 2004). */
export const PASTE_ON = "\x1b[?2004h";
/** The escape sequence that turns bracketed paste off. */
export const PASTE_OFF = "\x1b[?2004l";

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";

/** The callbacks that receive keys and pastes. */
export interface KeyHandlers {
  key(key: Key): void;
  paste(text: string): void;
}

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
   * Decodes bytes from the terminal. It calls the handlers before it returns.
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
    if (this.#pasted === undefined) this.#stream.emit("data", text);
    else if (this.#pasted.length <= MAX_LINE) this.#pasted += text;
  }

  #toggle(): void {
    const pasted = this.#pasted;
    this.#pasted = pasted === undefined ? "" : undefined;
    if (pasted !== undefined) this.#handlers.paste(pasted);
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
