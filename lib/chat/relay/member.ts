/**
 * A member's stay, as the relay keeps it: its connection, its outbox and its pace; and the roster that it is sent when
 * it joins.
 *
 * @module
 */

import { type Bytes, ByteWriter, type Random } from "../../base/bytes.ts";
import { Account } from "../../base/clock.ts";
import { type Credential, type CredentialCheck, readRenewal } from "../identity/credential.ts";
import { isTooLong } from "../identity/signing.ts";
import type { Link } from "../link.ts";
import { encodeCount, encodeListing, type Listing, PAGE_BYTES } from "../wire/control.ts";
import { FRAME_HEADER_BYTES } from "../wire/frame.ts";
import { BOUND, KIND, type Reason } from "../wire/kinds.ts";
import type { EntryRules } from "./admission_control.ts";
import type { Outbox } from "./cursor.ts";
import type { EntryKind, Speaker } from "./fan_out.ts";
import type {
  After,
  CountedFrame,
  Later,
  Limits,
  Origin,
  RelayCredential,
  RelayEvent,
  Tally,
} from "./options.ts";
import type { RoomMember } from "./room.ts";

/** The least time that a renewal must add, in milliseconds: each renewal costs the relay its encoded roster. */
const RENEWAL_STEP_MS = 60 * 60 * 1000;

const NO_STATEMENT: Bytes = new Uint8Array(0);

/** The relay, as its connections and rooms use it. */
export interface RelayContext {
  readonly graceMs: number;
  readonly limits: Limits;
  readonly tally: Tally;
  readonly isClosing: boolean;
  readonly later: Later;
  readonly after: After | undefined;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly random: Random;
  readonly check: CredentialCheck;
  readonly rules: EntryRules;
  readonly failed: (error: unknown) => void;
  tell(event: RelayEvent): void;
  ask(connection: StayConnection): Reason | undefined;
  checked(connection: StayConnection): void;
  admit(credential: Credential, from: Origin | undefined): Reason | undefined;
  roomToJoin(name: string): StayRoom;
  stayIn(name: string, id: Bytes, key: string): Stay | undefined;
  forget(connection: StayConnection): void;
  broken(connection: StayConnection): void;
  endBroken(): void;
}

/** Somebody whose join has been checked, as far as that depends on nobody else. */
export interface Newcomer {
  readonly credential: Credential;
  /** The renewal of its credential, or empty. */
  readonly renewal: Bytes;
  /** The public key of the invitation by which it comes; undefined without one whose proof holds. */
  readonly invitation: Bytes | undefined;
}

/** A room, as connections use it. */
export interface StayRoom {
  join(connection: StayConnection, newcomer: Newcomer): void;
  resume(stay: Stay, connection: StayConnection, received: number): boolean;
  take(stay: Stay, frame: CountedFrame): void;
  takeReceipts(stay: Stay, kind: EntryKind, payload: Bytes): number;
  renew(stay: Stay, renewal: Bytes): void;
  acknowledge(stay: Stay, count: number): boolean;
  answered(): void;
  disconnected(stay: Stay, connection: StayConnection, reason: Reason): void;
  flush(stay?: Stay): void;
}

/** A connection, as rooms use it. */
export interface StayConnection {
  readonly link: Link;
  readonly from: Origin | undefined;
  readonly pace: Pace;
  /** Whether the member has its roster, so that counted frames and receipts may be sent. */
  isReady: boolean;
  /** Whether it has ended. */
  readonly isOver: boolean;
  /** Whether a ping waits for an answer: nothing has come since. */
  readonly isPinged: boolean;
  /** When it was last heard, by the monotonic clock; later than now while it is not read. */
  readonly heardAt: number;
  /** Sends a ping, unless one waits for an answer. */
  ping(): void;
  entered(stay: Stay): void;
  charge(bytes: number): void;
  allowUnread(): void;
  giveUp(): void;
  end(reason: Reason, detail?: string): void;
  endBy(error: unknown): void;
}

/** The roster that a newcomer is sent. */
export interface Roster {
  /** The context of the version before its joining; it may still be computed. */
  readonly context: Promise<Bytes>;
  /** Encodes the pages. */
  readonly pages: (context: Bytes) => readonly Bytes[];
}

