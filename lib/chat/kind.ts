/**
 * The kinds of frame, how large each may be, and the greeting before the first of them.
 *
 * @module
 */

import { type Bytes, ByteWriter, utf8 } from "./bytes.ts";
import { MAX_CREDENTIAL_BYTES } from "./credential.ts";
import { MAX_RENEWAL_BYTES } from "./renewal.ts";

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
