/**
 * A session: a member, its links to a relay, its clock, and its attempts to reconnect.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import { steadyNow } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import type { OwnCredential } from "../identity/credential.ts";
import { guardLink, type Link, type Tap } from "../link.ts";
import { Member } from "../member/member.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Entered } from "../member/lines.ts";
import type { Peer, Policy } from "../member/roster.ts";
import type { Backlog, WaitingLine } from "../member/deliveries.ts";
import type { Notice } from "../wire/content.ts";
import type { Invitation } from "../wire/invitation.ts";
import { isRoomName } from "../wire/kinds.ts";

/** The member that joins, and the receiver of its events. */
export interface SessionOptions {
  /** The member: {@linkcode createIdentity}. */
  readonly self: OwnCredential;
  /** The name of the room; the empty name by default. */
  readonly roomName?: string;
  /** Decides which peers receive the member's messages, and whose messages are shown; all peers by default. */
  readonly policy?: Policy;
  /** The invitation by which the member joins, for a relay that admits only those who are invited. */
  readonly invitation?: Invitation;
  /** Receives the events, in order. */
  readonly event: (event: MemberEvent) => void;
  /**
   * When an event counts as shown: `at once`, or `later`, when the caller calls {@linkcode Session.displayed}. The
   * member sends receipts only for what was shown.
   */
  readonly shows?: "at once" | "later";
  /** Receives the reason each time an attempt to reconnect fails. The session tries again in any case. */
  readonly obstacle?: (failure: Failure) => void;
  /** Makes a tap for each link. */
  readonly tap?: () => Tap;
}

/** A member in a room. */
export interface Session {
  /** The member. */
  readonly self: OwnCredential;
  /** Whether the member is connected and in the room. Messages entered at other times are sent later. */
  readonly connected: boolean;
  /**
   * Sends a message to everyone, or to one member.
   *
   * @param text 1 byte to 64 KiB of UTF-8.
   * @param to The name of the recipient; everyone without it.
   * @returns The message's id, or why it is not sent.
   */
  send(text: string, to?: string): Entered;
  /**
   * Sends a notice to the program of one peer in the room: see {@linkcode Member.sendNotice}.
   *
   * @param body At most 256 bytes. It is not changed afterwards.
   * @returns Whether it is sent.
   */
  sendNotice(peer: Peer, notice: Notice, body: Bytes): boolean;
  /** Says that the first `events` events have been shown. */
  displayed(events: number): void;
  /** The members of the room and those who may come back to it, this member first. */
  members(): Peer[];
  /** The messages that were entered and are not delivered yet. */
  backlog(): Backlog;
  /** The oldest `most` of these messages, each with the members that have not shown it. */
  waiting(most: number): WaitingLine[];
  /** Leaves the room. The event `ended` follows. */
  leave(): void;
  /** Ends the session at once, without telling the relay. */
  close(): void;
  /** Fulfilled once the session has ended and every event was told. Rejected if a listener or the runtime fails. */
  readonly ended: Promise<void>;
}

/**
 * Makes a link to a relay.
 *
 * @param signal Aborted once the link is no longer wanted.
 * @throws {Failure} If the relay cannot be reached. The session tries again later; any other error ends it.
 */
export type Dial = (signal: AbortSignal) => Promise<Link>;

/** How a session reaches its relay. */
export interface Route {
  /** What was dialled, as the person gave it. */
  readonly dialled: { readonly host: string; readonly port: number };
  /** The first link. */
  readonly first: Link;
  /** Makes another link when one is lost. Without it the session ends with its first link. */
  readonly dial?: Dial;
}

/**
 * Returns the name of a room, the empty name by default.
 *
 * @throws {MalformedError} If the name is not valid.
 */
export function checkedRoomName(name = ""): string {
  if (isRoomName(name)) return name;
  throw new MalformedError(`${JSON.stringify(name)} is not a valid name of a room`);
}

/**
 * The members that have a session, or have been in a room. The numbers of lines and receipts begin at 1 in a session:
 * recipients would take the lines of a second one for copies, and acknowledge what they do not show.
 */
const used = new WeakSet<OwnCredential>();

function usedFailure({ name }: OwnCredential): Failure {
  const why = "it has had a session already, and each session needs a member of its own";
  return new Failure({ what: `cannot join as ${name}`, why, code: "MEMBER_USED" });
}

/**
 * Starts a session over its first link, which it closes if it fails.
 *
 * @throws {Failure} If the member has had a session: `MEMBER_USED`.
 */
