/**
 * The frames that a relay and a member exchange about joining, the roster and the connection (`docs/protocol.md`).
 *
 * The readers check the form only. Signatures are checked elsewhere.
 *
 * @module
 */

import {
  type ByteReader,
  type Bytes,
  ByteWriter,
  concat,
  fromUtf8,
  MalformedError,
  readWhole,
  utf8,
} from "../../base/bytes.ts";
import { MAX_CREDENTIAL_BYTES, MIN_CREDENTIAL_BYTES, readRenewal } from "../identity/credential.ts";
import { CONTEXT, inContext, MAX_RENEWAL_BYTES, SIGNATURE_BYTES } from "../identity/signing.ts";
import { encodeFrame } from "./frame.ts";
import { readLeavePayload } from "./history.ts";
import { encodeProof, type InvitationProof, readProof } from "./invitation.ts";
import { BOUND, HASH_BYTES, KIND, readReason, type Reason, REASONS } from "./kinds.ts";

/** The relay's challenge to a new connection. */
export interface Challenge {
  readonly version: number;
  readonly nonce: Bytes;
  /** How long the relay keeps a member whose connection is lost, in milliseconds. */
  readonly graceMs: number;
}

/** Encodes the payload of a challenge, which is part of the transcript. */
export function encodeChallengePayload({ version, nonce, graceMs }: Challenge): Bytes {
  return new ByteWriter(1 + HASH_BYTES + 4).u8(version).raw(nonce).u32(graceMs).finish();
}

/** Reads a challenge. */
export function readChallenge(payload: Bytes): Challenge {
  return readWhole(payload, (reader) => ({
    version: reader.u8(),
    nonce: reader.raw(HASH_BYTES),
    graceMs: reader.u32(),
  }));
}

/** A newcomer's answer to the challenge, without its proof. */
export interface JoinRequest {
  readonly credential: Bytes;
  /** The newest renewal of the credential; empty if there is none. */
  readonly renewal: Bytes;
  /** What the newcomer dialled. */
  readonly dialled: { readonly host: string; readonly port: number };
  /** The proof that the newcomer is invited, if it is. Only its length is checked here. */
  readonly invitation?: InvitationProof | undefined;
}

/** A newcomer's answer to the challenge. */
export interface Join extends JoinRequest {
  /** The signature over {@linkcode joinStatement} of {@linkcode Join.signed}. */
  readonly proof: Bytes;
  /** The fields before the proof, as they were encoded. */
  readonly signed: Bytes;
}

/** Encodes the fields of `join` before the proof. */
export function encodeJoinRequest(
  { credential, renewal, dialled, invitation }: JoinRequest,
): Bytes {
  const proof = invitation === undefined ? new Uint8Array(0) : encodeProof(invitation);
  return new ByteWriter(BOUND.join).block16(credential).block16(renewal)
    .block16(utf8(dialled.host)).u16(dialled.port).block16(proof).finish();
}

/** Encodes `join` or `resume` from its signed fields and its proof. */
export function encodeProven(kind: number, signed: Bytes, proof: Bytes): Bytes {
  return encodeFrame(kind, concat([signed, proof]));
}

/** Reads an answer to a challenge. */
export function readJoin(payload: Bytes): Join {
  return readWhole(payload, (reader) => {
    const renewable = readRenewable(reader);
    const host = fromUtf8(readBlock(reader, "a host name", MAX_HOST_BYTES));
    const dialled = { host, port: reader.u16() };
    const bytes = reader.block16();
    const invitation = bytes.length === 0 ? undefined : readProof(bytes);
    const signed = payload.subarray(0, payload.length - reader.left);
    const proof = reader.raw(SIGNATURE_BYTES);
    return { ...renewable, dialled, invitation, signed, proof };
  });
}

/**
 * Returns the statement that a newcomer signs to join.
 *
 * @param transcript The greeting and the challenge's payload.
 * @param request The fields of `join` before the proof: {@linkcode encodeJoinRequest}.
 */
export function joinStatement(transcript: Bytes, request: Bytes): Bytes {
  return inContext(CONTEXT.join, transcript, request);
}

const MAX_HOST_BYTES = 255;

