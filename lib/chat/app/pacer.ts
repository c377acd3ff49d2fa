/**
 * How fast lines that do not come from a person are sent: no faster than they are shown, so that no queue at the
 * relay overflows; and no slower than a member that shows nothing would have it.
 *
 * @module
 */

import type { Backlog } from "../member/undelivered.ts";

/** What may be on its way from one sender, in bytes, shared among all members. */
const WINDOW_BYTES = 2 << 20;
/**
 * A window of this size, acknowledged within a millisecond for each member as large rooms do, is what a relay sends on
 * for one member by default: 32 MiB a second.
 */
const MIN_WINDOW_BYTES = 32 << 10;
/** What a line on its way costs its sender besides its text, in bytes of memory. */
const LINE_BYTES = 512;
/** How long a full window waits for a member that shows nothing, in milliseconds. */
export const HOLD_MS = 2_000;

/** How much a sender in a room of so many may have on its way, in bytes. */
export function windowFor(members: number): number {
  return Math.max(MIN_WINDOW_BYTES, Math.floor(WINDOW_BYTES / Math.max(1, members)));
}

/**
 * Whether as much is on its way as a sender may have there: by the text that others have to show, and by what the
 * lines cost the sender itself, however short they are.
 *
 * @param backlog What is not delivered yet.
 * @param members How many the room has.
 */
export function isFull({ lines, bytes }: Backlog, members: number): boolean {
  return bytes > windowFor(members) || bytes + lines * LINE_BYTES > WINDOW_BYTES;
}

/** Something that changes, and those who wait for it to. */
export class Signal {
  #next = Promise.withResolvers<void>();

  /** It has changed. */
  notify(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  /**
   * Waits until it changes.
   *
   * @param ms The longest to wait, in milliseconds.
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
