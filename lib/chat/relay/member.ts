/**
 * What a relay's connections and rooms share: the relay as they use it, and a member's stay with its connection and
 * outbox; and the roster that a member is sent when it joins.
 *
 * @module
 */

import { type Bytes, ByteWriter, type Random, secureRandom } from "../../base/bytes.ts";
import { steadyNow } from "../../base/clock.ts";
import {
  checkCredential,
  type Credential,
  type CredentialCheck,
  readRenewal,
} from "../identity/credential.ts";
import { isTooLong, RENEWAL_RESERVE_MS } from "../identity/signing.ts";
import type { Link } from "../link.ts";
import {
  encodeCount,
  encodeListing,
  type Listing,
  PAGE_BYTES,
  ROSTER_PAGE,
} from "../wire/control.ts";
import { FRAME_HEADER_BYTES } from "../wire/frame.ts";
import { KIND, type Reason } from "../wire/kinds.ts";
import { EntryRules, type Pace } from "./admission_control.ts";
import type { Outbox } from "./cursor.ts";
import {
  type After,
  type CountedFrame,
  DEFAULT_GRACE_MS,
  DEFAULT_LIMITS,
  type Later,
  type Limits,
  type Origin,
  type RelayCredential,
  type RelayEvent,
  type RelayOptions,
  Tally,
} from "./options.ts";
import type { RoomMember } from "./room.ts";

/** The least time that a renewal must add, in milliseconds: each renewal costs the relay its encoded roster. */
const RENEWAL_STEP_MS = 60 * 60 * 1000;

const NO_STATEMENT: Bytes = new Uint8Array(0);

/** A timer of 0 ms takes 2 ms, as long as hundreds of writes. Browsers have nothing else. */
const laterByDefault: Later = (call) =>
  void (typeof setImmediate === "function" ? setImmediate(call) : setTimeout(call, 0));

/**
 * The relay, as its connections and rooms use it: what it was opened with, its counters, and the boundary around what
 * comes from outside. Data from outside may cause an exception, also in the runtime. The boundary counts and reports it.
 */
export abstract class RelayContext {
  /** What was counted so far. */
  readonly tally: Tally = new Tally();
  readonly limits: Limits;
  /** How long a member that lost its connection is kept, and an empty room, in milliseconds. */
  readonly graceMs: number;
  readonly random: Random;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly check: CredentialCheck;
  /** Decides which members the relay admits. */
  readonly rules: EntryRules;
  /** Calls a function in a later turn of the event loop; what it throws is contained. */
  readonly later: Later;
  /** Calls a function after some time; what it throws is contained. */
  readonly after: After | undefined;
  /** Whether the relay is stopping. */
  isClosing = false;
  readonly #options: RelayOptions;

  /** Takes the options of a relay. */
  constructor(options: RelayOptions) {
    const { later = laterByDefault, after } = options;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    // A member that is away cannot renew its credential, which must not expire meanwhile.
    this.graceMs = Math.min(options.graceMs ?? DEFAULT_GRACE_MS, RENEWAL_RESERVE_MS);
    this.random = options.random ?? secureRandom;
    this.now = options.now ?? Date.now;
    this.monotonic = options.monotonic ?? options.now ?? steadyNow;
    this.check = options.check ?? checkCredential;
    this.rules = new EntryRules(options);
    this.later = (call) => later(() => this.contain(call));
    this.after = after && ((ms, call) => after(ms, () => this.contain(call)));
    this.#options = options;
  }

  /** Counts an exception and reports it. Never throws. */
  readonly failed = (error: unknown): void => {
    this.tally.failures += 1;
    try {
      this.#options.fail?.(error);
    } catch {
      // The exception is counted. The listener that would receive this one is the one that failed.
    }
  };

  /** Calls a function, and counts and reports what it throws. */
  contain(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.failed(error);
    }
  }

  /** Reports an event. */
  tell(event: RelayEvent): void {
    this.contain(() => this.#options.event?.(event));
  }

  /**
   * Takes a connection's wish to join. The join is checked when its turn comes.
   *
   * @throws {EndError} If it cannot join.
   */
  abstract ask(connection: StayConnection): void;
  /** Notes that a join has been checked, or need not be. */
  abstract checked(connection: StayConnection): void;
  /**
   * Returns the room that a newcomer joins, and opens it if there is none. The newcomer's identity is charged for it.
   *
   * @param from Where its connection comes from; undefined if it is of this process.
   * @throws {EndError} If it may not join so soon, or there is no place for another room.
   */
  abstract roomToJoin(name: string, who: Credential, from: Origin | undefined): StayRoom;
  /** Returns the stay of a member in a room with this name and id. */
  abstract stayIn(name: string, id: Bytes, key: string): Stay | undefined;
  /** Forgets a connection that has ended. */
  abstract forget(connection: StayConnection): void;
}

/** Somebody whose join has been checked, as far as that depends on nobody else. */
export interface Newcomer {
  readonly credential: Credential;
  /** The renewal of its credential, or empty. */
  readonly renewal: Bytes;
  /** The public key of the invitation by which it comes; undefined without one whose proof holds. */
  readonly invitation: Bytes | undefined;
}

/** The kinds of frame that have entries. */
export type EntryKind = typeof KIND.receipt | typeof KIND.ask;

