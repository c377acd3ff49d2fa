/**
 * The kinds of frame, how large each may be, and the greeting before the first of them.
 *
 * @module
 */

import { type ByteReader, type Bytes, ByteWriter, MalformedError, utf8 } from "../../base/bytes.ts";
import { MAX_CREDENTIAL_BYTES } from "../identity/credential.ts";
import { MAX_RENEWAL_BYTES } from "../identity/renewal.ts";

/** The version of the protocol. */
export const PROTOCOL_VERSION = 1;

/** The length of room ids, nonces, member hashes, digests, commitments and keys, in bytes. */
export const HASH_BYTES = 32;

/** The kinds of frame. */
export const KIND = {
  challenge: 0x01,
  join: 0x02,
  roster: 0x03,
  joined: 0x04,
  left: 0x05,
  audience: 0x06,
  ack: 0x07,
  accepted: 0x08,
  delivered: 0x09,
  ping: 0x0a,
  pong: 0x0b,
  leave: 0x0c,
  bye: 0x0d,
  resume: 0x0e,
  resumed: 0x0f,
  key: 0x10,
  sealed: 0x11,
  progress: 0x12,
  away: 0x13,
  back: 0x14,
  unknown: 0x15,
  renew: 0x16,
} as const;

/** The name of a kind. */
export function kindName(kind: number): string {
  return Object.entries(KIND).find(([, value]) => value === kind)?.[0] ?? `kind ${kind}`;
}

/** The most members that a roster may list. */
export const MAX_ROSTER = 10_000;

/** The largest payloads in bytes. */
export const BOUND = {
  frame: 1 << 20,
  control: 64 << 10,
  /** A number, and the hashes of as many members as a room can have. */
  audience: 4 + 32 * MAX_ROSTER,
  /** A credential, a renewal, and 502 bytes for what else is said to join. */
  join: MAX_CREDENTIAL_BYTES + MAX_RENEWAL_BYTES + 502,
  key: 1024,
  resume: 256,
  renewal: MAX_RENEWAL_BYTES,
  small: 64,
} as const;

const MEMBER_BOUNDS: Readonly<Record<number, number>> = {
  [KIND.join]: BOUND.join,
  [KIND.audience]: BOUND.audience,
  [KIND.ack]: BOUND.small,
  [KIND.ping]: BOUND.small,
  [KIND.pong]: BOUND.small,
  [KIND.leave]: BOUND.small,
  [KIND.key]: BOUND.key,
  [KIND.sealed]: BOUND.frame,
  [KIND.progress]: BOUND.resume,
  [KIND.resume]: BOUND.resume,
  [KIND.renew]: BOUND.renewal,
};

const RELAY_BOUNDS: Readonly<Record<number, number>> = {
  [KIND.challenge]: 128,
  [KIND.roster]: BOUND.control,
  [KIND.joined]: BOUND.join,
  [KIND.left]: 128,
  [KIND.accepted]: BOUND.small,
  [KIND.delivered]: BOUND.small,
  [KIND.ping]: BOUND.small,
  [KIND.pong]: BOUND.small,
  [KIND.bye]: BOUND.small,
  [KIND.resumed]: BOUND.small,
  [KIND.key]: BOUND.key,
  [KIND.sealed]: BOUND.frame,
  [KIND.progress]: BOUND.resume,
  [KIND.away]: BOUND.small,
  [KIND.back]: BOUND.small,
  [KIND.unknown]: BOUND.small,
};

const COUNTED: ReadonlySet<number> = new Set([
  KIND.joined,
  KIND.left,
  KIND.audience,
  KIND.key,
  KIND.sealed,
  KIND.progress,
  KIND.away,
  KIND.back,
]);

/** The bound of a payload that a member sends, once it has joined. */
export function memberBound(kind: number): number | undefined {
  return MEMBER_BOUNDS[kind];
}

/** The bound of a payload that a newcomer sends: it has nothing to say yet but who it is. */
export function newcomerBound(kind: number): number | undefined {
  return kind === KIND.join || kind === KIND.resume ? memberBound(kind) : undefined;
}

/** The bound of a payload that a relay sends. */
export function relayBound(kind: number): number | undefined {
  return RELAY_BOUNDS[kind];
}

/** Whether a frame counts towards the numbers of {@linkcode Ack}, Accepted and Delivered. */
export function isCounted(kind: number): boolean {
  return COUNTED.has(kind);
}

// The greeting: the first bytes of a member, before any frame.

const MAGIC = utf8("parley");

/** The longest greeting in bytes. */
export const MAX_GREETING_BYTES = MAGIC.length + 1 + 16;

/** The greeting of a member: the magic, and the versions that it knows. */
export function encodeGreeting(versions: readonly number[] = [PROTOCOL_VERSION]): Bytes {
  return new ByteWriter(MAX_GREETING_BYTES).raw(MAGIC).u8(versions.length).raw(
    new Uint8Array(versions),
  ).finish();
}

/** What the first bytes of a connection are. */
export type Greeting =
  | { readonly state: "partial" }
  | { readonly state: "foreign" }
  | { readonly state: "whole"; readonly versions: readonly number[]; readonly length: number };

