/**
 * Time as it concerns a member: when its credential is renewed, the span in which it may have missed messages, hints
 * that its clock is wrong, and how fast its relay may change the roster.
 *
 * @module
 */

import { makeRenewal, NO_RENEWAL, type OwnCredential } from "../identity/credential.ts";
import {
  CLOCK_SKEW_MS,
  CREDENTIAL_LIFE_MS,
  isTooLong,
  RENEWAL_LIFE_MS,
  RENEWAL_RESERVE_MS,
} from "../identity/signing.ts";
import { DEAD_AFTER_MS } from "../wire/kinds.ts";
import type { Bytes } from "../../base/bytes.ts";
import { type Rate, TokenBucket } from "../../base/clock.ts";

/** From when to when something that was said may not have come, in milliseconds since 1970. */
export interface MissedSpan {
  /** The last moment at which the relay was heard for certain. */
  readonly from: number;
  /** When this member was in the room again. */
  readonly to: number;
}

/** A pause is noted from this length on, in milliseconds. */
const PAUSE_MS = 1_000;

/** A moment by two clocks, in milliseconds since 1970: one may be set back, the other stands still while the machine sleeps. */
export interface Moment {
  readonly date: number;
  readonly steady: number;
}

/** How much time has passed, by the clock that says more. */
function passed(from: Moment, to: Moment): number {
  return Math.max(to.date - from.date, to.steady - from.steady);
}

/**
 * Notes when the relay was heard last. What comes after a pause may have been sent long before, as this process or the
 * network stood still: the pause counts as absence where the connection turns out to be lost soon after it.
 */
export class Absence {
  #heardAt: Moment | undefined;
  /** The last pause: from when to when nothing was heard. */
  #pause: { readonly from: Moment; readonly to: Moment } | undefined;
  #from: Moment | undefined;

  /** The relay was heard. */
  heard(now: Moment): void {
    const from = this.#heardAt;
    if (from !== undefined && passed(from, now) >= PAUSE_MS) this.#pause = { from, to: now };
    this.#heardAt = now;
  }

  /** Whether the connection was lost and this member is not back. */
  get isOn(): boolean {
    return this.#from !== undefined;
  }

  /** The connection is lost. */
  lost(now: Moment): void {
    const pause = this.#pause;
    const isNear = pause !== undefined && passed(pause.to, now) < DEAD_AFTER_MS;
    this.#from ??= isNear ? pause.from : this.#heardAt ?? now;
  }

  /** The relay resumes this member, and has kept everything. */
  resumed(): void {
    this.#from = this.#pause = undefined;
  }

  /**
   * The member has come into a room anew.
   *
   * @param now The present moment.
   * @param keptMs How long others have kept what they said for it at least, in milliseconds.
   * @returns What it may have missed; undefined where nothing was.
   */
  ended(now: Moment, keptMs: number): MissedSpan | undefined {
    const from = this.#from;
    this.resumed();
    if (from === undefined) return undefined;
    const ms = passed(from, now);
    return ms < keptMs ? undefined : { from: now.date - ms, to: now.date };
  }
}

/** By how much other programs may make a credential longer than parley does, in milliseconds. */
const LONGER_MS = CREDENTIAL_LIFE_MS - RENEWAL_LIFE_MS;

/** What one member finds out about its clock. */
export class WrongClock {
  #told = false;

