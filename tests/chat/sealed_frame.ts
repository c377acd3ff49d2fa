/**
 * Sealed frames that are nothing but well-formed.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import { sealedFrame } from "./raw_frames.ts";

/**
 * Returns a frame of zeros: a relay forwards it, a member reports a fault.
 *
 * @param sender The sender's number.
 * @param size The length of the ciphertext in bytes: at least 48.
 * @param route Everyone by default.
 */
export function unsignedFrame(sender: number, size = 48, route = 0): Bytes {
  return sealedFrame({ sender, size, route });
}

/** Returns so many copies of a frame behind one another. */
export function repeated(frame: Bytes, times: number): Bytes {
  const bytes = new Uint8Array(frame.length * times);
  for (let i = 0; i < times; i++) bytes.set(frame, i * frame.length);
  return bytes;
}
