/**
 * Whether this machine's clock is behind the others', by when their credentials end. It is a hint, and never trusted
 * for anything else: a clock is not set by it, and no credential holds for longer.
 *
 * @module
 */

import {
  CLOCK_SKEW_MS,
  CREDENTIAL_LIFE_MS,
  isTooLong,
  RENEWAL_LIFE_MS,
} from "../identity/renewal.ts";

/** By how much other programs may make a credential longer than parley does, in milliseconds. */
const LONGER_MS = CREDENTIAL_LIFE_MS - RENEWAL_LIFE_MS;

/** What one member finds out about its clock. */
export class WrongClock {
  #told = false;

  /**
   * Looks at a credential that holds.
   *
   * @param expiresAt When it ends, in milliseconds since 1970.
   * @param now The time by this machine's clock.
   * @returns By how much this clock is behind the one by which it was made, in words; undefined where nothing says so, or
   *   that was told before.
   */
  hint(expiresAt: number, now: number): string | undefined {
    const behind = behindBy(expiresAt, now);
    const isHint = behind > CLOCK_SKEW_MS && behind < LONGER_MS - CLOCK_SKEW_MS;
    if (this.#told || !isHint) return undefined;
    this.#told = true;
    return about(behind);
  }

  /**
   * Looks at a credential that is too long by this machine's clock, and that a relay has taken.
   *
   * @returns By how much the clock is behind, in words; undefined where it may be right: a member can make its credential
   *   end as late as a relay whose clock is ahead lets pass, and that must not keep others out.
   */
  proof(expiresAt: number, now: number): string | undefined {
    const isProof = isTooLong(expiresAt, now + CLOCK_SKEW_MS);
    return isProof ? about(behindBy(expiresAt, now)) : undefined;
  }
}

function behindBy(expiresAt: number, now: number): number {
  return expiresAt - now - RENEWAL_LIFE_MS;
}

function about(ms: number): string {
  return `about ${Math.round(ms / 60_000)} minutes`;
}
