/**
 * Leaving: what was entered goes first, and what does not go is told.
 *
 * @module
 */

import type { Session } from "../runtime/session.ts";
import { notDelivered, notShown } from "./ended.ts";
import type { Signal } from "./pacer.ts";
import type { Display, Presenter } from "./presenter.ts";

/** The longest that leaving waits for the relay to accept what was entered, in milliseconds. */
const LONGEST_MS = 10_000;
/** After so long it is said that leaving waits, in milliseconds. */
export const SAID_AFTER_MS = 1_000;
/** How long it waits besides for others to show what the relay has accepted, in milliseconds. */
const SHOWN_MS = 300;
/** How long a relay may take to say goodbye, in milliseconds. */
const GOODBYE_MS = 1_000;

/** What leaving depends on. */
export interface DepartureOptions {
  readonly presenter: Presenter;
  readonly display: Display;
  /** Whether a person leaves. */
  readonly interactive: boolean;
  /** Changes whenever something happens to the session. */
  readonly progress: Signal;
  /** Fulfilled when nobody wants to wait any longer. */
  readonly hurry: Promise<void>;
}

/** How one conversation is left. */
export class Departure {
  readonly #options: DepartureOptions;

  /** Nothing happens before {@linkcode leave}. */
  constructor(options: DepartureOptions) {
    this.#options = options;
  }

  /**
   * Leaves once the relay has what was entered.
   *
   * @param session The session.
   * @param unsaid How many lines were never entered into it.
   * @returns How many lines are not delivered.
   */
  async leave(session: Session, unsaid: () => number): Promise<number> {
    await this.#untilSent(session);
    const lost = this.#sayWhatIsLost(session, unsaid());
    await this.sayGoodbye(session);
    return lost;
  }

  /** Leaves, whatever was entered. */
  async sayGoodbye(session: Session): Promise<void> {
    session.leave();
    // Where it failed, the conversation hears of that itself.
    const ended = session.ended.catch(() => {});
    await Promise.race([ended, pause(GOODBYE_MS), this.#options.hurry]);
    session.close();
    await this.caughtUp();
  }

  /** Waits until everything has been shown; not for a reader who has stopped, where somebody is in a hurry. */
  async caughtUp(): Promise<void> {
    await Promise.race([this.#options.display.caughtUp(), this.#options.hurry]);
  }

  /** Says that leaving waits for so many lines. */
  sayThatItWaits(lines: number): void {
    const { presenter, display } = this.#options;
    const what = lines === 1 ? "1 message is" : `${lines} messages are`;
    display.print(presenter.notice(`${what} being sent before you leave; Ctrl-C leaves at once`));
  }

  /**
   * Waits until the relay has accepted every line that was entered, and a moment longer for others to show them. It
   * waits for no connection: where there is none, it returns at once.
   */
  async #untilSent(session: Session): Promise<void> {
    const { progress, hurry } = this.#options;
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
        this.sayThatItWaits(unsent);
      }
      const until = unsent === 0 ? SHOWN_MS : said ? LONGEST_MS : SAID_AFTER_MS;
      if (lines === 0 || elapsed >= until) return;
      await progress.changed(until - elapsed);
    }
  }

  /**
   * Says what is left behind. A person is told what no relay has, and what was not shown yet; for lines that were
   * piped in, both are not delivered.
   */
  #sayWhatIsLost({ connected, backlog }: Session, unsaid: number): number {
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
