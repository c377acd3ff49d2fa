/**
 * A member as the relay knows it: its connection, what waits for it, what it has sent, and how fast it may send.
 *
 * @module
 */

import { type Bytes, mapKey } from "../../base/bytes.ts";
import { Account } from "../../base/costs.ts";
import type { Credential } from "../identity/credential.ts";
import { isTooLong, readRenewal } from "../identity/renewal.ts";
import type { Link } from "../link.ts";
import { encodeCount, type Listing } from "../wire/control.ts";
import { KIND } from "../wire/kinds.ts";
import type { Limits } from "./options.ts";
import { type Batch, Outbox, type OutboxBounds } from "./outbox.ts";

/** How many audiences a member may declare. */
const MAX_AUDIENCES = 256;
/** How many members all of its audiences may name together: a room in one, and some in each other. */
const MAX_AUDIENCE_MEMBERS = 16_384;

/** By how much a renewal adds at least, in milliseconds: each costs the relay its encoded roster. */
const RENEWAL_STEP_MS = 60 * 60 * 1000;

/** So many answers that are asked of a member are charged to those who ask: a room of a thousand may at once. */
const MAX_ANSWERS_OWED = 1024;

/** An audience that a member has declared. */
interface Audience {
  /** How many it named. */
  readonly declared: number;
  /** The hashes of those who were there, as keys of a map. */
  readonly keys: readonly string[];
}

/** What a member whose connection is lost is sent, before it has another: its outbox keeps it. */
const NOWHERE: Link = {
  waiting: 0,
  open: () => {},
  send: () => {},
  end: () => {},
  close: () => {},
};

/** A member of the relay's room. */
export class RoomMember {
  readonly credential: Credential;
  /** As newcomers are told of it. */
  listing: Listing;
  /** The membership number that its joining made: the listing's, at hand since every delivery looks at it. */
  readonly number: number;
  readonly outbox: Outbox;
  /** The roster that it was sent: sent again where its connection is lost before it has shown it. */
  roster: readonly Bytes[] | undefined;
  /** Since when it has had no connection, in milliseconds since 1970; undefined where it has one. */
  awaySince: number | undefined;
  /** Whether the others have been told that it is away. */
  awayTold = false;
  #link: Link;
  /** Since when it has had much of a queue to read, and how many frames it is to acknowledge to be waited for. */
  pressed: { readonly since: number; readonly headway: number } | undefined;
  /** Whether what it has just sent went to somebody who has much to read. */
  isPressing = false;
  /** How fast it may speak, over whatever connection. */
  pace: Pace | undefined;
  readonly #news: (member: RoomMember) => void;
  /** How many of its answers others have asked for, and are charged for. */
  #answersOwed = 0;
  readonly #audiences = new Map<number, Audience>();
  #audienceMembers = 0;
  #batches: Batch[] = [];
  #received = 0;
  #accepted = 0;
  #delivered = 0;

  /**
   * Starts with nothing sent either way.
   *
   * @param roster What it was sent as the roster.
   * @param news Hears that {@linkcode report} has something to say.
   */
  constructor(
    credential: Credential,
    listing: Listing,
    link: Link,
    bounds: OutboxBounds,
    roster: readonly Bytes[],
    news: (member: RoomMember) => void,
  ) {
    this.credential = credential;
    this.listing = listing;
    this.number = listing.number;
    this.#link = link;
    this.outbox = new Outbox(bounds);
    this.roster = roster;
    this.#news = news;
  }

  /** Where its frames go. */
  get link(): Link {
    return this.#link;
  }

  /** How many counted frames have come from it. */
  get receivedFrames(): number {
    return this.#received;
  }

  /** Its connection is lost. */
  lost(now: number): void {
    this.#link = NOWHERE;
    this.awaySince = now;
    this.awayTold = false;
  }

  /** It has another connection; what it is to hear of what it sent is told it anew. */
  found(link: Link): void {
    this.#link = link;
    this.awaySince = undefined;
    this.#accepted = this.#received;
    this.#delivered = 0;
    this.#news(this);
  }

  /** It has shown the first so many counted frames. */
  acknowledge(count: number): boolean {
    this.roster = undefined;
    return this.outbox.acknowledge(count);
  }

  /** Counted frames came from it. */
  received(frames: number): void {
    this.roster = undefined;
    this.#received += frames;
    this.#news(this);
  }

  /**
   * Its credential goes on to hold.
   *
   * @param now The time in milliseconds since 1970.
   * @returns False where that is not taken: it says nothing new, or what nobody would believe.
   * @throws {MalformedError} Where it is no renewal.
   */
  renew(renewal: Bytes, now: number): boolean {
    const { expiresAt } = readRenewal(renewal);
    const last = this.#expiresAt;
    // What was made by a clock that was put back since gives way to less.
    const isNews = expiresAt >= last + RENEWAL_STEP_MS || isTooLong(last, now);
    if (!isNews || isTooLong(expiresAt, now)) return false;
    this.listing = { ...this.listing, renewal };
    return true;
  }

