/**
 * The kinds of frame, the bound of each kind, the greeting that precedes the frames, and the reasons for an end.
 *
 * @module
 */

import { type Bytes, ByteWriter, fromUtf8, MalformedError, utf8 } from "../../base/bytes.ts";
import { MAX_RENEWAL_BYTES } from "../identity/signing.ts";

/** The version of the protocol. */
export const PROTOCOL_VERSION = 2;

/** The length of room ids, nonces, member hashes, contexts, commitments and keys, in bytes. */
export const HASH_BYTES = 32;

/** The most members that a roster may list. */
export const MAX_ROSTER = 10_000;

/** The most counted frames, and their bytes, that a relay sends a member beyond its last acknowledgement. */
export const RELAY_WINDOW = { frames: 8192, bytes: 4 << 20 } as const;

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

/** A kind of frame. */
interface FrameKind {
  /** Its number on the wire. */
  readonly kind: number;
  /** The largest payload that a member sends; undefined if a member does not send this kind. */
  readonly member?: number;
  /** The largest payload that a relay sends; undefined if a relay does not send this kind. */
  readonly relay?: number;
  /** Whether `ack`, `accepted`, `resume` and `resumed` count frames of this kind. */
  readonly counted?: true;
}

const KINDS = {
  challenge: { kind: 0x01, relay: BOUND.short },
  join: { kind: 0x02, member: BOUND.join },
  roster: { kind: 0x03, relay: BOUND.control },
  joined: { kind: 0x04, relay: BOUND.join, counted: true },
  left: { kind: 0x05, relay: BOUND.short, counted: true },
  route: { kind: 0x06, member: BOUND.control, counted: true },
  ack: { kind: 0x07, member: BOUND.count },
  accepted: { kind: 0x08, relay: BOUND.count },
  here: { kind: 0x09, member: BOUND.short, relay: BOUND.short, counted: true },
  ping: { kind: 0x0a, member: 0, relay: 0 },
  pong: { kind: 0x0b, member: 0, relay: 0 },
  leave: { kind: 0x0c, member: BOUND.short },
  bye: { kind: 0x0d, relay: BOUND.count },
  resume: { kind: 0x0e, member: BOUND.resume },
  resumed: { kind: 0x0f, relay: BOUND.count },
  pair: { kind: 0x10, member: BOUND.frame, relay: BOUND.frame, counted: true },
  sealed: { kind: 0x11, member: BOUND.frame, relay: BOUND.frame, counted: true },
  receipt: { kind: 0x12, member: BOUND.receipts, relay: BOUND.receipts },
  away: { kind: 0x13, relay: BOUND.count, counted: true },
  back: { kind: 0x14, relay: BOUND.count, counted: true },
  unknown: { kind: 0x15, relay: 0 },
  renew: { kind: 0x16, member: BOUND.renewal },
  ask: { kind: 0x17, member: BOUND.receipts, relay: BOUND.receipts },
  behind: { kind: 0x18, relay: BOUND.count, counted: true },
  rejoin: { kind: 0x19, member: BOUND.count, counted: true },
} as const satisfies Readonly<Record<string, FrameKind>>;

/** The numbers of the kinds of frame. */
export const KIND = Object.fromEntries(
  Object.entries(KINDS).map(([name, { kind }]) => [name, kind]),
) as Readonly<Record<keyof typeof KINDS, number>>;

const BY_KIND: ReadonlyMap<number, FrameKind> = new Map(
  Object.values(KINDS).map((one) => [one.kind, one]),
);

/** Returns the name of a kind, for people who read frames. */
export function kindName(kind: number): string {
  return Object.entries(KIND).find(([, value]) => value === kind)?.[0] ?? `kind ${kind}`;
}

/** Returns the bound of a payload that a member sends; undefined if a member does not send this kind. */
export function memberBound(kind: number): number | undefined {
  return BY_KIND.get(kind)?.member;
}

/** Returns the bound of a payload that a connection sends before it has joined. */
export function newcomerBound(kind: number): number | undefined {
  const isFirst = kind === KIND.join || kind === KIND.resume || kind === KIND.leave;
  return isFirst ? memberBound(kind) : undefined;
}

/** Returns the bound of a payload that a relay sends; undefined if a relay does not send this kind. */
export function relayBound(kind: number): number | undefined {
  return BY_KIND.get(kind)?.relay;
}

/** Returns whether frames of a kind are counted by `ack`, `accepted`, `resume` and `resumed`. */
export function isCounted(kind: number): boolean {
  return BY_KIND.get(kind)?.counted === true;
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

/** The reasons of `bye` and `left`: their numbers on the wire, and words that follow "the relay ended the connection: ". */
export const REASONS = {
  LEFT: { number: 0, text: "left" },
  NOT_PARLEY: { number: 1, text: "what came was not parley's protocol" },
  VERSION: { number: 2, text: "no common version of the protocol" },
  JOIN_TIMEOUT: { number: 3, text: "joining took too long" },
  BAD_FRAME: { number: 4, text: "a frame was malformed" },
  TOO_LARGE: { number: 5, text: "a frame was larger than its bound" },
  OUT_OF_ORDER: { number: 6, text: "a frame came when it had no place" },
  BAD_CREDENTIAL: { number: 7, text: "the credential is not valid" },
  CREDENTIAL_EXPIRED: { number: 8, text: "the credential has expired" },
  BAD_PROOF: { number: 9, text: "the proof of joining is not valid" },
  NAME_TAKEN: { number: 10, text: "that name, or one like it, is taken" },
  ROOM_FULL: { number: 12, text: "the room is full" },
  SILENT: { number: 14, text: "nothing was heard for too long" },
  LOST: { number: 15, text: "the connection was lost" },
  SHUTDOWN: { number: 16, text: "the relay is shutting down" },
  NOT_YOURS: { number: 17, text: "a frame named another sender" },
  TOO_MANY_ROUTES: { number: 18, text: "too many members were named in routes" },
  NOT_ALLOWED: { number: 19, text: "the relay does not admit this identity" },
  REMOVED: { number: 20, text: "the relay's owner has removed this identity" },
  REPLACED: { number: 22, text: "the same member came again" },
  BAD_ROOM: { number: 23, text: "the room's name is not valid" },
  TOO_MANY_ROOMS: { number: 24, text: "the relay has no place for another room" },
  TOO_MANY_PENDING: { number: 26, text: "too many connections are waiting to join" },
  TOO_MANY_JOINS: { number: 27, text: "there were too many joins in a short time" },
  TOO_MANY_FROM_ADDRESS: { number: 28, text: "too many connections come from that address" },
  NAME_AWAY: { number: 29, text: "who has that name or one like it is away" },
  INVITATION_USED: { number: 30, text: "another identity has used the invitation" },
} as const;

/** Why a connection or a stay ends. */
export type Reason = keyof typeof REASONS;

/** Returns the reason with a number. */
export function reasonOf(number: number): Reason {
  const reason = (Object.keys(REASONS) as Reason[]).find((one) => REASONS[one].number === number);
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
    : REASONS[ending as Reason].text;
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
