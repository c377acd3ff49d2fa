/**
 * The counted frames that a member has sent and the relay has not accepted: kept to be sent again over another
 * connection.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";

/** What waiting to go costs beside a frame's bytes, at most. */
const FRAME_BYTES = 64;

/** Frames, told apart by counting alone. */
export class SentFrames {
  #frames: Bytes[] = [];
  #accepted = 0;
  #keptBytes = 0;

  /** How many have been sent. */
  get sent(): number {
    return this.#accepted + this.#frames.length;
  }

  /** How many of them the relay has accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many bytes those that are not accepted may take where they wait to go. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Keeps the next one; it is not changed afterwards. */
  push(frame: Bytes): void {
    this.#keptBytes += frame.length + FRAME_BYTES;
    this.#frames.push(frame);
  }

  /**
   * The relay has accepted the first so many.
   *
   * @returns False where that is more than were sent, or fewer than it said before.
   */
  accept(count: number): boolean {
    if (count < this.#accepted || count > this.sent) return false;
    const news = count - this.#accepted;
    for (const { length } of this.#frames.slice(0, news)) this.#keptBytes -= length + FRAME_BYTES;
    if (news > 0) this.#frames = this.#frames.slice(news);
    this.#accepted = count;
    return true;
  }

  /** What has not been accepted, in order. */
  waiting(): readonly Bytes[] {
    return this.#frames;
  }
}
