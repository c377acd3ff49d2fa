/**
 * The line editor: a state machine that turns keys and pastes into a line and a cursor. It does no I/O.
 *
 * The keys are those of GNU readline's Emacs mode that a chat needs. The editor moves and deletes
 * by grapheme cluster, so that one key never deletes half an emoji.
 *
 * @module
 */

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
import {
  type Complete,
  CompletionCycle,
  CONTROLS,
  type Draft,
  History,
  type Replacement,
  type Search,
} from "./suggestions.ts";

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
  /** Show the ways to complete a word. */
  | { readonly kind: "candidates"; readonly list: string }
  | undefined;

/**
 * The longest line that the editor keeps, in UTF-16 code units. It is four times the limit of a
 * message, so that the chat can refuse a line that is too long while a paste of any size stays
 * bounded.
 */
export const MAX_LINE = 256 * 1024;

/** The most lines of a paste that the editor inserts without asking. */
const MAX_PASTED_LINES = 20;

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

/** What the editor offers beyond the keys. */
export interface EditorOptions {
  /** Lines of earlier runs, oldest first. */
  readonly earlier?: readonly string[];
  /** Called with each line that is entered and may outlast this run: it has no pasted text. */
  readonly keep?: (line: string) => void;
  /** Completes a word at Tab. Without it, Tab does nothing. */
  readonly complete?: Complete;
}

/** A paste that waits for an answer. */
interface AskedPaste {
  readonly text: string;
  /** Whether Enter follows it. */
  readonly enters: boolean;
}

/** The line editor: the line, the cursor, the history and the killed text. */
export class Editor {
  readonly #options: EditorOptions;
  readonly #history: History;
  #text = "";
  #cursor = 0;
  #killed = "";
  /** Whether the last key was a kill: Ctrl-Y inserts the text of consecutive kills together. */
  #killing = false;
  /** Whether no pasted text is in the line, and in the killed text. */
  #lasting = true;
  #killedLasting = true;
  #search: Search | undefined;
  #cycle: CompletionCycle | undefined;
  #asked: AskedPaste | undefined;

  /** @param options The history of earlier runs and the completions; none by default. */
  constructor(options: EditorOptions = {}) {
    this.#options = options;
    this.#history = new History(options.earlier);
  }

  /** The line. It may contain pasted line feeds. */
  get text(): string {
    return this.#asked === undefined ? this.#text : "";
  }

  /** The cursor's offset from the start of the line, in UTF-16 code units. */
  get cursor(): number {
    return this.#asked === undefined ? this.#cursor : 0;
  }

  /** The prompt of a search or a question, which replaces the usual one; it is printable. */
  get prompt(): string | undefined {
    if (this.#asked === undefined) return this.#search?.prompt;
    return `paste ${linesOf(this.#asked.text)} lines? (y/n) `;
  }

  /** Whether a question about a paste is open. */
  get asks(): boolean {
    return this.#asked !== undefined;
  }

  /**
   * Applies one key press to the line.
   *
   * @param key The key.
   * @returns What the screen must do, or undefined if only the line may have changed.
   */
  press(key: Key): Outcome {
    const chord = `${key.ctrl ? "C-" : ""}${key.meta ? "M-" : ""}${key.name ?? ""}`;
    if (this.#asked !== undefined) return this.#answer(chord, key, this.#asked);
    if (this.#search !== undefined && this.#searches(chord, key, this.#search)) return undefined;
    if (key.sequence === BACK_TAB) return this.#completes(-1);
    if (chord === "tab") return this.#completes(1);
    this.#cycle = undefined;
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
   * characters are dropped. The editor asks before it inserts more than 20 lines.
   *
   * @param text The pasted text.
   * @param enters Whether Enter follows it: the last line end of a paste without marks.
   * @returns What the screen must do, or undefined if only the line may have changed.
   */
  paste(text: string, enters = false): Outcome {
    this.#killing = false;
    this.#cycle = undefined;
    this.#search = undefined;
    const plain = text.replace(/\r\n?/g, "\n").replaceAll("\t", " ").replace(CONTROLS, "");
    const asked = this.#asked;
    if (asked !== undefined) {
      // Without marks, a long paste comes in several reads.
      const whole = asked.enters ? `${asked.text}\n${plain}` : asked.text + plain;
      this.#asked = { text: whole.slice(0, MAX_LINE), enters };
      return undefined;
    }
    if (linesOf(plain) <= MAX_PASTED_LINES) return this.#insertPaste({ text: plain, enters });
    this.#asked = { text: plain.slice(0, MAX_LINE), enters };
    return undefined;
  }

  #insertPaste({ text, enters }: AskedPaste): Outcome {
    this.#lasting = false;
    this.#insert(text);
    return enters ? this.#enter() : undefined;
  }

  /** Takes the answer to the question about a paste. Other keys are ignored. */
  #answer(chord: string, key: Key, asked: AskedPaste): Outcome {
    if (chord === "C-l" || chord === "C-z") return this.#command(chord, key);
    const isYes = key.sequence.toLowerCase() === "y";
    if (!isYes && key.sequence.toLowerCase() !== "n" && !CANCELS.has(chord)) return undefined;
    this.#asked = undefined;
    return isYes ? this.#insertPaste(asked) : undefined;
  }

  /**
   * Applies a key to the search.
   *
   * @returns Whether the key belongs to the search. Any other key ends it, and then edits the line
   * that was found.
   */
  #searches(chord: string, key: Key, search: Search): boolean {
    if (chord === "C-r") search.next(-1);
    else if (chord === "C-s") search.next(1);
    else if (chord === "backspace" || chord === "C-h") search.erase();
    else if (isText(key)) search.type(key.sequence);
    else {
      this.#search = undefined;
      const cancels = CANCELS.has(chord);
      if (cancels) this.#show(search.before);
      return cancels;
    }
    this.#show(search.shown);
    return true;
  }

  /** Completes the word before the cursor, or chooses the next or previous candidate. */
  #completes(step: -1 | 1): Outcome {
    if (this.#cycle !== undefined) {
      this.#replace(this.#cycle.choose(step));
      return undefined;
    }
    const before = this.#text.slice(0, this.#cursor);
    const completions = this.#options.complete?.(before) ?? { start: 0, candidates: [] };
    const { start, candidates } = completions;
    const [only] = candidates;
    if (only === undefined) return undefined;
    if (candidates.length === 1) {
      this.#replace({ start, end: this.#cursor, text: only });
      return undefined;
    }
    this.#cycle = new CompletionCycle(completions, this.#cursor);
    this.#replace(this.#cycle.begin(before.slice(start)));
    return { kind: "candidates", list: this.#cycle.list };
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
        this.#lasting &&= this.#killedLasting;
        this.#insert(this.#killed);
        return undefined;
      case "C-r":
        this.#search = this.#history.search(this.#draft());
        return undefined;
      case "up":
      case "C-p":
        this.#recall(-1);
        return undefined;
      case "down":
      case "C-n":
        this.#recall(1);
        return undefined;
      default:
        if (NEWLINE_KEYS.has(key.sequence)) this.#insert("\n");
        else if (isText(key)) this.#insert(key.sequence);
        return undefined;
    }
  }

