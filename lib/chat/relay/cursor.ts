/**
 * What waits to be sent to members: one feed of deliveries for a room, and a cursor into it for each member.
 *
 * A member that lags gets a list of its own, so that the shared feed can be trimmed. If too much waits in that list,
 * frames of the sender with the most waiting bytes are left out.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Link } from "../link.ts";
import { framesBehind } from "../wire/frame.ts";
import { RELAY_WINDOW } from "../wire/kinds.ts";
import { type Delivery, isFor } from "./room.ts";

/** The most frames of other members that wait for a member, in bytes. Each delivery counts as some more. */
const MAX_WAITING_BYTES = 4 << 20;
/** Leaving out goes on to here, so that it does not search the list again for each frame. */
const LOW_WAITING_BYTES = 7 * (MAX_WAITING_BYTES / 8);
/** The most control frames that wait for a member before its stay ends. Who is away or back does not count. */
const MAX_WAITING_CONTROL = 16_384;
/** How far the feed reaches back (section 11.2). Members acknowledge each MiB, so those that read never lag more. */
const REACH = { deliveries: 16_384, bytes: 2 << 20 } as const;
/** After so many more bytes or deliveries the feed is trimmed. */
const TRIM = { deliveries: 512, bytes: 256 << 10 } as const;

/** The memory of a delivery besides its bytes: its objects, and what the runtime keeps for a buffer. Measured. */
const DELIVERY_BYTES = 512;

/** The memory that a delivery takes in a feed, in bytes. */
function sizeOf({ bytes, to }: Delivery): number {
  return bytes.length + (to.weight ?? 0);
}

/** Deliveries by ascending index. The first ones are dropped when no member needs them. */
export class Feed {
  #items: Delivery[] = [];
  /** The index of the first item. */
  #start = 0;
  #bytes = 0;
  /** The size after the last trimming. */
  #trimmed = { deliveries: 0, bytes: 0 };

  /** The index after the last delivery. */
  get end(): number {
    return this.#start + this.#items.length;
  }

  /** The number of deliveries that are kept. */
  get kept(): number {
    return this.#items.length;
  }

  /** Returns a delivery that is kept. */
  at(index: number): Delivery {
    return this.#items[index - this.#start]!;
  }

  /** Appends a delivery. */
  push(delivery: Delivery): void {
    this.#items.push(delivery);
    this.#bytes += sizeOf(delivery);
  }

  /** Removes deliveries at an index or behind it. Those that stay move up. */
  remove(from: number, isOut: (delivery: Delivery, index: number) => boolean): void {
    const items = this.#items.splice(from - this.#start);
    items.forEach((delivery, i) => {
      if (isOut(delivery, from + i)) this.#bytes -= sizeOf(delivery);
      else this.#items.push(delivery);
    });
  }

