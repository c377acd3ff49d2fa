/**
 * How fast a member may speak. Who speaks faster is read more slowly, and not ended: the connection fills, and the
 * member waits, as it would for a slow network.
 *
 * @module
 */

import type { Limits } from "./limits.ts";
import { TokenBucket } from "./token_bucket.ts";

/** So many seconds' worth of frames may come at once: the keys for a room of a thousand. */
const BURST_SECONDS = 2;
/** So many of bytes: less than fills the queue of who gets them. */
const BYTES_BURST_SECONDS = 0.25;

/** A member that has sent less than this of late, in bytes, is not the one that fills others' queues. */
const MODEST_BYTES = 64 << 10;
/** How long one that does is not read at a time, in milliseconds. */
const YIELD_MS = 100;

/** What a member has sent. */
export interface Spent {
  /** How many frames. */
  readonly frames: number;
  /** How many bytes. */
  readonly bytes: number;
  /** How many bytes the relay sends on for it. */
  readonly fanout: number;
  /** Whether someone who gets it has much to read already, and is reading. */
  readonly pressing: boolean;
}

/** The token buckets of one member. */
export class Pace {
  readonly #frames: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #fanout: TokenBucket;

  /** Starts with a burst to spend. */
  constructor(limits: Limits, now: number) {
    const bucket = (perSecond: number, seconds = BURST_SECONDS) =>
      new TokenBucket({ perSecond, burst: perSecond * seconds }, now);
    this.#frames = bucket(limits.framesPerSecond);
    this.#bytes = bucket(limits.bytesPerSecond, BYTES_BURST_SECONDS);
    this.#fanout = bucket(limits.fanoutPerSecond);
  }

  /**
   * A member has sent something.
   *
   * @returns For how many milliseconds nothing more is to be read of it.
   */
  spend({ frames, bytes, fanout, pressing }: Spent, now: number): number {
    return Math.max(
      this.#frames.spend(frames, now),
      this.#bytes.spend(bytes, now),
      this.#fanout.spend(fanout, now),
      pressing && this.#bytes.spent(now) > MODEST_BYTES ? YIELD_MS : 0,
    );
  }
}
