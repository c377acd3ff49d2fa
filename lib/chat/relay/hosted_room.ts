/**
 * A room on one relay. It appends an entry to the room's log for each event of a connection or the clock, and carries
 * out what the fold returns.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { nameLooks } from "../identity/name.ts";
import { readEntries } from "../wire/envelope.ts";
import { firstContext, RosterHistory } from "../wire/history.ts";
import { HASH_BYTES, type Reason } from "../wire/kinds.ts";
import { Feed, Outbox } from "./cursor.ts";
import { Acceptances, FanOut, Receipts } from "./fan_out.ts";
import { type CountedFrame, type Entry, type JoinEntry, Log } from "./options.ts";
import {
  type EntryKind,
  type Newcomer,
  Probes,
  type RelayContext,
  RosterPages,
  Stay,
  type StayConnection,
  type StayRoom,
} from "./member.ts";
import { type Delivery, type Effect, Room, type RoomMember } from "./room.ts";

/** After so long without a connection, a member is shown as away: most are back before. In milliseconds. */
const AWAY_AFTER_MS = 2_000;
/** After so long without an acknowledgement, a member for which frames wait is shown as away. In milliseconds. */
const STALLED_AFTER_MS = 60_000;
/** The ends of a connection after which its member may come back. */
const MAY_COME_BACK: ReadonlySet<Reason> = new Set(["LOST", "SILENT"]);

/** A room and the stays of its members on this relay. */
export class HostedRoom implements StayRoom {
  readonly #relay: RelayContext;
  readonly #room = new Room();
  readonly #log = new Log((entry, place) => this.#apply(entry, place));
  readonly #history: RosterHistory;
  readonly #feed = new Feed();
  readonly #fanOut: FanOut;
  readonly #receipts: Receipts;
  readonly #acceptances: Acceptances;
  readonly #stays = new Map<number, Stay>();
  /** Those with a list of their own. */
  readonly #lagging = new Set<Stay>();
  /** Those whose join is appended to the log. */
  readonly #joining = new Map<string, Newcomer & { readonly connection: StayConnection }>();
  readonly #probes = new Probes((stay) => this.#lose(stay.member));
  /** The fingerprints of identities that may not join. */
  readonly #banned = new Set<string>();
  #pages: RosterPages | undefined;
  /** Since when it has no members, by the monotonic clock. */
  #emptySince: number;

  /** Opens an empty room. */
  constructor(
    relay: RelayContext,
    readonly name: string,
    maxMembers: number,
    /** The address that opened it and is charged for it; undefined for this machine. */
    readonly opener?: string,
  ) {
    this.#relay = relay;
    this.#emptySince = relay.monotonic();
    const room = relay.random(HASH_BYTES);
    this.#log.append({ kind: "genesis", room, maxMembers });
    const context = firstContext(room);
    this.#history = new RosterHistory({ room, version: 0, context, members: [] });
    const broken = (error: unknown, member: number) =>
      this.#stays.get(member)?.connection?.broken(error);
    this.#fanOut = new FanOut(this.#feed, relay.later, broken);
    this.#receipts = new Receipts((member) => this.#reader(member), relay.later);
    this.#acceptances = new Acceptances(relay.after);
  }

  /** The room's id. */
  get id(): Bytes {
    return this.#room.id;
  }

  /** The members on this relay. */
  get size(): number {
    return this.#stays.size;
  }

  /** Since when it is empty; undefined if it is not. */
  get emptySince(): number | undefined {
    return this.size === 0 ? this.#emptySince : undefined;
  }

