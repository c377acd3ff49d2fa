/**
 * Just enough of a frame reader: it counts frames, and keeps the first bytes of those whose content matters.
 *
 * @module
 */

import { KIND } from "../../../lib/chat/wire/kinds.ts";

const HEADER_BYTES = 5;
const HEAD_BYTES = 96;

/** How many first bytes of a payload are kept, by the kind of the frame. */
export type Keeps = (kind: number) => number;

const keepsHeads: Keeps = (kind) => kind === KIND.sealed ? 0 : HEAD_BYTES;

/** Cuts one connection's stream into frames. */
export class LightReader {
  readonly #whole: (kind: number, head: Uint8Array<ArrayBuffer>) => void;
  readonly #keeps: Keeps;
  #head = new Uint8Array(HEAD_BYTES);
  #headLength = 0;
  #header = 0;
  #length = 0;
  #kind = 0;
  #left = 0;

  /**
   * @param whole Hears the kind of each whole frame, and the first bytes of its payload. They are reused.
   * @param keeps How many bytes that are: by default 96, and none of a sealed frame.
   */
  constructor(
    whole: (kind: number, head: Uint8Array<ArrayBuffer>) => void,
    keeps: Keeps = keepsHeads,
  ) {
    this.#whole = whole;
    this.#keeps = keeps;
  }

  /** Takes what came. */
  take(bytes: Uint8Array<ArrayBuffer>, length: number): void {
    let at = 0;
    while (at < length) {
      if (this.#header < HEADER_BYTES) at = this.#takeHeader(bytes, at);
      else at = this.#takePayload(bytes, at, length);
      if (this.#header === HEADER_BYTES && this.#left === 0) this.#end();
    }
  }

  #takeHeader(bytes: Uint8Array<ArrayBuffer>, at: number): number {
    const byte = bytes[at]!;
    if (this.#header < 4) this.#length = this.#length * 256 + byte;
    else this.#kind = byte;
    this.#header += 1;
    this.#left = this.#length - 1;
    return at + 1;
  }

  #takePayload(bytes: Uint8Array<ArrayBuffer>, at: number, length: number): number {
    const here = Math.min(this.#left, length - at);
    const limit = this.#keeps(this.#kind);
    if (this.#headLength < limit) {
      const kept = Math.min(here, limit - this.#headLength);
      if (limit > this.#head.length) this.#grow(limit);
      this.#head.set(bytes.subarray(at, at + kept), this.#headLength);
      this.#headLength += kept;
    }
    this.#left -= here;
    return at + here;
  }

  #grow(size: number): void {
    const head = new Uint8Array(size);
    head.set(this.#head);
    this.#head = head;
  }

  #end(): void {
    const head = this.#headLength === 0 ? this.#head : this.#head.subarray(0, this.#headLength);
    this.#header = this.#length = this.#headLength = 0;
    this.#whole(this.#kind, head);
  }
}
