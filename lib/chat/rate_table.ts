/**
 * One token bucket for each of many: addresses, identities. Bounded, whoever comes.
 *
 * @module
 */

import { type Rate, TokenBucket } from "./token_bucket.ts";

/** So many are told apart; beyond that the one not seen for longest is forgotten. */
export const MAX_RATED = 10_000;

/** Token buckets by key. A bucket that is full again is forgotten: it is as good as a new one. */
export class RateTable {
  readonly #rate: Rate;
  /** The one not seen for longest comes first. */
  readonly #buckets = new Map<string, TokenBucket>();

  /** Starts with everyone's bucket full. */
  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** How many buckets are kept. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Spends one token of somebody's if it is there.
   *
   * @returns Whether it was.
   */
  take(key: string, now: number): boolean {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#rate, now);
    this.#buckets.delete(key);
    this.#forget(now);
    this.#buckets.set(key, bucket);
    return bucket.take(1, now);
  }

  #forget(now: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (this.#buckets.size < MAX_RATED && !bucket.isFull(now)) return;
      this.#buckets.delete(key);
    }
  }
}
