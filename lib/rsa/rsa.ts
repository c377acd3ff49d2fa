/**
 * RSA by WebCrypto: keys, OAEP, PSS, fingerprints (RFC 8017, FIPS 186-5).
 *
 * Keys travel as SPKI DER (RFC 5280 section 4.1). A key that comes from elsewhere is taken only if it has
 * 2048 to 4096 bits, an odd modulus, the exponent 65537 and the one canonical encoding.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import { bitLength, encodeSpki, isOdd } from "./der.ts";
// @ts-types="../../types/std.d.ts"
import { equals } from "@std/bytes/equals";

/** The sizes of modulus that keys are made with, in bits. */
export const MODULUS_BITS = [2048, 3072, 4096] as const;

/** The modulus sizes that parley makes, in bits. */
export type ModulusBits = typeof MODULUS_BITS[number];

/** The size of modulus that the tools choose if nobody says one, in bits. */
export const DEFAULT_MODULUS_BITS: ModulusBits = 3072;

/** What an RSA key is for; WebCrypto ties each key to one use. */
export type RsaUse = "sign" | "encrypt";

/** The smallest and the largest modulus that is taken, in bits. */
export const MODULUS_BOUNDS = { min: 2048, max: 4096 } as const;

/** RSASSA-PSS as the chat's identities use it: SHA-512 and a salt of 64 bytes. */
const PSS = { name: "RSA-PSS", hash: "SHA-512" } as const;
const PSS_SALT_BYTES = 64;

/** RSAES-OAEP as the chat wraps keys: SHA-256, MGF1 with SHA-256. */
const OAEP = { name: "RSA-OAEP", hash: "SHA-256" } as const;

const EXPONENT_65537 = new Uint8Array([1, 0, 1]);
/** What follows the modulus in SPKI: the exponent, with its tag and length. */
const SPKI_TAIL_BYTES = 2 + EXPONENT_65537.length;

/** An RSA public key that was refused; the message says why. */
export class RsaKeyError extends Error {
  /** Makes the error of its reason. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RsaKeyError";
  }
}

/**
 * Makes a key pair.
 *
 * @param use What it is for: `sign` gives RSA-PSS with SHA-512, `encrypt` RSA-OAEP with SHA-256.
 * @param bits The size of the modulus.
 * @returns The pair; the public key can be exported, the private one too where it signs, for a file.
 *
 * @example
 * ```ts
 * const { publicKey } = await generateRsaKeys("sign", 3072);
 * console.log(publicKey.algorithm.name); // RSA-PSS
 * ```
 */
export function generateRsaKeys(use: RsaUse, bits: ModulusBits): Promise<CryptoKeyPair> {
  const size = { modulusLength: bits, publicExponent: EXPONENT_65537 };
  return use === "sign"
    ? crypto.subtle.generateKey({ ...PSS, ...size }, true, ["sign", "verify"])
    : crypto.subtle.generateKey({ ...OAEP, ...size }, false, ["encrypt", "decrypt"]);
}

/**
 * A public key as SPKI DER.
 *
 * @param key A public key of either use.
 */
export async function exportSpki(key: CryptoKey): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.exportKey("spki", key));
}

/**
 * Reads a public key from SPKI DER that nobody vouches for yet.
 *
 * @param spki The bytes.
 * @param use What it is for.
 * @throws {RsaKeyError} Where it is not an RSA key, too small or too large, has an even modulus or another
 * exponent than 65537, or is not in its canonical encoding.
 */
export async function importSpki(spki: Bytes, use: RsaUse): Promise<CryptoKey> {
  const key = await importUnchecked(spki, use);
  const { modulusLength, publicExponent } = key.algorithm as RsaHashedKeyAlgorithm;
  checkBits(modulusLength);
  if (!equals(publicExponent, EXPONENT_65537)) {
    throw new RsaKeyError("Cannot take RSA key: its exponent is not 65537");
  }
  const bytes = Math.ceil(modulusLength / 8);
  if (!isCanonical(spki, bytes)) {
    throw new RsaKeyError("Cannot take RSA key: it is not in canonical DER");
  }
  // Once more: the runtime tells the length of the modulus in whole bytes.
  const end = spki.length - SPKI_TAIL_BYTES;
  const modulus = spki.subarray(end - bytes, end);
  checkBits(bitLength(modulus));
  // The runtime imports such a key, and throws when the key is used.
  if (!isOdd(modulus)) throw new RsaKeyError("Cannot take RSA key: its modulus is even");
  return key;
}

function checkBits(bits: number): void {
  const { min, max } = MODULUS_BOUNDS;
  if (bits >= min && bits <= max) return;
  throw new RsaKeyError(`Cannot take RSA key: ${bits} bits is not from ${min} to ${max}`);
}