/**
 * Reads a greeting from what has come so far. What cannot become one is told at its first wrong byte: a TLS
 * hello or an HTTP request need not wait for a deadline.
 */
export function readGreeting(bytes: Uint8Array): Greeting {
  const prefix = Math.min(bytes.length, MAGIC.length);
  for (let i = 0; i < prefix; i++) if (bytes[i] !== MAGIC[i]) return { state: "foreign" };
  const count = bytes[MAGIC.length];
  if (count === undefined) return { state: "partial" };
  if (count === 0 || count > 16) return { state: "foreign" };
  const length = MAGIC.length + 1 + count;
  if (bytes.length < length) return { state: "partial" };
  return { state: "whole", versions: [...bytes.subarray(MAGIC.length + 1, length)], length };
}

/** The codes of `bye` and `left`, each with its number on the wire. */
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
  KEY_TAKEN: 11,
  ROOM_FULL: 12,
  QUEUE_FULL: 13,
  SILENT: 14,
  LOST: 15,
  SHUTDOWN: 16,
  NOT_YOURS: 17,
  TOO_MANY_AUDIENCES: 18,
  NOT_ALLOWED: 19,
  REMOVED: 20,
  REPLACED: 22,
  TOO_MANY_PENDING: 26,
  TOO_MANY_JOINS: 27,
  TOO_MANY_FROM_ADDRESS: 28,
  NAME_AWAY: 29,
} as const;

/** Why a connection or a membership ends. */
export type Reason = keyof typeof REASONS;

const BY_NUMBER = new Map<number, Reason>(
  Object.entries(REASONS).map(([reason, number]) => [number, reason as Reason]),
);

/** What a reason means, in words that stand after "the relay ended the connection". */
export const REASON_TEXT: Readonly<Record<Reason, string>> = {
  LEFT: "left",
  NOT_PARLEY: "what came was not parley's protocol",
  VERSION: "no common version of the protocol",
  JOIN_TIMEOUT: "joining took too long",
  BAD_FRAME: "a frame was malformed",
  TOO_LARGE: "a frame was larger than its bound",
  OUT_OF_ORDER: "a frame came when it had no place",
  BAD_CREDENTIAL: "the credential does not hold",
  CREDENTIAL_EXPIRED: "the credential has expired",
  BAD_PROOF: "the proof of joining does not hold",
  NAME_TAKEN: "somebody in the room has that name",
  KEY_TAKEN: "somebody in the room has one of these keys",
  ROOM_FULL: "the room is full",
  QUEUE_FULL: "too much was waiting unread",
  SILENT: "nothing was heard for too long",
  LOST: "the connection was lost",
  SHUTDOWN: "the relay is shutting down",
  NOT_YOURS: "a frame named another sender",
  TOO_MANY_AUDIENCES: "too many audiences were declared",
  NOT_ALLOWED: "this identity is not on the relay's list",
  REMOVED: "this identity is no longer on the relay's list",
  REPLACED: "the same member came again",
  TOO_MANY_PENDING: "too many connections are waiting to join",
  TOO_MANY_JOINS: "there were too many joins in a short time",
  TOO_MANY_FROM_ADDRESS: "too many connections come from that address",
  NAME_AWAY: "somebody who is away has that name",
};

/** The number of a reason on the wire. */
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

/** Why a member's own part ends, where it is not the relay that says so. */
export const ENDING_TEXT = {
  RELAY_GONE: "the relay closed the connection without a word",
  NOT_A_RELAY: "what answered there is not a parley relay",
  TLS_SPOKEN: "what answered there speaks TLS",
  BAD_RELAY: "the relay does not keep to the protocol",
  NO_ANSWER: "the relay did not answer",
  FAILED: "parley failed on what came from the relay",
  CLOCK_BEHIND: "this machine's clock is behind the others'",
} as const;

/** Why a member's own part ends. */
export type Ending = Reason | keyof typeof ENDING_TEXT;

/** An ending in words. */
export function endingText(ending: Ending): string {
  return ending in ENDING_TEXT
    ? ENDING_TEXT[ending as keyof typeof ENDING_TEXT]
    : REASON_TEXT[ending as Reason];
}

/** The endings that are about single bytes and frames. */
const OF_BYTES: ReadonlySet<Ending> = new Set<Ending>([
  ...["NOT_PARLEY", "BAD_FRAME", "TOO_LARGE", "OUT_OF_ORDER"] as const,
  ...["NOT_A_RELAY", "BAD_RELAY"] as const,
]);

/**
 * Whether what is said of an ending in detail tells a person something: not a frame's kind or a count of bytes,
 * which are for logs, for programs and for whoever looks into it.
 */
export function hasPlainDetail(ending: Ending): boolean {
  return !OF_BYTES.has(ending);
}

/** After how long without a word the other side is asked whether it is there, in milliseconds. */
export const PING_AFTER_MS = 15_000;
/** After how long without a word the other side is given up, in milliseconds. */
export const DEAD_AFTER_MS = 45_000;

/** The tutorial's port. */
export const DEFAULT_PORT = 4396;
