/**
 * Monotonic time, and a token bucket that fills with it.
 *
 * @module
 */

/**
 * The time by a clock that never jumps: milliseconds since 1970 as this process began, and what has passed since,
 * whatever becomes of the system's date. For deadlines and pauses; the date is for people, and for credentials.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}

/** How fast, and how much at once. */
export interface Rate {
  /** Tokens that come back in a second: more than 0. */
  readonly perSecond: number;
  /** The most tokens that lie ready. */
  readonly burst: number;
}

/** Tokens that are spent, and come back with time. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  /** Starts full. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /**
   * Spends tokens if they are there.
   *
   * @returns Whether they were.
   */
  take(tokens: number, now: number): boolean {
    this.#refill(now);
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }

  /**
   * Spends tokens whether they are there or not: for what has happened already.
   *
   * @returns After how many milliseconds the debt is paid; 0 where there is none.
   */
  spend(tokens: number, now: number): number {
    this.#refill(now);
    this.#tokens -= tokens;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#rate.perSecond * 1000;
  }

  /** How many tokens have been spent and have not come back. */
  spent(now: number): number {
    this.#refill(now);
    return this.#rate.burst - this.#tokens;
  }

  /** Whether nothing is spent: the bucket is as good as a new one. */
  isFull(now: number): boolean {
    this.#refill(now);
    return this.#tokens >= this.#rate.burst;
  }

  #refill(now: number): void {
    const tokens = Math.max(0, now - this.#at) / 1000 * this.#rate.perSecond;
    this.#tokens = Math.min(this.#rate.burst, this.#tokens + tokens);
    this.#at = Math.max(now, this.#at);
  }
}
