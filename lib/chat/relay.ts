/**
 * The relay: it admits members to its one room and forwards what they send. A state machine without I/O.
 *
 * It is blind. It reads headers to know where frames go, and holds no key to any of them. Whoever stands
 * around it opens connections ({@linkcode Relay.connect}) and calls {@linkcode Relay.tick} every second.
 *
 * @module
 */

import { type Bytes, mapKey } from "./bytes.ts";
import { steadyNow } from "./clock.ts";
import { checkCredential, type Credential } from "./credential.ts";
import { Door } from "./door.ts";
import { HASH_BYTES } from "./kind.ts";
import { MAX_ROSTER } from "./admission.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import type { Reason } from "./reason.ts";
import { Registry } from "./registry.ts";
import { RelayConnection } from "./relay_connection.ts";
import { type RelayLink, RoomMember } from "./room_member.ts";
import { RosterPages } from "./roster_pages.ts";
import { type Random, secureRandom } from "./sender_key.ts";
import { type Source, sourceOf } from "./source_address.ts";
import { type RelayState, Tally } from "./tally.ts";
import { encodeJoined, encodeLeft, type Listing } from "./wire.ts";

/** The most members that a room takes by default. */
export const DEFAULT_MAX_MEMBERS = 1024;

/** What a relay tells whoever stands around it. */
export type RelayEvent =
  | { readonly kind: "connected"; readonly from?: Origin | undefined }
  | { readonly kind: "joined"; readonly credential: Credential; readonly from?: Origin | undefined }
  | { readonly kind: "left"; readonly credential: Credential; readonly reason: Reason }
  /** A connection ended that never was a member. */
  | {
    readonly kind: "refused";
    readonly reason: Reason;
    readonly detail: string;
    readonly from?: Origin | undefined;
  }
  /** A member speaks too fast: it is not read for so many milliseconds. Said once a minute for each. */
  | { readonly kind: "slowed"; readonly credential: Credential; readonly ms: number };

/** The other end of a connection: an address and a port. */
export interface Origin {
  /** Its address. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
}

/** How a relay is set up. */
export interface RelayOptions {
  /** How many members the room takes; 1,024 by default. */
  readonly maxMembers?: number;
  /** The time in milliseconds since 1970. */
  readonly now?: () => number;
  /** Milliseconds of a clock that never jumps, for deadlines; `now` where only that is given. */
  readonly monotonic?: () => number;
  /** Where the room's id and nonces come from. */
  readonly random?: Random;
  /** Checks credentials; many in one process may share the work. */
  readonly check?: (bytes: Bytes, now: number) => Promise<Credential>;
  /** How much may be on its way to one member: 10,000 frames and 4 MiB by default. */
  readonly queue?: { readonly frames: number; readonly bytes: number };
  /** Whether an identity, by its fingerprint, may come in; without, everyone may. */
  readonly allows?: (fingerprint: string) => boolean;
  /** What it takes of those who connect, and how fast; {@linkcode DEFAULT_LIMITS} for what is left out. */
  readonly limits?: Partial<Limits>;
  /**
   * The names by which members dial it, `HOST` or `HOST:PORT`. Who dialled another was led here by somebody in
   * between. Without, any will do.
   */
  readonly publicNames?: readonly string[];
  /** Hears what happens. */
  readonly event?: (event: RelayEvent) => void;
  /** The runtime failed in a way that no input explains. */
  readonly fail?: (error: unknown) => void;
}

/** The relay of one room. */
export class Relay {
  /** The room's id: 32 random bytes. */
  readonly room: Bytes;
  readonly random: Random;
  readonly now: () => number;
  readonly monotonic: () => number;
  readonly limits: Limits;
  readonly check: NonNullable<RelayOptions["check"]>;
  /** What has been counted so far. */
  readonly tally: Tally = new Tally();
  readonly #options: RelayOptions;
  readonly #queue: { readonly frames: number; readonly bytes: number };
  readonly #maxMembers: number;
  readonly #members = new Registry<RoomMember>();
  readonly #connections = new Set<RelayConnection>();
  readonly #door: Door<RelayConnection>;
  /** Members who have something to hear of what they sent. */
  readonly #news = new Set<RoomMember>();
  /** The roster as newcomers get it; made anew when one comes after somebody has left. */
  #pages: RosterPages | undefined;
  #membership = 0;
  #closing = false;

