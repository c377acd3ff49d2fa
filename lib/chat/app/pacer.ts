/**
 * Flow control for piped lines. They are sent no faster than members show them, so that no queue at
 * the relay overflows, but a member that shows nothing cannot block them.
 *
 * @module
 */

import type { Backlog } from "../member/undelivered.ts";

/**
 * The maximum amount of undelivered text from one sender, in bytes, divided by the number of
 * members.
 */
const WINDOW_BYTES = 2 << 20;
/**
 * The minimum window in bytes. If each member acknowledges it within a millisecond, as in large
 * rooms, it reaches 32 MiB a second, the relay's default rate for one member.
 */
const MIN_WINDOW_BYTES = 32 << 10;
/** The memory that an undelivered line costs its sender besides its text, in bytes. */
const LINE_BYTES = 512;
/** How long a full window waits for a member that shows nothing, in milliseconds. */
export const HOLD_MS = 2_000;

/** Returns the window of a sender in a room of `members` members, in bytes. */
export function windowFor(members: number): number {
  return Math.max(MIN_WINDOW_BYTES, Math.floor(WINDOW_BYTES / Math.max(1, members)));
}

/**
 * Reports whether the window is full, counting both the text that others must show and the sender's
 * own memory for lines.
 *
 * @param backlog The undelivered lines.
 * @param members The number of members in the room.
 */
export function isFull({ lines, bytes }: Backlog, members: number): boolean {
  return bytes > windowFor(members) || bytes + lines * LINE_BYTES > WINDOW_BYTES;
}

/** A signal that wakes all waiters at each change. */
export class Signal {
  #next = Promise.withResolvers<void>();

  /** Wakes all waiters. */
  notify(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  /**
   * Waits for the next change.
   *
   * @param ms The longest wait in milliseconds.
   * @returns Whether it changed.
   */
  async changed(ms: number): Promise<boolean> {
    const { promise } = this.#next;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
    try {
      return await Promise.race([promise.then(() => true as const), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