  /** Since when nobody in it has a connection, by the monotonic clock; Infinity if somebody has one. */
  get awaySince(): number {
    const times = [...this.#stays.values()].map(({ connection, heardAt }) =>
      connection === undefined ? heardAt : Infinity
    );
    return Math.max(this.#emptySince, ...times);
  }

  /** Ends the stays of all members. */
  close(reason: Reason): void {
    for (const stay of [...this.#stays.values()]) this.expel(stay, reason);
  }

  /** Whether the room can have no more versions. */
  get isWornOut(): boolean {
    return this.#room.isWornOut;
  }

  /** Returns the stays in the order of joining. */
  stays(): MapIterator<Stay> {
    return this.#stays.values();
  }

  /** Returns the stay of the member whose hash is the map key `key`. */
  stay(key: string): Stay | undefined {
    const member = this.#room.byKey(key);
    return member === undefined ? undefined : this.#stays.get(member.number);
  }

  /** The deliveries that the shared feed keeps. */
  get kept(): number {
    return this.#feed.kept;
  }

  /** Returns the member with a number, if it has a connection and its roster. */
  #reader(number: number): Stay | undefined {
    const stay = this.#stays.get(number);
    return stay?.outbox.link === undefined ? undefined : stay;
  }

  // What connections bring.

  /**
   * Appends a join. A member that lost the connection over which it joined does not know whether it is in, and joins
   * again: it is sent the same roster, and everything since.
   */
  join(connection: StayConnection, newcomer: Newcomer): void {
    if (this.#refuses(connection, newcomer)) return;
    const { credential, renewal } = newcomer;
    const stay = this.stay(credential.key);
    if (stay?.roster !== undefined) return this.#again(stay, connection);
    const { member, key, name, folded, fingerprint, bytes } = credential;
    const marks = { key, name, folded, looks: nameLooks(name) };
    const entry: JoinEntry = { kind: "join", member, fingerprint, bytes, renewal, ...marks };
    const earlier = this.#earlierRuns(entry);
    if (earlier.length === 0) return this.#append(connection, newcomer, entry);
    const since = this.#relay.monotonic();
    this.#probes.start({
      newcomer: connection,
      since,
      earlier,
      join: () => {
        // Meanwhile the identity may have been put out, or its invitation used.
        if (!this.#refuses(connection, newcomer)) this.#append(connection, newcomer, entry);
      },
    });
  }

  /** Ends the connection of an identity that is banned or not admitted any more. */
  #refuses(connection: StayConnection, { credential, invitation }: Newcomer): boolean {
    const { name, fingerprint } = credential;
    const obstacle = this.#banned.has(fingerprint)
      ? "NOT_ALLOWED"
      : this.#relay.rules.obstacle(credential, invitation, this.name);
    if (obstacle !== undefined) connection.end(obstacle, `${name} ${fingerprint}`);
    return obstacle !== undefined;
  }

  /**
   * Returns the stays that keep a newcomer out though they are of the same identity: their connections are open. None
   * if somebody else keeps it out as well.
   */
  #earlierRuns(entry: JoinEntry): Stay[] {
    const held = [...this.#room.nameHolders(entry)]
      .filter(({ isAway, credential }) => !isAway && credential.key !== entry.key)
      .map(({ number }) => this.#stays.get(number)!)
      .filter(({ connection }) => connection !== undefined);
    const isOwn = ({ credential }: Stay) => credential.fingerprint === entry.fingerprint;
    return held.every(isOwn) ? held : [];
  }

  #append(connection: StayConnection, newcomer: Newcomer, entry: JoinEntry): void {
    // Whether the holder of a name has a connection decides about the join, so the log must have it first.
    for (const holder of this.#room.nameHolders(entry)) {
      const held = this.#stays.get(holder.number);
      if (held !== undefined && held.connection === undefined) this.#lose(holder);
    }
    this.#joining.set(entry.key, { ...newcomer, connection });
    this.#log.append(entry);
  }

  #again(stay: Stay, connection: StayConnection): void {
    this.#rewind(stay, 0);
    this.#connect(stay, connection);
    this.#sendRoster(stay);
  }

  /**
   * Resumes a stay over another connection.
   *
   * @param received The number of counted frames that the member has received. Its outbox covers it.
   */
  resume(stay: Stay, connection: StayConnection, received: number): void {
    this.#rewind(stay, received);
    stay.roster = undefined;
    this.#connect(stay, connection);
    this.#fanOut.add(stay.outbox, connection.link);
  }

  /** Has a member sent again what came after the first `count` frames, and charges it for that. */
  #rewind({ outbox, pace }: Stay, count: number): void {
    pace.spend({ fanout: outbox.rewind(count) ?? 0 }, this.#relay.monotonic());
  }

