/**
 * The kinds of frame, the bound of each kind, the greeting that precedes the frames, and the reasons for an end.
 *
 * @module
 */

import {
  type ByteReader,
  type Bytes,
  ByteWriter,
  fromUtf8,
  MalformedError,
  utf8,
} from "../../base/bytes.ts";
import { MAX_RENEWAL_BYTES } from "../identity/signing.ts";

/** The version of the protocol. */
export const PROTOCOL_VERSION = 2;

/** The length of room ids, nonces, member hashes, contexts, commitments and keys, in bytes. */
export const HASH_BYTES = 32;

/** The kinds of frame. */
export const KIND = {
  challenge: 0x01,
  join: 0x02,
  roster: 0x03,
  joined: 0x04,
  left: 0x05,
  route: 0x06,
  ack: 0x07,
  accepted: 0x08,
  here: 0x09,
  ping: 0x0a,
  pong: 0x0b,
  leave: 0x0c,
  bye: 0x0d,
  resume: 0x0e,
  resumed: 0x0f,
  pair: 0x10,
  sealed: 0x11,
  receipt: 0x12,
  away: 0x13,
  back: 0x14,
  unknown: 0x15,
  renew: 0x16,
  ask: 0x17,
  behind: 0x18,
  rejoin: 0x19,
} as const;

/** Returns the name of a kind, for people who read frames. */
export function kindName(kind: number): string {
  return Object.entries(KIND).find(([, value]) => value === kind)?.[0] ?? `kind ${kind}`;
}

/** The most members that a roster may list. */
export const MAX_ROSTER = 10_000;

/** The largest payloads in bytes. */
export const BOUND = {
  /** Frames that carry ciphertext. */
  frame: 1 << 20,
  /** Pages of the roster, and routes. */
  control: 64 << 10,
  /** Receipts and asks: an entry for each member of a large room. */
  receipts: 256 << 10,
  /** A credential, a renewal, an invitation, a host, a proof and their lengths. */
  join: 4096,
  resume: 256,
  renewal: MAX_RENEWAL_BYTES,
  short: 128,
  count: 64,
} as const;

const MEMBER_BOUNDS: Readonly<Record<number, number>> = {
  [KIND.join]: BOUND.join,
  [KIND.route]: BOUND.control,
  [KIND.ack]: BOUND.count,
  [KIND.here]: BOUND.short,
  [KIND.ping]: 0,
  [KIND.pong]: 0,
  [KIND.leave]: BOUND.short,
  [KIND.resume]: BOUND.resume,
  [KIND.pair]: BOUND.frame,
  [KIND.sealed]: BOUND.frame,
  [KIND.receipt]: BOUND.receipts,
  [KIND.renew]: BOUND.renewal,
  [KIND.ask]: BOUND.receipts,
  [KIND.rejoin]: BOUND.count,
};

const RELAY_BOUNDS: Readonly<Record<number, number>> = {
  [KIND.challenge]: BOUND.short,
  [KIND.roster]: BOUND.control,
  [KIND.joined]: BOUND.join,
  [KIND.left]: BOUND.short,
  [KIND.accepted]: BOUND.count,
  [KIND.here]: BOUND.short,
  [KIND.ping]: 0,
  [KIND.pong]: 0,
  [KIND.bye]: BOUND.count,
  [KIND.resumed]: BOUND.count,
  [KIND.pair]: BOUND.frame,
  [KIND.sealed]: BOUND.frame,
  [KIND.receipt]: BOUND.receipts,
  [KIND.away]: BOUND.count,
  [KIND.back]: BOUND.count,
  [KIND.unknown]: 0,
  [KIND.ask]: BOUND.receipts,
  [KIND.behind]: BOUND.count,
};

const COUNTED: ReadonlySet<number> = new Set([
  KIND.joined,
  KIND.left,
  KIND.route,
  KIND.here,
  KIND.pair,
  KIND.sealed,
  KIND.away,
  KIND.back,
  KIND.behind,
  KIND.rejoin,
]);

/** Returns the bound of a payload that a member sends; undefined if a member does not send this kind. */
export function memberBound(kind: number): number | undefined {
  return MEMBER_BOUNDS[kind];
}

/** Returns the bound of a payload that a connection sends before it has joined. */
export function newcomerBound(kind: number): number | undefined {
  const isFirst = kind === KIND.join || kind === KIND.resume || kind === KIND.leave;
  return isFirst ? memberBound(kind) : undefined;
}

