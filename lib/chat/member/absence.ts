/**
 * For how long a member was out of touch with its relay, as far as it can tell itself.
 *
 * @module
 */

import { DEAD_AFTER_MS } from "../wire/kinds.ts";

/** From when to when something that was said may not have come, in milliseconds since 1970. */
export interface MissedSpan {
  /** The last moment at which the relay was heard for certain. */
  readonly from: number;
  /** When this member was in the room again. */
  readonly to: number;
}

/** A pause is noted from this length on, in milliseconds. */
const PAUSE_MS = 1_000;

/**
 * Notes when the relay was heard last. What comes after a pause may have been sent long before, as this process or the
 * network stood still: the pause counts as absence where the connection turns out to be lost soon after it.
 */
export class Absence {
  #heardAt: number | undefined;
  /** The last pause: from when to when nothing was heard. */
  #pause: MissedSpan | undefined;
  #from: number | undefined;

  /** The relay was heard. */
  heard(now: number): void {
    const from = this.#heardAt;
    if (from !== undefined && now - from >= PAUSE_MS) this.#pause = { from, to: now };
    this.#heardAt = now;
  }

  /** The connection is lost. */
  lost(now: number): void {
    const { from, to } = this.#pause ?? { from: now, to: -Infinity };
    this.#from ??= now - to < DEAD_AFTER_MS ? from : this.#heardAt ?? now;
  }

  /** The relay goes on with this member: it has kept everything. */
  resumed(): void {
    this.#from = this.#pause = undefined;
  }

  /**
   * The member has come into a room anew.
   *
   * @param now The time in milliseconds since 1970.
   * @param keptMs How long others have kept what they said for it at least, in milliseconds.
   * @returns What it may have missed; undefined where nothing was.
   */
  ended(now: number, keptMs: number): MissedSpan | undefined {
    const from = this.#from;
    this.resumed();
    return from === undefined || now - from < keptMs ? undefined : { from, to: now };
  }
}
