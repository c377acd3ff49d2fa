/**
 * The fan-out: frames go to all whom they are for, and into the outbox of each.
 *
 * A member whose outbox overflows is removed, so that it holds up nobody. Before it comes to that, senders
 * are asked to yield: a member with much of a queue to read presses on whoever sends to it, as long as it reads.
 *
 * @module
 */

import { type Bytes, ByteWriter } from "../../base/bytes.ts";
import type { Registry } from "../identity/registry.ts";
import { encodeListing, type Listing } from "../wire/control.ts";
import type { SealedAddress } from "../wire/envelope.ts";
import { FRAME_HEADER_BYTES } from "../wire/frame.ts";
import { BOUND, KIND } from "../wire/kinds.ts";
import type { Delivery, OutboxBounds } from "./outbox.ts";
import type { RoomMember } from "./room_member.ts";

/**
 * How much of its queue a member has to read when it presses. Of frames less than of bytes: each has a signature
 * to check, so that a full queue of small ones is seconds of work, which what others say would wait behind.
 */
const PRESSES_AT = { frames: 1 / 8, bytes: 1 / 2 } as const;
/** How long senders yield to a member that has much to read and does not get on with it, in milliseconds. */
const PATIENCE_MS = 4_000;

/** Whom sealed frames are for: everyone whose joining is at most `newest`, or a declared audience's hashes. */
export type Audience = { readonly newest: number } | { readonly members: readonly string[] };

/** What the fan-out needs of the relay around it. */
export interface FanOutOptions {
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  /** More is on its way to a member than may be; the others have been sent the same frames. */
  readonly overflown: (member: RoomMember) => void;
}

/** Sends frames to the members of a room. */
export class FanOut {
  readonly #members: Registry<RoomMember>;
  /** How much a member has to read when it presses. */
  readonly #presses: OutboxBounds;
  readonly #options: FanOutOptions;

  /**
   * @param members Who is in the room.
   * @param queue How much may be on its way to one member.
   * @param options The relay around it.
   */
  constructor(members: Registry<RoomMember>, queue: OutboxBounds, options: FanOutOptions) {
    this.#members = members;
    this.#presses = {
      frames: queue.frames * PRESSES_AT.frames,
      bytes: queue.bytes * PRESSES_AT.bytes,
    };
    this.#options = options;
  }

  /**
   * Sends a frame to one member.
   *
   * @param from The member that sends it, where one does.
   */
  toOne(member: RoomMember, frame: Bytes, from?: RoomMember): void {
    this.#deliver([member], single(frame), from);
  }

  /** Sends a frame to everyone. */
  toAll(frame: Bytes): void {
    this.#deliver(this.#members.values(), single(frame));
  }

  /** Sends a frame to everyone but one. */
  toOthers(member: RoomMember, frame: Bytes): void {
    this.#deliver(this.#members.values().filter((one) => one !== member), single(frame));
  }

  /**
   * Sends sealed frames to those whom they are for, but not back to their sender.
   *
   * @param sender Who waits to hear that they were shown.
   * @param frames How many there are.
   * @param bytes All of them, one behind the other.
   * @param to Whom they are for; who has left is passed over.
   * @returns To how many members that was, and how many were looked for in vain.
   */
  sealed(
    sender: RoomMember,
    frames: number,
    bytes: Bytes,
    to: Audience,
  ): { recipients: number; absent: number } {
    const delivery = { frames, bytes, batch: sender.startBatch() };
    if ("newest" in to) {
      const recipients = this.#deliver(this.#members.values(), delivery, sender, to.newest);
      return { recipients, absent: 0 };
    }
    const there = to.members.flatMap((key) => this.#members.get(key) ?? []);
    const recipients = this.#deliver(there, delivery, sender);
    return { recipients, absent: to.members.length - there.length };
  }

  /**
   * Sends frames to members, but not to who sends them.
   *
   * @param newest The highest membership number that is sent them; `to` is then in the order of joining.
   * @returns To how many members that was.
   */
  #deliver(
    to: Iterable<RoomMember>,
    delivery: Delivery,
    from?: RoomMember,
    newest = Infinity,
  ): number {
    const { bytes, batch } = delivery;
    let recipients = 0;
    let overflown: RoomMember[] | undefined;
    for (const member of to) {
      if (member.number > newest) break; // nobody after this one is older
      if (member === from) continue;
      recipients += 1;
      if (batch !== undefined) batch.waiting += 1;
      if (!member.outbox.push(delivery)) (overflown ??= []).push(member);
      member.link.send(bytes);
      if (from !== undefined && this.#isPressed(member)) from.isPressing = true;
    }
    if (batch?.waiting === 0) from!.settled();
    // Only now: removing one tells the others, who are to have these frames first.
    for (const member of overflown ?? []) this.#options.overflown(member);
    return recipients;
  }

  /**
   * Whether a member has much of a queue to read and is getting on with it: it has read half of what lay there
   * four seconds ago. One that has not is not waited for, or it could hold up whoever speaks to it for ever by
   * reading a little now and then.
   */
  #isPressed(member: RoomMember): boolean {
    const { outbox } = member;
    const unread = outbox.sent - outbox.acknowledged;
    if (outbox.bytes < this.#presses.bytes && unread < this.#presses.frames) {
      if (member.pressed !== undefined) member.pressed = undefined;
      return false;
    }
    const now = this.#options.now();
    const headway = outbox.acknowledged + unread / 2;
    member.pressed ??= { since: now, headway };
    if (now - member.pressed.since < PATIENCE_MS) return true;
    if (outbox.acknowledged < member.pressed.headway) return false;
    member.pressed = { since: now, headway };
    return true;
  }
}