function readBlock(reader: ByteReader, name: string, most: number): Bytes {
  const bytes = reader.block16();
  if (bytes.length > most) throw new MalformedError(`${name} has more than ${most} bytes`);
  return bytes;
}

/** Reads a credential and its renewal, of which the form is checked, or none. */
function readRenewable(reader: ByteReader): Pick<Listing, "credential" | "renewal"> {
  const credential = readBlock(reader, "a credential", MAX_CREDENTIAL_BYTES);
  const renewal = readBlock(reader, "a renewal", MAX_RENEWAL_BYTES);
  if (renewal.length > 0) readRenewal(renewal);
  return { credential, renewal };
}

/** A member's request to resume its stay in a room, without its proof. */
export interface ResumeRequest {
  readonly room: Bytes;
  readonly member: Bytes;
  /** The number of counted frames that the member has received. */
  readonly received: number;
  /** The number of counted frames that the member has sent. */
  readonly sent: number;
}

/** A member's request to resume its stay in a room. */
export interface Resume extends ResumeRequest {
  /** The signature over {@linkcode resumeStatement}. */
  readonly proof: Bytes;
  /** The fields before the proof, as they were encoded. */
  readonly signed: Bytes;
}

const RESUME_BYTES = 2 * HASH_BYTES + 6 + 6;

/** Encodes the fields of `resume` before the proof. */
export function encodeResumeRequest({ room, member, received, sent }: ResumeRequest): Bytes {
  return new ByteWriter(RESUME_BYTES).raw(room).raw(member).u48(received).u48(sent).finish();
}

/** Reads a request to resume. */
export function readResume(payload: Bytes): Resume {
  return readWhole(payload, (reader) => ({
    room: reader.raw(HASH_BYTES),
    member: reader.raw(HASH_BYTES),
    received: reader.u48(),
    sent: reader.u48(),
    signed: payload.subarray(0, RESUME_BYTES),
    proof: reader.raw(SIGNATURE_BYTES),
  }));
}

/**
 * Returns the statement that a member signs to resume.
 *
 * @param transcript The greeting and the challenge's payload.
 * @param request The fields of `resume` before the proof: {@linkcode encodeResumeRequest}.
 */
export function resumeStatement(transcript: Bytes, request: Bytes): Bytes {
  return inContext(CONTEXT.resume, transcript, request);
}

// The roster.

/** A member as the roster and `joined` list it. */
export interface Listing {
  /** The version of the room that the member's joining made. */
  readonly number: number;
  readonly credential: Bytes;
  /** The newest renewal of the credential; empty if there is none. */
  readonly renewal: Bytes;
}

/** A page of the roster that a newcomer is sent. */
export interface RosterPage {
  readonly room: Bytes;
  /** The version of the room before the newcomer's joining. */
  readonly version: number;
  /** The context of that version. */
  readonly context: Bytes;
  /** Whether it is the last page. */
  readonly last: boolean;
  readonly listings: readonly Listing[];
}

/** The room for listings in a page, in bytes. */
export const PAGE_BYTES: number = BOUND.control - (HASH_BYTES + 4 + HASH_BYTES + 1 + 2);

/** Reads a page of the roster. */
export function readRosterPage(payload: Bytes): RosterPage {
  return readWhole(payload, (reader) => {
    const room = reader.raw(HASH_BYTES);
    const version = reader.u32();
    const context = reader.raw(HASH_BYTES);
    const last = reader.u8() !== 0;
    const listings: Listing[] = [];
    for (let count = reader.u16(); count > 0; count--) listings.push(readListing(reader));
    return { room, version, context, last, listings };
  });
}

/** Encodes a listing, as it stands in a page of the roster and in `joined`. */
export function encodeListing({ number, credential, renewal }: Listing): Bytes {
  return new ByteWriter(8 + credential.length + renewal.length)
    .u32(number).block16(credential).block16(renewal).finish();
}

/** Reads a listing. One that cannot be a credential is refused at once: each listing costs its reader hashes. */
function readListing(reader: ByteReader): Listing {
  const listing = { number: reader.u32(), ...readRenewable(reader) };
  const { length } = listing.credential;
  if (length >= MIN_CREDENTIAL_BYTES) return listing;
  throw new MalformedError(`a credential has ${length} bytes, fewer than ${MIN_CREDENTIAL_BYTES}`);
}

