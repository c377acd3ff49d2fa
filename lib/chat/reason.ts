/**
 * Why a connection or a membership ends: a number on the wire, a code for programs, words for people.
 *
 * @module
 */

import { type ByteReader, MalformedError } from "./bytes.ts";

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