  /** Until when its credential says that it holds, or the renewal that is listed, in milliseconds since 1970. */
  get #expiresAt(): number {
    const { renewal } = this.listing;
    return renewal.length > 0 ? readRenewal(renewal).expiresAt : this.credential.expiresAt;
  }

  /** Starts to wait for those who are sent what it sends next. */
  startBatch(): Batch {
    const batch = { sender: this, before: this.#received, waiting: 0 };
    this.#batches.push(batch);
    return batch;
  }

  /** A batch waits for nobody any longer. */
  settled(): void {
    let done = 0;
    while (done < this.#batches.length && this.#batches[done]!.waiting === 0) done += 1;
    if (done === 0) return;
    this.#batches.splice(0, done);
    this.#news(this);
  }

  /** Tells it how far what it sent has come, where that is news. */
  report(): void {
    if (this.awaySince !== undefined) return;
    if (this.#received > this.#accepted) {
      this.#accepted = this.#received;
      this.#link.send(encodeCount(KIND.accepted, this.#accepted));
    }
    const delivered = this.#batches[0]?.before ?? this.#received;
    if (delivered > this.#delivered) {
      this.#delivered = delivered;
      this.#link.send(encodeCount(KIND.delivered, delivered));
    }
  }

  /** Somebody asks it for an answer, and is charged for that too. */
  asked(): void {
    this.#answersOwed = Math.min(this.#answersOwed + 1, MAX_ANSWERS_OWED);
  }

  /** It answers. @returns Whether somebody has asked for that. */
  answered(): boolean {
    if (this.#answersOwed === 0) return false;
    this.#answersOwed -= 1;
    return true;
  }

  /**
   * Declares an audience; an earlier one of the same number is replaced.
   *
   * @param isThere Whether a member, by its hash as the key of a map, is in the room: who is not is never looked for.
   * @returns False where that is more than a member may declare.
   */
  declare(id: number, members: readonly Bytes[], isThere: (key: string) => boolean): boolean {
    // Whoever is named twice receives once: one frame must not fill somebody's queue.
    const keys = new Set(members.map(mapKey));
    this.#audienceMembers += keys.size - (this.#audiences.get(id)?.declared ?? 0);
    this.#audiences.set(id, { declared: keys.size, keys: [...keys].filter(isThere) });
    return this.#audiences.size <= MAX_AUDIENCES && this.#audienceMembers <= MAX_AUDIENCE_MEMBERS;
  }

  /** The hashes of those of a declared audience who were there, as keys of a map. */
  audience(id: number): readonly string[] | undefined {
    return this.#audiences.get(id)?.keys;
  }
}

/** So many seconds' worth of frames may come at once: the keys for a room of a thousand. */
const BURST_SECONDS = 2;
/** So many of bytes: less than fills the queue of who gets them. */
const BYTES_BURST_SECONDS = 0.25;

/**
 * What a member may have sent of late and still be none that fills others' queues: a person never comes near it.
 * It is forgotten at this rate, so that one who keeps just within the limits above is told from a person too.
 */
const MODEST = {
  frames: { most: 200, perSecond: 100 },
  bytes: { most: 64 << 10, perSecond: 256 << 10 },
} as const;
/** So many seconds of it are remembered. */
const MODEST_SECONDS = 20;
/**
 * How long one that does is not read, in milliseconds: twice as long each time, and half as long for every second
 * without. Well below what a member is waited for: while it is not read, what it acknowledges is not either.
 */
const YIELD_MS = { first: 100, most: 2_000 } as const;
const YIELD_HALVES_MS = 1_000;
/** What coming back costs, in frames: the relay checks a signature, and sends again what is on its way. */
const RESUME_FRAMES = 100;

/** What a member has sent. */
export interface Spent {
  /** How many frames. */
  readonly frames: number;
  /** How many bytes. */
  readonly bytes: number;
  /** How many bytes the relay sends on for it, or has answered to it; looking for somebody counts as some. */
  readonly fanout: number;
  /** Whether someone who gets it has much to read already, and is reading. */
  readonly pressing: boolean;
}

/** The account of one member with its relay. */
export class Pace {
  readonly #account: Account<"frames" | "bytes" | "fanout" | "framesLately" | "bytesLately">;
  #yield = 0;
  #yieldedAt = 0;
  #pausedUntil = 0;

  /** Starts with a burst to spend. */
  constructor(limits: Limits, now: number) {
    const rate = (perSecond: number, seconds = BURST_SECONDS) => ({
      perSecond,
      burst: perSecond * seconds,
    });
    this.#account = new Account({
      frames: rate(limits.framesPerSecond),
      bytes: rate(limits.bytesPerSecond, BYTES_BURST_SECONDS),
      fanout: rate(limits.fanoutPerSecond),
      framesLately: rate(MODEST.frames.perSecond, MODEST_SECONDS),
      bytesLately: rate(MODEST.bytes.perSecond, MODEST_SECONDS),
    }, now);
  }

  /**
   * A member has sent something.
   *
   * @returns For how many milliseconds nothing more is to be read of it.
   */
  spend({ frames, bytes, fanout, pressing }: Spent, now: number): number {
    const account = this.#account;
    account.charge("framesLately", frames, now);
    account.charge("bytesLately", bytes, now);
    const pause = Math.max(
      account.charge("frames", frames, now),
      account.charge("bytes", bytes, now),
      account.charge("fanout", fanout, now),
      pressing && !this.#isModest(now) ? this.#yieldAt(now) : 0,
    );
    this.#pausedUntil = now + pause;
    return pause;
  }

  /**
   * The member comes back over another connection: what it has spent stays spent.
   *
   * @returns False while it is not to be read: another connection must not be a way around that.
   */
  resume(now: number): boolean {
    if (now < this.#pausedUntil) return false;
    this.#account.charge("frames", RESUME_FRAMES, now);
    return true;
  }

  #yieldAt(now: number): number {
    const { first, most } = YIELD_MS;
    const left = this.#yield / 2 ** ((now - this.#yieldedAt) / YIELD_HALVES_MS);
    this.#yield = Math.min(most, Math.max(first, 2 * left));
    this.#yieldedAt = now + this.#yield;
    return this.#yield;
  }

  #isModest(now: number): boolean {
    return this.#account.charged("framesLately", now) <= MODEST.frames.most &&
      this.#account.charged("bytesLately", now) <= MODEST.bytes.most;
  }
}
