/**
 * Leaving: what was entered goes first.
 *
 * @module
 */

import type { Session } from "../tcp_chat.ts";
import type { Signal } from "./pacer.ts";

/** The longest that leaving waits for the relay to accept what was entered, in milliseconds. */
const LONGEST_MS = 10_000;
/** After so long it is said that leaving waits, in milliseconds. */
const SAID_AFTER_MS = 1_000;
/** How long it waits besides for others to show what the relay has accepted, in milliseconds. */
const SHOWN_MS = 300;

/** What leaving depends on. */
export interface Departure {
  readonly session: Pick<Session, "backlog" | "connected">;
  /** Changes whenever something happens to the session. */
  readonly progress: Signal;
  /** Fulfilled when nobody wants to wait any longer. */
  readonly hurry: Promise<void>;
  /** Says that leaving waits for so many lines. */
  slow(lines: number): void;
}

/**
 * Waits until the relay has accepted every line that was entered, and a moment longer for others to show them. It
 * waits for no connection: where there is none, it returns at once.
 */
export async function untilSent({ session, progress, hurry, slow }: Departure): Promise<void> {
  const begin = performance.now();
  let hurried = false;
  hurry.then(() => {
    hurried = true;
    progress.notify();
  });
  await undefined; // so that a wish from before is known
  let said = false;
  while (!hurried && session.connected) {
    const { lines, unsent } = session.backlog();
    const elapsed = performance.now() - begin;
    if (unsent > 0 && elapsed >= SAID_AFTER_MS && !said) {
      said = true;
      slow(unsent);
    }
    const until = unsent === 0 ? SHOWN_MS : said ? LONGEST_MS : SAID_AFTER_MS;
    if (lines === 0 || elapsed >= until) return;
    await progress.changed(until - elapsed);
  }
}
