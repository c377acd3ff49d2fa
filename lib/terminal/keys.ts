/**
 * Splits the bytes from a terminal into key presses and pastes.
 *
 * `node:readline` decodes the keys. It does not handle bracketed paste under Deno, so the reader
 * takes pastes out first; pasted text can never be read as a key.
 *
 * @module
 */

import { emitKeypressEvents } from "node:readline";
import { PassThrough } from "node:stream";
import { type Key, MAX_LINE } from "./editor.ts";

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
