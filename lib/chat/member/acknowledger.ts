/**
 * What a member has received and sent, and when it says so: acknowledgements to the relay, receipts to the others, and
 * what its person has been shown.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";

/** The most frames that come before they are acknowledged. */
export const MAX_FRAMES = 4096;
/** The most bytes that come before they are acknowledged. */
const MAX_BYTES = 1 << 20;
/** The longest time before a frame is acknowledged, in milliseconds. */
const DELAY_MS = 1000;

/** Counts received frames and says when to acknowledge them to the relay. */
export class Acknowledger {
  readonly #now: () => number;
  #received = 0;
  #acknowledged = 0;
  #bytes = 0;
  #dueAt = Infinity;

  /** Starts with nothing received. `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The number of counted frames that have come. */
  get received(): number {
    return this.#received;
  }

  /** When the frames that have come are to be acknowledged, in milliseconds; Infinity if they have been. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Counts a frame. */
  count(bytes: number): void {
    this.#received += 1;
    this.#bytes += bytes;
    const isMuch = this.#received - this.#acknowledged >= MAX_FRAMES || this.#bytes >= MAX_BYTES;
    if (isMuch) this.#dueAt = 0;
    else if (this.#dueAt === Infinity) this.#dueAt = this.#now() + DELAY_MS;
  }

  /** Returns the count to acknowledge now; undefined if it is not due. */
  due(): number | undefined {
    return this.#now() >= this.#dueAt ? this.acknowledge() : undefined;
  }

  /** Returns the count, which the caller sends now. */
  acknowledge(): number {
    this.#dueAt = Infinity;
    this.#acknowledged = this.#received;
    this.#bytes = 0;
    return this.#received;
  }
}

/** Counts events that were emitted and those that were shown, and runs what waits for them. */
export class Displayed {
  #waiting: { readonly events: number; readonly then: () => void }[] = [];
  #emitted = 0;
  #shown = 0;

  /** The number of events that were emitted. */
  get emitted(): number {
    return this.#emitted;
  }

  /** The number of events that were shown. */
  get shown(): number {
    return this.#shown;
  }

  /** Counts an event. */
  emit(): void {
    this.#emitted += 1;
  }

  /** Runs something once everything that has been emitted so far has been shown. */
  then(run: () => void): void {
    if (this.#shown >= this.#emitted) run();
    else this.#waiting.push({ events: this.#emitted, then: run });
  }

  /** Notes that the first `events` events have been shown. */
  show(events: number): void {
    this.#shown = Math.min(Math.max(events, this.#shown), this.#emitted);
    const due = this.#waiting.findIndex((one) => one.events > this.#shown);
    const ready = due < 0 ? this.#waiting : this.#waiting.slice(0, due);
    if (ready.length === 0) return;
    this.#waiting = due < 0 ? [] : this.#waiting.slice(due);
    for (const { then } of ready) then();
  }
}

/** The memory that a frame costs besides its bytes while it waits to be written. */
const FRAME_BYTES = 64;

/** With so many bytes of frames that the relay has not accepted, no more are made. */
export const MAX_UNACCEPTED_BYTES = 16 << 20;

/** The counted frames that were sent and that the relay has not accepted. */
export class SentFrames {
  #frames: Bytes[] = [];
  #accepted = 0;
  #keptBytes = 0;

  /** The number of frames that were sent. */
  get sent(): number {
    return this.#accepted + this.#frames.length;
  }

  /** The memory that the frames take at most while they wait to be written, in bytes. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Whether no more frames are to be made before the relay accepts some. */
  get isFull(): boolean {
    return this.#keptBytes >= MAX_UNACCEPTED_BYTES;
  }

  /** Keeps a frame. It is not changed afterwards. */
  push(frame: Bytes): void {
    this.#keptBytes += frame.length + FRAME_BYTES;
    this.#frames.push(frame);
  }

  /**
   * The relay has accepted the first `count` frames.
   *
   * @returns False if that is more than were sent, or fewer than it said before.
   */
  accept(count: number): boolean {
    if (count < this.#accepted || count > this.sent) return false;
    const news = count - this.#accepted;
    for (const { length } of this.#frames.slice(0, news)) this.#keptBytes -= length + FRAME_BYTES;
    if (news > 0) this.#frames = this.#frames.slice(news);
    this.#accepted = count;
    return true;
  }

  /** Returns the frames that were not accepted, in order. */
  waiting(): readonly Bytes[] {
    return this.#frames;
  }
}

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
