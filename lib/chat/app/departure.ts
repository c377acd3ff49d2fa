/**
 * Leaves a room: it sends the waiting lines first, paces piped input, and reports lines that were not delivered.
 *
 * @module
 */

import type { Backlog } from "../member/deliveries.ts";
import type { Session } from "../runtime/session.ts";
import { notDelivered, notShown } from "./ended.ts";
import type { Display, Presenter } from "./presenter.ts";

/** The longest wait for the relay to accept the lines, in milliseconds. */
const LONGEST_MS = 10_000;
/** The time after which a notice says that leaving waits, in milliseconds. */
export const NOTICE_AFTER_MS = 1_000;
/** The additional wait for other members to show the accepted lines, in milliseconds. */
const SHOWN_MS = 300;
/** The longest wait for the relay's goodbye, in milliseconds. */
const GOODBYE_MS = 1_000;

/** Options of {@linkcode Departure}. */
export interface DepartureOptions {
  readonly presenter: Presenter;
  readonly display: Display;
  /** Whether a person types, rather than a pipe. */
  readonly interactive: boolean;
  /** Signals each change of the session. */
  readonly progress: Signal;
  /** Resolves when the user does not want to wait any longer. */
  readonly hurry: Promise<void>;
}

/** The orderly end of one conversation. */
export class Departure {
  readonly #options: DepartureOptions;

  /** @param options The session's surroundings. */
  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /**
   * Leaves after the relay has accepted the lines, or after a timeout.
   *
   * @param session The session.
   * @param unsaid Returns the number of lines that were read but not handed to the session.
   * @returns The number of lines that were not delivered.
   */
  async leave(session: Session, unsaid: () => number): Promise<number> {
    await this.#untilSent(session);
    const lost = this.#reportLost(session, unsaid());
    await this.leaveNow(session);
    return lost;
  }

  /** Leaves without waiting for lines. */
  async leaveNow(session: Session): Promise<void> {
    session.leave();
    // The conversation handles a failure itself.
    const ended = session.ended.catch(() => {});
    await Promise.race([ended, pause(GOODBYE_MS), this.#options.hurry]);
    session.close();
    await this.caughtUp();
  }

  /** Waits until all output has been shown, unless the user is in a hurry. */
  async caughtUp(): Promise<void> {
    await Promise.race([this.#options.display.caughtUp(), this.#options.hurry]);
  }

  /** Prints the notice that leaving waits for `lines` lines. */
  noticeThatItWaits(lines: number): void {
    const { presenter, display } = this.#options;
    const what = lines === 1 ? "1 message is" : `${lines} messages are`;
    display.print(presenter.notice(`${what} being sent before you leave; Ctrl-C leaves at once`));
  }

  /**
   * Waits until the relay has accepted all lines, and a moment longer for others to show them.
   * Returns at once if there is no connection.
   */
  async #untilSent(session: Session): Promise<void> {
    const { progress, hurry } = this.#options;
    const begin = performance.now();
    let hurried = false;
    hurry.then(() => {
      hurried = true;
      progress.notify();
    });
    await undefined; // lets an already resolved `hurry` take effect
    let said = false;
    while (!hurried && session.connected) {
      const { lines, unsent } = session.backlog();
      const elapsed = performance.now() - begin;
      if (unsent > 0 && elapsed >= NOTICE_AFTER_MS && !said) {
        said = true;
        this.noticeThatItWaits(unsent);
      }
      const until = unsent === 0 ? SHOWN_MS : said ? LONGEST_MS : NOTICE_AFTER_MS;
      if (lines === 0 || elapsed >= until) return;
      await progress.changed(until - elapsed);
    }
  }

  /**
   * Reports undelivered lines and returns their number. For a person, lines that the relay has
   * accepted but not everyone has shown get only a notice; for piped input they count as
   * undelivered.
   */
  #reportLost({ connected, backlog }: Session, unsaid: number): number {
    const { presenter, display, interactive } = this.#options;
    const { lines, unsent } = backlog();
    const lost = unsaid + (interactive && connected ? unsent : lines);
    if (lost > 0) {
      const why = connected ? "" : ": there was no connection";
      display.print(presenter.error("NOT_DELIVERED", notDelivered(lost) + why));
    } else if (lines > 0) display.print(presenter.notice(notShown(lines)));
    return lost;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

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
/** How long to wait for progress before the window is looked at again, in milliseconds. */
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
export function isFull({ held, bytes }: Backlog, members: number): boolean {
  return bytes > windowFor(members) || bytes + held * LINE_BYTES > WINDOW_BYTES;
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
