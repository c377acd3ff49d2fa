/**
 * A room as a fold over its log: `apply()` changes the state and returns what happened and what members receive. It
 * uses no clock, no random numbers and no I/O, so the same log gives the same deliveries everywhere.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { Registry } from "../identity/name.ts";
import {
  encodeBehind,
  encodeJoined,
  encodeLeft,
  encodeMember,
  type Listing,
} from "../wire/control.ts";
import { KIND, MAX_ROSTER, type Reason } from "../wire/kinds.ts";
import { type CountedFrame, type Entry, type JoinEntry, LOOKUP_BYTES } from "./options.ts";

/** The most members that all routes of a member may name together. */
const MAX_NAMED = 16_384;
/** A room with this version is closed: everybody can still leave before the versions run out. */
const LAST_VERSION = 0xffff_ffff - 4 * MAX_ROSTER;

const NOBODY: ReadonlySet<number> = new Set();
const NO_STATEMENT: Bytes = new Uint8Array(0);

/** The recipients of frames: the members with numbers up to `upTo`, except some. */
export interface Recipients {
  /** The number of the member that sent the frames; 0 for the relay. */
  readonly sender: number;
  readonly upTo: number;
  readonly one?: number;
  readonly only?: ReadonlySet<number>;
  readonly except?: ReadonlySet<number>;
  /** The members that are left out for now. */
  readonly behind?: ReadonlySet<number>;
  /** The memory of the sets that no earlier deliveries share, in bytes. */
  readonly weight?: number;
}

/** Returns whether frames are for a member. */
export function isFor(to: Recipients, member: number): boolean {
  const { sender, upTo, one, only, except, behind } = to;
  return member <= upTo && member !== sender && (one === undefined || one === member) &&
    (only === undefined || only.has(member)) && (except === undefined || !except.has(member)) &&
    (behind === undefined || !behind.has(member));
}

/** Frames on their way to members. One object serves all recipients. */
export interface Delivery {
  readonly to: Recipients;
  readonly frames: number;
  /** The frames, one after the other. Never changed. */
  readonly bytes: Bytes;
  /**
   * What a member sends may be left out for a slow reader; what the relay says never, except that somebody is away or
   * back (`presence`) where both wait.
   */
  readonly kind: "sealed" | "pair" | "here" | "control" | "presence";
  /** The number of the first message of sealed frames; the member that `left`, `away` or `back` names; otherwise 0. */
  readonly number: number;
}

/** What an entry caused. */
export type Effect =
  | { readonly kind: "deliver"; readonly delivery: Delivery }
  | { readonly kind: "joined"; readonly member: RoomMember }
  | { readonly kind: "refused"; readonly key: string; readonly reason: Reason }
  | { readonly kind: "left"; readonly member: RoomMember; readonly reason: Reason }
  | { readonly kind: "away" | "back"; readonly member: RoomMember }
  /** Frames of a member were counted. */
  | {
    readonly kind: "counted";
    readonly member: RoomMember;
    /** Sealed frames. */
    readonly sealed: number;
    readonly recipients: number;
    /** What the frames cost, in bytes sent on. */
    readonly cost: number;
  }
  /** A member broke the protocol. Its frame was not counted. */
  | { readonly kind: "breach"; readonly member: RoomMember; readonly reason: Reason };

/** The memory of a number in a set, in bytes. */
const NUMBER_BYTES = 32;

/** A route that a member has declared. */
interface DeclaredRoute {
  readonly except: boolean;
  /** The members that were in the room. */
  readonly members: ReadonlySet<number>;
  /** The number of members that the route named, absent ones included. */
  readonly named: number;
  /** Whether sealed frames have used it. */
  isUsed: boolean;
}

/** Where sealed frames went. */
interface Address {
  readonly route: number;
  readonly to: Recipients;
  /** The number of recipients when the room had a version; `version` is undefined before they are counted. */
  counted: { readonly version: number | undefined; readonly recipients: number };
}

