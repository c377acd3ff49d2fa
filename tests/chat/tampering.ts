/**
 * What a relay that lies does to frames, and what becomes of the session.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import { RosterPages } from "../../lib/chat/relay/member.ts";
import { type Listing, readRosterPage } from "../../lib/chat/wire/control.ts";
import { FRAME_HEADER_BYTES } from "../../lib/chat/wire/frame.ts";
import type { Seat, Tamper } from "./room.ts";

/** Changes one byte of a frame, counted from the start of its payload, or from the end if `at` is negative. */
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

/**
 * A page of the roster that lists others, or otherwise. The context stays: a newcomer cannot check it.
 *
 * @param change Makes the listings, of those that there are and the newcomer's own number.
 * @param more By how much the newcomer's own number is higher: by as many as there are more, unless numbers were free.
 * @returns The frames that come instead.
 */
export function relist(
  page: Bytes,
  change: (listings: readonly Listing[], own: number) => readonly Listing[],
  more?: number,
): Bytes[] {
  const { room, version, context, listings } = readRosterPage(page.subarray(FRAME_HEADER_BYTES));
  const changed = change(listings, version + 1);
  const added = more ?? changed.length - listings.length;
  return new RosterPages(changed).snapshot(room, version + added)(context);
}

/** Why a member was told that the chat has ended; undefined where it has not. */
export function endingOf(seat: Seat): string | undefined {
  const last = seat.events.findLast((event) => event.kind === "ended");
  return last?.kind === "ended" ? last.reason : undefined;
}
