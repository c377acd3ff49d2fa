/**
 * What a relay has sent to one member and the member has not acknowledged, and who waits for that.
 *
 * The bytes are kept to be sent again over another connection. They are those that the other recipients are
 * sent: what is kept for a thousand members is kept once.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { framesBehind } from "../wire/frame.ts";
import type { Reason } from "../wire/kinds.ts";

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

/** Frames that are sent together: one object, in the outbox of each whom they are for. */
export interface Delivery {
  /** How many frames. */
  readonly frames: number;
  /** All of them, one behind the other; they are not changed afterwards. */
  readonly bytes: Bytes;
  /** Who waits for them. */
  readonly batch: Batch | undefined;
}

/** The frames on their way to one member. They are told apart by counting alone. */
export class Outbox {
  readonly #bounds: OutboxBounds;
  /** What is on its way, and before it what has been acknowledged and not been cut off yet. */
  #deliveries: (Delivery | undefined)[] = [];
  #first = 0;
  /** How many frames were sent before the first that is on its way. */
  #before = 0;
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
   * @returns False where more is on its way than the bounds allow.
   */
  push(delivery: Delivery): boolean {
    this.#sent += delivery.frames;
    this.#bytes += delivery.bytes.length;
    this.#deliveries.push(delivery);
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
    this.#shift(count);
    if (this.#first > 64 && this.#first * 2 > this.#deliveries.length) this.#compact();
    return true;
  }

  /**
   * What was sent after the first so many frames, in order.
   *
   * @param count At least as many as were acknowledged, and at most as many as were sent.
   */
  *after(count: number): Generator<Bytes, void> {
    let end = this.#before;
    for (let i = this.#first; i < this.#deliveries.length; i++) {
      const { frames, bytes } = this.#deliveries[i]!;
      const before = end;
      end += frames;
      if (end > count) yield framesBehind(bytes, end - Math.max(count, before));
    }
  }

  /** The member has gone: nobody waits for it any longer. */
  clear(): void {
    this.#shift(Infinity);
    this.#compact();
  }

  /** Lets go of what ends within the first so many frames. */
  #shift(count: number): void {
    while (this.#first < this.#deliveries.length) {
      const { frames, bytes, batch } = this.#deliveries[this.#first]!;
      if (this.#before + frames > count) return;
      this.#before += frames;
      this.#bytes -= bytes.length;
      this.#deliveries[this.#first++] = undefined;
      if (batch !== undefined) release(batch);
    }
  }

  #compact(): void {
    this.#deliveries = this.#deliveries.slice(this.#first);
    this.#first = 0;
  }
}

/** The upper bounds of a histogram's buckets, in seconds. */
export const JOIN_BUCKETS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];

/** Numbers that only rise, from the relay's start on. */
export class Tally {
  /** Members that came in. */
  joins = 0;
  /** Sealed frames that members sent. */
  messages = 0;
  /** Sealed frames that were sent on, counted once for each recipient. */
  deliveries = 0;
  /** Bytes that came. */
  receivedBytes = 0;
  /** Milliseconds for which members that were too fast were not read. */
  slowedMs = 0;
  /** Exceptions that were contained. */
  failures = 0;
  /** How long all joins together took, in milliseconds. */
  joinMs = 0;
  /** Joins by time: those of each bucket of {@linkcode JOIN_BUCKETS} alone, then those that took longer. */
  readonly joinTimes: number[] = new Array<number>(JOIN_BUCKETS.length + 1).fill(0);
  /** Connections that ended, by reason. */
  readonly disconnects: Map<Reason, number> = new Map();

  /** A member came in, so long after its connection was made. */
  joined(ms: number): void {
    this.joins += 1;
    this.joinMs += ms;
    const bucket = JOIN_BUCKETS.findIndex((bound) => ms <= bound * 1000);
    const at = bucket < 0 ? JOIN_BUCKETS.length : bucket;
    this.joinTimes[at] = this.joinTimes[at]! + 1;
  }

  /** A connection ended. */
  disconnected(reason: Reason): void {
    this.disconnects.set(reason, (this.disconnects.get(reason) ?? 0) + 1);
  }
}

/** A relay at one moment. */
export interface RelayState {
  /** Members in the room. */
  readonly members: number;
  /** Connections, of members and others. */
  readonly connections: number;
  /** Connections that have not joined yet. */
  readonly pending: number;
  /** Bytes on their way to members: sent, and not acknowledged. */
  readonly queueBytes: number;
  /** What has been counted from its start on. */
  readonly tally: Tally;
}