  /**
   * Looks at a credential that holds.
   *
   * @param expiresAt When it ends, in milliseconds since 1970.
   * @param now The time by this machine's clock.
   * @returns By how much this clock is behind the one by which it was made, in words; undefined where nothing says so, or
   *   that was told before.
   */
  hint(expiresAt: number, now: number): string | undefined {
    const behind = behindBy(expiresAt, now);
    const isHint = behind > CLOCK_SKEW_MS && behind < LONGER_MS - CLOCK_SKEW_MS;
    if (this.#told || !isHint) return undefined;
    this.#told = true;
    return about(behind);
  }

  /**
   * Looks at a credential that is too long by this machine's clock, and that a relay has taken.
   *
   * @returns By how much the clock is behind, in words; undefined where it may be right: a member can make its credential
   *   end as late as a relay whose clock is ahead lets pass, and that must not keep others out.
   */
  proof(expiresAt: number, now: number): string | undefined {
    const isProof = isTooLong(expiresAt, now + CLOCK_SKEW_MS);
    return isProof ? about(behindBy(expiresAt, now)) : undefined;
  }
}

function behindBy(expiresAt: number, now: number): number {
  return expiresAt - now - RENEWAL_LIFE_MS;
}

function about(ms: number): string {
  return `about ${Math.round(ms / 60_000)} minutes`;
}

/** Keeps a credential good for as long as its member stays. */
export class Renewer {
  readonly #self: OwnCredential;
  /** The time of day: credentials are dated. */
  readonly #date: () => number;
  #dueAt: number;
  /** The newest renewal, once it is made. */
  #newest: Promise<Bytes> = Promise.resolve(NO_RENEWAL);

  /**
   * Starts with a credential that has just been made.
   *
   * @param date The time in milliseconds since 1970.
   */
  constructor(self: OwnCredential, date: () => number) {
    this.#self = self;
    this.#date = date;
    const now = date();
    const { expiresAt } = self;
    const half = (now + expiresAt) / 2;
    // A member that is away cannot renew, so it keeps a reserve if its credential allows one.
    const early = expiresAt - RENEWAL_RESERVE_MS;
    this.#dueAt = early > now ? Math.min(half, early) : half;
  }

  /** In how many milliseconds a renewal is due. */
  get dueIn(): number {
    const left = this.#dueAt - this.#date();
    // The clock has been put back, and what was made by it ends later than anybody takes it for.
    return left > RENEWAL_RESERVE_MS + CLOCK_SKEW_MS ? 0 : Math.max(0, left);
  }

  /** Returns the newest renewal, made first where it is due; {@linkcode NO_RENEWAL} where none is needed yet. */
  current(): Promise<Bytes> {
    if (this.dueIn > 0) return this.#newest;
    const { keys, member } = this.#self;
    const expiresAt = this.#date() + RENEWAL_LIFE_MS;
    this.#dueAt = expiresAt - RENEWAL_RESERVE_MS;
    return this.#newest = makeRenewal(keys.identity.privateKey, member, expiresAt);
  }
}

/**
 * The members that a relay may have hashed: all of the room's for each change. It suffices for 50 newcomers a second in
 * a room of 10,000, with as many who leave.
 */
export const HASHED_MEMBERS: Rate = { perSecond: 1_000_000, burst: 1_000_000 };

/** Delays changes of the roster beyond {@linkcode HASHED_MEMBERS}. Meanwhile what follows them waits. */
export class RosterPace {
  readonly #now: () => number;
  readonly #bucket: TokenBucket;
  #waiting: PromiseWithResolvers<void> | undefined;
  #dueAt = Infinity;
  #isOver = false;

  /** Starts with nothing charged. `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#bucket = new TokenBucket(HASHED_MEMBERS, now());
  }

  /** When a delayed change is due, in milliseconds; Infinity if none is delayed. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Charges a change in a room of `members` members. Resolves when it may be made; undefined if it may be now. */
  change(members: number): Promise<void> | undefined {
    const now = this.#now();
    const debtMs = this.#bucket.spend(members, now);
    if (debtMs === 0 || this.#isOver) return undefined;
    this.#dueAt = now + debtMs;
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  /** Lets a change go on that is due. */
  tick(): void {
    if (this.#now() >= this.#dueAt) this.#goOn();
  }

  /** Delays nothing any longer: this member is to end. */
  end(): void {
    this.#isOver = true;
    this.#goOn();
  }

  #goOn(): void {
    this.#dueAt = Infinity;
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }
}
