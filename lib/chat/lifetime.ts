/**
 * For how long a credential holds.
 *
 * @module
 */

/** How long a credential, or a renewal of it, may be good for, in milliseconds. */
export const CREDENTIAL_LIFE_MS = 24 * 60 * 60 * 1000;
/**
 * For how long a credential is made, and renewed, in milliseconds: an hour less than it might be, so that two clocks
 * may differ by more than an hour before one takes what the other made for too long.
 */
export const RENEWAL_LIFE_MS = 23 * 60 * 60 * 1000;
/** How much of its time a renewed credential has left, at least, when it is renewed again, in milliseconds. */
export const RENEWAL_RESERVE_MS = 12 * 60 * 60 * 1000;
/** How far two clocks may be apart, in milliseconds. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** Whether it is over, by whichever of two clocks. Times are in milliseconds since 1970. */
export function hasExpired(expiresAt: number, now: number): boolean {
  return expiresAt < now - CLOCK_SKEW_MS;
}

/** Whether it would hold for longer than anything may. */
export function isTooLong(expiresAt: number, now: number): boolean {
  return expiresAt > now + CREDENTIAL_LIFE_MS + CLOCK_SKEW_MS;
}