/** A room, as connections use it. */
export interface StayRoom {
  join(connection: StayConnection, newcomer: Newcomer): void;
  resume(stay: Stay, connection: StayConnection, received: number): void;
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
  /** Whether it has ended. */
  readonly isOver: boolean;
  /** Whether a ping waits for an answer: nothing has come since. */
  readonly isPinged: boolean;
  /** When it was last heard, by the monotonic clock; later than now while it is not read. */
  readonly heardAt: number;
  /** Bytes that are sent and not written yet. */
  readonly waiting: number;
  /** Sends bytes. Never throws. */
  send(bytes: Bytes): void;
  /** Sends the roster, which is not counted among the bytes that may wait. */
  sendRoster(pages: readonly Bytes[]): void;
  /** Sends a ping, unless one waits for an answer. */
  ping(): void;
  /** Notes that the connection is a member's. */
  entered(stay: Stay): void;
  /** Charges the member for bytes that the relay sends on for it. */
  charge(bytes: number): void;
  /** Counts and reports what the link threw. The connection ends in a later turn: others are written to first. */
  broken(error: unknown): void;
  end(reason: Reason, detail?: string): void;
  endBy(error: unknown): void;
}

/** A member of a room, from its join to its leaving, over all of its connections. */
export class Stay {
  readonly credential: RelayCredential;
  readonly pace: Pace;
  /** The roster that it was sent, until it has sent or acknowledged anything. Rejected if its context is not known. */
  roster: Promise<readonly Bytes[]> | undefined;
  /**
   * When it last acknowledged or sent anything, nothing waited for it, or it lost its connection, by the monotonic
   * clock.
   */
  heardAt: number;
  /** The payload of its `leave`. */
  statement: Bytes = NO_STATEMENT;
  #accepted = 0;

  /** Starts with a connection. It has none after it has lost that one. */
  constructor(
    readonly room: StayRoom,
    readonly member: RoomMember,
    { session: _, ...credential }: Credential,
    readonly outbox: Outbox,
    public connection: StayConnection | undefined,
    now: number,
  ) {
    this.credential = credential;
    this.pace = connection!.pace;
    this.heardAt = now;
  }

  get number(): number {
    return this.member.number;
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

/** A newcomer that waits, and the earlier runs of the same person that have its name. */
interface Probe {
  readonly newcomer: StayConnection;
  readonly since: number;
  readonly earlier: readonly Stay[];
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

  /** Pings earlier runs, each of which has a connection. The newcomer joins once it is clear whether they answer. */
  start(probe: Probe): void {
    for (const { connection } of probe.earlier) connection!.ping();
    this.#probes.push(probe);
    // Through memory the answer has come already.
    this.tick(probe.since);
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
  #decide({ newcomer, since, earlier, join }: Probe, now: number): boolean {
    // A run that has come back over another connection is there: that one was not pinged.
    const silent = earlier.filter(({ connection }) => connection?.isPinged);
    const isOverdue = silent.every(({ connection }) =>
      now - Math.max(since, connection!.heardAt) >= PROBE_MS
    );
    if (silent.length === earlier.length && !isOverdue) return false;
    try {
      if (isOverdue) silent.forEach(this.#lose);
      join();
    } catch (error) {
      newcomer.endBy(error);
    }
    return true;
  }
}

/** The size of the first page's buffer in bytes: a small room builds its pages again at each leaving. */
const FIRST_BYTES = 4 << 10;

/** The listings of a room as pages, whose bytes all newcomers share. */
export class RosterPages {
  /** The listings of each page, one after the other. A writer never changes what it has written. */
  readonly #pages: { readonly listings: ByteWriter; count: number }[] = [];

  /** Starts with the members of a room. */
  constructor(listings: Iterable<Listing> = []) {
    for (const listing of listings) this.add(listing);
  }

  /** Adds the newest member. */
  add(listing: Listing): void {
    const bytes = encodeListing(listing);
    let page = this.#pages.at(-1);
    if (page === undefined || page.listings.length + bytes.length > PAGE_BYTES) {
      const listings = new ByteWriter(page === undefined ? FIRST_BYTES : PAGE_BYTES);
      page = { listings, count: 0 };
      this.#pages.push(page);
    }
    page.listings.raw(bytes);
    page.count += 1;
  }

  /**
   * Returns what encodes the roster as it is now, once the context of its version is known.
   *
   * @param room The room's id.
   * @param version The version of the room.
   * @returns Makes the bytes to send, in pieces that are never changed. A frame may take two of them.
   */
  snapshot(room: Bytes, version: number): (context: Bytes) => Bytes[] {
    const pages = this.#pages.map(({ listings, count }) => ({ bytes: listings.finish(), count }));
    if (pages.length === 0) pages.push({ bytes: new Uint8Array(0), count: 0 });
    return (context) =>
      pages.flatMap(({ bytes, count }, i) => {
        const last = i === pages.length - 1 ? 1 : 0;
        const writer = new ByteWriter(FRAME_HEADER_BYTES + ROSTER_PAGE.length)
          .u32(1 + ROSTER_PAGE.length + bytes.length).u8(KIND.roster);
        const head = ROSTER_PAGE.write(writer, { room, version, context, last, count }).finish();
        return bytes.length > 0 ? [head, bytes] : [head];
      });
  }
}
