/**
 * What the tutorial's server answers.
 *
 * @module
 */

const encoder = new TextEncoder();
/** Replies are few and small: one for each length that has been asked for. */
const replies: (Uint8Array<ArrayBuffer> | undefined)[] = [];

/**
 * The reply to a datagram: `Your data was 38 bytes long`.
 *
 * @param length How many bytes were received, 0 to 65,535.
 * @returns UTF-8. Not to be changed: the next datagram of the length gets the same array.
 */
export function lengthReply(length: number): Uint8Array<ArrayBuffer> {
  return replies[length] ??= encoder.encode(`Your data was ${length} bytes long`);
}
