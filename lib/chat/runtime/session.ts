/**
 * A member and its connections: whatever brings bytes to a relay, a clock, and another connection where one
 * is lost.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { steadyNow } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { Carrier, Opener } from "../link.ts";
import { Member } from "../member/member.ts";
import type { Entered, MemberEvent } from "../member/options.ts";
import type { Peer, Policy } from "../member/roster.ts";
import type { Backlog } from "../member/undelivered.ts";

/** Looks at every byte that travels over one connection, in either direction. */
export type Tap = (direction: "sent" | "received", bytes: Bytes) => void;

/** Who joins, and what hears of it. */
export interface SessionOptions {
  /** The member: {@linkcode createIdentity}. */
  readonly self: OwnCredential;
  /** Whom it lets read and be read; everyone by default. */
  readonly policy?: Policy;
  /** Hears what happens, in order. */
  readonly event: (event: MemberEvent) => void;
  /**
   * When an event counts as shown: `at once`, or `later`, when the caller says so by
   * {@linkcode Session.displayed}. Only what was shown is acknowledged.
   */
  readonly shows?: "at once" | "later";
  /**
   * Hears why a lost connection could not be made again, each time that it is tried: most obstacles pass of
   * themselves. It is tried on in any case.
   */
  readonly obstacle?: (failure: Failure) => void;
  /** Makes a tap for a connection: looks at what travels over it. */
  readonly tap?: () => Tap;
}

/** A member in a room, and its connections. */
export interface Session {
  /** Who joined. */
  readonly self: OwnCredential;
  /** Whether there is a connection and this member is in the room; what is entered without is sent after. */
  readonly connected: boolean;
  /**
   * Says something, to everyone or to one.
   *
   * @param text 1 byte to 64 KiB of UTF-8.
   * @param to The name of the one to say it to.
   * @returns The message's id, or why it is not sent.
   */
  enter(text: string, to?: string): Entered;
  /** Says that the first so many events have been shown. */
  displayed(events: number): void;
  /** Who is in the room, or may come back to it, this member first. */
  members(): Peer[];
  /** What has been entered and is not delivered yet. */
  backlog(): Backlog;
  /** Leaves the room; the event `ended` follows. */
  leave(): void;
  /** Ends the connection now, without a word. */
  close(): void;
  /** Fulfilled when the session is over and everything that came was told; fails where the runtime did. */
  readonly ended: Promise<void>;
}

/** How a session comes to its connections. */
export interface Ways {
  /** What was dialled, as the person gave it. */
  readonly dialled: { readonly host: string; readonly port: number };
  /** The first connection. */
  readonly first: Opener;
  /** Makes another, or fails with a {@linkcode Failure}; a session without ends with its first connection. */
  readonly again?: () => Promise<Opener>;
}

/** Starts a session. */
export function startSession(options: SessionOptions, ways: Ways): Session {
  const { self, event, shows = "at once", tap, obstacle = () => {} } = options;
  const ended = Promise.withResolvers<void>();
  ended.promise.catch(() => {}); // whoever awaits it hears of it
  let told = 0;
  let seen: Tap | undefined;
  let carrier: Carrier | undefined;
  const fail = (error: unknown) => {
    ended.reject(error);
    finish();
  };
  /** Runs what a connection or a timer brings about: an exception ends this session, and not the process. */
  const contain = <T>(handler: () => T): T | undefined => {
    try {
      return handler();
    } catch (error) {
      fail(error);
      return undefined;
    }
  };
  const member: Member = new Member({
    self,
    dialled: ways.dialled,
    comesBack: ways.again !== undefined,
    ...(options.policy === undefined ? {} : { policy: options.policy }),
  }, {
    send: (bytes) => {
      seen?.("sent", bytes);
      carrier?.send(bytes);
    },
    get waiting() {
      return carrier?.waiting;
    },
    drop: () => {
      const last = carrier;
      carrier = undefined;
      last?.close();
      comeback.start();
    },
    event: (one) => {
      event(one);
      told += 1;
      if (shows === "at once") queueMicrotask(() => contain(() => member.displayed(told)));
      if (one.kind === "reconnected") comeback.succeeded();
      // The member says nothing after this: the connection is of no further use.
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
  const carry = (open: Opener) => {
    seen = tap?.();
    const own: Carrier = open({
      receive: (bytes) =>
        contain(() => {
          if (own !== carrier) return undefined;
          seen?.("received", bytes);
          member.receive(bytes);
          return member.full;
        }),
      disconnected: () =>
        contain(() => {
          if (own === carrier) member.disconnected();
        }),
    }, fail);
    carrier = own;
    contain(() => {
      member.connected();
      alarm.set(member.wakeAt);
    });
  };
  const comeback = new Comeback(ways.again, { carry, obstacle, fail });
  const finish = () => {
    alarm.clear();
    comeback.end();
    carrier?.close();
    ended.resolve();
  };
  carry(ways.first);
  return {
    self,
    get connected() {
      return member.isIn;
    },
    enter: (text, to) => member.enter(text, to),
    displayed: (events) => member.displayed(events),
    members: () => member.peers(),
    backlog: () => member.backlog,
    leave: () => member.leave(),
    close: () => member.close(),
    ended: ended.promise,
  };
}

/** What comes of trying. */
interface ComebackOutput {
  /** There is a connection. */
  carry(open: Opener): void;
  /** There is none yet, and why. */
  obstacle(failure: Failure): void;
  /** What no network explains. */
  fail(error: unknown): void;
}

/** Tries to make another connection until there is one. */
class Comeback {
  readonly #again: (() => Promise<Opener>) | undefined;
  readonly #output: ComebackOutput;
  #attempt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(again: (() => Promise<Opener>) | undefined, output: ComebackOutput) {
    this.#again = again;
    this.#output = output;
  }

  /** There is no connection. */
  start(): void {
    if (this.#over) return;
    const delay = retryDelay(this.#attempt++, Math.random());
    this.#timer = setTimeout(() => this.#try().catch(this.#output.fail), delay);
  }

  async #try(): Promise<void> {
    try {
      const open = await this.#again!();
      if (!this.#over) this.#output.carry(open);
      else open({ receive: () => {}, disconnected: () => {} }, () => {}).close();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      if (this.#over) return;
      this.#output.obstacle(error);
      this.start();
    }
  }

  /** The member is in the room again. */
  succeeded(): void {
    this.#attempt = 0;
  }

  /** No other connection is wanted. */
  end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }
}

/** A timer that only ever needs to be early enough. */
class Alarm {
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at a time in milliseconds since 1970, unless it rings before that anyway. */
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

/** The longest that is waited between two attempts, in milliseconds. */
export const MAX_RETRY_DELAY_MS = 30_000;
/** The shortest that is waited but for the first attempt, in milliseconds, before chance has its part. */
const FIRST_DELAY_MS = 500;

/**
 * How long to wait before an attempt: the first is made at once; then the wait doubles from half a second
 * to 30 s. Chance takes up to half of it away, so that the thousand members of a relay that
 * comes back do not all come at one moment.
 *
 * @param attempt Which attempt since there last was a connection, from 0.
 * @param random A number from 0 to 1, such as `Math.random()`.
 * @returns Milliseconds.
 */
export function retryDelay(attempt: number, random: number): number {
  if (attempt === 0) return 0;
  const most = Math.min(MAX_RETRY_DELAY_MS, FIRST_DELAY_MS * 2 ** (attempt - 1));
  return Math.round(most * (1 - random / 2));
}
