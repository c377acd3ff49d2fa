/**
 * Just enough of a frame reader: it counts frames, and keeps the first bytes of the small ones.
 *
 * @module
 */

import { KIND } from "../../../lib/chat/wire/kinds.ts";

const HEADER_BYTES = 5;
const HEAD_BYTES = 96;

/** Cuts one connection's stream into frames. */
export class LightReader {
  readonly #whole: (kind: number, head: Uint8Array<ArrayBuffer>) => void;
  readonly #head = new Uint8Array(HEAD_BYTES);
  #headLength = 0;
  #header = 0;
  #length = 0;
  #kind = 0;
  #left = 0;

  /**
   * @param whole Hears the kind of each whole frame, and the first 96 bytes of its payload unless it is sealed.
   */
  constructor(whole: (kind: number, head: Uint8Array<ArrayBuffer>) => void) {
    this.#whole = whole;
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
    if (this.#kind !== KIND.sealed && this.#headLength < HEAD_BYTES) {
      const kept = Math.min(here, HEAD_BYTES - this.#headLength);
      this.#head.set(bytes.subarray(at, at + kept), this.#headLength);
      this.#headLength += kept;
    }
    this.#left -= here;
    return at + here;
  }

  #end(): void {
    const head = this.#headLength === 0 ? this.#head : this.#head.subarray(0, this.#headLength);
    this.#header = this.#length = this.#headLength = 0;
    this.#whole(this.#kind, head);
  }
}