  /** Drops all deliveries before an index. */
  trim(index: number): void {
    for (let i = this.#start; i < index; i++) this.#bytes -= sizeOf(this.at(i));
    this.#items.splice(0, index - this.#start);
    this.#start = index;
    this.#trimmed = { deliveries: this.kept, bytes: this.#bytes };
  }

  /** Whether enough was appended since the last trimming to trim again. */
  get hasGrown(): boolean {
    return this.kept >= this.#trimmed.deliveries + TRIM.deliveries ||
      this.#bytes >= this.#trimmed.bytes + TRIM.bytes;
  }

  /** The lowest index within reach: a member whose cursor is below it gets a list of its own. */
  get reach(): number {
    let bytes = this.#bytes;
    let index = Math.max(this.#start, this.end - REACH.deliveries);
    for (let i = this.#start; i < index; i++) bytes -= sizeOf(this.at(i));
    while (bytes > REACH.bytes) bytes -= sizeOf(this.at(index++));
    return index;
  }
}

/** That sealed frames of a sender are left out for a member, from a message number on. */
export interface LeftOut {
  readonly sender: number;
  readonly number: number;
}

/** The frames on their way to one member. They are counted, not numbered. */
export class Outbox {
  // What every write touches comes first: in a room of a thousand, each piece of memory is a miss of the caches.
  /** The shared feed, or the member's own list. */
  #feed: Feed;
  readonly #shared: Feed;
  /** The next delivery to send. */
  #sentAt: number;
  /** The first delivery that is not wholly acknowledged. */
  #ackedAt: number;
  /** The number of acknowledged frames of that delivery. */
  #into = 0;
  #acked = 0;
  #sent = 0;
  /** The bytes of deliveries that are sent and not wholly acknowledged. */
  #flying = 0;
  /** Where frames are written; undefined while the member has no connection, or waits for its roster. */
  link: Link | undefined;
  readonly member: number;
  #isBlocked = false;
  /** In an own list: the waiting bytes of members' frames, by sender. */
  readonly #waiting = new Map<number, number>();
  #waitingBytes = 0;
  #waitingControl = 0;
  /** In an own list: who is away or back, by number, as far as the member is not told of it. It is told at the end. */
  readonly #presence = new Map<number, Delivery>();

  /** Starts at the end of a feed. */
  constructor(member: number, feed: Feed) {
    this.#feed = feed;
    this.#shared = feed;
    this.#sentAt = feed.end;
    this.#ackedAt = feed.end;
    this.member = member;
  }

  /** The number of frames sent. */
  get sent(): number {
    return this.#sent;
  }

  /** The number of frames acknowledged. */
  get acknowledged(): number {
    return this.#acked;
  }

  /** Whether every frame for the member is sent and acknowledged. */
  get isDone(): boolean {
    this.#skip();
    return this.#acked === this.#sent && !this.hasWaiting;
  }

  /** Whether frames wait that are not sent yet. */
  get hasWaiting(): boolean {
    return this.#sentAt < this.#feed.end || this.isOwn && this.#presence.size > 0;
  }

  /** Whether the member has a list of its own. */
  get isOwn(): boolean {
    return this.#feed !== this.#shared;
  }

  /** The deliveries that its own list keeps; 0 while it shares the feed. */
  get kept(): number {
    return this.isOwn ? this.#feed.kept : 0;
  }

  /** The bytes sent and not acknowledged, and those that wait. */
  get bytes(): number {
    let bytes = this.#flying;
    for (let i = this.#sentAt; i < this.#feed.end; i++) {
      const delivery = this.#feed.at(i);
      if (this.#isMine(delivery)) bytes += delivery.bytes.length;
    }
    return bytes;
  }

  /**
   * The index in the shared feed of the first delivery to send, or its end. Those before it are for others. Undefined for
   * an own list, and in a delivery.
   */
  get sharedFrom(): number | undefined {
    this.#skip();
    return this.isOwn || this.#into > 0 && this.#sentAt === this.#ackedAt
      ? undefined
      : this.#sentAt;
  }

  /** Returns whether the next delivery to send is the one at an index of the shared feed, from its first frame on. */
  isAt(index: number): boolean {
    return this.#sentAt === index && !this.isOwn && (this.#into === 0 || this.#ackedAt < index);
  }

  /** The index of the first delivery in the shared feed that the member needs. */
  get needs(): number {
    this.#skip();
    return this.isOwn ? Infinity : this.#ackedAt;
  }

  /** Returns whether frames are within what may be sent beyond the last acknowledgement. */
  fits(frames: number, bytes: number): boolean {
    return this.#sent - this.#acked + frames <= RELAY_WINDOW.frames &&
      this.#flying + bytes <= RELAY_WINDOW.bytes;
  }

  /** Notes that everything in the shared feed up to its end is sent. */
  sentAll(frames: number, bytes: number): void {
    this.#sentAt = this.#feed.end;
    this.#sent += frames;
    this.#flying += bytes;
    this.#settle();
  }

  /** Whether the last {@linkcode take} stopped because no more may be sent before an acknowledgement. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Takes what may be sent now, delivery by delivery. */
  *take(): Generator<Bytes, void> {
    this.#isBlocked = false;
    while (this.hasWaiting) {
      if (this.#sentAt === this.#feed.end) this.#appendPresence();
      const delivery = this.#feed.at(this.#sentAt);
      if (this.#isMine(delivery)) {
        const skipped = this.#sentAt === this.#ackedAt ? this.#into : 0;
        const frames = delivery.frames - skipped;
        if (!this.fits(frames, delivery.bytes.length)) {
          this.#isBlocked = true;
          break;
        }
        this.#sent += frames;
        this.#flying += delivery.bytes.length;
        this.#account(delivery, -1);
        if (frames > 0) {
          yield skipped === 0 ? delivery.bytes : framesBehind(delivery.bytes, frames);
        }
      }
      this.#sentAt += 1;
    }
    this.#settle();
  }

  /** Returns whether the first `count` frames were sent, and no more than these are acknowledged. */
  covers(count: number): boolean {
    return this.#acked <= count && count <= this.#sent;
  }

  /**
   * Acknowledges the first `count` frames.
   *
   * @returns False if that is more than were sent, or fewer than before.
   */
  acknowledge(count: number): boolean {
    if (!this.covers(count)) return false;
    let left = count - this.#acked + this.#into;
    this.#acked = count;
    for (; this.#ackedAt < this.#sentAt; this.#ackedAt++) {
      const delivery = this.#feed.at(this.#ackedAt);
      if (!this.#isMine(delivery)) continue;
      if (left < delivery.frames) break;
      left -= delivery.frames;
      this.#flying -= delivery.bytes.length;
    }
    this.#into = left;
    if (this.isOwn) this.#feed.trim(this.#ackedAt);
    this.#settle();
    return true;
  }

  /**
   * Goes back to the end of the first `count` frames: the next ones are sent again.
   *
   * @returns The bytes that are sent again; undefined if the count cannot be.
   */
  rewind(count: number): number | undefined {
    if (!this.acknowledge(count)) return undefined;
    const bytes = this.#flying;
    for (let i = this.#ackedAt; i < this.#sentAt; i++) this.#account(this.#feed.at(i), 1);
    this.#sentAt = this.#ackedAt;
    this.#sent = count;
    this.#flying = 0;
    return bytes;
  }

  /** Gives the member a list of its own. */
  detach(): void {
    const own = new Feed();
    const waiting: Delivery[] = [];
    for (let i = this.#ackedAt; i < this.#feed.end; i++) {
      const delivery = this.#feed.at(i);
      if (!this.#isMine(delivery)) continue;
      if (i < this.#sentAt) own.push(this.#alone(delivery));
      else waiting.push(delivery);
    }
    this.#feed = own;
    this.#ackedAt = 0;
    this.#sentAt = own.end;
    for (const delivery of waiting) this.#append(delivery);
    this.#settle();
  }

  /** Appends a delivery to the member's own list, if it is for the member. */
  offer(delivery: Delivery): void {
    if (isFor(delivery.to, this.member)) this.#append(delivery);
  }

  #append(delivery: Delivery): void {
    const { kind, number } = delivery;
    // Others decide how often they come and go. What is undone before it is told takes no place.
    const isUndone = kind !== "sealed" && this.#presence.delete(number);
    if (kind === "presence") {
      if (!isUndone) this.#presence.set(number, this.#alone(delivery));
      return;
    }
    this.#feed.push(this.#alone(delivery));
    this.#account(delivery, 1);
  }

  /** Appends who is away or back since, once everything else is sent. */
  #appendPresence(): void {
    for (const delivery of this.#presence.values()) this.#feed.push(delivery);
    this.#presence.clear();
  }

  /** Returns a delivery that keeps no sets of other recipients. */
  #alone(delivery: Delivery): Delivery {
    const { sender, upTo } = delivery.to;
    return { ...delivery, to: { sender, upTo, one: this.member } };
  }

  /** Whether too many control frames wait, so that the relay ends the member. */
  get isHopeless(): boolean {
    return this.#waitingControl > MAX_WAITING_CONTROL;
  }

  /**
   * Leaves out frames while too many bytes wait: those of the sender with the most bytes, the oldest first, and all
   * sealed frames of that sender after the first one that is left out.
   *
   * @returns Whose sealed frames the member is not sent from now on.
   */
  leaveOut(): LeftOut[] {
    const behind: LeftOut[] = [];
    while (this.#waitingBytes > MAX_WAITING_BYTES) {
      const [[sender]] = [...this.#waiting].sort(([, a], [, b]) => b - a) as [[number, number]];
      const number = this.#leaveOutOf(sender);
      if (number !== undefined) behind.push({ sender, number });
    }
    return behind;
  }

  #leaveOutOf(sender: number): number | undefined {
    let first: number | undefined;
    this.#feed.remove(this.#sentAt, (delivery, index) => {
      const { to, kind, number } = delivery;
      const isEnough = this.#waitingBytes <= LOW_WAITING_BYTES;
      if (to.sender !== sender || kind === "control" || kind === "presence") return false;
      if (isEnough && (kind !== "sealed" || first === undefined)) return false;
      if (kind === "sealed") first ??= number;
      this.#account(delivery, -1);
      if (index === this.#ackedAt) this.#into = 0;
      return true;
    });
    return first;
  }

  #isMine(delivery: Delivery): boolean {
    return this.isOwn || isFor(delivery.to, this.member);
  }

  /** Adds a waiting delivery of an own list to the account of its sender, or removes it. */
  #account({ to: { sender }, bytes, kind }: Delivery, sign: 1 | -1): void {
    // As many as there are members at most, beyond those that were sent.
    if (!this.isOwn || kind === "presence") return;
    if (kind === "control") {
      this.#waitingControl += sign;
      return;
    }
    const change = sign * (bytes.length + DELIVERY_BYTES);
    const waiting = (this.#waiting.get(sender) ?? 0) + change;
    this.#waitingBytes += change;
    if (waiting === 0) this.#waiting.delete(sender);
    else this.#waiting.set(sender, waiting);
  }

  /** Passes over deliveries for others. */
  #skip(): void {
    while (this.#sentAt < this.#feed.end && !this.#isMine(this.#feed.at(this.#sentAt))) {
      this.#sentAt += 1;
    }
    this.#settle();
  }

  /** Moves the acknowledged end over deliveries for others, and returns from an own list that is done to the feed. */
  #settle(): void {
    if (this.#acked !== this.#sent || this.#into > 0) return;
    this.#ackedAt = this.#sentAt;
    if (!this.isOwn) return;
    if (this.hasWaiting) return this.#feed.trim(this.#ackedAt);
    this.#feed = this.#shared;
    this.#ackedAt = this.#shared.end;
    this.#sentAt = this.#shared.end;
  }
}