/** A member of a room, from its join to its leaving, over all of its connections. */
export class Stay implements Speaker {
  readonly room: StayRoom;
  readonly member: RoomMember;
  readonly credential: RelayCredential;
  readonly outbox: Outbox;
  readonly pace: Pace;
  /** What it was sent as the roster, until it has sent or acknowledged anything. */
  roster: Roster | undefined;
  /** Undefined while the member has none. */
  connection: StayConnection | undefined;
  /** Since when it has no connection, by the monotonic clock. */
  lostSince: number | undefined;
  /** When it last acknowledged or sent anything, or nothing waited for it. */
  heardAt: number;
  /** The payload of its `leave`. */
  statement: Bytes = NO_STATEMENT;
  #accepted = 0;

  /** Starts with a connection. */
  constructor(
    room: StayRoom,
    member: RoomMember,
    { session: _, ...credential }: Credential,
    outbox: Outbox,
    connection: StayConnection,
    now: number,
  ) {
    this.room = room;
    this.member = member;
    this.credential = credential;
    this.outbox = outbox;
    this.connection = connection;
    this.pace = connection.pace;
    this.heardAt = now;
  }

  get number(): number {
    return this.member.number;
  }

  /** The link of the connection. Only for a member that has one. */
  get link(): Link {
    return this.connection!.link;
  }

  /** Takes another connection. The relay has told the member what it accepted. */
  resume(connection: StayConnection): void {
    this.connection = connection;
    this.#accepted = this.member.received;
  }

  /** Whether frames of the member have a place in the log that it has not been told of. */
  get owesAccepted(): boolean {
    return this.member.received > this.#accepted && this.connection !== undefined;
  }

  /** Returns the frame that tells the member how many of its frames have a place in the log; undefined if it knows. */
  takeAccepted(): Bytes | undefined {
    if (!this.owesAccepted) return undefined;
    this.#accepted = this.member.received;
    return encodeCount(KIND.accepted, this.#accepted);
  }

  /**
   * Returns whether a renewal is to be listed: it adds an hour or more, or replaces one that ends too late, and does
   * not itself end too late.
   *
   * @param now The time in milliseconds since 1970.
   * @throws {MalformedError} If it is no renewal.
   */
  isNewRenewal(renewal: Bytes, now: number): boolean {
    const { expiresAt } = readRenewal(renewal);
    const { renewal: listed } = this.member.listing;
    const last = listed.length > 0 ? readRenewal(listed).expiresAt : this.credential.expiresAt;
    return !isTooLong(expiresAt, now) &&
      (expiresAt >= last + RENEWAL_STEP_MS || isTooLong(last, now));
  }
}

/** After so long without an answer, a connection that was pinged is taken to be dead, in milliseconds. */
export const PROBE_MS = 4_000;

/** A newcomer that waits, and the connections of earlier runs of the same person that have its name. */
interface Probe {
  readonly newcomer: StayConnection;
  readonly since: number;
  readonly held: readonly { readonly stay: Stay; readonly connection: StayConnection }[];
  readonly join: () => void;
}

/**
 * Finds out whether the earlier runs of a newcomer's identity are still there, where their connections are open: a
 * connection whose other end is gone looks like one over which nothing is said.
 */
export class Probes {
  readonly #lose: (stay: Stay) => void;
  #probes: Probe[] = [];

  /** @param lose Takes a member to be away whose connection does not answer. */
  constructor(lose: (stay: Stay) => void) {
    this.#lose = lose;
  }

  /**
   * Pings earlier runs, and lets the newcomer join once it is clear whether they answer.
   *
   * @param newcomer The newcomer's connection.
   * @param stays The earlier runs. Each has a connection.
   * @param join Appends the join.
   */
  start(newcomer: StayConnection, stays: readonly Stay[], now: number, join: () => void): void {
    const held = stays.map((stay) => ({ stay, connection: stay.connection! }));
    for (const { connection } of held) connection.ping();
    this.#probes.push({ newcomer, since: now, held, join });
    // Through memory the answer has come already.
    this.tick(now);
  }

