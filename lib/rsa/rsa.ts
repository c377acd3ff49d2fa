/**
 * RSA with WebCrypto: key generation, OAEP, PSS and fingerprints (RFC 8017, FIPS 186-5).
 *
 * Public keys are exchanged as SPKI DER (RFC 5280 section 4.1). A key from elsewhere is accepted only if its modulus is
 * odd and has 2048 to 4096 bits, its exponent is 65537 and its encoding is canonical.
 *
 * @module
 */

import { type Bytes, sameBytes } from "../base/bytes.ts";
import { bitLength, encodeSpki, isOdd } from "./der.ts";

/** The sizes of modulus that keys are made with, in bits. */
export const MODULUS_BITS = [2048, 3072, 4096] as const;

/** The modulus sizes that {@linkcode generateRsaKeys} makes, in bits. */
export type ModulusBits = typeof MODULUS_BITS[number];

/** The default size of a modulus for the tools, in bits. */
export const DEFAULT_MODULUS_BITS: ModulusBits = 3072;

/** The purpose of an RSA key. WebCrypto ties each key to one. */
export type RsaUse = "sign" | "encrypt";

/** The smallest and the largest accepted modulus, in bits. */
export const MODULUS_BOUNDS = { min: 2048, max: 4096 } as const;

/** RSASSA-PSS for the chat's identities: SHA-512 and a salt of 64 bytes. */
const PSS = { name: "RSA-PSS", hash: "SHA-512" } as const;
const PSS_SALT_BYTES = 64;

/** RSAES-OAEP for the chat's key wrapping: SHA-256, MGF1 with SHA-256. */
const OAEP = { name: "RSA-OAEP", hash: "SHA-256" } as const;

const EXPONENT_65537 = new Uint8Array([1, 0, 1]);
/** The length of the exponent with its tag and length, which follow the modulus in SPKI. */
const SPKI_TAIL_BYTES = 2 + EXPONENT_65537.length;

/** Thrown for an RSA public key that is not accepted. The message says why. */
export class RsaKeyError extends Error {
  /** Creates the error. `message` says why the key is not accepted. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RsaKeyError";
  }
}

/**
 * Generates a key pair.
 *
 * @param use Its purpose: `sign` makes RSA-PSS keys with SHA-512, `encrypt` RSA-OAEP keys with SHA-256.
 * @param bits The size of the modulus.
 * @param extractable Whether the private key can be exported; by default that of a `sign` pair can.
 * @returns The pair. The public key is extractable.
 *
 * @example
 * ```ts
 * const { publicKey } = await generateRsaKeys("sign", 3072);
 * console.log(publicKey.algorithm.name); // RSA-PSS
 * ```
 */
export function generateRsaKeys(
  use: RsaUse,
  bits: ModulusBits,
  extractable: boolean = use === "sign",
): Promise<CryptoKeyPair> {
  const size = { modulusLength: bits, publicExponent: EXPONENT_65537 };
  return use === "sign"
    ? crypto.subtle.generateKey({ ...PSS, ...size }, extractable, ["sign", "verify"])
    : crypto.subtle.generateKey({ ...OAEP, ...size }, extractable, ["encrypt", "decrypt"]);
}

/**
 * Exports a public key as SPKI DER (RFC 5280 section 4.1).
 *
 * @param key A public key of either use.
 */
export async function exportSpki(key: CryptoKey): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.exportKey("spki", key));
}

/**
 * Imports a public key from untrusted SPKI DER.
 *
 * @param spki The encoded key.
 * @param use Its purpose.
 * @throws {RsaKeyError} If it is not an RSA key, its size is out of bounds, its modulus is even, its exponent is not
 * 65537, or its encoding is not canonical.
 */
export async function importSpki(spki: Bytes, use: RsaUse): Promise<CryptoKey> {
  const key = await importUnchecked(spki, use);
  const { modulusLength, publicExponent } = key.algorithm as RsaHashedKeyAlgorithm;
  checkBits(modulusLength);
  if (!sameBytes(publicExponent, EXPONENT_65537)) {
    throw new RsaKeyError("Cannot import RSA key: its exponent is not 65537");
  }
  const bytes = Math.ceil(modulusLength / 8);
  if (!isCanonical(spki, bytes)) {
    throw new RsaKeyError("Cannot import RSA key: it is not canonical DER");
  }
  // Checked again: the runtime rounds the length of the modulus up to whole bytes.
  const end = spki.length - SPKI_TAIL_BYTES;
  const modulus = spki.subarray(end - bytes, end);
  checkBits(bitLength(modulus));
  // The runtime imports a key with an even modulus, and throws when it is used.
  if (!isOdd(modulus)) throw new RsaKeyError("Cannot import RSA key: its modulus is even");
  return key;
}

