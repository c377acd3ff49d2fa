/**
 * The delivery of the user's messages: how many may wait, which are delivered, the mark in the prompt, and the texts
 * about messages that wait or were not shown.
 *
 * The mark stands in the prompt because everything above the prompt scrolls and wraps: a mark behind a printed line could
 * only be drawn by moving the cursor to where the line may no longer be. It is one column wide and first appears while
 * the input line is empty, so that it moves nothing.
 *
 * @module
 */

import { dayOf, secondOf } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { printable, shortened } from "../../base/printable.ts";
import type { Backlog, WaitingLine } from "../member/deliveries.ts";
import type { Missed } from "../member/lines.ts";
import type { MemberEvent } from "../member/options.ts";
import type { MissedSpan } from "../member/time.ts";
import type { Session } from "../runtime/session.ts";
import { listed } from "./peer_texts.ts";
import type { ConversationOptions, Status } from "./presenter.ts";

/** A signal that wakes all waiters at each change. */
export class Signal {
  /** Undefined if nobody waits. */
  #next: PromiseWithResolvers<void> | undefined;

  /** Wakes all waiters. */
  notify(): void {
    this.#next?.resolve();
    this.#next = undefined;
  }

  /**
   * Waits for the next change.
   *
   * @param ms The longest wait in milliseconds.
   * @returns Whether it changed.
   */
  async changed(ms: number): Promise<boolean> {
    const { promise } = this.#next ??= Promise.withResolvers();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<false>((resolve) => timer = setTimeout(() => resolve(false), ms));
    try {
      return await Promise.race([promise.then(() => true as const), late]);
    } finally {
      clearTimeout(timer);
    }
  }
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
const HOLD_MS = 2_000;

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

/** Waits until the relay has accepted the lines, or until it makes no progress or is not connected. */
export async function untilAccepted(session: Session, progress: Signal): Promise<void> {
  while (session.connected && session.backlog().unsent > 0) {
    if (!await progress.changed(HOLD_MS)) return;
  }
}

/** Waits for the delivery of the user's messages, and counts those that somebody missed. */
export class Delivery {
  readonly #progress: Signal;
  /** The number of lines that some members have not shown. */
  #missedLines = 0;
  /** Those members, each once for each reason. */
  readonly #missed = new Map<string, Missed>();

  /** @param progress Signals each change of the session. */
  constructor(progress: Signal) {
    this.#progress = progress;
  }

  /** The number of lines that some members have not shown, without having signed their leaving. */
  get missed(): number {
    return this.#missedLines;
  }

  /** Counts a message that somebody missed who did not sign its leaving. */
  miss(missed: readonly Missed[]): void {
    const unexplained = missed.filter(({ signed }) => !signed);
    if (unexplained.length > 0) this.#missedLines += 1;
    for (const one of unexplained) {
      const { name, withheld, givenUp } = one;
      this.#missed.set(JSON.stringify([name, withheld, givenUp]), one);
    }
  }

  /** Waits until the window is not full. Members that are silent for too long do not count. */
  async pace(session: Session): Promise<void> {
    while (isFull(session.backlog(), session.members().length)) {
      await this.#progress.changed(HOLD_MS);
    }
  }

