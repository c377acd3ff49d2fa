/**
 * What relay and member say to each other: frames to validated messages and back, laid out as
 * `docs/protocol.md` states.
 *
 * Nothing here is trusted yet: what is read is well-formed, no more. Signatures are checked elsewhere.
 *
 * @module
 */

import {
  type ByteReader,
  type Bytes,
  ByteWriter,
  fromUtf8,
  MalformedError,
  readWhole,
  utf8,
} from "../../base/bytes.ts";
import { MAX_CREDENTIAL_BYTES } from "../identity/credential.ts";
import { MAX_RENEWAL_BYTES, readRenewal } from "../identity/renewal.ts";
import { CONTEXT, inContext, SIGNATURE_BYTES } from "../identity/signing.ts";
import { encodeFrame } from "./frame.ts";
import { BOUND, HASH_BYTES, KIND, readReason, type Reason, reasonNumber } from "./kinds.ts";

/** The relay's challenge to a newcomer. */
export interface Challenge {
  readonly version: number;
  readonly room: Bytes;
  readonly nonce: Bytes;
  /** How long the relay keeps a member whose connection is lost, in milliseconds. */
  readonly graceMs: number;
}

/** The length of a challenge in bytes: version, room, nonce, grace. */
export const CHALLENGE_BYTES = 1 + 2 * HASH_BYTES + 4;

/** Encodes a challenge. */
export function encodeChallenge({ version, room, nonce, graceMs }: Challenge): Bytes {
  const writer = new ByteWriter(CHALLENGE_BYTES).u8(version).raw(room).raw(nonce).u32(graceMs);
  return encodeFrame(KIND.challenge, writer.finish());
}

/** Reads a challenge. */
export function readChallenge(payload: Bytes): Challenge {
  return readWhole(payload, (reader) => ({
    version: reader.u8(),
    room: reader.raw(HASH_BYTES),
    nonce: reader.raw(HASH_BYTES),
    graceMs: reader.u32(),
  }));
}

/** What a member shows the others with its credential. */
export interface Evidence {
  /** Over {@linkcode presenceStatement}. */
  readonly presence: Bytes;
  /** The newest renewal of the credential; nothing where there is none. */
  readonly renewal: Bytes;
}

/** A newcomer's answer to the challenge. */
export interface Join extends Evidence {
  readonly credential: Bytes;
  readonly dialled: { readonly host: string; readonly port: number };
  /** Over {@linkcode joinStatement}, for the relay. */
  readonly proof: Bytes;
}

/** Encodes an answer to a challenge. */
export function encodeJoin({ credential, dialled, proof, presence, renewal }: Join): Bytes {
  const writer = new ByteWriter(BOUND.join).block16(credential).block16(utf8(dialled.host));
  writer.u16(dialled.port).raw(proof).raw(presence).block16(renewal);
  return encodeFrame(KIND.join, writer.finish());
}

/** Reads an answer to a challenge. */
export function readJoin(payload: Bytes): Join {
  return readWhole(payload, (reader) => ({
    credential: readCredentialBytes(reader),
    dialled: { host: readHost(reader), port: reader.u16() },
    proof: reader.raw(SIGNATURE_BYTES),
    presence: reader.raw(SIGNATURE_BYTES),
    renewal: readRenewalBytes(reader),
  }));
}

function readHost(reader: ByteReader): string {
  const bytes = reader.block16();
  if (bytes.length > 255) throw new MalformedError("a host name has more than 255 bytes");
  return fromUtf8(bytes);
}

function readCredentialBytes(reader: ByteReader): Bytes {
  const bytes = reader.block16();
  if (bytes.length > MAX_CREDENTIAL_BYTES) {
    throw new MalformedError(`a credential has more than ${MAX_CREDENTIAL_BYTES} bytes`);
  }
  return bytes;
}

/** A renewal, or nothing. What it says is looked at by those who need it. */
function readRenewalBytes(reader: ByteReader): Bytes {
  const bytes = reader.block16();
  if (bytes.length > MAX_RENEWAL_BYTES) {
    throw new MalformedError(`a renewal has more than ${MAX_RENEWAL_BYTES} bytes`);
  }
  if (bytes.length > 0) readRenewal(bytes);
  return bytes;
}

/** What a member says on a new connection instead of joining. */
export interface Resume {
  readonly member: Bytes;
  /** How many counted frames it has received. */
  readonly received: number;
  /** How many counted frames it has sent. */
  readonly sent: number;
  /** Over {@linkcode resumeStatement}. */
  readonly proof: Bytes;
}

/** Encodes that a member goes on. */
export function encodeResume({ member, received, sent, proof }: Resume): Bytes {
  const writer = new ByteWriter(BOUND.resume).raw(member).u64(received).u64(sent).raw(proof);
  return encodeFrame(KIND.resume, writer.finish());
}

