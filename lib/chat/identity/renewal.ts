/**
 * Renewals: that a credential goes on to hold, said by the identity that has signed it.
 *
 * A member is the hash of its credential for as long as its process runs, so a credential is not replaced. Its
 * identity signs another end for it instead, which who has the other keys of the run alone cannot do.
 *
 * @module
 */

import { type Bytes, ByteWriter, readWhole } from "../../base/bytes.ts";
import { signPss, verifyPss } from "../../rsa/rsa.ts";
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

/** How long a credential, or a renewal of it, may be good for, in milliseconds. */
export const CREDENTIAL_LIFE_MS = 24 * 60 * 60 * 1000;
/**
 * For how long a credential is made, and renewed, in milliseconds: an hour less than it might be, so that two clocks
 * may differ by more than an hour before one takes what the other made for too long.
 */
export const RENEWAL_LIFE_MS = 23 * 60 * 60 * 1000;
/** How much of its time a renewed credential has left, at least, when it is renewed again, in milliseconds. */
export const RENEWAL_RESERVE_MS = 12 * 60 * 60 * 1000;
/** How far two clocks may be apart, in milliseconds. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** Whether it is over, by whichever of two clocks. Times are in milliseconds since 1970. */
export function hasExpired(expiresAt: number, now: number): boolean {
  return expiresAt < now - CLOCK_SKEW_MS;
}

/** Whether it would hold for longer than anything may. */
export function isTooLong(expiresAt: number, now: number): boolean {
  return expiresAt > now + CREDENTIAL_LIFE_MS + CLOCK_SKEW_MS;
}
