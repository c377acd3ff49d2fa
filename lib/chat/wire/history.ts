/**
 * The history of a room's roster: a hash chain over all joinings and leavings, which is the same for every member that
 * was shown the same events.
 *
 * Also the statements that members sign about a version of it: that they are there (`here`), and that they leave.
 *
 * @module
 */

import { type Bytes, ByteWriter, mapKey, sha256 } from "../../base/bytes.ts";
import { CONTEXT, inContext, SIGNATURE_BYTES } from "../identity/signing.ts";
import { frameOf, type Laid, Layout } from "./frame.ts";
import { HASH_BYTES, KIND } from "./kinds.ts";

/** The number of versions whose contexts are kept. */
export const KEPT_CONTEXTS = 16_384;

/** A change of the roster. */
export type RosterEvent = "joined" | "left";

const EVENT: Readonly<Record<RosterEvent, number>> = { joined: 1, left: 2 };

/** Returns the context of version 0 of a room. */
export function firstContext(room: Bytes): Promise<Bytes> {
  return sha256(inContext(CONTEXT.history, room));
}

/** Where a history starts. */
export interface HistoryStart {
  readonly room: Bytes;
  readonly version: number;
  /** The context of the version; it may still be computed. */
  readonly context: Bytes | Promise<Bytes>;
  /** The hashes of the members at the version, in any order. */
  readonly members: readonly Bytes[];
}

/** The contexts of a room's versions, from one version on. */
export class RosterHistory {
  readonly room: Bytes;
  /** The hashes of the members, in ascending byte order. */
  readonly #members: Bytes[];
  /** By version; a promise while it is computed. */
  readonly #contexts = new Map<number, Bytes | Promise<Bytes>>();
  #version: number;
  #last: Promise<Bytes>;

  /** Starts at a version. */
  constructor({ room, version, context, members }: HistoryStart) {
    this.room = room;
    this.#version = version;
    this.#members = members.toSorted(compareBytes);
    this.#last = Promise.resolve(context);
    this.#keep(version, this.#last);
  }

  /** The newest version that was added. */
  get version(): number {
    return this.#version;
  }

  /** The context of the newest version, once it is computed. */
  get newest(): Promise<Bytes> {
    return this.#last;
  }

  /** The number of members at the newest version. */
  get size(): number {
    return this.#members.length;
  }

  /**
   * Returns the context of a version; undefined if it is not kept, not computed yet, or above the newest version.
   */
  at(version: number): Bytes | undefined {
    const context = this.#contexts.get(version);
    return context instanceof Promise ? undefined : context;
  }

  /** Returns the context of a version, once it is computed; undefined if it is not kept or above the newest version. */
  when(version: number): Bytes | Promise<Bytes> | undefined {
    return this.#contexts.get(version);
  }

  /**
   * Adds an event, which makes the next version.
   *
   * @param event What happened.
   * @param member The hash of the member that joined or left.
   * @returns The context of the new version.
   */
  add(event: RosterEvent, member: Bytes): Promise<Bytes> {
    const version = ++this.#version;
    const at = placeOf(this.#members, member);
    if (event === "joined") this.#members.splice(at, 0, member);
    else if (at < this.#members.length && compareBytes(this.#members[at]!, member) === 0) {
      this.#members.splice(at, 1);
    }
    const all = new ByteWriter(HASH_BYTES * this.#members.length);
    for (const one of this.#members) all.raw(one);
    const context = this.#next(version, EVENT[event], member, sha256(all.finish()));
    this.#last = context;
    this.#keep(version, context);
    return context;
  }

  async #next(
    version: number,
    event: number,
    member: Bytes,
    members: Promise<Bytes>,
  ): Promise<Bytes> {
    const head = new ByteWriter(5).u32(version).u8(event).finish();
    const [before, hash] = await Promise.all([this.#last, members]);
    return await sha256(inContext(CONTEXT.history, this.room, before, head, member, hash));
  }

  #keep(version: number, context: Promise<Bytes>): void {
    this.#contexts.set(version, context);
    this.#contexts.delete(version - KEPT_CONTEXTS);
    context.then((bytes) => {
      if (this.#contexts.has(version)) this.#contexts.set(version, bytes);
    }, () => {}); // a caller that awaits the context gets the error
  }
}

/** The number of rooms whose versions are remembered. */
const MAX_ROOMS = 16_384;

/** The newest version that a member has seen of each room. A relay must not show an older one afterwards. */
export class FollowedRooms {
  readonly #versions = new Map<string, number>();

  /** Notes that a room had a version. */
  note(room: Bytes, version: number): void {
    const key = mapKey(room);
    const known = this.#versions.get(key) ?? 0;
    this.#versions.delete(key);
    this.#versions.set(key, Math.max(known, version));
    if (this.#versions.size <= MAX_ROOMS) return;
    const [oldest] = this.#versions.keys();
    this.#versions.delete(oldest!);
  }

  /** Returns whether a version of a room is not older than the newest one that was seen. */
  goesOn(room: Bytes, version: number): boolean {
    return version >= (this.#versions.get(mapKey(room)) ?? 0);
  }
}

/** Returns the first index whose hash is not below `member`. */
function placeOf(members: readonly Bytes[], member: Bytes): number {
  let low = 0;
  let high = members.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(members[middle]!, member) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Compares two byte strings of the same length. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** The length of the part of a context that travels, in bytes. */
export const CHECK_BYTES = 4;

/** Returns the part of a context that travels. */
export function checkOf(context: Bytes): Bytes {
  return context.subarray(0, CHECK_BYTES);
}

// What members sign about a version.

/** A member in a room at a version. */
export interface Place {
  readonly room: Bytes;
  /** The member's hash. */
  readonly member: Bytes;
  readonly version: number;
  /** The context of the version. */
  readonly context: Bytes;
}

/** Returns the statement that a member signs in `leave` or `here`. */
export function statementAt(
  use: "leave" | "here",
  { room, member, version, context }: Place,
): Bytes {
  return inContext(CONTEXT[use], room, member, new ByteWriter(4).u32(version).finish(), context);
}

const LEAVE = new Layout({
  /** The newest version that the member knew. */
  version: "u32",
  /** The signature over {@linkcode statementAt}. */
  signature: SIGNATURE_BYTES,
});

/** A member's statement that it leaves. */
export type LeaveStatement = Laid<typeof LEAVE>;

/** Encodes the payload of `leave`. */
export const encodeLeavePayload = LEAVE.encode;

/** Reads the payload of `leave`; undefined if it is empty. */
export function readLeavePayload(payload: Bytes): LeaveStatement | undefined {
  return payload.length === 0 ? undefined : LEAVE.decode(payload);
}

/** The first frame of a newcomer, which shows the others that it is really there. */
export const [encodeHere, readHere] = frameOf(KIND.here, {
  /** The sender's number. */
  member: "u32",
  version: "u32",
  /** The first bytes of the version's context. */
  check: CHECK_BYTES,
  /** The signature over {@linkcode statementAt}. */
  signature: SIGNATURE_BYTES,
});

/** What `here` contains. */
export type Here = ReturnType<typeof readHere>;