/** Reads that a member goes on. */
export function readResume(payload: Bytes): Resume {
  return readWhole(payload, (reader) => ({
    member: reader.raw(HASH_BYTES),
    received: reader.u64(),
    sent: reader.u64(),
    proof: reader.raw(SIGNATURE_BYTES),
  }));
}

/** What a member signs to go on: this room, this challenge, itself, both counts. */
export function resumeStatement(
  room: Bytes,
  nonce: Bytes,
  { member, received, sent }: Omit<Resume, "proof">,
): Bytes {
  const counts = new ByteWriter(16).u64(received).u64(sent).finish();
  return inContext(CONTEXT.resume, room, nonce, member, counts);
}

/** A member as the relay lists it. */
export interface Listing extends Evidence {
  /** The membership number that its joining made. */
  readonly number: number;
  readonly credential: Bytes;
}

/** A page of the roster. */
export interface RosterPage {
  /** The membership number that the newcomer's own joining made. */
  readonly number: number;
  readonly last: boolean;
  readonly listings: readonly Listing[];
}

/** Reads a page of the roster. */
export function readRosterPage(payload: Bytes): RosterPage {
  return readWhole(payload, (reader) => {
    const number = reader.u64();
    const last = reader.u8() !== 0;
    const listings = [];
    for (let count = reader.u16(); count > 0; count--) listings.push(readListing(reader));
    return { number, last, listings };
  });
}

/** Encodes a listing, as it stands in a page of the roster and in `joined`. */
export function encodeListing({ number, credential, presence, renewal }: Listing): Bytes {
  return new ByteWriter(12 + credential.length + presence.length + renewal.length)
    .u64(number).block16(credential).raw(presence).block16(renewal).finish();
}

function readListing(reader: ByteReader): Listing {
  return {
    number: reader.u64(),
    credential: readCredentialBytes(reader),
    presence: reader.raw(SIGNATURE_BYTES),
    renewal: readRenewalBytes(reader),
  };
}

/** Encodes that a member's credential goes on. */
export function encodeRenew(renewal: Bytes): Bytes {
  return encodeFrame(KIND.renew, renewal);
}

/** Encodes that somebody joined. */
export function encodeJoined(listing: Listing): Bytes {
  return encodeFrame(KIND.joined, encodeListing(listing));
}

/** Reads that somebody joined. */
export function readJoined(payload: Bytes): Listing {
  return readWhole(payload, readListing);
}

/** That somebody left. */
export interface Left {
  /** The membership number that its leaving made. */
  readonly number: number;
  readonly member: Bytes;
  readonly reason: Reason;
}

/** Encodes that somebody left. */
export function encodeLeft({ number, member, reason }: Left): Bytes {
  const writer = new ByteWriter(64).u64(number).raw(member).u8(reasonNumber(reason));
  return encodeFrame(KIND.left, writer.finish());
}

/** Reads that somebody left. */
export function readLeft(payload: Bytes): Left {
  return readWhole(payload, (reader) => ({
    number: reader.u64(),
    member: reader.raw(HASH_BYTES),
    reason: readReason(reader),
  }));
}

/** Encodes that a member's connection is lost (`away`), or that it has another (`back`). */
export function encodePresence(kind: number, member: Bytes): Bytes {
  return encodeFrame(kind, member);
}

/** Reads whose connection is lost, or who has another. */
export function readPresence(payload: Bytes): Bytes {
  return readWhole(payload, (reader) => reader.raw(HASH_BYTES));
}

// Control.

/** Encodes the audience that frames with its number go to. */
export function encodeAudience(id: number, members: readonly Uint8Array[]): Bytes {
  const writer = new ByteWriter(4 + HASH_BYTES * members.length).u32(id);
  for (const member of members) writer.raw(member);
  return encodeFrame(KIND.audience, writer.finish());
}

/** Reads an audience. */
export function readAudience(payload: Bytes): { id: number; members: Bytes[] } {
  return readWhole(payload, (reader) => {
    const id = reader.u32();
    const members = [];
    while (reader.left > 0) members.push(reader.raw(HASH_BYTES));
    return { id, members };
  });
}

/** Encodes one of the counts: `ack`, `accepted`, `delivered`, `resumed`. */
export function encodeCount(kind: number, count: number): Bytes {
  return encodeFrame(kind, new ByteWriter(8).u64(count).finish());
}

/** Reads a count. */
export function readCount(payload: Bytes): number {
  return readWhole(payload, (reader) => reader.u64());
}

/** Encodes a frame that carries nothing: `ping`, `pong`, `leave`, `unknown`. */
export function encodeEmpty(kind: number): Bytes {
  return encodeFrame(kind, new Uint8Array(0));
}

/** Encodes the relay's last word to a connection. */
export function encodeBye(reason: Reason): Bytes {
  return encodeFrame(KIND.bye, new Uint8Array([reasonNumber(reason)]));
}

/** Reads the relay's last word. */
export function readBye(payload: Bytes): Reason {
  return readWhole(payload, readReason);
}
