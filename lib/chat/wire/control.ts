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
import { encodeFrame, frameOf, type Laid, Layout } from "./frame.ts";
import { readLeavePayload } from "./history.ts";
import { encodeProof, type InvitationProof, readProof } from "./invitation.ts";
import { BOUND, HASH_BYTES, KIND, type Reason, reasonOf, REASONS } from "./kinds.ts";

/** The relay's challenge to a new connection. Its payload is part of the transcript. */
export const { encode: encodeChallengePayload, decode: readChallenge } = new Layout({
  version: "u8",
  nonce: HASH_BYTES,
  /** How long the relay keeps a member whose connection is lost, in milliseconds. */
  graceMs: "u32",
});

/** What a challenge contains. */
export type Challenge = ReturnType<typeof readChallenge>;

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

const JOIN = new Layout({
  credential: "block16",
  renewal: "block16",
  host: "block16",
  port: "u16",
  invited: "block16",
});

/** Encodes the fields of `join` before the proof. */
export function encodeJoinRequest(request: JoinRequest): Bytes {
  const { credential, renewal, dialled: { host, port }, invitation } = request;
  const invited = invitation === undefined ? new Uint8Array(0) : encodeProof(invitation);
  return JOIN.encode({ credential, renewal, host: utf8(host), port, invited });
}

/** Encodes `join` or `resume` from its signed fields and its proof. */
export function encodeProven(kind: number, signed: Bytes, proof: Bytes): Bytes {
  return encodeFrame(kind, concat([signed, proof]));
}

/** Reads an answer to a challenge. */
export function readJoin(payload: Bytes): Join {
  return readWhole(payload, (reader) => {
    const { host, port, invited, ...renewable } = JOIN.read(reader);
    checkRenewable(renewable);
    bound("a host name", host, MAX_HOST_BYTES);
    const dialled = { host: fromUtf8(host), port };
    const invitation = invited.length === 0 ? undefined : readProof(invited);
    const signed = payload.subarray(0, -SIGNATURE_BYTES);
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

function bound(name: string, { length }: Bytes, most: number): void {
  if (length > most) throw new MalformedError(`${name} has more than ${most} bytes`);
}

/** Checks the length of a credential, and the form of its renewal if there is one. */
function checkRenewable({ credential, renewal }: Pick<Listing, "credential" | "renewal">): void {
  bound("a credential", credential, MAX_CREDENTIAL_BYTES);
  bound("a renewal", renewal, MAX_RENEWAL_BYTES);
  if (renewal.length > 0) readRenewal(renewal);
}

const RESUME = new Layout({
  room: HASH_BYTES,
  member: HASH_BYTES,
  /** The number of counted frames that the member has received. */
  received: "u48",
  /** The number of counted frames that the member has sent. */
  sent: "u48",
});

/** A member's request to resume its stay in a room, without its proof. */
export type ResumeRequest = Laid<typeof RESUME>;

/** A member's request to resume its stay in a room. */
export interface Resume extends ResumeRequest {
  /** The signature over {@linkcode resumeStatement}. */
  readonly proof: Bytes;
  /** The fields before the proof, as they were encoded. */
  readonly signed: Bytes;
}

/** Encodes the fields of `resume` before the proof. */
export const encodeResumeRequest = RESUME.encode;

/** Reads a request to resume. */
export function readResume(payload: Bytes): Resume {
  return readWhole(payload, (reader) => ({
    ...RESUME.read(reader),
    signed: payload.subarray(0, RESUME.length),
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

const LISTING = new Layout({
  /** The version of the room that the member's joining made. */
  number: "u32",
  credential: "block16",
  /** The newest renewal of the credential; empty if there is none. */
  renewal: "block16",
});

/** A member as the roster and `joined` list it. */
export type Listing = Laid<typeof LISTING>;

/** A page of the roster that a newcomer is sent, without its listings. */
export const ROSTER_PAGE = new Layout({
  room: HASH_BYTES,
  /** The version of the room before the newcomer's joining. */
  version: "u32",
  /** The context of that version. */
  context: HASH_BYTES,
  /** 1 in the last page; otherwise 0. */
  last: "u8",
  /** The number of listings. */
  count: "u16",
});

/** A page of the roster. */
export interface RosterPage extends Omit<Laid<typeof ROSTER_PAGE>, "last" | "count"> {
  /** Whether it is the last page. */
  readonly last: boolean;
  readonly listings: readonly Listing[];
}

/** The room for listings in a page, in bytes. */
export const PAGE_BYTES: number = BOUND.control - ROSTER_PAGE.length;

/** Reads a page of the roster. */
export function readRosterPage(payload: Bytes): RosterPage {
  return readWhole(payload, (reader) => {
    const { last, count, ...page } = ROSTER_PAGE.read(reader);
    const listings = Array.from({ length: count }, () => readListing(reader));
    return { ...page, last: last !== 0, listings };
  });
}

/** Encodes a listing, as it stands in a page of the roster and in `joined`. */
export const encodeListing = LISTING.encode;

/** Reads a listing. One that cannot be a credential is refused at once: each listing costs its reader hashes. */
function readListing(reader: ByteReader): Listing {
  const listing = LISTING.read(reader);
  checkRenewable(listing);
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

const LEFT = new Layout({
  /** The version of the room that the leaving made. */
  version: "u32",
  /** The member's number. */
  member: "u32",
  reason: "u8",
  /** The payload of its `leave`, or empty. */
  statement: "block16",
});

/** That a member left. */
export interface Left extends Omit<Laid<typeof LEFT>, "reason"> {
  readonly reason: Reason;
}

/** Encodes that a member left. */
export function encodeLeft(left: Left): Bytes {
  const reason = REASONS[left.reason].number;
  return encodeFrame(KIND.left, LEFT.encode({ ...left, reason }));
}

/** Reads that a member left. */
export function readLeft(payload: Bytes): Left {
  const left = LEFT.decode(payload);
  readLeavePayload(left.statement);
  return { ...left, reason: reasonOf(left.reason) };
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
export const [encodeBehind, readBehind] = frameOf(KIND.behind, {
  /** The number of the member that misses frames. */
  member: "u32",
  /** The number of the first message that was left out. */
  number: "u48",
});

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
  return readWhole(payload, (reader) => reasonOf(reader.u8()));
}