  #set(text: string, cursor: number): void {
    this.#text = text;
    this.#cursor = cursor;
  }

  #draft(): Draft {
    return { text: this.#text, cursor: this.#cursor, lasting: this.#lasting };
  }

  #show({ text, cursor, lasting }: Draft): void {
    this.#set(text, cursor);
    this.#lasting = lasting;
  }

  #insert(text: string): void {
    this.#replace({ start: this.#cursor, end: this.#cursor, text });
  }

  #replace({ start, end, text }: Replacement): void {
    const after = this.#text.slice(end);
    const fits = text.slice(0, Math.max(0, MAX_LINE - start - after.length));
    const before = this.#text.slice(0, start) + fits;
    this.#set(before + after, before.length);
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
    this.#killedLasting = this.#lasting && (!again || this.#killedLasting);
    if (!again) this.#killed = deleted;
    else this.#killed = backwards ? deleted + this.#killed : this.#killed + deleted;
  }

  #enter(): Entered {
    const text = this.#text;
    this.#history.add({ text, lasting: this.#lasting });
    if (text !== "" && this.#lasting) this.#options.keep?.(text);
    this.#clear();
    return { kind: "line", text };
  }

  #interrupt(): Outcome {
    if (this.#text === "") return { kind: "interrupt" };
    this.#clear();
    return undefined;
  }

  #clear(): void {
    this.#show({ text: "", cursor: 0, lasting: true });
    this.#history.leave();
  }

  #recall(step: -1 | 1): void {
    const recalled = this.#history.recall(step, this.#draft());
    if (recalled !== undefined) this.#show(recalled);
  }
}

/** Keys that end a search and restore the line, or that refuse a paste. */
const CANCELS: ReadonlySet<string> = new Set(["C-c", "C-g"]);

/**
 * What terminals with the "CSI u" encoding send for Shift-Enter, Alt-Enter and Ctrl-Enter. Others
 * send Escape and Enter for Alt-Enter, and do not tell Shift-Enter from Enter.
 */
const NEWLINE_KEYS: ReadonlySet<string> = new Set(["\x1b[13;2u", "\x1b[13;3u", "\x1b[13;5u"]);

/** What terminals send for Shift-Tab. */
const BACK_TAB = "\x1b[Z";

/** Returns the number of lines of a text, without empty ones at its end. */
function linesOf(text: string): number {
  return text.replace(/\n+$/, "").split("\n").length;
}

/** Reports whether a key types its text. */
function isText({ sequence, ctrl, meta }: Key): boolean {
  return !ctrl && !meta && isTyped(sequence);
}

/** Reports whether a key's bytes are text: one character that is not a control character. */
function isTyped(sequence: string): boolean {
  const code = sequence.codePointAt(0);
  return code !== undefined && String.fromCodePoint(code) === sequence &&
    code >= 0x20 && !(code >= 0x7f && code <= 0x9f);
}