/** Returns the bound of a payload that a relay sends; undefined if a relay does not send this kind. */
export function relayBound(kind: number): number | undefined {
  return RELAY_BOUNDS[kind];
}

/** Returns whether frames of a kind are counted by `ack`, `accepted`, `resume` and `resumed`. */
export function isCounted(kind: number): boolean {
  return COUNTED.has(kind);
}

const MAGIC = utf8("parley");
const MAX_VERSIONS = 16;
/** The length limit of a room's name in bytes of UTF-8. */
export const MAX_ROOM_NAME_BYTES = 64;
/** The longest greeting in bytes. */
export const MAX_GREETING_BYTES = MAGIC.length + 1 + MAX_VERSIONS + 1 + MAX_ROOM_NAME_BYTES;

/**
 * Encodes a member's greeting.
 *
 * @param roomName The name of the room to join, valid by {@linkcode isRoomName}.
 * @param versions The versions that the member knows.
 */
export function encodeGreeting(
  roomName: string,
  versions: readonly number[] = [PROTOCOL_VERSION],
): Bytes {
  const name = utf8(roomName);
  return new ByteWriter(MAX_GREETING_BYTES).raw(MAGIC).u8(versions.length)
    .raw(new Uint8Array(versions)).u8(name.length).raw(name).finish();
}

/** The first bytes of a connection. */
export type Greeting =
  | { readonly state: "partial" }
  | { readonly state: "foreign" }
  | {
    readonly state: "whole";
    readonly versions: readonly number[];
    /** The name of the room; undefined if it is not valid. */
    readonly roomName: string | undefined;
    /** The length of the greeting in bytes. */
    readonly length: number;
  };

/**
 * Reads a greeting from the bytes that have come so far. Bytes that cannot become a greeting are `foreign` at the first
 * wrong byte, so that a TLS hello or an HTTP request does not wait for a deadline.
 */
export function readGreeting(bytes: Uint8Array): Greeting {
  const prefix = Math.min(bytes.length, MAGIC.length);
  for (let i = 0; i < prefix; i++) if (bytes[i] !== MAGIC[i]) return { state: "foreign" };
  const count = bytes[MAGIC.length];
  if (count === undefined) return { state: "partial" };
  if (count === 0 || count > MAX_VERSIONS) return { state: "foreign" };
  const nameAt = MAGIC.length + 1 + count;
  const nameLength = bytes[nameAt];
  if (nameLength === undefined) return { state: "partial" };
  if (nameLength > MAX_ROOM_NAME_BYTES) return { state: "foreign" };
  const length = nameAt + 1 + nameLength;
  if (bytes.length < length) return { state: "partial" };
  return {
    state: "whole",
    versions: [...bytes.subarray(MAGIC.length + 1, nameAt)],
    roomName: readRoomName(bytes.subarray(nameAt + 1, length)),
    length,
  };
}