  /** Opens an empty room. */
  constructor(options: RelayOptions = {}) {
    this.#options = options;
    this.#maxMembers = Math.min(options.maxMembers ?? DEFAULT_MAX_MEMBERS, MAX_ROSTER);
    this.#queue = options.queue ?? { frames: 10_000, bytes: 4 << 20 };
    this.now = options.now ?? Date.now;
    this.monotonic = options.monotonic ?? options.now ?? steadyNow;
    this.limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#door = new Door(this.limits, this.monotonic());
    this.random = options.random ?? secureRandom;
    this.check = options.check ?? checkCredential;
    this.room = this.random(HASH_BYTES);
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
  connect(link: RelayLink, from?: Origin): RelayConnection {
    const source: Source | undefined = from === undefined ? undefined : sourceOf(from.hostname);
    const connection = new RelayConnection(this, link, from);
    this.#connections.add(connection);
    this.#options.event?.({ kind: "connected", from });
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
    const full = this.isRestricted ? undefined : this.obstacle(undefined);
    const obstacle = full ?? this.#door.ask(connection, this.monotonic());
    if (obstacle === undefined) this.#checkNext();
    return obstacle;
  }

  /** A connection's join has been checked, whatever came of it. */
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

  /** Looks after what time brings: joins that take too long, members that have fallen silent. */
  tick(): void {
    for (const connection of this.#connections) connection.tick();
    this.#checkNext();
    this.flush();
  }

  /** Ends every connection, and takes no more. */
  close(): void {
    this.#closing = true;
    for (const connection of this.#connections) connection.end("SHUTDOWN");
  }

  /** A connection has ended. */
  forget(connection: RelayConnection): void {
    this.#connections.delete(connection);
    this.#door.gone(connection);
  }

  /** Whether it is not open to everyone: then it says nothing of its room to who is not allowed in. */
  get isRestricted(): boolean {
    return this.#options.allows !== undefined;
  }

  /** Whether an identity may come in. */
  allows(fingerprint: string): boolean {
    return this.#options.allows?.(fingerprint) ?? true;
  }

  /** Whether it is known by the name that a newcomer dialled. */
  isCalled({ host, port }: { readonly host: string; readonly port: number }): boolean {
    const { publicNames = [] } = this.#options;
    const dialled = host.toLowerCase();
    return publicNames.length === 0 ||
      publicNames.some((name) =>
        [dialled, `${dialled}:${port}`, `[${dialled}]:${port}`].includes(name.toLowerCase())
      );
  }

  /** Ends those members who may no longer be in. */
  removeDisallowed(): void {
    for (const member of [...this.#members.values()]) {
      if (!this.allows(member.credential.fingerprint)) member.end("REMOVED");
    }
    this.flush();
  }

  /** Hears of a member that is too fast. */
  slowed(member: RoomMember, ms: number): void {
    this.#options.event?.({ kind: "slowed", credential: member.credential, ms });
  }

  /** Hears of a connection that never was a member's. */
  refused(reason: Reason, detail: string, from: Origin | undefined): void {
    this.#options.event?.({ kind: "refused", reason, detail, from });
  }

  /** Hears of what no input explains. */
  failed(error: unknown): void {
    if (this.#options.fail === undefined) throw error;
    this.#options.fail(error);
  }

  /** Why nobody with this credential can come in; undefined where somebody can. */
  obstacle(credential: Credential | undefined): Reason | undefined {
    if (this.#members.size >= this.#maxMembers) return "ROOM_FULL";
    return credential === undefined ? undefined : this.#members.conflict(credential);
  }

  /** Why an identity cannot come in again so soon; undefined where it can. */
  haste(identity: string): Reason | undefined {
    return this.#door.admit(identity, this.monotonic());
  }

  /** Lets a newcomer in: it hears who is there, and they hear of it. */
  admit(
    credential: Credential,
    presence: Bytes,
    link: RelayLink,
    end: (reason: Reason) => void,
    from?: Origin,
  ): RoomMember {
    const number = ++this.#membership;
    const listing: Listing = { number, credential: credential.bytes, presence };
    this.#pages ??= new RosterPages(this.#members.values().map((member) => member.listing));
    for (const piece of this.#pages.pages(number)) link.send(piece);
    this.#pages.add(listing);
    this.#tellAll(encodeJoined(listing));
    const news = (member: RoomMember) => this.#news.add(member);
    const member = new RoomMember(credential, listing, link, this.#queue, news, end);
    this.#members.add(member);
    this.#options.event?.({ kind: "joined", credential, from });
    return member;
  }

  /** Takes a member out of the room, and tells the others. */
  remove(member: RoomMember, reason: Reason): void {
    if (this.#members.get(member.credential.key) !== member) return;
    this.#members.remove(member);
    this.#pages = undefined;
    member.outbox.clear();
    this.#news.delete(member);
    const number = ++this.#membership;
    this.#tellAll(encodeLeft({ number, member: member.credential.member, reason }));
    this.#options.event?.({ kind: "left", credential: member.credential, reason });
  }

  #tellAll(frame: Bytes): void {
    this.#deliver(this.#members.values(), frame, 1);
  }

  /**
   * Forwards sealed frames to everyone whose joining is at most `newest`, or to a declared audience.
   *
   * @param sender Who sent them.
   * @param frames How many there are.
   * @param bytes All of them, one behind the other.
   * @param newest The last number that receives them, or the declared hashes.
   * @returns How many bytes that sends on.
   */
  forward(
    sender: RoomMember,
    frames: number,
    bytes: Bytes,
    to: { readonly newest: number } | { readonly members: readonly string[] },
  ): number {
    const recipients = this.#deliver(
      "newest" in to ? this.#upTo(to.newest) : this.#named(to.members),
      bytes,
      frames,
      sender,
    );
    sender.received(frames);
    this.tally.messages += frames;
    this.tally.deliveries += frames * recipients;
    return recipients * bytes.length;
  }

  /** Forwards a key frame to its recipient, if it is still there. */
  forwardKey(sender: RoomMember, recipient: Bytes, bytes: Bytes): void {
    const member = this.#members.get(mapKey(recipient));
    if (member !== undefined && member !== sender) this.#deliver([member], bytes, 1);
    sender.received(1);
  }

  *#upTo(newest: number): Generator<RoomMember, void> {
    for (const member of this.#members.values()) {
      // In the order of joining: nobody after this one is older.
      if (member.number > newest) return;
      yield member;
    }
  }

  *#named(keys: readonly string[]): Generator<RoomMember, void> {
    for (const key of keys) {
      const member = this.#members.get(key);
      if (member !== undefined) yield member;
    }
  }

  /** Sends frames to members; returns to how many. */
  #deliver(to: Iterable<RoomMember>, bytes: Bytes, frames: number, sender?: RoomMember): number {
    const batch = sender?.startBatch();
    let recipients = 0;
    let overflown: RoomMember[] | undefined;
    for (const member of to) {
      if (member === sender) continue;
      recipients += 1;
      if (batch !== undefined) batch.waiting += 1;
      if (!member.outbox.push(frames, bytes.length, batch)) (overflown ??= []).push(member);
      member.link.send(bytes);
    }
    if (batch?.waiting === 0) sender!.settled();
    // Only now: removing one tells the others, who are to have these frames first.
    for (const member of overflown ?? []) member.end("QUEUE_FULL");
    return recipients;
  }

  /** Tells members how far what they sent has come. */
  flush(): void {
    for (const member of this.#news) member.report();
    this.#news.clear();
  }
}
