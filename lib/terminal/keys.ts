/**
 * What a terminal sends, told apart: keys and pastes.
 *
 * `node:readline` decodes the keys. It knows nothing of bracketed paste under this runtime, so pastes
 * are taken out before it sees them; what is pasted can then never be taken for a key.
 *
 * @module
 */

import { emitKeypressEvents } from "node:readline";
import { PassThrough } from "node:stream";
import { type Key, MAX_LINE } from "./editor.ts";

/** Turns bracketed paste on (xterm's private mode 2004). */
export const PASTE_ON = "\x1b[?2004h";
/** Turns bracketed paste off. */
export const PASTE_OFF = "\x1b[?2004l";

const PASTE_START = "\x1b[200~";
const PASTE_END = "\x1b[201~";

/** Where keys and pastes go. */
export interface KeyHandlers {
  key(key: Key): void;
  paste(text: string): void;
}

/** A reader of what a terminal sends. */
export class KeyReader {
  readonly #handlers: KeyHandlers;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  readonly #stream = new PassThrough();
  /** The start of a mark that the next bytes may complete. A lone Escape waits here, and means nothing. */
  #held = "";
  #pasted: string | undefined;

  /** Makes a reader. */
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
   * Takes what the terminal sent; the handlers are called before it returns.
   *
   * @param bytes UTF-8, cut anywhere.
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

/** What `node:readline` says of a key. */
interface KeyEvent {
  readonly name?: string;
  readonly sequence?: string;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
}

/** The length of the longest end of a text that a mark starts with. */
function partialMark(text: string, mark: string): number {
  let length = Math.min(text.length, mark.length - 1);
  while (length > 0 && !text.endsWith(mark.slice(0, length))) length--;
  return length;
}