function readRoomName(bytes: Uint8Array): string | undefined {
  try {
    const name = fromUtf8(bytes);
    return isRoomName(name) ? name : undefined;
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

/** Returns whether a text is valid as a room's name: NFKC, at most 64 bytes, no `/`, white space or category C. */
export function isRoomName(name: string): boolean {
  return utf8(name).length <= MAX_ROOM_NAME_BYTES && name.normalize("NFKC") === name &&
    !/[/\p{C}\p{White_Space}]/u.test(name);
}

/** The reasons of `bye` and `left`, with their numbers on the wire. */
export const REASONS = {
  LEFT: 0,
  NOT_PARLEY: 1,
  VERSION: 2,
  JOIN_TIMEOUT: 3,
  BAD_FRAME: 4,
  TOO_LARGE: 5,
  OUT_OF_ORDER: 6,
  BAD_CREDENTIAL: 7,
  CREDENTIAL_EXPIRED: 8,
  BAD_PROOF: 9,
  NAME_TAKEN: 10,
  ROOM_FULL: 12,
  SILENT: 14,
  LOST: 15,
  SHUTDOWN: 16,
  NOT_YOURS: 17,
  TOO_MANY_ROUTES: 18,
  NOT_ALLOWED: 19,
  REMOVED: 20,
  REPLACED: 22,
  BAD_ROOM: 23,
  TOO_MANY_ROOMS: 24,
  TOO_MANY_PENDING: 26,
  TOO_MANY_JOINS: 27,
  TOO_MANY_FROM_ADDRESS: 28,
  NAME_AWAY: 29,
  INVITATION_USED: 30,
} as const;

/** Why a connection or a stay ends. */
export type Reason = keyof typeof REASONS;

const BY_NUMBER = new Map<number, Reason>(
  Object.entries(REASONS).map(([reason, number]) => [number, reason as Reason]),
);

/** What each reason means, in words that follow "the relay ended the connection: ". */
export const REASON_TEXT: Readonly<Record<Reason, string>> = {
  LEFT: "left",
  NOT_PARLEY: "what came was not parley's protocol",
  VERSION: "no common version of the protocol",
  JOIN_TIMEOUT: "joining took too long",
  BAD_FRAME: "a frame was malformed",
  TOO_LARGE: "a frame was larger than its bound",
  OUT_OF_ORDER: "a frame came when it had no place",
  BAD_CREDENTIAL: "the credential is not valid",
  CREDENTIAL_EXPIRED: "the credential has expired",
  BAD_PROOF: "the proof of joining is not valid",
  NAME_TAKEN: "that name, or one like it, is taken",
  ROOM_FULL: "the room is full",
  SILENT: "nothing was heard for too long",
  LOST: "the connection was lost",
  SHUTDOWN: "the relay is shutting down",
  NOT_YOURS: "a frame named another sender",
  TOO_MANY_ROUTES: "too many members were named in routes",
  NOT_ALLOWED: "the relay does not admit this identity",
  REMOVED: "the relay's owner has removed this identity",
  REPLACED: "the same member came again",
  BAD_ROOM: "the room's name is not valid",
  TOO_MANY_ROOMS: "the relay has no place for another room",
  TOO_MANY_PENDING: "too many connections are waiting to join",
  TOO_MANY_JOINS: "there were too many joins in a short time",
  TOO_MANY_FROM_ADDRESS: "too many connections come from that address",
  NAME_AWAY: "who has that name or one like it is away",
  INVITATION_USED: "another identity has used the invitation",
};

/** Returns the number of a reason on the wire. */
export function reasonNumber(reason: Reason): number {
  return REASONS[reason];
}

/** Reads a reason. */
export function readReason(reader: ByteReader): Reason {
  const number = reader.u8();
  const reason = BY_NUMBER.get(number);
  if (reason === undefined) throw new MalformedError(`no reason has the number ${number}`);
  return reason;
}

/** Why a member's session ends, if the relay does not say why. */
export const ENDING_TEXT = {
  RELAY_GONE: "the relay closed the connection without a word",
  NOT_A_RELAY: "what answered there is not a parley relay",
  TLS_SPOKEN: "what answered there speaks TLS",
  BAD_RELAY: "the relay does not keep to the protocol",
  NO_ANSWER: "the relay did not answer",
  FAILED: "parley failed on what came from the relay",
  CLOCK_BEHIND: "this machine's clock is behind the others'",
} as const;

/** Why a member's session ends. */
export type Ending = Reason | keyof typeof ENDING_TEXT;

/** Returns what an ending means, in words. */
export function endingText(ending: Ending): string {
  return ending in ENDING_TEXT
    ? ENDING_TEXT[ending as keyof typeof ENDING_TEXT]
    : REASON_TEXT[ending as Reason];
}

/** The endings whose details are about bytes and frames. */
const OF_BYTES: ReadonlySet<Ending> = new Set<Ending>([
  ...["NOT_PARLEY", "BAD_FRAME", "TOO_LARGE", "OUT_OF_ORDER"] as const,
  ...["NOT_A_RELAY", "BAD_RELAY"] as const,
]);

/**
 * Returns whether the detail of an ending is for people. Frame kinds and byte counts are not: they are for logs and
 * programs.
 */
export function hasPlainDetail(ending: Ending): boolean {
  return !OF_BYTES.has(ending);
}

/** The silence after which a side sends `ping`, in milliseconds. */
export const PING_AFTER_MS = 15_000;
/** How long a side may be silent before the other one ends the connection, in milliseconds. */
export const DEAD_AFTER_MS = 45_000;

/** The tutorial's port. */
export const DEFAULT_PORT = 4396;
/** The path of the WebSocket that carries the protocol. */
export const WEBSOCKET_PATH = "/chat";
