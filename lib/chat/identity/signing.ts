/**
 * Ed25519 keys and signatures (RFC 8032), a context prefix for each signed statement, and the longest validity of
 * signed statements.
 *
 * This module loads no RSA code, because the command line shows some of the limits.
 *
 * @module
 */

import { type Bytes, concat, MalformedError, mapKey, utf8 } from "../../base/bytes.ts";

/** The length of a public key in bytes. */
export const SIGNING_KEY_BYTES = 32;
/** The length of a signature in bytes. */
export const SIGNATURE_BYTES = 64;

/**
 * The context prefixes of signatures and encrypted boxes. They differ, so that a signature or box
 * of one use is never valid for another.
 */
export const CONTEXT = {
  credentialIdentity: utf8("parley/2 credential identity\0"),
  credentialPossession: utf8("parley/2 credential possession\0"),
  renewal: utf8("parley/2 renewal\0"),
  join: utf8("parley/2 join\0"),
  resume: utf8("parley/2 resume\0"),
  history: utf8("parley/2 history\0"),
  here: utf8("parley/2 here\0"),
  leave: utf8("parley/2 leave\0"),
  pairwise: utf8("parley/2 pairwise\0"),
  pair: utf8("parley/2 pair\0"),
  receipt: utf8("parley/2 receipt\0"),
  ask: utf8("parley/2 ask\0"),
  sealed: utf8("parley/2 sealed\0"),
  chainStep: utf8("parley/2 chain step\0"),
  chainCommitment: utf8("parley/2 chain commitment\0"),
  messageKey: utf8("parley/2 message key\0"),
  safetyNumber: utf8("parley/2 safety number\0"),
  invitationKey: utf8("parley/2 invitation key\0"),
  invitation: utf8("parley/2 invitation\0"),
  invitationJoin: utf8("parley/2 invitation join\0"),
  wordsCommitment: utf8("parley/2 words commitment\0"),
  words: utf8("parley/2 words\0"),
} as const satisfies Record<string, Bytes>;

/**
 * The prime p = 2^255 - 19 of edwards25519's field, encoded in little-endian order (RFC 8032
 * section 5.1.2).
 */
const FIELD = encodeY((1n << 255n) - 19n);

/**
 * The y coordinates, with the sign bit cleared, of the points of small order on edwards25519, and
 * the encodings of y that are not below p. A signature under such a key can be valid for any
 * message.
 */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set([
  0n,
  1n,
  2707385501144840649318225287225658788936804267575313519463743609750303402022n,
  55188659117513257062467267217118295137698188065244968500265048394206261417927n,
  (1n << 255n) - 20n,
  (1n << 255n) - 19n,
  (1n << 255n) - 18n,
].map((y) => mapKey(encodeY(y))));

/** Generates a key pair. The private key cannot be exported. */
export function generateSigningKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]) as Promise<
    CryptoKeyPair
  >;
}

/**
 * Imports an untrusted public key.
 *
 * @param raw The encoded key, 32 bytes.
 * @throws {MalformedError} If the key has small order or a non-canonical encoding.
 */
export async function importSigningKey(raw: Bytes): Promise<CryptoKey> {
  const y = raw.slice();
  y[31]! &= 0x7f;
  if (SMALL_ORDER_Y.has(mapKey(y))) throw new MalformedError("the signing key has small order");
  if (!isBelow(y, FIELD)) throw new MalformedError("the signing key is not canonical");
  try {
    return await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, true, ["verify"]);
  } catch {
    throw new MalformedError("the signing key is not an Ed25519 key");
  }
}

/** Encodes a y coordinate in 32 bytes, little-endian. */
function encodeY(y: bigint): Bytes {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((y >> BigInt(8 * i)) & 255n));
}

/** Compares two little-endian numbers of 32 bytes. */
function isBelow(a: Bytes, b: Bytes): boolean {
  for (let i = 31; i >= 0; i--) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}

/**
 * Concatenates a context prefix and the parts of a statement.
 *
 * @param context One of {@linkcode CONTEXT}.
 * @param parts The parts, whose lengths are fixed or encoded.
 * @returns The bytes to sign.
 */
export function inContext(context: Bytes, ...parts: readonly Uint8Array[]): Bytes {
  return concat([context, ...parts]);
}

/** Signs bytes; the signature has 64 bytes. */
export async function sign(privateKey: CryptoKey, bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, privateKey, bytes));
}

/** Verifies a signature. Never throws before it returns a promise, whatever the runtime does. */
export async function verify(
  publicKey: CryptoKey,
  signature: Bytes,
  bytes: Bytes,
): Promise<boolean> {
  return await crypto.subtle.verify({ name: "Ed25519" }, publicKey, signature, bytes);
}

/** The length limit of a renewal in bytes: its end, and the signature of a 4096-bit key. */
export const MAX_RENEWAL_BYTES = 8 + 2 + 512;

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
