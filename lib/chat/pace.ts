/**
 * How fast a member may speak. Who speaks faster is read more slowly, and not ended: the connection fills, and the
 * member waits, as it would for a slow network.
 *
 * @module
 */

import type { Limits } from "./limits.ts";
import { TokenBucket } from "./token_bucket.ts";

/** So many seconds' worth may come at once: the keys for a room of a thousand, a text that is pasted. */
const BURST_SECONDS = 2;

/** What a member has sent. */
export interface Spent {
  /** How many frames. */
  readonly frames: number;
  /** How many bytes. */
  readonly bytes: number;
  /** How many bytes the relay sends on for it. */
  readonly fanout: number;
}

/** The token buckets of one member. */
export class Pace {
  readonly #frames: TokenBucket;
  readonly #bytes: TokenBucket;
  readonly #fanout: TokenBucket;

  /** Starts with a burst to spend. */
  constructor(limits: Limits, now: number) {
    const bucket = (perSecond: number) =>
      new TokenBucket({ perSecond, burst: perSecond * BURST_SECONDS }, now);
    this.#frames = bucket(limits.framesPerSecond);
    this.#bytes = bucket(limits.bytesPerSecond);
    this.#fanout = bucket(limits.fanoutPerSecond);
  }

  /**
   * A member has sent something.
   *
   * @returns For how many milliseconds nothing more is to be read of it.
   */
  spend({ frames, bytes, fanout }: Spent, now: number): number {
    return Math.max(
      this.#frames.spend(frames, now),
      this.#bytes.spend(bytes, now),
      this.#fanout.spend(fanout, now),
    );
  }
}
