/**
 * The relay: it keeps connections, admission control and rooms. A state machine without I/O.
 *
 * It is blind: it reads headers to know where frames go, and holds no key. The caller opens connections
 * ({@linkcode Relay.connect}) and calls {@linkcode Relay.tick} every second.
 *
 * @module
 */

import { type Bytes, type Random, secureRandom } from "../../base/bytes.ts";
import { steadyNow } from "../../base/clock.ts";
import { checkCredential, type Credential, type CredentialCheck } from "../identity/credential.ts";
import { RENEWAL_RESERVE_MS } from "../identity/signing.ts";
import type { Link } from "../link.ts";
import { compareBytes } from "../wire/history.ts";
import { MAX_ROSTER, type Reason } from "../wire/kinds.ts";
import { Door, EntryRules, sourceOf } from "./admission_control.ts";
import {
  type After,
  Boundary,
  DEFAULT_GRACE_MS,
  DEFAULT_LIMITS,
  DEFAULT_MAX_MEMBERS,
  DEFAULT_MAX_ROOMS,
  type Later,
  type Limits,
  type Origin,
  type RelayEvent,
  type RelayOptions,
  type RelayState,
  Tally,
} from "./options.ts";
import { RelayConnection } from "./connection.ts";
import { EndError } from "./handshake.ts";
import { HostedRoom } from "./hosted_room.ts";
import type { RelayContext, Stay } from "./member.ts";

/** A timer of 0 ms takes 2 ms, as long as hundreds of writes. Browsers have nothing else. */
const laterByDefault: Later = (call) =>
  void (typeof setImmediate === "function" ? setImmediate(call) : setTimeout(call, 0));

/** A relay. */
export class Relay implements RelayContext {
  /** How long a member that lost its connection is kept, and an empty room, in milliseconds. */
  readonly graceMs: number;
  readonly random: Random;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly limits: Limits;
  readonly check: CredentialCheck;
  /** Decides which members the relay admits. */
  readonly rules: EntryRules;
  /** What was counted so far. */
  readonly tally: Tally = new Tally();
  /** Counts and reports an unexpected exception. */
  readonly failed: (error: unknown) => void;
  /** Calls a function in a later turn of the event loop; what it throws is contained. */
  readonly later: Later;
  /** Calls a function after some time; what it throws is contained. */
  readonly after: After | undefined;
  readonly #boundary: Boundary;
  readonly #maxMembers: number;
  readonly #maxRooms: number;
  readonly #connections = new Set<RelayConnection>();
  /** Connections whose link has failed. */
  readonly #broken = new Set<RelayConnection>();
  readonly #door: Door<RelayConnection>;
  readonly #rooms = new Map<string, HostedRoom>();
  /** The room that exists from the start. */
  #kept: HostedRoom;
  #isClosing = false;

