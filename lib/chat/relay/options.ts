/**
 * The options and limits of a relay, the ordered log of a room, and the relay's events and counters.
 *
 * A room's state follows from the entries of its log alone.
 *
 * @module
 */

import type { Bytes, Random } from "../../base/bytes.ts";
import type { Credential, CredentialCheck } from "../identity/credential.ts";
import type { Marks } from "../identity/name.ts";
import type { Route } from "../wire/control.ts";
import type { SealedAddress } from "../wire/envelope.ts";
import type { Reason } from "../wire/kinds.ts";

/** The options of a relay. */
export interface RelayOptions extends EntryRulesOptions {
  /** The name of the room that exists from the start and is kept; the empty name by default. */
  readonly room?: string;
  /** The most rooms at a time; {@linkcode DEFAULT_MAX_ROOMS} by default. */
  readonly maxRooms?: number;
  /** The most members of a room; {@linkcode DEFAULT_MAX_MEMBERS} by default. */
  readonly maxMembers?: number;
  /**
   * How long the relay keeps a member that lost its connection, and an empty room, in milliseconds:
   * {@linkcode DEFAULT_GRACE_MS} by default, 12 hours at most.
   */
  readonly graceMs?: number;
  /** The time in milliseconds since 1970, for credentials. */
  readonly now?: () => number;
  /** A monotonic clock in milliseconds, for deadlines. The default is `now` if that is given. */
  readonly monotonic?: () => number;
  /** Makes room ids and nonces. */
  readonly random?: Random;
  /** Checks credentials. Many members in one process may share the work. */
  readonly check?: CredentialCheck;
  /** Calls a function in a later turn of the event loop, so that the relay serves others in between. */
  readonly later?: Later;
  /**
   * Calls a function after some time. With it, what the relay accepts is told a little later, together with a receipt
   * that comes meanwhile; without it, at once.
   */
  readonly after?: After;
  /** How many connections, joins, frames and bytes the relay accepts; {@linkcode DEFAULT_LIMITS} by default. */
  readonly limits?: Partial<Limits>;
  /** Receives the relay's events. */
  readonly event?: (event: RelayEvent) => void;
  /** Receives an unexpected exception. It has ended one connection at most. */
  readonly fail?: (error: unknown) => void;
}

/** Calls a function in a later turn of the event loop. */
export type Later = (call: () => void) => void;

/** Calls a function after some milliseconds, unless the returned object is disposed before. */
export type After = (ms: number, call: () => void) => Disposable;

/** Decides which members a relay admits. */
export interface EntryRulesOptions {
  /** Whether an identity, by its fingerprint, may join; everyone may by default. */
  readonly allows?: (fingerprint: string) => boolean;
  /** The invitations by which members outside that list may join; none by default. */
  readonly invitations?: RelayInvitations;
  /**
   * The names under which members reach the relay, `HOST` or `HOST:PORT`. A member that dialled another name was led
   * here by somebody in between. The default accepts any name.
   */
  readonly publicNames?: readonly string[];
}

/** The invitations that a relay knows: their public keys, and the identities that have used them. */
export interface RelayInvitations {
  /**
   * Returns whether an invitation lets somebody in. It changes nothing: the join may still be refused.
   *
   * @param publicKey The invitation's public key. The relay has verified a signature by it for this join.
   * @param guest Who wants to join.
   * @param room The name of the room.
   * @returns Whether it is let in; `used` if the invitation is for one, and another identity has used it.
   */
  admits(publicKey: Bytes, guest: RelayGuest, room: string): "admitted" | "used" | "no";
  /**
   * Notes that somebody has joined by an invitation that admitted it. From here on, an invitation for one is this
   * identity's alone.
   *
   * @param publicKey The invitation's public key.
   * @param guest Who has joined.
   * @param room The name of the room.
   */
  joined(publicKey: Bytes, guest: RelayGuest, room: string): void;
  /** Returns whether an identity, by its fingerprint, has joined by an invitation, so that it may stay. */
  hasAdmitted(fingerprint: string): boolean;
}

/** Somebody who joins a relay by an invitation. */
export interface RelayGuest {
  /** The name under which it joins. */
  readonly name: string;
  /** The fingerprint of its identity. */
  readonly fingerprint: string;
}

