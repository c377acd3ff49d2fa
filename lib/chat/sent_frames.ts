/**
 * The counted frames that a member has sent and the relay has not accepted: kept to be sent again over another
 * connection.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";

/** Frames, told apart by counting alone. */
export class SentFrames {
  #frames: Bytes[] = [];
  #accepted = 0;

  /** How many have been sent. */
  get sent(): number {
    return this.#accepted + this.#frames.length;
  }

  /** How many of them the relay has accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Keeps the next one; it is not changed afterwards. */
  push(frame: Bytes): void {
    this.#frames.push(frame);
  }

  /**
   * The relay has accepted the first so many.
   *
   * @returns False where that is more than were sent, or fewer than it said before.
   */
  accept(count: number): boolean {
    if (count < this.#accepted || count > this.sent) return false;
    if (count > this.#accepted) this.#frames = this.#frames.slice(count - this.#accepted);
    this.#accepted = count;
    return true;
  }

  /** What has not been accepted, in order. */
  waiting(): readonly Bytes[] {
    return this.#frames;
  }
}