  /** Opens a relay with one empty room. */
  constructor(options: RelayOptions = {}) {
    this.#boundary = new Boundary(options, this.tally);
    this.failed = this.#boundary.failed;
    const later = options.later ?? laterByDefault;
    this.later = (call) => later(() => this.#boundary.run(call));
    const { after } = options;
    this.after = after && ((ms, call) =>
      after(ms, () => {
        this.#boundary.run(call);
        this.#boundary.run(() => this.endBroken());
      }));
    this.rules = new EntryRules(options);
    this.#maxMembers = Math.min(options.maxMembers ?? DEFAULT_MAX_MEMBERS, MAX_ROSTER);
    this.#maxRooms = options.maxRooms ?? DEFAULT_MAX_ROOMS;
    // A member that is away cannot renew its credential, which must not expire meanwhile.
    this.graceMs = Math.min(options.graceMs ?? DEFAULT_GRACE_MS, RENEWAL_RESERVE_MS);
    this.now = options.now ?? Date.now;
    this.monotonic = options.monotonic ?? options.now ?? steadyNow;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#door = new Door(this.limits, this.monotonic());
    this.random = options.random ?? secureRandom;
    this.check = options.check ?? checkCredential;
    this.#kept = this.#open(options.room ?? "");
  }

  /** The id of the room that exists from the start, 32 bytes. */
  get room(): Bytes {
    return this.#kept.id;
  }

  /** The number of members in all rooms. */
  get size(): number {
    return this.#rooms.values().reduce((sum, room) => sum + room.size, 0);
  }

  /** The number of connections, of members and others. */
  get connections(): number {
    return this.#connections.size;
  }

  /** The number of connections that have not joined yet. */
  get pending(): number {
    return this.#door.pending;
  }

  /** Whether the relay is stopping. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Whether every member that has a connection has acknowledged everything for it. */
  get isIdle(): boolean {
    return this.members().every(({ connection, outbox }) =>
      connection === undefined || outbox.isDone
    );
  }

  /** Returns the rooms. */
  rooms(): MapIterator<HostedRoom> {
    return this.#rooms.values();
  }

  /** Returns the members of all rooms. */
  members(): IteratorObject<Stay, undefined> {
    return this.#rooms.values().flatMap((room) => room.stays());
  }

  /** Returns the present state, and what was counted. */
  state(): RelayState {
    let queueBytes = 0;
    for (const { outbox } of this.members()) queueBytes += outbox.bytes;
    const { size: members, connections, pending, tally } = this;
    return { rooms: this.#rooms.size, members, connections, pending, queueBytes, tally };
  }

  /**
   * Takes a connection.
   *
   * @param link Its link. The caller passes what it receives to the returned object.
   * @param from Its other end. A connection without one is of this process, and no limit applies to it.
   */
  connect(link: Link, from?: Origin): RelayConnection {
    const connection = new RelayConnection(this, link, from);
    this.#connections.add(connection);
    this.tell({ kind: "connected", from });
    if (this.#isClosing) connection.end("SHUTDOWN");
    else if (from !== undefined) {
      const obstacle = this.#door.arrive(connection, sourceOf(from.hostname));
      if (obstacle !== undefined) connection.end(obstacle);
      this.#door.surplus()?.end("TOO_MANY_PENDING");
    }
    return connection;
  }

  /** Checks deadlines. Call it every second. */
  tick(): void {
    for (const connection of this.#connections) this.#tickConnection(connection);
    for (const room of this.#rooms.values()) this.#boundary.run(() => this.#tickRoom(room));
    this.#boundary.run(() => this.#checkNext());
    this.#boundary.run(() => this.endBroken());
  }

  #tickConnection(connection: RelayConnection): void {
    try {
      connection.tick(this.monotonic());
    } catch (error) {
      connection.endBy(error);
    }
  }

  #tickRoom(room: HostedRoom): void {
    const now = this.monotonic();
    room.tick(now);
    room.flush();
    if (room.isWornOut) { for (const stay of room.stays()) room.expel(stay, "SHUTDOWN"); }
    const { emptySince, isWornOut } = room;
    if (emptySince === undefined || !isWornOut && now - emptySince < this.graceMs) return;
    if (room !== this.#kept) this.#rooms.delete(room.name);
    else if (isWornOut) this.#kept = this.#open(room.name);
  }

  /** Ends every connection and takes no more. */
  close(): void {
    this.#isClosing = true;
    for (const connection of this.#connections) connection.end("SHUTDOWN");
  }

  /** Ends the members that the rules no longer admit. */
  removeDisallowed(): void {
    for (const room of this.#rooms.values()) {
      for (const stay of room.stays()) {
        this.#boundary.run(() => {
          if (!this.rules.mayStay(stay.credential.fingerprint)) room.expel(stay, "REMOVED");
        });
      }
      this.#boundary.run(() => room.flush());
    }
    this.endBroken();
  }

  /**
   * Ends a member of the room that exists from the start.
   *
   * @param key The member's hash as a map key.
   * @param bans Whether its identity may not join the room again.
   * @returns False if there is no such member.
   */
  remove(key: string, bans: boolean): boolean {
    const room = this.#kept;
    const stay = room.stay(key);
    if (stay === undefined) return false;
    this.#boundary.run(() => {
      if (bans) room.ban(stay.credential.fingerprint);
      else room.expel(stay, "REMOVED");
      room.flush();
    });
    this.endBroken();
    return true;
  }

  // For connections.

  /**
   * Takes a connection's wish to join. The join is checked when its turn comes.
   *
   * @returns Why it cannot join; undefined if it will be checked.
   */
  ask(connection: RelayConnection): Reason | undefined {
    const obstacle = this.#door.ask(connection, this.monotonic());
    if (obstacle === undefined) this.#checkNext();
    return obstacle;
  }

  /** Notes that a join has been checked, or need not be. */
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

  /** Charges an identity for a join. Returns why it may not join so soon. */
  admit({ fingerprint }: Credential, from: Origin | undefined): Reason | undefined {
    return from === undefined ? undefined : this.#door.admit(fingerprint, this.monotonic());
  }

  /**
   * Returns the room that a connection joins, and opens it if there is none.
   *
   * No room takes the places of others: each has a bound of members, and what all share, which are connections and
   * joins under way, is shared out by address. An empty room that is still in its grace gives way to a new one.
   *
   * @throws {EndError} If there is no place for another room.
   */
  roomToJoin(name: string): HostedRoom {
    const known = this.#rooms.get(name);
    if (known !== undefined) return known;
    if (this.#rooms.size >= this.#maxRooms) {
      const [oldest] = [...this.#rooms.values()].filter((room) =>
        room !== this.#kept && room.size === 0
      ).sort((a, b) => a.emptySince! - b.emptySince!);
      if (oldest === undefined) throw new EndError("TOO_MANY_ROOMS");
      this.#rooms.delete(oldest.name);
    }
    return this.#open(name);
  }

  #open(name: string): HostedRoom {
    const room = new HostedRoom(this, name, this.#maxMembers);
    this.#rooms.set(name, room);
    return room;
  }

  /** Returns the stay of a member in a room with this name and id. */
  stayIn(name: string, id: Bytes, key: string): Stay | undefined {
    const room = this.#rooms.get(name);
    return room !== undefined && compareBytes(room.id, id) === 0 ? room.stay(key) : undefined;
  }

  /** Reports an event. */
  tell(event: RelayEvent): void {
    this.#boundary.tell(event);
  }

  /** Forgets a connection that has ended. */
  forget(connection: RelayConnection): void {
    this.#connections.delete(connection);
    this.#broken.delete(connection);
    this.#door.gone(connection);
  }

  /** Notes that a connection's link has failed. It is ended after the others were sent what is being sent. */
  broken(connection: RelayConnection): void {
    if (this.#connections.has(connection)) this.#broken.add(connection);
  }

  /** Ends the connections whose link has failed. */
  endBroken(): void {
    while (this.#broken.size > 0) {
      for (const connection of this.#broken) connection.end("LOST", "its link has failed");
      for (const room of this.#rooms.values()) room.flush();
    }
  }
}