export function startSession(options: SessionOptions, { dialled, first, dial }: Route): Session {
  const { self, event, shows = "at once", tap, obstacle = () => {} } = options;
  if (used.has(self)) {
    first.close();
    throw usedFailure(self);
  }
  used.add(self);
  let wasIn = false;
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {}); // a caller that awaits it sees the failure
  let told = 0;
  let link: Link | undefined;
  const fail = (error: unknown) => {
    ended.reject(error);
    finish();
  };
  /** Runs a handler. An exception ends this session, not the process. */
  const contain = (handler: () => void): void => {
    try {
      handler();
    } catch (error) {
      fail(error);
    }
  };
  const member: Member = new Member({
    self,
    dialled,
    comesBack: dial !== undefined,
    roomName: checkedRoomName(options.roomName),
    invitation: options.invitation,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
  }, {
    send: (bytes) => link?.send(bytes),
    get waiting() {
      return link?.waiting;
    },
    drop: () => {
      const last = link;
      link = undefined;
      last?.close();
      reconnector.start();
    },
    event: (one) => {
      if (one.kind === "admitted") wasIn = true;
      event(one);
      told += 1;
      if (shows === "at once") queueMicrotask(() => contain(() => member.displayed(told)));
      if (one.kind === "reconnected") reconnector.succeeded();
      // The member sends nothing after this event.
      if (one.kind === "ended") finish();
    },
    wake: () => alarm.set(member.wakeAt),
    fail,
  });
  const alarm = new Alarm(() =>
    contain(() => {
      member.tick();
      alarm.set(member.wakeAt);
    })
  );
  const attach = (unguarded: Link) => {
    const own = guardLink(unguarded, fail, tap?.());
    link = own;
    own.open({
      receive: (bytes) => {
        if (own !== link) return undefined;
        member.receive(bytes);
        return member.full;
      },
      disconnected: () => {
        if (own === link) member.disconnected();
      },
    });
    contain(() => {
      member.connected();
      alarm.set(member.wakeAt);
    });
  };
  const reconnector = new Reconnector(dial, { attach, obstacle, fail });
  const finish = () => {
    if (!wasIn) used.delete(self);
    alarm.clear();
    reconnector.end();
    link?.close();
    ended.resolve();
  };
  try {
    attach(first);
  } catch (error) {
    used.delete(self);
    first.close();
    throw error;
  }
  return {
    self,
    get connected() {
      return member.isIn;
    },
    send: (text, to) => member.enter(text, to),
    sendNotice: (peer, notice, body) => member.sendNotice(peer, notice, body),
    displayed: (events) => member.displayed(events),
    members: () => member.peers(),
    backlog: () => member.backlog,
    waiting: (most) => member.waiting(most),
    leave: () => member.leave(),
    close: () => member.close(),
    ended: ended.promise,
  };
}

/** Receives the outcome of attempts to reconnect. */
interface ReconnectOutput {
  /** Takes the new link. */
  attach(link: Link): void;
  /** Called if an attempt has failed and another one follows. */
  obstacle(failure: Failure): void;
  /** Called if an attempt fails with an error that is not a network failure. */
  fail(error: unknown): void;
}

/** Dials again and again until there is a link. */
class Reconnector {
  readonly #dial: Dial | undefined;
  readonly #output: ReconnectOutput;
  readonly #over = new AbortController();
  readonly #attempts = new Attempts();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(dial: Dial | undefined, output: ReconnectOutput) {
    this.#dial = dial;
    this.#output = output;
  }

  /** Called when the link is lost. */
  start(): void {
    if (this.#over.signal.aborted) return;
    const delay = retryDelay(this.#attempts.next(steadyNow()), Math.random());
    this.#timer = setTimeout(() => this.#try().catch(this.#output.fail), delay);
  }

  async #try(): Promise<void> {
    const { signal } = this.#over;
    let link: Link;
    try {
      link = await this.#dial!(signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Failure)) throw error;
      this.#output.obstacle(error);
      return this.start();
    }
    if (signal.aborted) link.close();
    else this.#output.attach(link);
  }

  /** Called when the member is in the room again. */
  succeeded(): void {
    this.#attempts.succeeded(steadyNow());
  }

  /** Stops the attempts. */
  end(): void {
    clearTimeout(this.#timer);
    this.#over.abort();
  }
}

/** A timer for the earliest of several times. It may go off early. */
class Alarm {
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Sets the timer to `at`, in milliseconds of {@linkcode steadyNow}, unless it is set to an earlier time. */
  set(at: number): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    this.#timer = setTimeout(() => {
      this.#at = Infinity;
      this.#ring();
    }, Math.max(0, at - steadyNow()));
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }
}

/** A connection that has lasted for so long is a success, in milliseconds. A relay could close each one at once. */
export const LASTING_MS = 1_000;

/** Counts attempts to reconnect. */
export class Attempts {
  #count = 0;
  /** Since when the member has been in the room again, in milliseconds. */
  #inSince = Infinity;

  /** Notes that the member is in the room again. */
  succeeded(now: number): void {
    this.#inSince = now;
  }

  /** Returns the number of the next attempt since the member was in the room for {@linkcode LASTING_MS}, from 0. */
  next(now: number): number {
    if (now - this.#inSince >= LASTING_MS) this.#count = 0;
    this.#inSince = Infinity;
    return this.#count++;
  }
}

/** The longest wait between two attempts, in milliseconds. */
export const MAX_RETRY_DELAY_MS = 30_000;
/** The wait before the second attempt, in milliseconds, before it is shortened at random. */
const FIRST_DELAY_MS = 500;

/**
 * How long to wait before an attempt to reconnect. The first attempt is made at once; then the wait doubles from half
 * a second to 30 s. A random part of up to half of it is subtracted, so that the thousand members of a relay
 * that restarts do not all reconnect at the same moment.
 *
 * @param attempt The number of the attempt: {@linkcode Attempts.next}.
 * @param random A number from 0 to 1, such as `Math.random()`.
 * @returns Milliseconds.
 */
export function retryDelay(attempt: number, random: number): number {
  if (attempt === 0) return 0;
  const most = Math.min(MAX_RETRY_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(most * (1 - random / 2));
}