/** The limits of a relay. Each protects the other members from one that asks for too much. */
export interface Limits {
  /** Connections that have not joined yet. */
  readonly pending: number;
  /** Connections from one address; {@linkcode PER_ADDRESS} by default. */
  readonly perAddress?: number | undefined;
  /** Joins from one address in a minute; {@linkcode JOINS_PER_ADDRESS} by default. */
  readonly joinsPerAddress?: number | undefined;
  /** Joins that the relay checks in a second, from all addresses together. */
  readonly joinsPerSecond: number;
  /** Joins of one identity in a minute. */
  readonly rejoins: number;
  /** Frames of one member in a second. Acknowledgements of new frames are free. */
  readonly framesPerSecond: number;
  /** Bytes of one member in a second. */
  readonly bytesPerSecond: number;
  /** Bytes that the relay forwards for one member in a second: what comes in, times its recipients. */
  readonly fanoutPerSecond: number;
}

/** The default of {@linkcode RelayOptions.maxMembers}. */
export const DEFAULT_MAX_MEMBERS = 1024;
/** The default of {@linkcode RelayOptions.maxRooms}. */
export const DEFAULT_MAX_ROOMS = 256;
/** The default of {@linkcode RelayOptions.graceMs}. */
export const DEFAULT_GRACE_MS = 120_000;
/** The default of {@linkcode Limits.perAddress}. Loopback addresses have no default limit. */
export const PER_ADDRESS = 128;
/** The default of {@linkcode Limits.joinsPerAddress}. Loopback addresses have no default limit. */
export const JOINS_PER_ADDRESS = 120;
/** What the look-up of a member costs, as bytes forwarded: it is about as much work. */
export const LOOKUP_BYTES = 256;

/** The default limits of a relay. */
export const DEFAULT_LIMITS: Limits = {
  pending: 1024,
  joinsPerSecond: 50,
  rejoins: 60,
  framesPerSecond: 1000,
  bytesPerSecond: 4 << 20,
  fanoutPerSecond: 32 << 20,
};

/** An entry of a room's log. Members are named by their numbers, entries by their places. */
export type Entry =
  | { readonly kind: "genesis"; readonly room: Bytes; readonly maxMembers: number }
  | JoinEntry
  | {
    readonly kind: "leave";
    readonly member: number;
    readonly reason: Reason;
    /** The payload of the member's `leave`, or empty. */
    readonly statement: Bytes;
  }
  /** The member has no connection, or does not read. No effect if it has an entry after `follows`. */
  | { readonly kind: "lost"; readonly member: number; readonly follows: number }
  | { readonly kind: "back"; readonly member: number }
  /** The grace of the member is over. No effect if it has an entry after the `lost` entry `follows`. */
  | { readonly kind: "expire"; readonly member: number; readonly follows: number }
  | { readonly kind: "renew"; readonly member: number; readonly renewal: Bytes }
  | { readonly kind: "frame"; readonly member: number; readonly frame: CountedFrame }
  /** Sealed frames of `sender`, from this message number on, are left out for `recipient`. */
  | {
    readonly kind: "behind";
    readonly sender: number;
    readonly recipient: number;
    readonly number: number;
  };

/** A join, with what the edge computed from the checked credential. */
export interface JoinEntry extends Required<Marks> {
  readonly kind: "join";
  /** The member's hash. */
  readonly member: Bytes;
  readonly fingerprint: string;
  readonly bytes: Bytes;
  readonly renewal: Bytes;
}

/** Counted frames of a member: one, or adjacent sealed frames with the same route and version. */
export type CountedFrame =
  | { readonly kind: "sealed"; readonly frames: number; readonly bytes: Bytes }
    & Omit<SealedAddress, "sender">
  | { readonly kind: "pair"; readonly recipient: number; readonly bytes: Bytes }
  | { readonly kind: "here"; readonly bytes: Bytes }
  | { readonly kind: "route" } & Route
  | { readonly kind: "rejoin"; readonly recipient: number };

/**
 * A log in memory: gives entries their places and has each applied in that order. It keeps no entry: what members still
 * need is in what `apply` returned.
 */
