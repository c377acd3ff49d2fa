/**
 * Sealed frames that lie one behind the other and go to the same members: they are sent on together.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import type { SealedAddress } from "./envelope.ts";

/** A run of sealed frames in the buffer that they came in. */
export class SealedRun {
  readonly address: SealedAddress;
  readonly #buffer: ArrayBuffer;
  readonly #from: number;
  #to: number;
  #frames = 1;

  /** Starts with one frame. */
  constructor(address: SealedAddress, bytes: Bytes) {
    this.address = address;
    this.#buffer = bytes.buffer;
    this.#from = bytes.byteOffset;
    this.#to = bytes.byteOffset + bytes.length;
  }

  /** How many frames there are. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Adds a frame where it lies behind the last and goes the same way.
   *
   * @returns Whether it does.
   */
  add({ audience, newest }: SealedAddress, bytes: Bytes): boolean {
    const follows = this.#buffer === bytes.buffer && this.#to === bytes.byteOffset &&
      this.address.audience === audience && this.address.newest === newest;
    if (!follows) return false;
    this.#to += bytes.length;
    this.#frames += 1;
    return true;
  }

  /** One copy of all of them: the buffer that they lie in is read into again. */
  copy(): Bytes {
    return new Uint8Array(this.#buffer.slice(this.#from, this.#to));
  }
}
