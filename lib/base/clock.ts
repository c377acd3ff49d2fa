/**
 * Time that passes, as against the time of day.
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
