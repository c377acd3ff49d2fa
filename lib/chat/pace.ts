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

/**
 * What a member may have sent of late and still be none that fills others' queues: a person never comes near it.
 * It is forgotten at this rate, so that one who keeps just within the limits above is told from a person too.
 */
const MODEST = {
  frames: { most: 200, perSecond: 100 },
  bytes: { most: 64 << 10, perSecond: 256 << 10 },
} as const;
/** So many seconds of it are remembered. */
const MODEST_SECONDS = 20;
/**
 * How long one that does is not read, in milliseconds: twice as long each time, and half as long for every second
 * without. Well below what a member is waited for: while it is not read, what it acknowledges is not either.
 */
const YIELD_MS = { first: 100, most: 2_000 } as const;
const YIELD_HALVES_MS = 1_000;
/** What coming back costs, in frames: the relay checks a signature, and sends again what is on its way. */
const RESUME_FRAMES = 100;

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
  readonly #lately: { readonly frames: TokenBucket; readonly bytes: TokenBucket };
  #yield = 0;
  #yieldedAt = 0;
  #pausedUntil = 0;

  /** Starts with a burst to spend. */
  constructor(limits: Limits, now: number) {
    const bucket = (perSecond: number, seconds = BURST_SECONDS) =>
      new TokenBucket({ perSecond, burst: perSecond * seconds }, now);
    this.#frames = bucket(limits.framesPerSecond);
    this.#bytes = bucket(limits.bytesPerSecond, BYTES_BURST_SECONDS);
    this.#fanout = bucket(limits.fanoutPerSecond);
    this.#lately = {
      frames: bucket(MODEST.frames.perSecond, MODEST_SECONDS),
      bytes: bucket(MODEST.bytes.perSecond, MODEST_SECONDS),
    };
  }

  /**
   * A member has sent something.
   *
   * @returns For how many milliseconds nothing more is to be read of it.
   */
  spend({ frames, bytes, fanout, pressing }: Spent, now: number): number {
    this.#lately.frames.spend(frames, now);
    this.#lately.bytes.spend(bytes, now);
    const pause = Math.max(
      this.#frames.spend(frames, now),
      this.#bytes.spend(bytes, now),
      this.#fanout.spend(fanout, now),
      pressing && !this.#isModest(now) ? this.#yieldAt(now) : 0,
    );
    this.#pausedUntil = now + pause;
    return pause;
  }

  /**
   * The member comes back over another connection: what it has spent stays spent.
   *
   * @returns False while it is not to be read: another connection must not be a way around that.
   */
  resume(now: number): boolean {
    if (now < this.#pausedUntil) return false;
    this.#frames.spend(RESUME_FRAMES, now);
    return true;
  }

  #yieldAt(now: number): number {
    const { first, most } = YIELD_MS;
    const left = this.#yield / 2 ** ((now - this.#yieldedAt) / YIELD_HALVES_MS);
    this.#yield = Math.min(most, Math.max(first, 2 * left));
    this.#yieldedAt = now + this.#yield;
    return this.#yield;
  }

  #isModest(now: number): boolean {
    const { frames, bytes } = this.#lately;
    return frames.spent(now) <= MODEST.frames.most && bytes.spent(now) <= MODEST.bytes.most;
  }
}
