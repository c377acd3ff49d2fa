/**
 * What a member counts: the frames that it has received and acknowledges to the relay; the frames that it has sent;
 * the message numbers of other members, for its receipts; and the events that its person was shown.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { type Progress, STREAM, type Stream, STREAMS } from "../wire/content.ts";
import { RELAY_WINDOW } from "../wire/kinds.ts";
import type { Entry } from "./lines.ts";

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

  /** The number of counted frames that were received. */
  get received(): number {
    return this.#received;
  }

  /** When the frames that have come are to be acknowledged, in milliseconds; Infinity if they have been. */
  get dueAt(): number {
    return this.#dueAt;
  }

  /** Whether more has come since the last acknowledgement than a relay may send. */
  get isOverrun(): boolean {
    return this.#received - this.#acknowledged > RELAY_WINDOW.frames ||
      this.#bytes > RELAY_WINDOW.bytes;
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

/** The memory that an event costs at least until it is shown, in bytes. */
const EVENT_BYTES = 256;
/** A member acknowledges no more frames while events of this size, in bytes, have not been shown. */
const MAX_UNSHOWN_BYTES = 4 << 20;
/** How exactly the size of what has not been shown is known, in bytes. */
const MARK_BYTES = 64 << 10;

/** Counts events that were emitted and those that were shown, and runs what waits for them. */
export class Displayed {
  readonly #waiting: { readonly events: number; readonly then: () => void }[] = [];
  /** How many bytes of events had been emitted with so many events, in ascending order, beyond those shown. */
  readonly #marks: { readonly events: number; readonly bytes: number }[] = [];
  #emitted = 0;
  #emittedBytes = 0;
  #shown = 0;
  #shownBytes = 0;

  /** The number of events that were emitted. */
  get emitted(): number {
    return this.#emitted;
  }

  /** The number of events that were shown. */
  get shown(): number {
    return this.#shown;
  }

  /**
   * Whether so much has not been shown that the relay is to deliver no more. A person whose output stands still then
   * takes a bounded part of memory, and gets the rest afterwards, as one that reads slowly does.
   */
  get isFull(): boolean {
    return this.#emittedBytes - this.#shownBytes > MAX_UNSHOWN_BYTES;
  }

  /** Counts an event, with the number of bytes of its text. */
  emit(bytes: number): void {
    this.#emitted += 1;
    this.#emittedBytes += bytes + EVENT_BYTES;
    const marked = this.#marks.at(-1)?.bytes ?? this.#shownBytes;
    if (this.#emittedBytes - marked < MARK_BYTES) return;
    this.#marks.push({ events: this.#emitted, bytes: this.#emittedBytes });
  }

  /** Runs something once everything that has been emitted so far has been shown. */
  then(run: () => void): void {
    if (this.#shown >= this.#emitted) run();
    else this.#waiting.push({ events: this.#emitted, then: run });
  }

  /** Notes that the first `events` events have been shown. */
  show(events: number): void {
    this.#shown = Math.min(Math.max(events, this.#shown), this.#emitted);
    for (const { bytes } of this.#shownOf(this.#marks)) this.#shownBytes = bytes;
    if (this.#shown === this.#emitted) this.#shownBytes = this.#emittedBytes;
    for (const { then } of this.#shownOf(this.#waiting)) then();
  }

  /** Takes those that waited for events that have been shown. */
  #shownOf<T extends { readonly events: number }>(waiting: T[]): T[] {
    if (waiting.length === 0) return waiting;
    const later = waiting.findIndex(({ events }) => events > this.#shown);
    return waiting.splice(0, later < 0 ? waiting.length : later);
  }
}

/** The memory that a frame costs besides its bytes while it waits to be written. */
const FRAME_BYTES = 64;

/** A member makes no more frames while the relay has not accepted this many bytes of them. */
export const MAX_UNACCEPTED_BYTES = 16 << 20;

/** A counted frame, and the lines that it carries. */
interface SentFrame {
  readonly bytes: Bytes;
  readonly lines: readonly Entry[];
}

/** The counted frames that were sent and that the relay has not accepted. */
export class SentFrames {
  #frames: SentFrame[] = [];
  #accepted = 0;
  #keptBytes = 0;

  /** The number of frames that were sent. */
  get count(): number {
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
  push(bytes: Bytes, lines: readonly Entry[] = []): void {
    this.#keptBytes += bytes.length + FRAME_BYTES;
    this.#frames.push({ bytes, lines });
  }

  /**
   * Notes that the relay has accepted the first `count` frames.
   *
   * @returns The lines of the frames that it has newly accepted; undefined if the count is more than were sent, or less
   *   than it said before.
   */
  accept(count: number): readonly Entry[] | undefined {
    if (count < this.#accepted || count > this.count) return undefined;
    const accepted = this.#frames.slice(0, count - this.#accepted);
    for (const { bytes } of accepted) this.#keptBytes -= bytes.length + FRAME_BYTES;
    if (accepted.length > 0) this.#frames = this.#frames.slice(accepted.length);
    this.#accepted = count;
    return accepted.flatMap(({ lines }) => lines);
  }

  /** Returns the frames that were not accepted, in order. */
  waiting(): readonly Bytes[] {
    return this.#frames.map(({ bytes }) => bytes);
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

  /** Notes that something has changed for a speaker in a room of `members` members. */
  changed(speaker: Speaker, members: number): void {
    this.#at(speaker, this.#now() + receiptInterval(members));
  }

  /** Notes an ask of a speaker. It is answered at most once an interval, and a waiting answer serves it as well. */
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

/** The most gaps that are kept of a stream. */
export const MAX_GAPS = 256;

/** A range of numbers, both ends included. */
interface Range {
  from: number;
  to: number;
}

/** How a message relates to those received before, by its number. */
export type Arrival = "new" | "late" | "copy";

/** One stream of one sender, as one recipient sees it. */
export class IncomingStream {
  /** The ranges at or below {@linkcode seen} that are missing, in ascending order. */
  readonly #gaps: Range[] = [];
  #seen = 0;
  #withheld = 0;

  /** The highest number that is known. */
  get seen(): number {
    return this.#seen;
  }

  /** Every message up to this number that is addressed to the recipient has been taken or given up. */
  get through(): number {
    return (this.#gaps[0]?.from ?? this.#seen + 1) - 1;
  }

  /** The state as a receipt says it. */
  progress(stream: Stream): Progress {
    return { stream, through: this.through, seen: this.#seen, withheld: this.#withheld };
  }

  /** Notes that the message with a number counts as taken and is not shown to the person. */
  withhold(number: number): void {
    this.#withheld = Math.max(this.#withheld, number);
  }

  /**
   * Learns that all numbers up to `last` are addressed to the recipient.
   *
   * @returns The number of messages that are newly found missing.
   */
  reach(last: number): number {
    if (last <= this.#seen) return 0;
    const missing = last - this.#seen;
    const newest = this.#gaps.at(-1);
    if (newest?.to === this.#seen) newest.to = last;
    else this.#gaps.push({ from: this.#seen + 1, to: last });
    this.#seen = last;
    this.#forgetOldest();
    return missing;
  }

  /**
   * Learns that `last` is the number before `number` that is addressed to the recipient.
   *
   * @returns The number of messages that are newly found missing.
   */
  link(number: number, last: number): number {
    const missing = this.reach(last);
    this.#close(last + 1, number - 1);
    this.#seen = Math.max(this.#seen, number - 1);
    return missing;
  }

  /** Takes a message. The numbers before it have been reached or linked. */
  take(number: number): Arrival {
    if (number > this.#seen) {
      this.reach(number - 1);
      this.#seen = number;
      return "new";
    }
    return this.#close(number, number) ? "late" : "copy";
  }

  /**
   * Learns that no message at or below a number will come.
   *
   * @returns The number of messages that are newly found missing.
   */
  gone(number: number): number {
    const missing = this.reach(number);
    this.#close(1, number);
    return missing;
  }

  /**
   * Removes a range from the gaps.
   *
   * @returns Whether a part of it was in a gap.
   */
  #close(from: number, to: number): boolean {
    if (from > to) return false;
    const closed = this.#gaps.filter((gap) => gap.from <= to && gap.to >= from);
    const [first, last] = [closed[0], closed.at(-1)];
    if (first === undefined || last === undefined) return false;
    const rest = [{ from: first.from, to: from - 1 }, { from: to + 1, to: last.to }]
      .filter((gap) => gap.from <= gap.to);
    this.#gaps.splice(this.#gaps.indexOf(first), closed.length, ...rest);
    this.#forgetOldest();
    return true;
  }

  /** Closes the oldest gap if there are too many. What is taken out of the middle of a gap leaves two. */
  #forgetOldest(): void {
    if (this.#gaps.length > MAX_GAPS) this.withhold(this.#gaps.shift()!.to);
  }
}

/** The streams of one sender. */
export class SenderStreams {
  readonly #streams: Readonly<Record<Stream, IncomingStream>> = {
    [STREAM.group]: new IncomingStream(),
    [STREAM.private]: new IncomingStream(),
  };
  #shown: readonly Progress[] = this.progress;

  /** The state when the person had been shown everything that had come: what a receipt says. */
  get shown(): readonly Progress[] {
    return this.#shown;
  }

  /** Notes that the person was shown everything that had come when the state was `progress`. */
  show(progress: readonly Progress[]): void {
    this.#shown = progress;
  }

  /** Returns one of the streams. */
  of(stream: Stream): IncomingStream {
    return this.#streams[stream];
  }

  /** The state of all streams. */
  get progress(): Progress[] {
    return STREAMS.map((stream) => this.#streams[stream].progress(stream));
  }
}

/** The most senders that are remembered, besides contacts. */
export const MAX_SENDERS = 16_384;

/** The streams of all senders. They outlive rooms. */
export class Streams {
  readonly #senders = new Map<string, SenderStreams>();

  /** The number of senders that are remembered. */
  get size(): number {
    return this.#senders.size;
  }

  /**
   * Returns the streams of a sender, and marks it as the one that was used last.
   *
   * @param key The sender's hash as a map key.
   * @param isContact Whether a sender is a contact. Contacts are never forgotten.
   */
  of(key: string, isContact: (key: string) => boolean): SenderStreams {
    const known = this.#senders.get(key) ?? new SenderStreams();
    this.#senders.delete(key);
    if (this.#senders.size >= MAX_SENDERS) this.#forget(isContact);
    this.#senders.set(key, known);
    return known;
  }

  #forget(isContact: (key: string) => boolean): void {
    for (const key of this.#senders.keys()) {
      if (isContact(key)) continue;
      this.#senders.delete(key);
      return;
    }
  }
}
