/**
 * The relay: it admits members to its one room and forwards what they send. A state machine without I/O.
 *
 * It is blind. It reads headers to know where frames go, and holds no key to any of them. Whoever stands
 * around it opens connections ({@linkcode Relay.connect}) and calls {@linkcode Relay.tick} every second.
 *
 * @module
 */

import { type Bytes, mapKey, type Random, secureRandom } from "../../base/bytes.ts";
import { steadyNow } from "../../base/clock.ts";
import { checkCredential, type Credential } from "../identity/credential.ts";
import { Registry } from "../identity/registry.ts";
import { RENEWAL_RESERVE_MS } from "../identity/renewal.ts";
import type { Link } from "../link.ts";
import {
  encodeJoined,
  encodeLeft,
  encodePresence,
  type Evidence,
  type Listing,
} from "../wire/control.ts";
import { HASH_BYTES, KIND, MAX_ROSTER, type Reason } from "../wire/kinds.ts";
import { Door, EntryRules, type Source, sourceOf } from "./admission_control.ts";
import { Boundary } from "./boundary.ts";
import { RelayConnection } from "./connection.ts";
import { type Audience, FanOut, RosterPages } from "./fan_out.ts";
import {
  DEFAULT_GRACE_MS,
  DEFAULT_LIMITS,
  DEFAULT_MAX_MEMBERS,
  type Limits,
  LOOKUP_BYTES,
  type Origin,
  type RelayOptions,
} from "./options.ts";
import { type RelayState, Tally } from "./outbox.ts";
import { RoomMember } from "./room_member.ts";

/** A member is said to be away after so long without a connection, in milliseconds: most are back before. */
const AWAY_AFTER_MS = 2_000;
/** The endings of a connection that its member may come back from. */
const MAY_COME_BACK: ReadonlySet<Reason> = new Set(["LOST", "SILENT"]);

/** The relay of one room. */
export class Relay {
  /** The room's id: 32 random bytes. */
  readonly room: Bytes;
  /** How long a member whose connection is lost is kept, in milliseconds. */
  readonly graceMs: number;
  readonly random: Random;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly limits: Limits;
  readonly check: NonNullable<RelayOptions["check"]>;
  /** Who may come in, whoever is there. */
  readonly rules: EntryRules;
  /** What has been counted so far. */
  readonly tally: Tally = new Tally();
  /** Counts and reports an exception that no input explains. */
  readonly failed: (error: unknown) => void;
  readonly #boundary: Boundary;
  readonly #queue: { readonly frames: number; readonly bytes: number };
  readonly #maxMembers: number;
  readonly #members = new Registry<RoomMember>();
  readonly #fanOut: FanOut;
  readonly #connections = new Set<RelayConnection>();
  /** Connections whose link has failed. */
  readonly #broken = new Set<RelayConnection>();
  readonly #door: Door<RelayConnection>;
  /** The connections of those members that have one. */
  readonly #connected = new Map<RoomMember, RelayConnection>();
  readonly #away = new Set<RoomMember>();
  /** Members who have something to hear of what they sent. */
  readonly #news = new Set<RoomMember>();
  /** The roster as newcomers get it; made anew when one comes after somebody has left. */
  #pages: RosterPages | undefined;
  #membership = 0;
  #closing = false;