function checkBits(bits: number): void {
  const { min, max } = MODULUS_BOUNDS;
  if (bits >= min && bits <= max) return;
  throw new RsaKeyError(`Cannot import RSA key: its size is ${bits} bits, not ${min} to ${max}`);
}

async function importUnchecked(spki: Bytes, use: RsaUse): Promise<CryptoKey> {
  try {
    return use === "sign"
      ? await crypto.subtle.importKey("spki", spki, PSS, true, ["verify"])
      : await crypto.subtle.importKey("spki", spki, OAEP, true, ["encrypt"]);
  } catch (cause) {
    throw new RsaKeyError("Cannot import RSA key: it is not an RSA public key in SPKI DER", {
      cause,
    });
  }
}

/**
 * Tells whether a key with the exponent 65537 is in canonical DER. For a given modulus length, the bytes around the
 * modulus are constant. Comparing them is much faster than exporting the key again.
 */
function isCanonical(spki: Bytes, modulusBytes: number): boolean {
  const first = spki[spki.length - SPKI_TAIL_BYTES - modulusBytes] ?? 0;
  const { head, tail, length } = aroundModulus(modulusBytes, first > 0x7f);
  return first !== 0 && spki.length === length &&
    sameBytes(spki.subarray(0, head.length), head) &&
    sameBytes(spki.subarray(-SPKI_TAIL_BYTES), tail);
}

/**
 * Returns the constant bytes before and after a modulus in SPKI with the exponent 65537.
 *
 * @param bytes The length of the modulus.
 * @param topBit Whether its highest bit is set. DER then puts a zero byte before it.
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
  /** The length of the whole encoding, in bytes. */
  readonly length: number;
}

/** A cache by length of the modulus and top bit: at most about 500 entries. */
const AROUND_MODULUS = new Map<number, AroundModulus>();

/**
 * Signs bytes with RSASSA-PSS, SHA-512 and a salt of 64 bytes (RFC 8017 section 8.1).
 *
 * @param privateKey A `sign` key.
 * @param bytes The bytes to sign.
 * @returns The signature, as long as the modulus.
 */
export async function signPss(privateKey: CryptoKey, bytes: Bytes): Promise<Bytes> {
  const algorithm = { name: "RSA-PSS", saltLength: PSS_SALT_BYTES };
  return new Uint8Array(await crypto.subtle.sign(algorithm, privateKey, bytes));
}

/**
 * Verifies a signature that {@linkcode signPss} made.
 *
 * @param publicKey A `sign` key.
 * @param signature The signature.
 * @param bytes The signed bytes.
 * @returns Whether the signature is valid.
 */
export function verifyPss(publicKey: CryptoKey, signature: Bytes, bytes: Bytes): Promise<boolean> {
  const algorithm = { name: "RSA-PSS", saltLength: PSS_SALT_BYTES };
  return crypto.subtle.verify(algorithm, publicKey, signature, bytes);
}

/**
 * Encrypts one block with RSAES-OAEP and SHA-256 (RFC 8017 section 7.1).
 *
 * @param publicKey An `encrypt` key of k bytes.
 * @param block At most k - 66 bytes.
 * @param label The purpose of the block. Decryption needs the same label.
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
 * Decrypts a block that {@linkcode encryptOaep} made.
 *
 * @param privateKey An `encrypt` key of k bytes.
 * @param block k bytes.
 * @param label The label that the block was encrypted with.
 * @throws {DOMException} `OperationError` for every failure, so that an attacker cannot learn which check failed.
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
 * Returns the fingerprint of a public key: `SHA256:` and the unpadded base64 of the SHA-256 of its SPKI DER. The
 * notation is that of OpenSSH. The value differs from OpenSSH's, which hashes its own key format.
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
