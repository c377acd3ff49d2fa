/**
 * How a conversation ended that nobody ended here: the failure, and what to do.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { isLastingTlsFailure } from "../../net/tls.ts";
import type { MissedSpan } from "../member/absence.ts";
import type { Session } from "../runtime/session.ts";
import { type Ending, endingText, hasPlainDetail } from "../wire/kinds.ts";

/** That the session ended of itself. */
export interface Ended {
  readonly ending: Ending;
  readonly detail: string;
}

/**
 * The failure of a session that ended of itself, or whose connection did not come back.
 *
 * @param session The session.
 * @param end How it ended.
 * @param obstacle What kept the connection from coming back, where that lasts.
 * @param unsaid How many lines were never entered into the session.
 */
export function endedFailure(
  session: Session,
  { ending, detail }: Ended,
  obstacle: Failure | undefined,
  unsaid: number,
): Failure {
  const lines = session.backlog().lines + unsaid;
  const plain = hasPlainDetail(ending);
  const why = (obstacle?.why ?? endingText(ending)) +
    (detail === "" || !plain ? "" : ` (${detail})`);
  return new Failure({
    what: "the chat has ended",
    why: why + (lines === 0 ? "" : `; ${notDelivered(lines)}`),
    code: obstacle?.code ?? ending,
    hint: obstacle?.hint ?? hintOf(ending, session),
    // Shown with --debug.
    cause: detail === "" || plain ? undefined : new Error(printable(detail)),
  });
}

/**
 * The failure of lines that were not delivered in time.
 *
 * @param session The session.
 * @param giveUpMs How long they were waited for, in milliseconds.
 * @param obstacle What kept the connection from coming back, where that lasts.
 */
export function gaveUpFailure(
  { backlog, connected }: Session,
  giveUpMs: number,
  obstacle: Failure | undefined,
): Failure {
  const because = obstacle === undefined ? "" : `; ${obstacle.why}`;
  return new Failure({
    what: "cannot deliver everything",
    why: `${notDelivered(backlog().lines)} within ${giveUpMs} ms${because}`,
    code: "NOT_DELIVERED",
    hint: connected
      ? "a member that is there or away has not shown them: give it more time with --give-up MS"
      : obstacle?.hint ??
        "the connection was lost: give the server more time to come back with --give-up MS",
  });
}

/**
 * The failure of lines that were piped in and that some have not shown before they left.
 *
 * @param lines How many.
 * @param missed The names of those who have not.
 */
export function missedFailure(lines: number, missed: readonly string[]): Failure {
  return new Failure({
    what: "cannot deliver everything",
    why: notShownByText(lines, missed),
    code: "NOT_DELIVERED",
  });
}

/** How many messages were not delivered, in words. */
export function notDelivered(lines: number): string {
  return lines === 1 ? "1 message was not delivered" : `${lines} messages were not delivered`;
}

/** How many messages the relay has that not everyone has shown, in words. */
export function notShown(lines: number): string {
  return lines === 1
    ? "not everyone has shown your last message yet"
    : `not everyone has shown your last ${lines} messages yet`;
}

const OTHER_VERSION = "it may be another version of parley: compare parley --version at both ends";

