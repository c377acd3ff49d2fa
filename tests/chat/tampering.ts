/**
 * What a relay that lies does to frames, and what becomes of the session.
 *
 * @module
 */

import type { Bytes } from "../../lib/chat/bytes.ts";
import { FRAME_HEADER_BYTES } from "../../lib/chat/frame.ts";
import type { Seat, Tamper } from "./room.ts";

/** Changes one byte of a frame, counted from the start of its payload. */
export function flip(bytes: Bytes, at: number): Bytes {
  const changed = bytes.slice();
  const place = at < 0 ? changed.length + at : FRAME_HEADER_BYTES + at;
  changed[place] = changed[place]! ^ 1;
  return changed;
}

/** Applies a change to the nth frame of a kind, and to no other. */
export function once(
  kind: number,
  nth: number,
  change: (bytes: Bytes) => readonly Bytes[],
): Tamper {
  let seen = 0;
  return (frame) => frame.kind === kind && ++seen === nth ? change(frame.bytes) : [frame.bytes];
}

/** Why a member was told that the chat has ended; undefined where it has not. */
export function endingOf(seat: Seat): string | undefined {
  const last = seat.events.findLast((event) => event.kind === "ended");
  return last?.kind === "ended" ? last.reason : undefined;
}