export class Log {
  readonly #apply: (entry: Entry, place: number) => void;
  readonly #waiting: Entry[] = [];
  #place = 0;
  #applying = false;

  /** @param apply Applies an entry at its place. It may append others, which are applied after it. */
  constructor(apply: (entry: Entry, place: number) => void) {
    this.#apply = apply;
  }

  /** Appends an entry. It is applied before this returns, or after the entry that is being applied. */
  append(entry: Entry): void {
    this.#waiting.push(entry);
    if (this.#applying) return;
    this.#applying = true;
    try {
      while (this.#waiting.length > 0) this.#apply(this.#waiting.shift()!, ++this.#place);
    } finally {
      this.#applying = false;
    }
  }
}

/** An event of a relay. */
export type RelayEvent =
  | { readonly kind: "connected"; readonly from?: Origin | undefined }
  | MemberChange<"joined"> & { readonly from?: Origin | undefined }
  | MemberChange<"left"> & { readonly reason: Reason }
  /** A member lost its connection or stopped reading; or it is there again. */
  | MemberChange<"away" | "back">
  /** A connection ended before it joined. */
  | {
    readonly kind: "refused";
    readonly reason: Reason;
    readonly detail: string;
    readonly from?: Origin | undefined;
  }
  /** A member sends too fast and is not read for a time. Reported once a minute for each member. */
  | { readonly kind: "slowed"; readonly credential: RelayCredential; readonly ms: number }
  /** An unexpected exception. It has ended one connection at most. */
  | { readonly kind: "failed"; readonly detail: string };

/** A credential without the key that wraps pairwise keys: a relay has no use for it, and a thousand take 1 MiB. */
export type RelayCredential = Omit<Credential, "session">;

/** A change of a member of a room. */
export interface MemberChange<Kind extends string> {
  /** What happened. */
  readonly kind: Kind;
  /** The member's credential. */
  readonly credential: RelayCredential;
  /** The name of the room. */
  readonly roomName: string;
}

/** The other end of a connection: an address and a port. */
export interface Origin {
  /** Its address. */
  readonly hostname: string;
  /** Its port. */
  readonly port: number;
}

/** The upper bounds of a histogram's buckets, in seconds. */
export const JOIN_BUCKETS: readonly number[] = [
  ...[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10],
];

/** Counters that only rise, from the relay's start on. */
export class Tally {
  /** Members that joined. */
  joins = 0;
  /** Sealed frames that members sent. */
  messages = 0;
  /** Sealed frames for recipients, counted once for each recipient. */
  deliveries = 0;
  /** Bytes received. */
  receivedBytes = 0;
  /** Milliseconds for which members that sent too fast were not read. */
  slowedMs = 0;
  /** Exceptions that were contained. */
  failures = 0;
  /** The time that all joins took together, in milliseconds. */
  joinMs = 0;
  /** Joins by their time: one count for each of {@linkcode JOIN_BUCKETS}, then those that took longer. */
  readonly joinTimes: number[] = new Array<number>(JOIN_BUCKETS.length + 1).fill(0);
  /** Connections that ended, by reason. */
  readonly disconnects: Map<Reason, number> = new Map();

  /** Counts a join, by the time since its connection was made. */
  joined(ms: number): void {
    this.joins += 1;
    this.joinMs += ms;
    const bucket = JOIN_BUCKETS.findIndex((bound) => ms <= bound * 1000);
    this.joinTimes[bucket < 0 ? JOIN_BUCKETS.length : bucket]! += 1;
  }

  /** Counts a connection that ended. */
  disconnected(reason: Reason): void {
    this.disconnects.set(reason, (this.disconnects.get(reason) ?? 0) + 1);
  }
}

/** The state of a relay at one moment. */
export interface RelayState {
  /** Rooms, empty ones included. */
  readonly rooms: number;
  /** Members of all rooms. */
  readonly members: number;
  /** Connections, of members and others. */
  readonly connections: number;
  /** Connections that have not joined yet. */
  readonly pending: number;
  /** Bytes sent to members and not acknowledged, or waiting to be sent. */
  readonly queueBytes: number;
  /** What was counted since the start. */
  readonly tally: Tally;
}
