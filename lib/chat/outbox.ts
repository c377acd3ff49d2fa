/**
 * What a relay has sent to one member and the member has not acknowledged, and who waits for that.
 *
 * The bytes are kept to be sent again over another connection. They are those that the other recipients are
 * sent: what is kept for a thousand members is kept once.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import { framesBehind } from "./frame.ts";

/** Frames that one member sent together, on their way to everyone they are for. */
export interface Batch {
  /** Who sent them. */
  readonly sender: { settled(): void };
  /** How many counted frames the sender had sent before them. */
  readonly before: number;
  /** How many members have not acknowledged them. */
  waiting: number;
}

/** One recipient fewer is waited for. */
function release(batch: Batch): void {
  batch.waiting -= 1;
  if (batch.waiting === 0) batch.sender.settled();
}

/** How much may be on its way to one member. */
export interface OutboxBounds {
  readonly frames: number;
  readonly bytes: number;
}

/** The frames on their way to one member. They are told apart by counting alone. */
export class Outbox {
  readonly #bounds: OutboxBounds;
  // Three columns and a place to start: an object for every delivery would cost more than the delivery.
  #ends: number[] = [];
  #frames: (Bytes | undefined)[] = [];
  #batches: (Batch | undefined)[] = [];
  #first = 0;
  #sent = 0;
  #acknowledged = 0;
  #bytes = 0;

  /** Starts empty. */
  constructor(bounds: OutboxBounds) {
    this.#bounds = bounds;
  }

  /** How many frames have been sent. */
  get sent(): number {
    return this.#sent;
  }

  /** How many frames have been acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** How many bytes are on their way. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Notes that frames are sent.
   *
   * @param frames How many.
   * @param bytes All of them, one behind the other; they are not changed afterwards.
   * @param batch Who waits for them.
   * @returns False where more is on its way than the bounds allow.
   */
  push(frames: number, bytes: Bytes, batch: Batch | undefined): boolean {
    this.#sent += frames;
    this.#bytes += bytes.length;
    this.#ends.push(this.#sent);
    this.#frames.push(bytes);
    this.#batches.push(batch);
    return this.#bytes <= this.#bounds.bytes &&
      this.#sent - this.#acknowledged <= this.#bounds.frames;
  }

  /**
   * The member has shown the first so many frames.
   *
   * @returns False where that is more than were sent, or fewer than it said before.
   */
  acknowledge(count: number): boolean {
    if (count < this.#acknowledged || count > this.#sent) return false;
    this.#acknowledged = count;
    while (this.#first < this.#ends.length && this.#ends[this.#first]! <= count) this.#shift();
    if (this.#first > 64 && this.#first * 2 > this.#ends.length) this.#compact();
    return true;
  }

  /**
   * What was sent after the first so many frames, in order.
   *
   * @param count At least as many as were acknowledged, and at most as many as were sent.
   */
  *after(count: number): Generator<Bytes, void> {
    let before = this.#acknowledged;
    for (let i = this.#first; i < this.#ends.length; i++) {
      const end = this.#ends[i]!;
      if (end > count) yield framesBehind(this.#frames[i]!, end - Math.max(count, before));
      before = end;
    }
  }

  /** The member has gone: nobody waits for it any longer. */
  clear(): void {
    while (this.#first < this.#ends.length) this.#shift();
    this.#compact();
  }

  #shift(): void {
    const batch = this.#batches[this.#first];
    this.#batches[this.#first] = undefined;
    this.#bytes -= this.#frames[this.#first]!.length;
    this.#frames[this.#first] = undefined;
    this.#first += 1;
    if (batch !== undefined) release(batch);
  }

  #compact(): void {
    this.#ends = this.#ends.slice(this.#first);
    this.#frames = this.#frames.slice(this.#first);
    this.#batches = this.#batches.slice(this.#first);
    this.#first = 0;
  }
}
