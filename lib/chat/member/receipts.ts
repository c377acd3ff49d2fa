/**
 * When a member tells others what it has taken of what they said.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { encodeReceipt } from "../wire/content.ts";
import { encodeEntries } from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";
import type { Inbox } from "./inbox.ts";
import type { Roster } from "./roster.ts";

/** Rooms up to this size send receipts at once. */
const SMALL_ROOM = 4;
/** The longest interval between receipts, in milliseconds. */
const MAX_INTERVAL_MS = 1000;
/** The shortest time between two answers to one speaker's asks, in milliseconds. */
const MIN_ANSWER_MS = 250;

/** Returns the interval between receipts in a room of `members` members, in milliseconds. */
export function receiptInterval(members: number): number {
  return members <= SMALL_ROOM ? 0 : Math.min(MAX_INTERVAL_MS, members);
}

/** Collects the speakers that are to be sent a receipt. `Speaker` is compared by identity. */
export class DueReceipts<Speaker extends object> {
  readonly #now: () => number;
  #speakers = new Set<Speaker>();
  readonly #answeredAt = new WeakMap<Speaker, number>();
  #dueAt = Infinity;

  /** Starts with nothing due. `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** When receipts are to be sent, in milliseconds; Infinity if none are. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Something has changed for a speaker in a room of `members` members. */
  changed(speaker: Speaker, members: number): void {
    this.#at(speaker, this.#now() + receiptInterval(members));
  }

  /** A speaker has asked. It is answered at most once an interval. An answer that waits is for this ask, too. */
  asked(speaker: Speaker, members: number): void {
    const now = this.#now();
    const last = this.#answeredAt.get(speaker) ?? -Infinity;
    const next = last + Math.max(MIN_ANSWER_MS, receiptInterval(members));
    const at = last > now ? last : Math.max(now, next);
    this.#answeredAt.set(speaker, at);
    this.#at(speaker, at);
  }

  #at(speaker: Speaker, at: number): void {
    this.#speakers.add(speaker);
    this.#dueAt = Math.min(this.#dueAt, at);
  }

  /** Returns the speakers to send receipts to now. */
  due(): readonly Speaker[] {
    return this.#now() >= this.#dueAt ? this.take() : [];
  }

  /** Returns the speakers that wait for receipts, whenever they are due. */
  take(): readonly Speaker[] {
    const speakers = [...this.#speakers];
    this.#speakers = new Set();
    this.#dueAt = Infinity;
    return speakers;
  }
}

/** Where receipts are sent. */
export interface OwnReceiptsOptions {
  readonly roster: Roster;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Sends a frame that is not counted, if there is a connection. */
  readonly send: (frame: Bytes) => void;
}

/** The receipts that a member sends in one room. */
export class OwnReceipts {
  readonly #options: OwnReceiptsOptions;
  readonly #due: DueReceipts<Inbox>;
  /** Resolves once the receipts that are being sealed are sent. */
  #sending: Promise<void> = Promise.resolve();

  /** Starts with nothing due. */
  constructor(options: OwnReceiptsOptions) {
    this.#options = options;
    this.#due = new DueReceipts(options.now);
  }

  /** When receipts are to be sent, in milliseconds. */
  get wakeAt(): number {
    return this.#due.dueAt;
  }

  /** Something has changed for a speaker. */
  changed(inbox: Inbox): void {
    this.#due.changed(inbox, this.#options.roster.size);
  }

  /** A speaker has asked. */
  asked(inbox: Inbox): void {
    this.#due.asked(inbox, this.#options.roster.size);
  }

  /** Sends the receipts that are due. */
  tick(): Promise<void> {
    return this.#send(this.#due.due());
  }

  /** Sends the receipts that wait, whether they are due or not, and those that are being sealed. */
  hurry(): Promise<void> {
    return this.#send(this.#due.take());
  }

  #send(inboxes: readonly Inbox[]): Promise<void> {
    // One after the other: the relay takes the last that comes for the newest.
    const sent = this.#sending.then(() => this.#seal(inboxes));
    this.#sending = sent.catch(() => {}); // the caller sees the failure
    return sent;
  }

  async #seal(inboxes: readonly Inbox[]): Promise<void> {
    const due = inboxes.filter(({ pair }) => pair.hasKey);
    if (due.length === 0) return;
    const { roster, send } = this.#options;
    const { version } = roster;
    const context = await roster.history.newest;
    const entries = await Promise.all(due.map((inbox) => {
      const { peer, pair } = inbox;
      return pair.receipt(peer.number, { version, context }, encodeReceipt(inbox.tell()));
    }));
    encodeEntries(KIND.receipt, entries).forEach(send);
  }
}
