/**
 * Renewals: statements by which an identity extends the lifetime of a credential.
 *
 * A member's id is the hash of its credential for as long as its process runs, so the credential
 * cannot be replaced. Instead the identity signs a later end. The other keys of the run cannot do
 * that.
 *
 * @module
 */

import { type Bytes, ByteWriter, readWhole } from "../../base/bytes.ts";
import { signPss, verifyPss } from "../../rsa/rsa.ts";
import { CONTEXT, inContext } from "./signing.ts";

/** The length limit of a renewal in bytes: its end, and the signature of a 4096-bit key. */
export const MAX_RENEWAL_BYTES = 8 + 2 + 512;

/** The empty renewal of a credential that has not been renewed. */
export const NO_RENEWAL: Bytes = new Uint8Array(0);

/** A decoded renewal. Its signature has not been verified. */
export interface Renewal {
  /** The new end of the credential in milliseconds since 1970. */
  readonly expiresAt: number;
  /** The identity's RSA-PSS signature. */
  readonly signature: Bytes;
}

/**
 * Returns the statement that an identity signs to renew a credential.
 *
 * @param member The member's id: the SHA-256 of its credential.
 * @param expiresAt The new end in milliseconds since 1970.
 * @returns The bytes to sign.
 */
export function renewalStatement(member: Bytes, expiresAt: number): Bytes {
  return inContext(CONTEXT.renewal, member, new ByteWriter(8).u64(expiresAt).finish());
}

/**
 * Makes and signs a renewal.
 *
 * @param identity The private key that signed the credential.
 * @param member The member's id: the SHA-256 of its credential.
 * @param expiresAt The new end in milliseconds since 1970, at most 24 hours from now.
 * @returns The encoded renewal.
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
 * Decodes a renewal.
 *
 * @param bytes The encoded renewal.
 * @throws {MalformedError} If the bytes are not a renewal.
 */
export function readRenewal(bytes: Bytes): Renewal {
  return readWhole(bytes, (reader) => ({ expiresAt: reader.u64(), signature: reader.block16() }));
}

/** Verifies the identity's signature of a renewal. */
export function verifyRenewal(
  identity: CryptoKey,
  member: Bytes,
  { expiresAt, signature }: Renewal,
): Promise<boolean> {
  return verifyPss(identity, signature, renewalStatement(member, expiresAt));
}

/** The maximum lifetime of a credential or a renewal, in milliseconds. */
export const CREDENTIAL_LIFE_MS = 24 * 60 * 60 * 1000;
/**
 * The lifetime of the credentials and renewals that parley makes, in milliseconds. It is an hour
 * below the maximum, so that a peer whose clock is up to an hour slow still accepts them.
 */
export const RENEWAL_LIFE_MS = 23 * 60 * 60 * 1000;
/** The remaining lifetime at which a credential is renewed again, in milliseconds. */
export const RENEWAL_RESERVE_MS = 12 * 60 * 60 * 1000;
/** The tolerated difference between two clocks, in milliseconds. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/**
 * Reports whether an end has passed by any clock within {@linkcode CLOCK_SKEW_MS} of this one.
 * Times are in milliseconds since 1970.
 */
export function hasExpired(expiresAt: number, now: number): boolean {
  return expiresAt < now - CLOCK_SKEW_MS;
}

/**
 * Reports whether an end is further away than the maximum lifetime and the tolerated skew allow.
 * Times are in milliseconds since 1970.
 */
export function isTooLong(expiresAt: number, now: number): boolean {
  return expiresAt > now + CREDENTIAL_LIFE_MS + CLOCK_SKEW_MS;
}
