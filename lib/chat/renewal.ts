/**
 * Renewals: that a credential goes on to hold, said by the identity that has signed it.
 *
 * A member is the hash of its credential for as long as its process runs, so a credential is not replaced. Its
 * identity signs another end for it instead. Who has the keys of a run, but not the identity, cannot do that: what
 * is stolen with them is good for a day.
 *
 * @module
 */

import { signPss, verifyPss } from "../rsa.ts";
import { type Bytes, ByteWriter, MalformedError, readWhole } from "./bytes.ts";
import { CONTEXT, inContext } from "./signing.ts";

/** The longest RSA signature in bytes: that of a 4096-bit key. */
const MAX_SIGNATURE_BYTES = 512;
/** The longest renewal in bytes. */
export const MAX_RENEWAL_BYTES = 8 + 2 + MAX_SIGNATURE_BYTES;

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
  const renewal = readWhole(bytes, (reader) => ({
    expiresAt: reader.u64(),
    signature: reader.block16(),
  }));
  if (renewal.signature.length > MAX_SIGNATURE_BYTES) {
    throw new MalformedError(`a signature has more than ${MAX_SIGNATURE_BYTES} bytes`);
  }
  return renewal;
}

/** Whether an identity has signed a renewal of a member's credential. */
export function verifyRenewal(
  identity: CryptoKey,
  member: Bytes,
  { expiresAt, signature }: Renewal,
): Promise<boolean> {
  return verifyPss(identity, signature, renewalStatement(member, expiresAt));
}
