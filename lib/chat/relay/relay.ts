/**
 * The relay: it keeps connections, admission control and rooms. A state machine without I/O.
 *
 * It is blind: it reads headers to know where frames go, and holds no key. The caller opens connections
 * ({@linkcode Relay.connect}) and calls {@linkcode Relay.tick} every second.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Credential } from "../identity/credential.ts";
import type { Link } from "../link.ts";
import { compareBytes } from "../wire/history.ts";
import { MAX_ROSTER } from "../wire/kinds.ts";
import { Door, sourceOf } from "./admission_control.ts";
import { RelayConnection } from "./connection.ts";
import { EndError } from "./handshake.ts";
import { HostedRoom } from "./hosted_room.ts";
import { RelayContext, type Stay } from "./member.ts";
import {
  DEFAULT_MAX_MEMBERS,
  DEFAULT_MAX_ROOMS,
  type Origin,
  type RelayOptions,
  type RelayState,
} from "./options.ts";

/** A relay. */
export class Relay extends RelayContext {
  readonly #maxMembers: number;
  readonly #maxRooms: number;
  readonly #connections = new Set<RelayConnection>();
  readonly #door: Door<RelayConnection>;
  readonly #rooms = new Map<string, HostedRoom>();
  /** The room that exists from the start. */
  #kept: HostedRoom;

  /** Opens a relay with one empty room. */
  constructor(options: RelayOptions = {}) {
    super(options);
    this.#maxMembers = Math.min(options.maxMembers ?? DEFAULT_MAX_MEMBERS, MAX_ROSTER);
    this.#maxRooms = options.maxRooms ?? DEFAULT_MAX_ROOMS;
    this.#door = new Door(this.limits, this.monotonic());
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
    if (this.isClosing) connection.end("SHUTDOWN");
    else if (from !== undefined) {
      const source = sourceOf(from.hostname);
      const obstacle = this.#door.arrive(connection, source, this.monotonic());
      if (obstacle !== undefined) connection.end(obstacle);
      this.#door.surplus()?.end("TOO_MANY_PENDING");
    }
    return connection;
  }

  /** Checks deadlines. Call it every second. */
  tick(): void {
    this.contain(() => {
      const now = this.monotonic();
      for (const connection of this.#connections) connection.tick(now);
    });
    for (const room of this.#rooms.values()) this.contain(() => this.#tickRoom(room));
    this.contain(() => this.#checkNext());
  }

  #tickRoom(room: HostedRoom): void {
    const now = this.monotonic();
    room.tick(now);
    room.flush();
    if (room.isWornOut) room.close("SHUTDOWN");
    const { emptySince, isWornOut } = room;
    if (emptySince === undefined || !isWornOut && now - emptySince < this.graceMs) return;
    if (room !== this.#kept) this.#rooms.delete(room.name);
    else if (isWornOut) this.#kept = this.#open(room.name);
  }

  /** Ends every connection and takes no more. */
  close(): void {
    this.isClosing = true;
    for (const connection of this.#connections) connection.end("SHUTDOWN");
  }

  /** Ends the members that the rules no longer admit. */
  removeDisallowed(): void {
    for (const room of this.#rooms.values()) {
      for (const stay of room.stays()) {
        this.contain(() => {
          if (!this.rules.mayStay(stay.credential.fingerprint)) room.expel(stay, "REMOVED");
        });
      }
      this.contain(() => room.flush());
    }
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
    this.contain(() => {
      if (bans) room.ban(stay.credential.fingerprint);
      else room.expel(stay, "REMOVED");
      room.flush();
    });
    return true;
  }

  // For connections.

  override ask(connection: RelayConnection): void {
    const obstacle = this.#door.ask(connection, this.monotonic());
    if (obstacle !== undefined) throw new EndError(obstacle);
    this.#checkNext();
  }

  override checked(connection: RelayConnection): void {
    this.#door.settled(connection);
    this.#checkNext();
  }

  #checkNext(): void {
    const now = this.monotonic();
    for (let next = this.#door.next(now); next !== undefined; next = this.#door.next(now)) {
      next.check();
    }
  }

  /**
   * No room takes the places of others: each has a bound of members, and what all share, which are connections, rooms
   * and joins under way, is shared out by address. An empty room that is still in its grace gives way to a new one.
   */
  override roomToJoin(name: string, who: Credential, from: Origin | undefined): HostedRoom {
    const obstacle = from && this.#door.admit(who.fingerprint, this.monotonic());
    if (obstacle !== undefined) throw new EndError(obstacle, who.name);
    const known = this.#rooms.get(name);
    if (known !== undefined) return known;
    const source = from && sourceOf(from.hostname);
    const opener = source?.local ? undefined : source?.key;
    if (this.#rooms.size >= this.#maxRooms) {
      const room = this.#roomToGiveUp(opener);
      if (room === undefined) throw new EndError("TOO_MANY_ROOMS");
      room.close("LOST");
      this.#rooms.delete(room.name);
    }
    return this.#open(name, opener);
  }

  /**
   * Returns the room that gives way to another one: the one that has been empty for longest; or of the address that has
   * opened the most, the one whose members have all been away for longest, unless that address would then have fewer
   * than the other.
   */
  #roomToGiveUp(opener: string | undefined): HostedRoom | undefined {
    const opened = new Map<string, number>();
    for (const { opener: key } of this.#rooms.values()) {
      if (key !== undefined) opened.set(key, (opened.get(key) ?? 0) + 1);
    }
    const count = (key = "") => opened.get(key) ?? 0;
    const [first] = [...this.#rooms.values()]
      .filter((room) => room !== this.#kept)
      .map((room) => ({
        room,
        count: room.size === 0 ? Infinity : count(room.opener),
        since: room.awaySince,
      }))
      .filter((one) => one.since < Infinity && one.count - 1 > count(opener))
      .sort((a, b) => b.count - a.count || a.since - b.since);
    return first?.room;
  }

  #open(name: string, opener?: string): HostedRoom {
    const room = new HostedRoom(this, name, this.#maxMembers, opener);
    this.#rooms.set(name, room);
    return room;
  }

  override stayIn(name: string, id: Bytes, key: string): Stay | undefined {
    const room = this.#rooms.get(name);
    return room !== undefined && compareBytes(room.id, id) === 0 ? room.stay(key) : undefined;
  }

  override forget(connection: RelayConnection): void {
    this.#connections.delete(connection);
    this.#door.gone(connection);
  }
}
