/**
 * What the tutorial's client asks.
 *
 * @module
 */

/**
 * The text that is sent where none is given: `The time is 2019-08-16 16:34:56.276877`, local time, as
 * Python's `datetime.now()` prints it, and 38 bytes long.
 *
 * @param epochMs Milliseconds since 1970, with a fraction; now without.
 */
export function timeText(epochMs: number = performance.timeOrigin + performance.now()): string {
  const time = new Date(epochMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  const micros = Math.floor((epochMs - Math.floor(epochMs / 1000) * 1000) * 1000);
  return `The time is ${date} ${clock}.${String(micros).padStart(6, "0")}`;
}
