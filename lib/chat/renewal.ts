/**
 * Renewals: that a credential goes on to hold, said by the identity that has signed it.
 *
 * A member is the hash of its credential for as long as its process runs, so a credential is not replaced. Its
 * identity signs another end for it instead, which who has the other keys of the run alone cannot do.
 *
 * @module
 */

import { signPss, verifyPss } from "../rsa.ts";
import { type Bytes, ByteWriter, readWhole } from "./bytes.ts";
import { CONTEXT, inContext } from "./signing.ts";

/** The longest renewal in bytes: its end, and the signature of a 4096-bit key. */
export const MAX_RENEWAL_BYTES = 8 + 2 + 512;

/** What a credential has that was not renewed. */
export const NO_RENEWAL: Bytes = new Uint8Array(0);

/** A renewal as it was read: nobody has looked at its signature. */
export interface Renewal {
  /** When the credential ends now, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** By the identity. */
  readonly signature: Bytes;
}

/**
 * What an identity signs to renew a credential.
 *
 * @param member The credential's hash.
 * @param expiresAt When it ends now, in milliseconds since 1970.
 */
export function renewalStatement(member: Bytes, expiresAt: number): Bytes {
  return inContext(CONTEXT.renewal, member, new ByteWriter(8).u64(expiresAt).finish());
}

/**
 * Makes a renewal.
 *
 * @param identity The private key that has signed the credential.
 * @param member The credential's hash.
 * @param expiresAt When it ends now, in milliseconds since 1970: at most 24 hours ahead.
 */
export async function makeRenewal(
  identity: CryptoKey,
  member: Bytes,
  expiresAt: number,
): Promise<Bytes> {
  const signature = await signPss(identity, renewalStatement(member, expiresAt));
  return new ByteWriter(MAX_RENEWAL_BYTES).u64(expiresAt).block16(signature).finish();
}

/**
 * Reads a renewal.
 *
 * @throws {MalformedError} Where it is none.
 */
export function readRenewal(bytes: Bytes): Renewal {
  return readWhole(bytes, (reader) => ({ expiresAt: reader.u64(), signature: reader.block16() }));
}

/** Whether an identity has signed a renewal of a member's credential. */
export function verifyRenewal(
  identity: CryptoKey,
  member: Bytes,
  { expiresAt, signature }: Renewal,
): Promise<boolean> {
  return verifyPss(identity, signature, renewalStatement(member, expiresAt));
}
