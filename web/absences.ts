/**
 * Holds back that a member is away, so that a page that is reloaded, or a connection that is lost for a moment, does
 * not fill the conversation. The list of members shows it at once. No I/O.
 *
 * @module
 */

import type { MemberEvent } from "../lib/chat/member/options.ts";
import type { Peer } from "../lib/chat/member/roster.ts";
import type { Note } from "./state.ts";

/** For how long it is held back, in milliseconds. A page takes a few seconds to load and to make its keys. */
export const HOLD_AWAY_MS = 10_000;

/** A member that is away, of which the conversation does not tell yet. */
interface Held {
  readonly fingerprint: string;
  readonly notes: readonly Note[];
  readonly dueAt: number;
}

/** The members that have lost their connections a moment ago. */
export class Absences {
  /** By folded name, the one that is due first at the front. */
  readonly #held = new Map<string, Held>();

  /**
   * Takes an event.
   *
   * @param event The event.
   * @param notes What the conversation says about it.
   * @param now A monotonic clock in milliseconds.
   * @returns What the conversation says now: nothing about a member that is back before it was told that it is away.
   */
  take(event: MemberEvent, notes: readonly Note[], now: number): readonly Note[] {
    switch (event.kind) {
      case "admitted":
        this.#held.clear();
        return notes;
      case "away":
        this.#release(event.peer);
        this.#held.set(event.peer.credential.folded, {
          fingerprint: event.peer.credential.fingerprint,
          notes,
          dueAt: now + HOLD_AWAY_MS,
        });
        return [];
      case "left":
        // Another run of the member follows.
        if (event.reason !== "REPLACED") this.#release(event.peer);
        return notes;
      case "joined":
      case "back":
        return this.#release(event.peer) ? notes.filter(({ kind }) => kind === "alarm") : notes;
      default:
        return notes;
    }
  }

  /** Holds nothing back of those with a member's name any more. Tells whether it was that member that was away. */
  #release({ credential: { folded, fingerprint } }: Peer): boolean {
    const isSame = this.#held.get(folded)?.fingerprint === fingerprint;
    this.#held.delete(folded);
    return isSame;
  }

  /** When {@linkcode due} has something to tell; undefined if nothing is held back. */
  get dueAt(): number | undefined {
    return this.#held.values().next().value?.dueAt;
  }

  /** Takes what has been held back for long enough. */
  due(now: number): Note[] {
    const due = [...this.#held].filter(([, { dueAt }]) => dueAt <= now);
    for (const [folded] of due) this.#held.delete(folded);
    return due.flatMap(([, { notes }]) => notes);
  }
}