/** Encodes that a member joined. */
export function encodeJoined(listing: Listing): Bytes {
  return encodeFrame(KIND.joined, encodeListing(listing));
}

/** Reads that a member joined. */
export function readJoined(payload: Bytes): Listing {
  return readWhole(payload, readListing);
}

/** That a member left. */
export interface Left {
  /** The version of the room that the leaving made. */
  readonly version: number;
  /** The member's number. */
  readonly member: number;
  readonly reason: Reason;
  /** The payload of its `leave`, or empty. */
  readonly statement: Bytes;
}

/** Encodes that a member left. */
export function encodeLeft({ version, member, reason, statement }: Left): Bytes {
  const writer = new ByteWriter(BOUND.short).u32(version).u32(member).u8(REASONS[reason].number);
  return encodeFrame(KIND.left, writer.block16(statement).finish());
}

/** Reads that a member left. */
export function readLeft(payload: Bytes): Left {
  return readWhole(payload, (reader) => {
    const version = reader.u32();
    const member = reader.u32();
    const reason = readReason(reader);
    const statement = reader.block16();
    readLeavePayload(statement);
    return { version, member, reason, statement };
  });
}

// Routes and the connection.

/** The recipients of the frames with a route's number. */
export interface Route {
  /** 1 to 255. */
  readonly route: number;
  /** Whether the route names the members that are left out; otherwise those that are meant. */
  readonly except: boolean;
  /** Members by their numbers. */
  readonly members: readonly number[];
}

/** Encodes a route. */
export function encodeRoute({ route, except, members }: Route): Bytes {
  const writer = new ByteWriter(2 + 4 * members.length).u8(route).u8(except ? 0 : 1);
  for (const member of members) writer.u32(member);
  return encodeFrame(KIND.route, writer.finish());
}

/** Reads a route. */
export function readRoute(payload: Bytes): Route {
  return readWhole(payload, (reader) => {
    const route = reader.u8();
    if (route === 0) throw new MalformedError("route 0 cannot be declared");
    const form = reader.u8();
    if (form > 1) throw new MalformedError(`no route has the form ${form}`);
    const members: number[] = [];
    while (reader.left > 0) members.push(reader.u32());
    return { route, except: form === 0, members };
  });
}

/** Encodes `ack`, `accepted` or `resumed`: a number of counted frames. */
export function encodeCount(kind: number, count: number): Bytes {
  return encodeFrame(kind, new ByteWriter(6).u48(count).finish());
}

/** Reads a number of counted frames. */
export function readCount(payload: Bytes): number {
  return readWhole(payload, (reader) => reader.u48());
}

/** Encodes `away`, `back` or `rejoin`: a member's number. */
export function encodeMember(kind: number, member: number): Bytes {
  return encodeFrame(kind, new ByteWriter(4).u32(member).finish());
}

/** Reads a member's number. */
export function readMember(payload: Bytes): number {
  return readWhole(payload, (reader) => reader.u32());
}

/** That the relay leaves out sealed frames for a member that reads too slowly. */
export interface Behind {
  /** The number of the member that misses frames. */
  readonly member: number;
  /** The number of the first message that was left out. */
  readonly number: number;
}

/** Encodes `behind`. */
export function encodeBehind({ member, number }: Behind): Bytes {
  return encodeFrame(KIND.behind, new ByteWriter(10).u32(member).u48(number).finish());
}

/** Reads `behind`. */
export function readBehind(payload: Bytes): Behind {
  return readWhole(payload, (reader) => ({ member: reader.u32(), number: reader.u48() }));
}

/** Encodes a renewal of the member's credential. */
export function encodeRenew(renewal: Bytes): Bytes {
  return encodeFrame(KIND.renew, renewal);
}

/** Encodes a frame without a payload: `ping`, `pong`, `unknown`, or a `leave` without a statement. */
export function encodeEmpty(kind: number): Bytes {
  return encodeFrame(kind, new Uint8Array(0));
}

/** Encodes the relay's last frame to a connection. */
export function encodeBye(reason: Reason): Bytes {
  return encodeFrame(KIND.bye, Uint8Array.of(REASONS[reason].number));
}

/** Reads the relay's last frame. */
export function readBye(payload: Bytes): Reason {
  return readWhole(payload, readReason);
}
