/**
 * Ed25519 signatures (RFC 8032), each kind under a context of its own.
 *
 * @module
 */

import { type Bytes, ByteWriter, MalformedError, mapKey, utf8 } from "../../base/bytes.ts";

/** The length of a public key in bytes. */
export const SIGNING_KEY_BYTES = 32;
/** The length of a signature in bytes. */
export const SIGNATURE_BYTES = 64;

/** What a signature or an encrypted box is made for: no two of them can be taken for one another. */
export const CONTEXT = {
  credentialIdentity: utf8("parley/1 credential identity\0"),
  credentialPossession: utf8("parley/1 credential possession\0"),
  renewal: utf8("parley/1 renewal\0"),
  join: utf8("parley/1 join\0"),
  presence: utf8("parley/1 presence\0"),
  resume: utf8("parley/1 resume\0"),
  pairwise: utf8("parley/1 pairwise\0"),
  key: utf8("parley/1 key\0"),
  sealed: utf8("parley/1 sealed\0"),
  progress: utf8("parley/1 progress\0"),
  chainStep: utf8("parley/1 chain step\0"),
  chainCommitment: utf8("parley/1 chain commitment\0"),
  messageKey: utf8("parley/1 message key\0"),
  audience: utf8("parley/1 audience\0"),
  safetyNumber: utf8("parley/1 safety number\0"),
} as const satisfies Record<string, Bytes>;

/** p = 2^255 - 19, the field of edwards25519, as it is encoded: little-endian (RFC 8032 section 5.1.2). */
const FIELD = encodeY((1n << 255n) - 19n);

/**
 * The y coordinates, sign bit cleared, of the points of small order on edwards25519, with the encodings
 * of y that are not below p. A signature under such a key can hold for any message.
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

/**
 * Makes a key pair. The private key cannot be exported.
 */
export function generateSigningKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: "Ed25519" }, false, ["sign", "verify"]) as Promise<
    CryptoKeyPair
  >;
}

/**
 * Reads a public key that nobody vouches for yet.
 *
 * @throws {MalformedError} Where it has small order or is not in its one encoding.
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

/** A y coordinate in 32 bytes. */
function encodeY(y: bigint): Bytes {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((y >> BigInt(8 * i)) & 255n));
}

/** Whether one number of 32 bytes, the least significant first, is below another. */
function isBelow(a: Bytes, b: Bytes): boolean {
  for (let i = 31; i >= 0; i--) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}

/**
 * What is signed: a context and the parts behind it.
 */
export function inContext(context: Bytes, ...parts: readonly Uint8Array[]): Bytes {
  const length = parts.reduce((sum, part) => sum + part.length, context.length);
  const writer = new ByteWriter(length).raw(context);
  for (const part of parts) writer.raw(part);
  return writer.finish();
}

/** Signs bytes. */
export async function sign(privateKey: CryptoKey, bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, privateKey, bytes));
}

/** Whether a signature is right. */
export function verify(publicKey: CryptoKey, signature: Bytes, bytes: Bytes): Promise<boolean> {
  return crypto.subtle.verify({ name: "Ed25519" }, publicKey, signature, bytes);
}
