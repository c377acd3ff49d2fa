/**
 * When a lost connection is tried again.
 *
 * @module
 */

/** The longest that is waited between two attempts, in milliseconds. */
export const MAX_RETRY_DELAY_MS = 30_000;
/** The shortest that is waited but for the first attempt, in milliseconds, before chance has its part. */
const FIRST_DELAY_MS = 500;

/**
 * How long to wait before an attempt: the first is made at once; then the wait doubles from half a second
 * to 30 s. Chance takes up to half of it away, so that the thousand members of a relay that
 * comes back do not all come at one moment.
 *
 * @param attempt Which attempt since there last was a connection, from 0.
 * @param random A number from 0 to 1, such as `Math.random()`.
 * @returns Milliseconds.
 */
export function retryDelay(attempt: number, random: number): number {
  if (attempt === 0) return 0;
  const most = Math.min(MAX_RETRY_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(most * (1 - random / 2));
}