  /** Lets newcomers join whose earlier runs have answered, or have not answered in time. */
  tick(now: number): void {
    const probes = this.#probes;
    this.#probes = [];
    for (const probe of probes) {
      if (!probe.newcomer.isOver && !this.#decide(probe, now)) this.#probes.push(probe);
    }
  }

  /** Lets a newcomer join, unless it is to wait. Returns whether it need not wait any longer. */
  #decide({ newcomer, since, held, join }: Probe, now: number): boolean {
    const silent = held.filter(({ stay, connection }) =>
      stay.connection === connection && connection.isPinged
    );
    const isOverdue = silent.every(({ connection: { heardAt } }) =>
      now - Math.max(since, heardAt) >= PROBE_MS
    );
    if (silent.length === held.length && !isOverdue) return false;
    try {
      if (isOverdue) { for (const { stay } of silent) this.#lose(stay); }
      join();
    } catch (error) {
      newcomer.endBy(error);
    }
    return true;
  }
}

/** The size of the first page's buffer in bytes: a small room builds its pages again at each leaving. */
const FIRST_BYTES = 4 << 10;
/** The bytes of a page before its listings: room, version, context, last, count. */
const PAGE_HEAD_BYTES = BOUND.control - PAGE_BYTES;

/** The listings of one page. Bytes that are written stay as they are. */
interface Block {
  buffer: Bytes;
  length: number;
  count: number;
}

/** The listings of a room as pages, whose bytes all newcomers share. */
export class RosterPages {
  readonly #blocks: Block[] = [];

  /** Starts with the members of a room. */
  constructor(listings: Iterable<Listing> = []) {
    for (const listing of listings) this.add(listing);
  }

  /** Adds the newest member. */
  add(listing: Listing): void {
    const bytes = encodeListing(listing);
    const block = this.#blockFor(bytes.length);
    block.buffer.set(bytes, block.length);
    block.length += bytes.length;
    block.count += 1;
  }

  #blockFor(size: number): Block {
    const last = this.#blocks.at(-1);
    if (last !== undefined && last.length + size <= PAGE_BYTES) {
      if (last.length + size > last.buffer.length) {
        // The old buffer stays as it is: it may have been sent.
        const room = Math.min(PAGE_BYTES, Math.max(2 * last.buffer.length, last.length + size));
        const { buffer } = last;
        last.buffer = new Uint8Array(room);
        last.buffer.set(buffer.subarray(0, last.length));
      }
      return last;
    }
    const room = Math.max(size, last === undefined ? FIRST_BYTES : PAGE_BYTES);
    const block = { buffer: new Uint8Array(room), length: 0, count: 0 };
    this.#blocks.push(block);
    return block;
  }

  /**
   * Returns what encodes the roster as it is now, once the context of its version is known.
   *
   * @param room The room's id.
   * @param version The version of the room.
   * @returns Makes the bytes to send, in pieces that are never changed. A frame may take two of them.
   */
  snapshot(room: Bytes, version: number): (context: Bytes) => Bytes[] {
    const blocks = this.#blocks.map((block) => ({ ...block }));
    return (context) => {
      const head = (last: boolean, count: number, length: number) =>
        new ByteWriter(FRAME_HEADER_BYTES + PAGE_HEAD_BYTES)
          .u32(1 + PAGE_HEAD_BYTES + length).u8(KIND.roster)
          .raw(room).u32(version).raw(context).u8(last ? 1 : 0).u16(count).finish();
      if (blocks.length === 0) return [head(true, 0, 0)];
      return blocks.flatMap(({ buffer, length, count }, i) => [
        head(i === blocks.length - 1, count, length),
        buffer.subarray(0, length),
      ]);
    };
  }
}

/** A burst of this many seconds' worth of frames is allowed: the keys for a room of a thousand. */
const BURST_SECONDS = 2;
/** A burst of this many seconds' worth of bytes is allowed. */
const BYTES_BURST_SECONDS = 0.25;
/** The cost of a resume, in frames: the relay verifies a signature and sends again what was under way. */
const RESUME_FRAMES = 100;

/** What a member has sent. */
export interface Spent {
  readonly frames: number;
  readonly bytes: number;
  /** Bytes that the relay forwards for it; look-ups count as some. */
  readonly fanout: number;
}

/** Limits how fast one member sends, over all of its connections. */
export class Pace {
  readonly #account: Account<"frames" | "bytes" | "fanout">;
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
    }, now);
  }

  /**
   * Charges what a member has sent.
   *
   * @returns For how many milliseconds nothing more is to be read from it.
   */
  spend({ frames, bytes, fanout }: Spent, now: number): number {
    const pause = Math.max(
      this.#account.charge("frames", frames, now),
      this.#account.charge("bytes", bytes, now),
      this.#account.charge("fanout", fanout, now),
    );
    this.#pausedUntil = now + pause;
    return pause;
  }

  /**
   * Charges a resume.
   *
   * @returns False while the member is not read: another connection must not get around that.
   */
  resume(now: number): boolean {
    if (now < this.#pausedUntil) return false;
    this.#account.charge("frames", RESUME_FRAMES, now);
    return true;
  }
}