/** A frame that nobody waits for. */
function single(frame: Bytes): Delivery {
  return { frames: 1, bytes: frame, batch: undefined };
}

/** What stands before the listings of a page: own number, last or not, how many follow. */
const PAGE_HEAD_BYTES = 11;
/** The most that the listings of one page take, in bytes. */
const BLOCK_BYTES = BOUND.control - PAGE_HEAD_BYTES;
/** What the first page has room for at first, in bytes: in a small room, who leaves has it made anew each time. */
const FIRST_BYTES = 4 << 10;

/** The listings of one page. What has been sent of it is never written again: it only grows. */
interface Block {
  buffer: Bytes;
  length: number;
  count: number;
}

/** Listings in the order of joining, as pages. */
export class RosterPages {
  readonly #blocks: Block[] = [];

  /** Starts with those who are there. */
  constructor(listings: Iterable<Listing> = []) {
    for (const listing of listings) this.add(listing);
  }

  /** Adds the newest. */
  add(listing: Listing): void {
    const bytes = encodeListing(listing);
    const block = this.#blockFor(bytes.length);
    block.buffer.set(bytes, block.length);
    block.length += bytes.length;
    block.count += 1;
  }

  #blockFor(size: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.length + size <= BLOCK_BYTES) {
      makeRoom(last, size);
      return last;
    }
    const room = last === undefined ? FIRST_BYTES : BLOCK_BYTES;
    const block = { buffer: new Uint8Array(Math.max(room, size)), length: 0, count: 0 };
    this.#blocks.push(block);
    return block;
  }

  /**
   * The `roster` frames for a newcomer.
   *
   * @param number The membership number that its joining makes.
   * @returns The bytes to send, in pieces that are not changed afterwards; a frame may take two of them.
   */
  pages(number: number): Bytes[] {
    if (this.#blocks.length === 0) return [pageHead(number, true, 0, 0)];
    return this.#blocks.flatMap(({ buffer, length, count }, i) => {
      const last = i === this.#blocks.length - 1;
      return [pageHead(number, last, count, length), buffer.subarray(0, length)];
    });
  }
}

/** Has a block take so many bytes more. Its old buffer stays as it is: it may have been sent. */
function makeRoom(block: Block, size: number): void {
  const { buffer, length } = block;
  if (length + size <= buffer.length) return;
  block.buffer = new Uint8Array(Math.min(BLOCK_BYTES, Math.max(2 * buffer.length, length + size)));
  block.buffer.set(buffer.subarray(0, length));
}

function pageHead(number: number, last: boolean, count: number, length: number): Bytes {
  return new ByteWriter(FRAME_HEADER_BYTES + PAGE_HEAD_BYTES)
    .u32(1 + PAGE_HEAD_BYTES + length).u8(KIND.roster)
    .u64(number).u8(last ? 1 : 0).u16(count).finish();
}

/** A run of sealed frames in the buffer that they came in. */
export class SealedRun {
  readonly address: SealedAddress;
  readonly #buffer: ArrayBuffer;
  readonly #from: number;
  #to: number;
  #frames = 1;

  /** Starts with one frame. */
  constructor(address: SealedAddress, bytes: Bytes) {
    this.address = address;
    this.#buffer = bytes.buffer;
    this.#from = bytes.byteOffset;
    this.#to = bytes.byteOffset + bytes.length;
  }

  /** How many frames there are. */
  get frames(): number {
    return this.#frames;
  }

  /**
   * Adds a frame where it lies behind the last and goes the same way.
   *
   * @returns Whether it does.
   */
  add({ audience, newest }: SealedAddress, bytes: Bytes): boolean {
    const follows = this.#buffer === bytes.buffer && this.#to === bytes.byteOffset &&
      this.address.audience === audience && this.address.newest === newest;
    if (!follows) return false;
    this.#to += bytes.length;
    this.#frames += 1;
    return true;
  }

  /** One copy of all of them: the buffer that they lie in is read into again. */
  copy(): Bytes {
    return new Uint8Array(this.#buffer.slice(this.#from, this.#to));
  }
}