const HINTS: { readonly [E in Ending]?: string } = {
  NAME_TAKEN: "choose another with --name",
  NAME_AWAY: "it is probably your own, left by a run that crashed: wait, or choose another with " +
    "--name; with --identity FILE a new run takes the old one's place at once",
  NOT_A_RELAY: "check the port: a parley chat server listens on 4396 unless told otherwise",
  BAD_RELAY: OTHER_VERSION,
  VERSION: OTHER_VERSION,
  NOT_PARLEY: OTHER_VERSION,
  BAD_FRAME: OTHER_VERSION,
  TOO_LARGE: OTHER_VERSION,
  OUT_OF_ORDER: OTHER_VERSION,
  TLS_SPOKEN: "join with --tls",
  RELAY_GONE: "the server may have stopped; join again once it is back",
  SHUTDOWN: "the server was stopped; join again once it is back",
  ROOM_FULL: "try again when somebody has left, or ask for a larger --max-members",
  TOO_MANY_PENDING: "try again in a moment",
  TOO_MANY_JOINS: "try again in a minute",
  TOO_MANY_FROM_ADDRESS: "end another connection first, or ask for a larger --max-per-address",
  BAD_PROOF:
    "the server goes by another name than the one dialled, or somebody in between forwards: " +
    "dial the name that its keeper gave you",
  REMOVED: "ask whoever runs the server",
  BAD_CREDENTIAL:
    "this machine's clock may be fast, or the server's slow, by more than an hour: compare them",
  CREDENTIAL_EXPIRED: "check this machine's clock",
  CLOCK_BEHIND: "set this machine's clock, and join again",
};

function hintOf(ending: Ending, { self }: Session): string | undefined {
  if (ending !== "NOT_ALLOWED") return HINTS[ending];
  return `give your fingerprint to whoever runs the server, ${self.fingerprint}; ` +
    "--identity FILE keeps it from run to run";
}

/** How many names are listed. */
const MAX_NAMES = 3;
/** How much of a line is repeated, in characters. */
const MAX_QUOTED = 40;

/** Which line who has not shown. */
export function notShownText(text: string, missed: readonly string[]): string {
  const has = missed.length === 1 ? "has" : "have";
  return `not shown by ${namesText(missed)}, who ${has} left: "${quoted(text)}"`;
}

/** How many lines who has not shown. */
export function notShownByText(lines: number, missed: readonly string[]): string {
  const what = lines === 1 ? "1 message was" : `${lines} messages were`;
  const has = missed.length === 1 ? "has" : "have";
  return `${what} not shown by ${namesText(missed)}, who ${has} left`;
}

/** When something was said that did not come, by this machine's clock. */
export function missedText({ from, to }: MissedSpan): string {
  const [begin, end] = [new Date(from), new Date(to)];
  const isOneDay = dayOf(begin) === dayOf(end);
  const day = (date: Date) => isOneDay ? "" : `${dayOf(date)} `;
  const span = `${day(begin)}${timeOf(begin)} to ${day(end)}${timeOf(end)}`;
  return `you missed what was said from ${span}: you were away for too long`;
}

function namesText(names: readonly string[]): string {
  const listed = names.slice(0, MAX_NAMES).map(printable);
  const others = names.length - listed.length;
  const all = others > 0 ? [...listed, others === 1 ? "1 other" : `${others} others`] : listed;
  return all.length === 1 ? all[0]! : `${all.slice(0, -1).join(", ")} and ${all.at(-1)}`;
}

function quoted(text: string): string {
  const [line = "", ...rest] = text.split("\n");
  const characters = [...line];
  const isWhole = rest.length === 0 && characters.length <= MAX_QUOTED;
  return printable(characters.slice(0, MAX_QUOTED).join("")) + (isWhole ? "" : "…");
}

function dayOf(date: Date): string {
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
}

function timeOf(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}

/** The obstacles of one loss. */
export class Obstacles {
  readonly #told = new Set<string>();
  #last: Failure | undefined;

  /** What the last attempt failed with, where that lasts. */
  get last(): Failure | undefined {
    return this.#last;
  }

  /**
   * An attempt has failed.
   *
   * @returns Whether this is to be told: it lasts, and has not been told since the connection was lost.
   */
  add(failure: Failure): boolean {
    const lasts = isLastingTlsFailure(failure);
    this.#last = lasts ? failure : undefined;
    if (!lasts || this.#told.has(failure.message)) return false;
    this.#told.add(failure.message);
    return true;
  }

  /** There is a connection. */
  clear(): void {
    this.#told.clear();
    this.#last = undefined;
  }
}
