/**
 * When to ask again.
 *
 * @module
 */

const FIRST_MS = 100;
const LONGEST_MS = 2_000;

/**
 * How long to wait for a reply before each resending, in milliseconds, without end: 100 ms doubling to 2 s
 * (exponential backoff), each shortened at random by up to a half (jitter), so that clients which lost
 * their datagrams together do not send them together again.
 *
 * @param random Numbers from 0 to 1, as `Math.random`.
 */
export function* resendWaits(random: () => number): Generator<number, never> {
  for (let wait = FIRST_MS;; wait = Math.min(LONGEST_MS, wait * 2)) {
    yield wait * (1 - random() / 2);
  }
}