const NOT_COUNTED = { version: undefined, recipients: 0 };

/** A member of a room. */
export class RoomMember {
  /** How the roster lists it. */
  listing: Listing;
  /** The number of counted frames that it has sent. */
  received = 0;
  /** Whether the others were told that it is away. */
  isAway = false;
  /** The place of its newest `lost` entry, until it is back. */
  lostAt: number | undefined;
  readonly routes: Map<number, DeclaredRoute> = new Map();
  /** The members that its routes name together, absent ones included. */
  named: number = 0;
  /** The members for which its sealed frames are left out. */
  behind: ReadonlySet<number> = NOBODY;
  /** Where its last sealed frames went; undefined if a route or `behind` has changed since. */
  recent: Address | undefined;

  /**
   * Creates a member that has sent nothing.
   *
   * @param number The version that its joining made.
   * @param last The place of its newest entry.
   */
  constructor(readonly number: number, readonly credential: JoinEntry, public last: number) {
    this.listing = { number, credential: credential.bytes, renewal: credential.renewal };
  }
}

/** The state of a room. */
export class Room {
  #id = NO_STATEMENT;
  #maxMembers = 0;
  #version = 0;
  #place = 0;
  #effects: Effect[] = [];
  readonly #registry = new Registry<RoomMember>();
  readonly #byNumber = new Map<number, RoomMember>();

  /** The room's id, 32 bytes; empty before the genesis entry. */
  get id(): Bytes {
    return this.#id;
  }

  /** The number of joinings and leavings so far. */
  get version(): number {
    return this.#version;
  }

  /** Whether the room has almost no versions left and must be closed. */
  get isWornOut(): boolean {
    return this.#version >= LAST_VERSION;
  }

  /** The members by their numbers, in that order. */
  get members(): ReadonlyMap<number, RoomMember> {
    return this.#byNumber;
  }

  /** Returns the member whose hash is the map key `key`. */
  byKey(key: string): RoomMember | undefined {
    return this.#registry.get(key);
  }

  /** Returns the members whose names equal the newcomer's or look like it. */
  nameHolders({ name, looks }: JoinEntry): Set<RoomMember> {
    return this.#registry.nameHolders(name, looks);
  }

  /**
   * Applies an entry.
   *
   * @param entry The entry after the last one.
   * @param place Its place, above the last one's.
   * @returns What it caused, in order.
   */
  apply(entry: Entry, place: number): readonly Effect[] {
    this.#place = place;
    this.#effects = [];
    if (entry.kind === "genesis") this.#begin(entry);
    else if (entry.kind === "join") this.#join(entry);
    else if (entry.kind === "behind") this.#fallBehind(entry);
    else {
      const member = this.#byNumber.get(entry.member);
      if (member !== undefined) this.#change(member, entry);
    }
    return this.#effects;
  }