  /**
   * Waits until everything is delivered.
   *
   * @param session The session.
   * @param giveUpMs The longest wait, in milliseconds.
   * @param obstacle Returns the lasting fault that prevents a reconnection, if there is one.
   * @returns The failure, if not everything was delivered; otherwise undefined.
   */
  async drain(
    session: Session,
    giveUpMs: number,
    obstacle: () => Failure | undefined,
  ): Promise<Failure | undefined> {
    const deadline = performance.now() + giveUpMs;
    while (session.backlog().lines > 0) {
      const left = deadline - performance.now();
      if (left <= 0) return gaveUpFailure(session, giveUpMs, obstacle());
      await this.#progress.changed(left);
    }
    if (this.#missedLines === 0) return undefined;
    return missedFailure(this.#missedLines, [...this.#missed.values()]);
  }
}

/**
 * Returns the failure of lines that were not delivered in time.
 *
 * @param session The session.
 * @param giveUpMs The time waited, in milliseconds.
 * @param obstacle The lasting fault that prevents a reconnection, if there is one.
 */
function gaveUpFailure(
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
      ? "a member has not shown them yet: allow more time with --give-up MS"
      : obstacle?.hint ??
        "the connection was lost: allow more time to reconnect with --give-up MS",
  });
}

/**
 * Returns the failure of piped lines that some members have not shown.
 *
 * @param lines The number of lines.
 * @param missed Those members, each once for each reason.
 */
function missedFailure(lines: number, missed: readonly Missed[]): Failure {
  return new Failure({
    what: "cannot deliver everything",
    why: notShownByText(lines, missed),
    code: "NOT_DELIVERED",
  });
}

/**
 * Returns the failure of piped lines whose inviter did not come.
 *
 * @param lines The number of lines.
 * @param inviter Who invited the user.
 * @param giveUpMs The time waited, in milliseconds.
 */
export function notLetIn(lines: number, inviter: string, giveUpMs: number): Failure {
  return new Failure({
    what: "cannot deliver everything",
    why: `${notDelivered(lines)}: ${inviter} did not come within ${giveUpMs} ms`,
    code: "NOT_DELIVERED",
    hint: "the link works only while that person is in the room: allow more time with --give-up MS",
  });
}

// Marks.

/** Everyone has shown every message. */
const SHOWN = "✓";
/** Someone has not shown a message yet. */
const WAITING = "…";
/** Someone left, or withheld a message, without showing it. */
const MISSED = "!";

/** After so long, a line says who has not shown a message yet, in milliseconds. */
const SLOW_MS = 10_000;

/** Options of {@linkcode OwnMessages}. */
export type OwnMessagesOptions = Pick<
  ConversationOptions,
  "presenter" | "display" | "interactive"
>;

/** Follows what becomes of the user's own messages. */
export class OwnMessages {
  readonly #options: OwnMessagesOptions;
  #session: Session | undefined;
  #missed = false;
  /** Whether anyone has received a message. */
  #heard = false;
  #slow: ReturnType<typeof setTimeout> | undefined;

  /** @param options The surroundings. */
  constructor(options: OwnMessagesOptions) {
    this.#options = options;
  }

