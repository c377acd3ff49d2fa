/**
 * Frames that are well-formed and nothing more, and proofs made with WebCrypto: a client without `seal/` and `member/`.
 *
 * @module
 */

import { type Bytes, ByteWriter } from "../../lib/base/bytes.ts";
import { NO_RENEWAL, type OwnCredential } from "../../lib/chat/identity/credential.ts";
import { sign } from "../../lib/chat/identity/signing.ts";
import {
  encodeJoinRequest,
  encodeProven,
  encodeResumeRequest,
  joinStatement,
  resumeStatement,
  type RosterPage,
} from "../../lib/chat/wire/control.ts";
import { encodeHere } from "../../lib/chat/wire/history.ts";
import { encodePair, encodeSealed, type Entry } from "../../lib/chat/wire/envelope.ts";
import type { InvitationProof } from "../../lib/chat/wire/invitation.ts";
import { encodeFrame } from "../../lib/chat/wire/frame.ts";
import { BOUND, KIND } from "../../lib/chat/wire/kinds.ts";

export type { Bytes };

const CHECK = new Uint8Array(4);
const SIGNATURE = new Uint8Array(64);

/** Joins bytes. */
export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  const writer = new ByteWriter(parts.reduce((sum, { length }) => sum + length, 0));
  for (const part of parts) writer.raw(part);
  return writer.finish();
}

/** What stands in a sealed frame. */
export interface SealedOptions {
  sender: number;
  number: number;
  route: number;
  version: number;
  /** The length of the ciphertext in bytes. */
  size: number;
}

/** A sealed frame of zeros: a relay forwards it. */
export function sealedFrame(
  { sender, number = 1, route = 0, version = 0xffff_ffff, size = 48 }:
    & Partial<SealedOptions>
    & Pick<SealedOptions, "sender">,
): Bytes {
  const header = { sender, number, route, version, chain: 0, step: 0, check: CHECK };
  return encodeSealed({ header, ciphertext: new Uint8Array(size), signature: SIGNATURE });
}

/** A pair frame of zeros. */
export function pairFrame(sender: number, recipient: number, size = 16): Bytes {
  const header = { sender, recipient, use: 0, version: 1, check: CHECK };
  const wrapped = new Uint8Array(0);
  return encodePair({ header, wrapped, ciphertext: new Uint8Array(size), signature: SIGNATURE });
}

/** A `here` frame of zeros. */
export function hereFrame(member: number): Bytes {
  return encodeHere({ member, version: 1, check: CHECK, signature: SIGNATURE });
}

/** An entry of a receipt or an ask, of zeros. */
export function entryFor(member: number, sequence: number, size = 16): Entry {
  return { member, sequence, version: 1, check: CHECK, box: new Uint8Array(size) };
}

/** Makes a `join`. */
export async function provenJoin(
  self: OwnCredential,
  transcript: Bytes,
  dialled: { readonly host: string; readonly port: number },
  renewal: Bytes = NO_RENEWAL,
  invitation: InvitationProof | undefined = undefined,
): Promise<Bytes> {
  const request = encodeJoinRequest({ credential: self.bytes, renewal, dialled, invitation });
  const { privateKey } = self.keys.signing;
  const proof = await sign(privateKey, joinStatement(transcript, request));
  return encodeProven(KIND.join, request, proof);
}

/** Makes a `resume`. */
export async function provenResume(
  self: OwnCredential,
  transcript: Bytes,
  { room, counted, sent }: { room: Bytes; counted: number; sent: number },
): Promise<Bytes> {
  const request = encodeResumeRequest({ room, member: self.member, received: counted, sent });
  const { privateKey } = self.keys.signing;
  const proof = await sign(privateKey, resumeStatement(transcript, request));
  return encodeProven(KIND.resume, request, proof);
}

/**
 * Encodes a page of the roster.
 *
 * @param page The page without its listings.
 * @param listings The encoded listings, at most as many as fit into a frame.
 */
export function encodeRosterPage(
  { room, version, context, last }: Omit<RosterPage, "listings">,
  listings: readonly Bytes[],
): Bytes {
  const writer = new ByteWriter(BOUND.control).raw(room).u32(version).raw(context)
    .u8(last ? 1 : 0).u16(listings.length);
  for (const listing of listings) writer.raw(listing);
  return encodeFrame(KIND.roster, writer.finish());
}