  #begin({ room, maxMembers }: Extract<Entry, { kind: "genesis" }>): void {
    this.#id = room;
    this.#maxMembers = maxMembers;
  }

  #change(
    member: RoomMember,
    entry: Exclude<Entry, { kind: "genesis" | "join" | "behind" }>,
  ): void {
    switch (entry.kind) {
      case "lost":
        if (member.last === entry.follows) this.#lose(member);
        return;
      case "expire":
        if (member.lostAt === entry.follows && member.last === entry.follows) {
          this.#leave(member, "LOST");
        }
        return;
      case "leave":
        return this.#leave(member, entry.reason, entry.statement);
    }
    member.last = this.#place;
    if (entry.kind === "back") this.#back(member);
    else if (entry.kind === "frame") this.#take(member, entry.frame);
    else member.listing = { ...member.listing, renewal: entry.renewal };
  }

  #join(entry: JoinEntry): void {
    const replaced = this.#replacedBy(entry);
    const reason = this.#refusal(entry, replaced);
    if (reason !== undefined) {
      this.#effects.push({ kind: "refused", key: entry.key, reason });
      return;
    }
    for (const one of replaced) this.#leave(one, "REPLACED");
    const member = new RoomMember(++this.#version, entry, this.#place);
    this.#deliver("control", encodeJoined(member.listing), { upTo: member.number - 1 });
    this.#registry.add(member);
    this.#byNumber.set(member.number, member);
    this.#effects.push({ kind: "joined", member });
    for (const { isAway, number } of this.#byNumber.values()) {
      if (isAway) this.#presence("away", number, { one: member.number });
    }
  }

  /** Returns the members that a newcomer replaces: the same credential, and an earlier run that is away. */
  #replacedBy(entry: JoinEntry): Set<RoomMember> {
    const same = this.#registry.get(entry.key);
    const earlier = [...this.nameHolders(entry)].filter(({ isAway, credential }) =>
      isAway && credential.fingerprint === entry.fingerprint
    );
    return new Set(same === undefined ? earlier : [same, ...earlier]);
  }

  #refusal(entry: JoinEntry, replaced: ReadonlySet<RoomMember>): Reason | undefined {
    const holders = [...this.nameHolders(entry)].filter((one) => !replaced.has(one));
    if (holders.length > 0) {
      return holders.every(({ isAway }) => isAway) ? "NAME_AWAY" : "NAME_TAKEN";
    }
    return this.#byNumber.size - replaced.size >= this.#maxMembers ? "ROOM_FULL" : undefined;
  }

  #leave(member: RoomMember, reason: Reason, statement = NO_STATEMENT): void {
    const { number } = member;
    this.#registry.remove(member);
    this.#byNumber.delete(number);
    for (const other of this.#byNumber.values()) this.#catchUp(other, number);
    const version = ++this.#version;
    this.#effects.push({ kind: "left", member, reason });
    this.#deliver(
      "control",
      encodeLeft({ version, member: number, reason, statement }),
      {},
      number,
    );
  }

  #lose(member: RoomMember): void {
    member.last = this.#place;
    member.lostAt = this.#place;
    if (!member.isAway) this.#show(member, "away");
  }

  #back(member: RoomMember): void {
    member.lostAt = undefined;
    if (member.isAway) this.#show(member, "back");
  }

  #show(member: RoomMember, kind: "away" | "back"): void {
    member.isAway = kind === "away";
    this.#effects.push({ kind, member });
    this.#presence(kind, member.number, { sender: member.number });
  }

  #fallBehind({ sender, recipient, number }: Extract<Entry, { kind: "behind" }>): void {
    const member = this.#byNumber.get(sender);
    if (member === undefined || !this.#byNumber.has(recipient)) return;
    member.behind = new Set([...member.behind, recipient]);
    member.recent = undefined;
    this.#deliver("control", encodeBehind({ member: recipient, number }), { one: sender });
  }

  #catchUp(sender: RoomMember, recipient: number): void {
    if (!sender.behind.has(recipient)) return;
    sender.behind = new Set([...sender.behind].filter((one) => one !== recipient));
    sender.recent = undefined;
  }

  #take(member: RoomMember, frame: CountedFrame): void {
    switch (frame.kind) {
      case "sealed":
        return this.#takeSealed(member, frame);
      case "pair":
        return this.#takePair(member, frame.recipient, frame.bytes);
      case "here":
        return this.#takeHere(member, frame.bytes);
      case "route":
        return this.#declare(member, frame);
      case "rejoin":
        this.#counted(member, 1);
        return this.#catchUp(member, frame.recipient);
    }
  }

  #takePair(member: RoomMember, recipient: number, bytes: Bytes): void {
    const isHere = this.#byNumber.has(recipient) && recipient !== member.number;
    this.#counted(member, 1, isHere ? bytes.length : LOOKUP_BYTES);
    if (!isHere) return;
    this.#deliver("pair", bytes, { sender: member.number, one: recipient });
  }

  #takeHere(member: RoomMember, bytes: Bytes): void {
    this.#counted(member, 1, (this.#byNumber.size - 1) * bytes.length);
    this.#deliver("here", bytes, { sender: member.number });
  }

  #declare(
    member: RoomMember,
    { route, except, members }: Extract<CountedFrame, { kind: "route" }>,
  ): void {
    const distinct = new Set(members);
    const named = member.named + distinct.size - (member.routes.get(route)?.named ?? 0);
    if (named > MAX_NAMED) {
      this.#effects.push({ kind: "breach", member, reason: "TOO_MANY_ROUTES" });
      return;
    }
    const here = new Set([...distinct].filter((number) => this.#byNumber.has(number)));
    member.named = named;
    member.routes.set(route, { except, members: here, named: distinct.size, isUsed: false });
    member.recent = undefined;
    this.#counted(member, 1, members.length * LOOKUP_BYTES);
  }

  #takeSealed(
    member: RoomMember,
    { frames, bytes, route, version, number }: Extract<CountedFrame, { kind: "sealed" }>,
  ): void {
    const to = this.#recipientsOf(member, route, version);
    if (to === undefined) {
      this.#effects.push({ kind: "breach", member, reason: "BAD_FRAME" });
      return;
    }
    const recipients = this.#recipientsNow(member.recent!);
    // A frame without recipients costs a look-up too.
    const cost = recipients > 0 ? recipients * bytes.length : LOOKUP_BYTES;
    this.#counted(member, frames, cost, frames, recipients);
    const delivery: Delivery = { to, frames, bytes, kind: "sealed", number };
    this.#effects.push({ kind: "deliver", delivery });
  }

  /** Returns the recipients of sealed frames; undefined if the route was not declared. */
  #recipientsOf(member: RoomMember, route: number, upTo: number): Recipients | undefined {
    const { recent, behind, number: sender } = member;
    if (recent?.route === route && recent.to.upTo === upTo) return recent.to;
    const to = { sender, upTo, ...behind.size > 0 ? { behind } : {} };
    const declared = member.routes.get(route);
    if (route > 0 && declared === undefined) return undefined;
    const named = declared &&
      (declared.except ? { except: declared.members } : { only: declared.members });
    member.recent = { route, to: { ...to, ...named }, counted: NOT_COUNTED };
    if (declared === undefined || declared.isUsed) return member.recent.to;
    declared.isUsed = true;
    return { ...to, ...named, weight: declared.members.size * NUMBER_BYTES };
  }

  /** Returns the number of recipients that are in the room. It changes with the room's version alone. */
  #recipientsNow(address: Address): number {
    if (address.counted.version !== this.#version) {
      address.counted = { version: this.#version, recipients: this.#count(address.to) };
    }
    return address.counted.recipients;
  }

  #count(to: Recipients): number {
    const { upTo, only, except, behind } = to;
    // The sender is in the room.
    const isToAll = (only ?? except ?? behind) === undefined && upTo >= this.#version;
    if (isToAll) return this.#byNumber.size - 1;
    let count = 0;
    for (const number of only ?? this.#byNumber.keys()) {
      if (only === undefined && number > upTo) break;
      if (this.#byNumber.has(number) && isFor(to, number)) count += 1;
    }
    return count;
  }

  #counted(member: RoomMember, frames: number, cost = 0, sealed = 0, recipients = 0): void {
    member.received += frames;
    this.#effects.push({ kind: "counted", member, sealed, recipients, cost });
  }

  /** Tells that a member is away or back. */
  #presence(kind: "away" | "back", number: number, to: Partial<Recipients>): void {
    this.#deliver("presence", encodeMember(KIND[kind], number), to, number);
  }

  /** Delivers one frame that is not sealed; `number` is that of the member that it tells of. */
  #deliver(kind: Delivery["kind"], bytes: Bytes, given: Partial<Recipients>, number = 0): void {
    const to = { sender: 0, upTo: Infinity, ...given };
    const delivery = { to, frames: 1, bytes, kind, number };
    this.#effects.push({ kind: "deliver", delivery });
  }
}
