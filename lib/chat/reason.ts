/**
 * Why a connection or a membership ends: a number on the wire, a code for programs, words for people.
 *
 * @module
 */

import { type ByteReader, MalformedError } from "./bytes.ts";

/** The codes of {@linkcode encodeBye} and of `left`, by their number on the wire. */
export const REASONS = [
  "LEFT",
  "NOT_PARLEY",
  "VERSION",
  "JOIN_TIMEOUT",
  "BAD_FRAME",
  "TOO_LARGE",
  "OUT_OF_ORDER",
  "BAD_CREDENTIAL",
  "CREDENTIAL_EXPIRED",
  "BAD_PROOF",
  "NAME_TAKEN",
  "KEY_TAKEN",
  "ROOM_FULL",
  "QUEUE_FULL",
  "SILENT",
  "LOST",
  "SHUTDOWN",
  "NOT_YOURS",
  "TOO_MANY_AUDIENCES",
] as const;

/** Why a connection or a membership ends. */
export type Reason = typeof REASONS[number];

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
};

/** The number of a reason on the wire. */
export function reasonNumber(reason: Reason): number {
  return REASONS.indexOf(reason);
}

/** Reads a reason. */
export function readReason(reader: ByteReader): Reason {
  const number = reader.u8();
  const reason = REASONS[number];
  if (reason === undefined) throw new MalformedError(`no reason has the number ${number}`);
  return reason;
}

/** Why a member's own part ends, where it is not the relay that says so. */
export const ENDING_TEXT = {
  RELAY_GONE: "the relay closed the connection without a word",
  NOT_A_RELAY: "what answered there is not a parley relay",
  BAD_RELAY: "the relay does not keep to the protocol",
  NO_ANSWER: "the relay did not answer",
} as const;

/** Why a member's own part ends. */
export type Ending = Reason | keyof typeof ENDING_TEXT;

/** An ending in words. */
export function endingText(ending: Ending): string {
  return ending in ENDING_TEXT
    ? ENDING_TEXT[ending as keyof typeof ENDING_TEXT]
    : REASON_TEXT[ending as Reason];
}