async function importUnchecked(spki: Bytes, use: RsaUse): Promise<CryptoKey> {
  try {
    return use === "sign"
      ? await crypto.subtle.importKey("spki", spki, PSS, true, ["verify"])
      : await crypto.subtle.importKey("spki", spki, OAEP, true, ["encrypt"]);
  } catch (cause) {
    throw new RsaKeyError("Cannot take RSA key: it is not an RSA public key in SPKI DER", {
      cause,
    });
  }
}

/**
 * Whether a key with the exponent 65537 is in its one encoding: around the modulus that encoding is the same
 * for all of a length. To export the key and compare takes the runtime longer than all the rest.
 */
function isCanonical(spki: Bytes, modulusBytes: number): boolean {
  const first = spki[spki.length - SPKI_TAIL_BYTES - modulusBytes] ?? 0;
  const { head, tail, length } = aroundModulus(modulusBytes, first > 0x7f);
  return first !== 0 && spki.length === length &&
    equals(spki.subarray(0, head.length), head) &&
    equals(spki.subarray(-SPKI_TAIL_BYTES), tail);
}

/**
 * What stands before and behind a modulus in SPKI with the exponent 65537.
 *
 * @param bytes The length of the modulus.
 * @param topBit Whether its highest bit is set: a zero stands before it then.
 */
function aroundModulus(bytes: number, topBit: boolean): AroundModulus {
  const key = 2 * bytes + Number(topBit);
  const known = AROUND_MODULUS.get(key);
  if (known !== undefined) return known;
  const modulus = new Uint8Array(bytes).fill(topBit ? 0xff : 0x7f);
  const whole = encodeSpki({ modulus, exponent: EXPONENT_65537 });
  const end = whole.length - SPKI_TAIL_BYTES;
  const around = {
    head: whole.slice(0, end - bytes),
    tail: whole.slice(end),
    length: whole.length,
  };
  AROUND_MODULUS.set(key, around);
  return around;
}

interface AroundModulus {
  readonly head: Bytes;
  readonly tail: Bytes;
  /** Of the whole encoding, in bytes. */
  readonly length: number;
}

/** By the length of the modulus and its top bit: there are some five hundred. */
const AROUND_MODULUS = new Map<number, AroundModulus>();

/**
 * Signs bytes with RSASSA-PSS, SHA-512, salt of 64 bytes (RFC 8017 section 8.1).
 *
 * @param privateKey A `sign` key.
 * @param bytes What is signed.
 * @returns As many bytes as the modulus has.
 */
export async function signPss(privateKey: CryptoKey, bytes: Bytes): Promise<Bytes> {
  const algorithm = { name: "RSA-PSS", saltLength: PSS_SALT_BYTES };
  return new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, bytes));
}

/**
 * Whether a signature that {@linkcode signPss} made is right.
 *
 * @param publicKey A `sign` key.
 * @param signature Its bytes.
 * @param bytes What was signed.
 */
export function verifyPss(publicKey: CryptoKey, signature: Bytes, bytes: Bytes): Promise<boolean> {
  const algorithm = { name: "RSA-PSS", saltLength: PSS_SALT_BYTES };
  return crypto.subtle.verify(algorithm, publicKey, signature, bytes);
}

/**
 * Encrypts one block with RSAES-OAEP, SHA-256 (RFC 8017 section 7.1).
 *
 * @param publicKey An `encrypt` key of k bytes.
 * @param block At most k - 66 bytes.
 * @param label What the block is for; the same is needed to decrypt.
 * @returns k bytes.
 */
export async function encryptOaep(
  publicKey: CryptoKey,
  block: Bytes,
  label: Bytes,
): Promise<Bytes> {
  const algorithm = { name: "RSA-OAEP", label };
  return new Uint8Array(await crypto.subtle.encrypt(algorithm, publicKey, block));
}

/**
 * Decrypts what {@linkcode encryptOaep} made.
 *
 * @param privateKey An `encrypt` key of k bytes.
 * @param block k bytes.
 * @param label What the block is for.
 * @throws {DOMException} `OperationError` whatever is wrong: which check failed is nobody's business.
 */
export async function decryptOaep(
  privateKey: CryptoKey,
  block: Bytes,
  label: Bytes,
): Promise<Bytes> {
  const algorithm = { name: "RSA-OAEP", label };
  return new Uint8Array(await crypto.subtle.decrypt(algorithm, privateKey, block));
}

/**
 * The fingerprint of a public key: `SHA256:` and the unpadded base64 of SHA-256 over its SPKI DER.
 * The notation is OpenSSH's; the bytes hashed are not, since OpenSSH hashes a key blob of its own.
 *
 * @param spki A public key as SPKI DER.
 *
 * @example
 * ```ts
 * const { publicKey } = await generateRsaKeys("sign", 2048);
 * console.log(await fingerprint(await exportSpki(publicKey))); // SHA256:…, 43 characters
 * ```
 */
export async function fingerprint(spki: Bytes): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", spki);
  return `SHA256:${new Uint8Array(digest).toBase64({ omitPadding: true })}`;
}