  /** Opens an empty room. */
  constructor(options: RelayOptions = {}) {
    this.#boundary = new Boundary(options, this.tally);
    this.failed = this.#boundary.failed;
    this.rules = new EntryRules(options);
    this.#maxMembers = Math.min(options.maxMembers ?? DEFAULT_MAX_MEMBERS, MAX_ROSTER);
    this.#queue = options.queue ?? { frames: 10_000, bytes: 4 << 20 };
    // Who is away cannot renew its credential: nobody runs out of it while away.
    this.graceMs = Math.min(options.graceMs ?? DEFAULT_GRACE_MS, RENEWAL_RESERVE_MS);
    this.now = options.now ?? Date.now;
    this.monotonic = options.monotonic ?? options.now ?? steadyNow;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#door = new Door(this.limits, this.monotonic());
    this.random = options.random ?? secureRandom;
    this.check = options.check ?? checkCredential;
    this.room = this.random(HASH_BYTES);
    this.#fanOut = new FanOut(this.#members, this.#queue, {
      now: this.monotonic,
      overflown: (member) => this.expel(member, "QUEUE_FULL"),
    });
  }

  /** How many members are in the room. */
  get size(): number {
    return this.#members.size;
  }

  /** How many connections there are, of members and others. */
  get connections(): number {
    return this.#connections.size;
  }

  /** How many of them have not joined yet. */
  get pending(): number {
    return this.#door.pending;
  }

  /** How many bytes may be on their way to one member. */
  get queueBytes(): number {
    return this.#queue.bytes;
  }

  /** How it is at the moment, and what it has counted. */
  state(): RelayState {
    let queueBytes = 0;
    for (const member of this.#members.values()) queueBytes += member.outbox.bytes;
    const { size: members, connections, pending, tally } = this;
    return { members, connections, pending, queueBytes, tally };
  }

  /** The members, in the order of joining. */
  members(): MapIterator<RoomMember> {
    return this.#members.values();
  }

  /**
   * Takes a connection.
   *
   * @param from Its other end; without one it is of this process, and no limit is for it.
   */
  connect(link: Link, from?: Origin): RelayConnection {
    const source: Source | undefined = from === undefined ? undefined : sourceOf(from.hostname);
    const connection = new RelayConnection(this, link, from);
    this.#connections.add(connection);
    this.#boundary.tell({ kind: "connected", from });
    if (this.#closing) connection.end("SHUTDOWN");
    else if (source !== undefined) {
      const obstacle = this.#door.arrive(connection, source);
      if (obstacle !== undefined) connection.end(obstacle);
      this.#door.surplus()?.end("TOO_MANY_PENDING");
    }
    return connection;
  }

  /**
   * A connection asks to join: it is checked when its turn comes.
   *
   * @returns Why it cannot join; undefined where it is going to be checked.
   */
  ask(connection: RelayConnection): Reason | undefined {
    const obstacle = this.#door.ask(connection, this.monotonic());
    if (obstacle === undefined) this.#checkNext();
    return obstacle;
  }

  /** A connection's join has been checked, or need not be. */
  checked(connection: RelayConnection): void {
    this.#door.settled(connection);
    this.#checkNext();
  }

  #checkNext(): void {
    const now = this.monotonic();
    for (let next = this.#door.next(now); next !== undefined; next = this.#door.next(now)) {
      next.check();
    }
  }

  /** Looks after what time brings: joins that take too long, members that are silent or away. */
  tick(): void {
    for (const connection of this.#connections) connection.tick();
    for (const member of this.#away) this.#boundary.run(() => this.#lookFor(member));
    this.#boundary.run(() => this.#checkNext());
    this.#boundary.run(() => this.flush());
  }

  #lookFor(member: RoomMember): void {
    const gone = this.monotonic() - member.awaySince!;
    if (gone >= this.graceMs) return this.remove(member, "LOST");
    if (member.awayTold || gone < AWAY_AFTER_MS) return;
    member.awayTold = true;
    this.#fanOut.toAll(encodePresence(KIND.away, member.credential.member));
    this.#boundary.tell({ kind: "away", credential: member.credential });
  }

  /** Whether everyone who has a connection has shown everything that was sent to it. */
  get isIdle(): boolean {
    return this.#connected.keys().every(({ outbox }) => outbox.acknowledged === outbox.sent);
  }

  /** Ends every connection, and takes no more. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#connections) connection.end("SHUTDOWN");
  }

  /** A connection has ended. */
  forget(connection: RelayConnection): void {
    this.#connections.delete(connection);
    this.#broken.delete(connection);
    this.#door.gone(connection);
  }

  /** Ends those members who may no longer be in. */
  removeDisallowed(): void {
    for (const member of [...this.#members.values()]) {
      this.#boundary.run(() => {
        if (!this.rules.allows(member.credential.fingerprint)) this.expel(member, "REMOVED");
      });
    }
    this.#boundary.run(() => this.flush());
  }

  /** Hears of a member that is too fast. */
  slowed(member: RoomMember, ms: number): void {
    this.#boundary.tell({ kind: "slowed", credential: member.credential, ms });
  }

  /** Hears of a connection that never was a member's. */
  refused(reason: Reason, detail: string, from: Origin | undefined): void {
    this.#boundary.tell({ kind: "refused", reason, detail, from });
  }

  /** A connection's link has failed: it is ended once what is being sent has been sent to the others. */
  broken(connection: RelayConnection): void {
    if (this.#connections.has(connection)) this.#broken.add(connection);
  }

  /** The member of a hash. */
  member(hash: Bytes): RoomMember | undefined {
    return this.#members.get(mapKey(hash));
  }

  /** Whether a member, by its hash as the key of a map, is in the room. */
  isThere(key: string): boolean {
    return this.#members.get(key) !== undefined;
  }

  /** Why an identity cannot come in again so soon; undefined where it can. */
  haste(identity: string): Reason | undefined {
    return this.#door.admit(identity, this.monotonic());
  }

  /** Whether nobody new can come in. */
  get isFull(): boolean {
    return this.#members.size >= this.#maxMembers;
  }

  /**
   * Lets a newcomer in: it hears who is there, and they hear of it. Who lost the connection that it joined
   * over does not know whether it is in, and joins again: it is sent what it was sent.
   *
   * @returns The member, or why it cannot come in.
   */
  admit(
    credential: Credential,
    evidence: Evidence,
    connection: RelayConnection,
  ): RoomMember | Reason {
    const before = this.#members.get(credential.key);
    if (before?.roster !== undefined) {
      for (const piece of before.roster) connection.link.send(piece);
      this.resume(before, 0, connection);
      return before;
    }
    for (const one of this.#predecessors(credential)) this.expel(one, "REPLACED");
    const conflict = this.#members.conflict(credential);
    if (conflict === "NAME_TAKEN" && this.#isAway(credential.name)) return "NAME_AWAY";
    if (conflict !== undefined) return conflict;
    return this.isFull ? "ROOM_FULL" : this.#comeIn(credential, evidence, connection);
  }

  /** Whether those who have a name, or one that looks like it, have no connection at the moment. */
  #isAway(name: string): boolean {
    return [...this.#members.nameHolders(name)].every((one) => one.awaySince !== undefined);
  }

  /** Who is there and makes way for a newcomer: itself, and those away whom it was in an earlier run. */
  #predecessors(credential: Credential): RoomMember[] {
    return [...this.#members.holders(credential)].filter((one) =>
      one.credential.key === credential.key ||
      one.awaySince !== undefined && one.credential.fingerprint === credential.fingerprint
    );
  }

  #comeIn(credential: Credential, evidence: Evidence, connection: RelayConnection): RoomMember {
    const { link } = connection;
    const number = ++this.#membership;
    const listing: Listing = { number, credential: credential.bytes, ...evidence };
    this.#pages ??= new RosterPages(this.#members.values().map((member) => member.listing));
    const pages = this.#pages.pages(number);
    for (const piece of pages) link.send(piece);
    this.#pages.add(listing);
    const news = (member: RoomMember) => this.#news.add(member);
    const member = new RoomMember(credential, listing, link, this.#queue, pages, news);
    this.#connected.set(member, connection);
    this.#members.add(member);
    this.#boundary.tell({ kind: "joined", credential, from: connection.from });
    // It is in before the others hear of it: should a queue overflow by that, it hears of the leaving.
    this.#fanOut.toOthers(member, encodeJoined(listing));
    for (const one of this.#away) {
      if (one.awayTold) {
        this.#fanOut.toOne(member, encodePresence(KIND.away, one.credential.member));
      }
    }
    return member;
  }

  /**
   * Goes on with a member over another connection. The one that it had is ended, where it has not been.
   *
   * @param received How many counted frames it has received.
   */
  resume(member: RoomMember, received: number, connection: RelayConnection): void {
    const before = this.#connected.get(member);
    this.#connected.set(member, connection);
    before?.giveUp();
    this.#away.delete(member);
    member.found(connection.link);
    for (const bytes of member.outbox.after(received)) connection.link.send(bytes);
    if (!member.awayTold) return;
    member.awayTold = false;
    this.#fanOut.toOthers(member, encodePresence(KIND.back, member.credential.member));
    this.#boundary.tell({ kind: "back", credential: member.credential });
  }

  /** A member's connection has ended: it is away for a while, or out of the room. */
  disconnected(member: RoomMember, connection: RelayConnection, reason: Reason): void {
    if (this.#connected.get(member) !== connection) return;
    this.#connected.delete(member);
    if (!MAY_COME_BACK.has(reason) || this.graceMs === 0 || this.#closing) {
      return this.remove(member, reason);
    }
    member.lost(this.monotonic());
    this.#away.add(member);
  }

  /** Ends a member's connection, where it has one, and its membership. */
  expel(member: RoomMember, reason: Reason): void {
    this.#connected.get(member)?.end(reason);
    // A connection that is only just becoming the member's has not told that it ended.
    this.#connected.delete(member);
    this.remove(member, reason);
  }

  /** Takes a member out of the room, and tells the others. */
  remove(member: RoomMember, reason: Reason): void {
    if (this.#members.get(member.credential.key) !== member) return;
    // What it has shown is told before its leaving, or those who said it would take it not to have.
    this.flush();
    this.#members.remove(member);
    this.#pages = undefined;
    this.#boundary.tell({ kind: "left", credential: member.credential, reason });
    // Who loses its relay has not left: it may meet the others at the next.
    if (this.#closing) return;
    this.#away.delete(member);
    member.outbox.clear();
    this.#news.delete(member);
    const number = ++this.#membership;
    this.#fanOut.toAll(encodeLeft({ number, member: member.credential.member, reason }));
  }

  /**
   * Forwards sealed frames to everyone whose joining is at most `newest`, or to a declared audience.
   *
   * @param sender Who sent them.
   * @param frames How many there are.
   * @param bytes All of them, one behind the other.
   * @param to Whom they are for.
   * @returns How many bytes that costs: those that are sent on, and some for each who is looked for in vain.
   */
  forward(
    sender: RoomMember,
    frames: number,
    bytes: Bytes,
    to: Audience,
  ): number {
    const { recipients, absent } = this.#fanOut.sealed(sender, frames, bytes, to);
    sender.received(frames);
    this.tally.messages += frames;
    this.tally.deliveries += frames * recipients;
    return recipients * bytes.length + absent * LOOKUP_BYTES;
  }

  /** Forwards a frame that is for one member, if that is still there. */
  forwardTo(sender: RoomMember, recipient: Bytes, bytes: Bytes): void {
    const member = this.#members.get(mapKey(recipient));
    if (member !== undefined && member !== sender) this.#fanOut.toOne(member, bytes, sender);
    sender.received(1);
  }

  /**
   * A member's credential goes on to hold: those who come from now on are told. Whether it does, they check
   * themselves; a member that is taken for expired because it sends nonsense has itself to blame.
   */
  renew(member: RoomMember, renewal: Bytes): void {
    if (member.renew(renewal, this.now())) this.#pages = undefined;
  }

  /** Tells members how far what they sent has come, and ends connections whose link has failed. */
  flush(): void {
    do {
      for (const member of this.#news) member.report();
      this.#news.clear();
      for (const connection of this.#broken) connection.end("LOST", "its link has failed");
    } while (this.#news.size > 0);
  }
}
