/**
 * Monotonic time, and a token bucket that fills with it.
 *
 * @module
 */

/**
 * Returns the time in milliseconds since 1970 by the monotonic clock. The process reads the system's date once, at its
 * start, so a change of the date does not move this time. Use `Date.now()` for times shown to people and in
 * credentials.
 */
export function steadyNow(): number {
  return performance.timeOrigin + performance.now();
}

/** An average rate and a burst. */
export interface Rate {
  /** Tokens added per second; more than 0. */
  readonly perSecond: number;
  /** The capacity of the bucket, in tokens. */
  readonly burst: number;
}

/** A bucket of tokens. Work takes tokens out, and time refills it. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #at: number;

  /** Creates a full bucket. */
  constructor(rate: Rate, now: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /**
   * Takes tokens if the bucket holds enough.
   *
   * @returns Whether it did.
   */
  take(tokens: number, now: number): boolean {
    this.#refill(now);
    if (this.#tokens < tokens) return false;
    this.#tokens -= tokens;
    return true;
  }

  /**
   * Takes tokens even if the bucket does not hold enough. For work that has already been done.
   *
   * @returns The milliseconds until the debt is paid, or 0 if there is no debt.
   */
  spend(tokens: number, now: number): number {
    this.#refill(now);
    this.#tokens -= tokens;
    return this.#tokens >= 0 ? 0 : -this.#tokens / this.#rate.perSecond * 1000;
  }

  /** Returns the number of tokens taken and not yet refilled. */
  spent(now: number): number {
    this.#refill(now);
    return this.#rate.burst - this.#tokens;
  }

  /** Returns whether the bucket is full. */
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
