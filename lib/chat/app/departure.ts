/**
 * Ends of a session: leaves a room after the waiting lines are sent, and says how a session ended and what was not
 * delivered.
 *
 * @module
 */

import { pause } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import type { Session } from "../runtime/session.ts";
import { type Ending, endingText, hasPlainDetail } from "../wire/kinds.ts";
import { notDelivered, notShown, type Signal } from "./delivery.ts";
import type { ConversationOptions } from "./presenter.ts";

/** The longest wait for the relay to accept the lines, in milliseconds. */
const LONGEST_MS = 10_000;
/** The time after which a notice says that leaving waits, in milliseconds. */
export const NOTICE_AFTER_MS = 1_000;
/** The additional wait for other members to show the accepted lines, in milliseconds. */
const SHOWN_MS = 300;
/** The longest wait for the relay's goodbye, in milliseconds. */
const GOODBYE_MS = 1_000;

/** Options of {@linkcode Departure}. */
export interface DepartureOptions
  extends Pick<ConversationOptions, "presenter" | "display" | "interactive"> {
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

/** The end of a session that this side did not end. */
export interface Ended {
  readonly ending: Ending;
  readonly detail: string;
}

/** What was known of a session when it ended. */
export interface EndedFacts {
  /** Whether the user was in the room. */
  readonly wasIn: boolean;
  /** The lasting fault that prevents a reconnection, if there is one. */
  readonly obstacle: Failure | undefined;
  /** The number of lines that were read but not handed to the session. */
  readonly unsaid: number;
  /** Whether the user came by an invitation. */
  readonly byInvitation: boolean;
}

/**
 * Returns the failure of a session that this side did not end, or whose connection did not come
 * back.
 *
 * @param session The session.
 * @param end How it ended.
 * @param facts What was known of it.
 */
export function endedFailure(
  session: Session,
  { ending, detail }: Ended,
  { wasIn, obstacle, unsaid, byInvitation }: EndedFacts,
): Failure {
  const lines = session.backlog().lines + unsaid;
  const plain = hasPlainDetail(ending);
  const why = (obstacle?.why ?? endingText(ending)) +
    (detail === "" || !plain ? "" : ` (${detail})`);
  return new Failure({
    what: wasIn ? "the chat has ended" : "cannot join the room",
    why: why + (lines === 0 ? "" : `; ${notDelivered(lines)}`),
    code: obstacle?.code ?? ending,
    hint: obstacle?.hint ?? hintOf(ending, session, byInvitation),
    // --debug shows the cause.
    cause: detail === "" || plain ? undefined : new Error(printable(detail)),
  });
}

/**
 * Returns the failure of piped lines that could not be sent or run, each of which has been reported.
 *
 * @param lines The number of lines.
 */
export function refusedFailure(lines: number): Failure {
  return new Failure({
    what: "cannot send or run everything",
    why: lines === 1
      ? "1 line was not sent or run, as reported"
      : `${lines} lines were not sent or run, as reported`,
    code: "LINES_REFUSED",
  });
}

/** Says what becomes of the other members, of all rooms, when the server's owner leaves. */
export function closingText(others: number): string {
  const who = others === 1 ? "the other member is" : `the ${others} other members are`;
  return `the server stops with you: ${who} disconnected until a server runs here again`;
}

const OTHER_VERSION = "the versions may differ: compare parley --version on both sides";

const HINTS: { readonly [E in Ending]?: string } = {
  NAME_TAKEN:
    "choose another name with --name; with --identity FILE, a new run replaces one that " +
    "was cut off",
  NAME_AWAY: "it is probably your own from a run that crashed: wait, or choose another with " +
    "--name; with --identity FILE, a new run replaces the old one at once",
  NOT_A_RELAY: "check the port: a parley chat server listens on 4396 by default",
  NO_ANSWER: "is that the port of a parley relay? A parley chat server listens on 4396 by default",
  BAD_RELAY: OTHER_VERSION,
  VERSION: OTHER_VERSION,
  NOT_PARLEY: OTHER_VERSION,
  BAD_FRAME: OTHER_VERSION,
  TOO_LARGE: OTHER_VERSION,
  OUT_OF_ORDER: OTHER_VERSION,
  TLS_SPOKEN: "join with --tls",
  RELAY_GONE: "the server may have stopped; join again when it is back",
  SHUTDOWN: "the server was stopped; join again when it is back",
  ROOM_FULL: "try again when someone has left, or ask for a larger --max-members",
  BAD_ROOM: "a room's name has no spaces and no slash, and at most 64 bytes",
  TOO_MANY_ROOMS: "join a room that exists, or ask for a larger --max-rooms",
  TOO_MANY_PENDING: "try again in a moment",
  TOO_MANY_JOINS: "try again in a minute",
  TOO_MANY_FROM_ADDRESS: "close another connection first, or ask for a larger --max-per-address",
  BAD_PROOF:
    "the server does not use the name that you dialled, or someone in between forwards the " +
    "connection: dial the name that the server's owner gave you",
  REMOVED: "ask the server's owner",
  INVITATION_USED:
    "SOMEBODY ELSE HAS YOUR LINK: tell the person who invited you, not by this chat, " +
    "and ask for another",
  BAD_CREDENTIAL:
    "this machine's clock may be fast, or the server's slow, by over an hour: compare them",
  CREDENTIAL_EXPIRED: "check this machine's clock",
  CLOCK_BEHIND: "set this machine's clock and join again",
};

function hintOf(
  ending: Ending,
  { self }: Session,
  byInvitation: boolean,
): string | undefined {
  if (ending !== "NOT_ALLOWED") return HINTS[ending];
  if (byInvitation) {
    return "the invitation has expired or was withdrawn, the server was started again, or only its owner can invite: " +
      "ask for another link";
  }
  return `ask the server's owner for an invitation, or give your fingerprint to the owner: ${self.fingerprint}; ` +
    "--identity FILE keeps it for later runs";
}

/** Failures that a new connection may not meet again. */
const PASSING: ReadonlySet<string> = new Set(["TLS_CLOSED", "TLS_TIMEOUT"]);

/**
 * Tells whether a TLS failure will occur again until someone acts, such as one caused by an invalid certificate or by
 * an attacker in the path.
 */
function isLastingTlsFailure({ code }: Failure): boolean {
  return code.startsWith("TLS_") && !PASSING.has(code);
}

/** The faults that prevent a reconnection after one loss of the connection. */
export class Obstacles {
  readonly #told = new Set<string>();
  #last: Failure | undefined;

  /** The failure of the last attempt, if the fault is lasting. */
  get last(): Failure | undefined {
    return this.#last;
  }

  /**
   * Records a failed attempt.
   *
   * @param failure The failure.
   * @returns Whether to report it: the fault is lasting and has not been reported since the
   * connection was lost.
   */
  add(failure: Failure): boolean {
    const lasts = isLastingTlsFailure(failure);
    this.#last = lasts ? failure : undefined;
    if (!lasts || this.#told.has(failure.message)) return false;
    this.#told.add(failure.message);
    return true;
  }

  /** Forgets all faults, because there is a connection again. */
  clear(): void {
    this.#told.clear();
    this.#last = undefined;
  }
}