  /** Counts an entered message. */
  entered(session: Session): void {
    if (!this.#options.interactive) return;
    this.#session = session;
    const { lines } = session.backlog();
    // The mark tells of the messages since everything was settled.
    if (lines <= 1) this.#missed = false;
    if (lines > 0) this.#heard = true;
    this.#update(lines);
  }

  /** Takes an event of the room. */
  tell(event: MemberEvent): void {
    if (this.#session === undefined) return;
    if (event.kind !== "delivered" && event.kind !== "unheard") return;
    if (event.kind === "unheard" && event.missed === undefined) this.#heard = false;
    if (event.missed !== undefined) this.#missed = true;
    this.#update(this.#session.backlog().lines);
  }

  /** Prints no more lines. */
  stop(): void {
    clearTimeout(this.#slow);
    this.#session = undefined;
  }

  #update(lines: number): void {
    const { display } = this.#options;
    display.mark?.(lines > 0 ? WAITING : this.#missed ? MISSED : this.#heard ? SHOWN : "");
    if (lines > 0) this.#slow ??= setTimeout(() => this.#tellSlow(), SLOW_MS);
    else {
      clearTimeout(this.#slow);
      this.#slow = undefined;
    }
  }

  /** Says once, until everything is settled, who is slow to show a message. */
  #tellSlow(): void {
    const session = this.#session;
    if (session === undefined || !session.connected) return;
    const { presenter, display } = this.#options;
    const [oldest] = session.waiting(1);
    if (oldest !== undefined) display.print(presenter.slow(oldest));
  }
}

// What people are told.

/** The most messages that `/status` lists. */
const MAX_LISTED = 10;

/**
 * Returns what the user's side waits for.
 *
 * @param session The session.
 * @param gated The number of messages that wait for the person who invited the user.
 */
export function statusOf(session: Session, gated: number): Status {
  const others = session.members().filter(({ credential }) => credential.key !== session.self.key);
  const waiting = session.waiting(MAX_LISTED);
  return {
    connected: session.connected,
    others: others.length,
    away: others.filter(({ away }) => away).map(({ credential }) => credential.name),
    waiting,
    more: session.backlog().lines - waiting.length,
    gated,
  };
}

/** The maximum length of a quoted line in characters. */
const MAX_QUOTED = 40;

/** Says why members have not shown something, in words that follow "not shown", for each reason. */
export function reasonsText(missed: readonly Missed[]): string[] {
  const reasons: string[] = [];
  const add = (those: readonly Missed[], text: (names: string, isOne: boolean) => string) => {
    const names = those.map(({ name }) => name);
    if (names.length > 0) reasons.push(text(namesText(names), names.length === 1));
  };
  const isHere = ({ withheld, givenUp }: Missed) => withheld === true || givenUp === true;
  add(
    missed.filter((one) => !isHere(one)),
    (names, isOne) => `to ${names}, who ${isOne ? "has" : "have"} left`,
  );
  add(missed.filter(({ withheld }) => withheld), (names, isOne) => {
    const [hides, knows] = isOne ? ["hides", "knows"] : ["hide", "know"];
    return `by ${names}, who ${hides} your messages, or ${knows} you by another key`;
  });
  add(
    missed.filter(({ givenUp }) => givenUp),
    (names) => `to ${names}, for whom more than 16 MiB waited`,
  );
  return reasons;
}

/** Says which line was not shown to which members, a line for each reason. */
export function notShownText(text: string, missed: readonly Missed[]): string[] {
  return reasonsText(missed).map((reason) => `not shown ${reason}: "${quoted(text)}"`);
}

/** Says who has not shown a line yet. */
export function slowText(waiting: WaitingLine): string {
  const { line, shown, recipients, waitingFor } = waiting;
  const names = namesText(waitingFor.map(({ credential }) => credential.name));
  return `✓ ${shown} of ${recipients}: not shown by ${names} yet: "${quoted(line.text)}"`;
}

/** Says what waits, in a line each. */
export function statusText(
  { connected, others, away, waiting, more, gated = 0 }: Status,
): string[] {
  const who = others === 1 ? "1 other member" : `${others} other members`;
  const gone = away.length === 0 ? "" : `; away: ${namesText(away)}`;
  const first = connected ? `connected, with ${who}${gone}` : "not connected, trying again";
  if (waiting.length === 0 && gated === 0) return [first, "none of your messages is waiting"];
  const rest = [
    ...more === 0 ? [] : [more === 1 ? "1 more is waiting" : `${more} more are waiting`],
    ...gated === 0
      ? []
      : [`${countText(gated)} not sent yet, until the person who invited you lets you in`],
  ];
  return [first, ...waiting.map(waitingText), ...rest];
}

function countText(messages: number): string {
  return messages === 1 ? "1 message" : `${messages} messages`;
}

function waitingText(waiting: WaitingLine): string {
  const { line, sent, waitingFor } = waiting;
  if (waitingFor.length > 0 && sent) return slowText(waiting);
  return `not sent yet: "${quoted(line.text)}"`;
}

/** Says how many lines were not shown to which members, and why. */
function notShownByText(lines: number, missed: readonly Missed[]): string {
  const what = lines === 1 ? "1 message was" : `${lines} messages were`;
  return `${what} not shown ${reasonsText(missed).join("; or ")}`;
}

/** Says when this member missed messages, in this machine's local time. */
export function missedText({ from, to }: MissedSpan): string {
  const isOneDay = dayOf(from) === dayOf(to);
  const day = (time: number) => isOneDay ? "" : `${dayOf(time)} `;
  const span = `${day(from)}${secondOf(from)} to ${day(to)}${secondOf(to)}`;
  return `you missed messages from ${span}: you were away for too long`;
}

function namesText(names: readonly string[]): string {
  return listed(names.map(printable));
}

/**
 * Says that a message waits, and for whom.
 *
 * @param text The message.
 * @param closed Who has to let the user in.
 */
export function keptText(text: string, closed: string): string {
  return `waits for ${closed}: "${quoted(text)}"`;
}

/** Quotes the start of a message. */
function quoted(text: string): string {
  const [line = "", ...rest] = text.split("\n");
  return shortened(rest.length === 0 ? line : `${line}…`, MAX_QUOTED);
}

/** Says how many messages were not delivered. */
export function notDelivered(lines: number): string {
  return lines === 1 ? "1 message was not delivered" : `${lines} messages were not delivered`;
}

/** Says how many messages the relay has accepted but not everyone has shown. */
export function notShown(lines: number): string {
  return lines === 1
    ? "your last message has not been shown to everyone yet"
    : `your last ${lines} messages have not been shown to everyone yet`;
}