  #connect(stay: Stay, connection: StayConnection): void {
    const before = stay.connection;
    this.#fanOut.delete(stay.outbox); // it is added again with the new link
    stay.resume(connection);
    stay.heardAt = this.#relay.monotonic();
    before?.end("REPLACED");
    connection.entered(stay);
    this.#log.append({ kind: "back", member: stay.number });
  }

  /** Appends counted frames of a member. */
  take(stay: Stay, frame: CountedFrame): void {
    stay.roster = undefined;
    stay.heardAt = this.#relay.monotonic();
    this.#log.append({ kind: "frame", member: stay.number, frame });
  }

  /**
   * Takes receipts or asks.
   *
   * @returns What they cost, in bytes sent on.
   */
  takeReceipts(stay: Stay, kind: EntryKind, payload: Bytes): number {
    return this.#receipts.take(stay.number, kind, readEntries(payload));
  }

  /** Appends a renewal, if it is to be listed. Newcomers verify it; a member that sends nonsense harms itself. */
  renew(stay: Stay, renewal: Bytes): void {
    if (!stay.isNewRenewal(renewal, this.#relay.now())) return;
    this.#log.append({ kind: "renew", member: stay.number, renewal });
    this.#pages = undefined;
  }

  /**
   * Takes an acknowledgement.
   *
   * @returns False if the count cannot be.
   */
  acknowledge(stay: Stay, count: number): boolean {
    const { outbox, member } = stay;
    if (!outbox.acknowledge(count)) return false;
    stay.roster = undefined;
    stay.heardAt = this.#relay.monotonic();
    if (member.isAway) this.#log.append({ kind: "back", member: member.number });
    if (outbox.isBlocked && outbox.link !== undefined) this.#fanOut.write(outbox);
    return true;
  }

  /** A member has answered a ping: a newcomer may wait for that. */
  answered(): void {
    this.#probes.tick(this.#relay.monotonic());
  }

  /** The connection of a stay has ended. */
  disconnected(stay: Stay, connection: StayConnection, reason: Reason): void {
    if (stay.connection !== connection) return;
    stay.connection = undefined;
    this.#fanOut.delete(stay.outbox);
    this.#acceptances.delete(stay);
    // A member that loses its relay has not left: it may meet the others at the next one.
    if (this.#relay.isClosing) return this.#forget(stay, reason);
    if (MAY_COME_BACK.has(reason) && this.#relay.graceMs > 0) {
      stay.heardAt = this.#relay.monotonic();
      return;
    }
    const { number: member, statement } = stay;
    this.#log.append({ kind: "leave", member, reason, statement });
  }

  /** Ends a stay, and its connection if it has one. */
  expel({ number: member }: Stay, reason: Reason): void {
    this.#log.append({ kind: "leave", member, reason, statement: new Uint8Array(0) });
  }

  /** Ends the stays of an identity, and lets it join no more. */
  ban(fingerprint: string): void {
    this.#banned.add(fingerprint);
    for (const stay of [...this.#stays.values()]) {
      if (stay.credential.fingerprint === fingerprint) this.expel(stay, "REMOVED");
    }
  }

  // What the clock brings.

  /** Appends what the time demands. */
  tick(now: number): void {
    this.#probes.tick(now);
    for (const stay of this.#stays.values()) {
      if (stay.connection === undefined) this.#lookFor(stay, now - stay.heardAt);
      else if (stay.outbox.isDone) stay.heardAt = now;
      else if (now - stay.heardAt >= STALLED_AFTER_MS && !stay.member.isAway) {
        this.#lose(stay.member);
      }
    }
  }

  #lookFor({ member }: Stay, goneMs: number): void {
    const { graceMs } = this.#relay;
    if (goneMs < Math.min(AWAY_AFTER_MS, graceMs)) return;
    if (member.lostAt !== member.last) this.#lose(member);
    if (goneMs < graceMs) return;
    this.#log.append({ kind: "expire", member: member.number, follows: member.last });
  }

  #lose({ number: member, last: follows }: RoomMember): void {
    this.#log.append({ kind: "lost", member, follows });
  }

  // What the fold returns.

  #apply(entry: Entry, place: number): void {
    for (const effect of this.#room.apply(entry, place)) {
      try {
        this.#carryOut(effect);
      } catch (error) {
        this.#relay.failed(error);
      }
    }
  }

  #carryOut(effect: Effect): void {
    switch (effect.kind) {
      case "deliver":
        return this.#deliver(effect.delivery);
      case "counted":
        return this.#counted(effect);
      case "joined":
        return this.#joined(effect.member);
      case "left":
        return this.#left(effect.member, effect.reason);
      case "refused":
        return this.#refused(effect.key, effect.reason);
      case "breach":
        return this.#stays.get(effect.member.number)?.connection?.end(effect.reason);
      default:
        return this.#tell(effect);
    }
  }

  #tell({ kind, member }: Extract<Effect, { kind: "away" | "back" }>): void {
    const credential = this.#stays.get(member.number)?.credential;
    if (credential !== undefined) this.#relay.tell({ kind, credential, roomName: this.name });
  }

  #counted({ member, sealed, recipients, cost }: Extract<Effect, { kind: "counted" }>): void {
    const { tally } = this.#relay;
    tally.messages += sealed;
    tally.deliveries += sealed * recipients;
    this.#stays.get(member.number)?.connection?.charge(cost);
  }

  #joined(member: RoomMember): void {
    const { number, credential: { key, member: hash } } = member;
    const context = this.#history.newest;
    this.#history.add("joined", hash).catch(() => {}); // the next newcomer sees the failure
    this.#pages ??= new RosterPages(this.#listingsBefore(number));
    const pages = this.#pages.snapshot(this.id, number - 1);
    this.#pages.add(member.listing);
    const { connection, credential, invitation } = this.#joining.get(key)!;
    this.#joining.delete(key);
    const outbox = new Outbox(number, this.#feed);
    const stay = new Stay(this, member, credential, outbox, connection, this.#relay.monotonic());
    stay.roster = context.then(pages);
    this.#stays.set(number, stay);
    this.#relay.tell({ kind: "joined", credential, from: connection.from, roomName: this.name });
    connection.entered(stay);
    this.#sendRoster(stay);
    // Only now: who was refused may try again, under another name and with another key.
    try {
      this.#relay.rules.joined(credential, invitation, this.name);
    } catch (error) {
      connection.endBy(error);
    }
  }

  *#listingsBefore(number: number) {
    for (const member of this.#room.members.values()) {
      if (member.number < number) yield member.listing;
    }
  }

  /** Sends the roster once its context is known. Counted frames wait for it. */
  #sendRoster(stay: Stay): void {
    const connection = stay.connection!;
    stay.roster!.then((pages) => {
      if (stay.connection !== connection) return;
      connection.sendRoster(pages);
      this.#fanOut.add(stay.outbox, connection.link);
    }).catch((error) => {
      connection.endBy(error);
      this.flush();
    }).catch(this.#relay.failed);
  }

  #left(member: RoomMember, reason: Reason): void {
    // What it has said that it has taken goes out before its leaving does.
    this.#receipts.flush();
    this.#history.add("left", member.credential.member).catch(() => {});
    this.#pages = undefined;
    const stay = this.#stays.get(member.number);
    if (stay === undefined) return;
    const { connection } = stay;
    stay.connection = undefined;
    this.#forget(stay, reason);
    connection?.end(reason);
  }

  #forget(stay: Stay, reason: Reason): void {
    this.#stays.delete(stay.number);
    this.#lagging.delete(stay);
    this.#fanOut.delete(stay.outbox);
    this.#acceptances.delete(stay);
    if (this.size === 0) this.#emptySince = this.#relay.monotonic();
    this.#relay.tell({ kind: "left", credential: stay.credential, reason, roomName: this.name });
  }

  #refused(key: string, reason: Reason): void {
    const newcomer = this.#joining.get(key);
    this.#joining.delete(key);
    newcomer?.connection.end(reason, newcomer.credential.name);
  }

  // Deliveries.

  #deliver(delivery: Delivery): void {
    this.#feed.push(delivery);
    for (const stay of this.#lagging) {
      if (stay.outbox.isOwn) {
        stay.outbox.offer(delivery);
        this.#bound(stay);
      } else this.#lagging.delete(stay);
    }
    this.#fanOut.appended(delivery.to);
    if (this.#feed.hasGrown) this.#trim();
  }

  /** Drops what no member needs from the feed. A member that lags too far gets a list of its own. */
  #trim(): void {
    const { reach } = this.#feed;
    let needed = this.#feed.end;
    for (const stay of this.#stays.values()) {
      if (stay.outbox.needs < reach) {
        stay.outbox.detach();
        if (stay.outbox.isOwn) this.#lagging.add(stay);
        this.#bound(stay);
      }
      needed = Math.min(needed, stay.outbox.needs);
    }
    this.#feed.trim(needed);
  }

  /** Leaves out frames for a member for which too much waits. */
  #bound(stay: Stay): void {
    const { outbox, number: recipient } = stay;
    for (const { sender, number } of outbox.leaveOut()) {
      this.#log.append({ kind: "behind", sender, recipient, number });
    }
    if (outbox.isHopeless) this.expel(stay, "LOST");
  }

  /** Writes what was appended, and tells a member how many of its frames have a place. */
  flush(stay?: Stay): void {
    this.#fanOut.flush();
    if (stay !== undefined) this.#acceptances.add(stay);
  }
}
