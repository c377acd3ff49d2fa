/**
 * RSA keys in DER: PKCS#1 (RFC 8017 appendix A.1), PKCS#8 (RFC 5208), SubjectPublicKeyInfo (RFC 5280 section 4.1).
 *
 * @module
 */

// @ts-types="../../types/std_encoding_hex.d.ts"
import { encodeHex } from "@std/encoding/hex";
import type { Bytes } from "../base/bytes.ts";
import { der, DerError, DerReader, derUnsigned, TAG } from "./der.ts";

/** The numbers of a public key, most significant byte first. */
export interface PublicNumbers {
  readonly modulus: Bytes;
  readonly exponent: Bytes;
}

/** A key that was read. */
export interface DecodedKey extends PublicNumbers {
  /** How it was encoded. */
  readonly encoding: "PKCS#1" | "PKCS#8" | "SPKI";
  /** The private key as PKCS#1, where it is one. */
  readonly privatePkcs1?: Bytes;
}

/** A key of an algorithm that is not RSA. */
export class OtherAlgorithmError extends Error {
  /** Makes the error of the algorithm's name. */
  constructor(
    /** The algorithm's name. */
    readonly algorithm: string,
  ) {
    super(`a key of ${algorithm}`);
    this.name = "OtherAlgorithmError";
  }
}

/** rsaEncryption, 1.2.840.113549.1.1.1. */
const RSA_ENCRYPTION = new Uint8Array([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);

/** What the other algorithms are called, by their object identifier in hex. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  "2a864886f70d01010a": "RSASSA-PSS alone",
  "2a864886f70d010107": "RSAES-OAEP alone",
  "2a8648ce3d0201": "elliptic curves (EC)",
  "2a8648ce380401": "DSA",
  "2a864886f70d010301": "Diffie-Hellman",
  "2b6570": "Ed25519",
  "2b6571": "Ed448",
  "2b656e": "X25519",
  "2b656f": "X448",
};

/** The AlgorithmIdentifier of RSA keys. */
const RSA_ALGORITHM = der(
  TAG.sequence,
  der(TAG.objectIdentifier, RSA_ENCRYPTION),
  der(TAG.null),
);

/**
 * Reads a key of any of the three encodings, private or public.
 *
 * @param bytes DER.
 * @throws {DerError} Where it is none of them.
 * @throws {OtherAlgorithmError} Where it is not an RSA key.
 */
export function decodeKey(bytes: Bytes): DecodedKey {
  const outer = new DerReader(bytes);
  const key = outer.sequence();
  outer.end();
  if (key.tag === TAG.sequence) return readSpki(key);
  const version = key.read(TAG.integer);
  if (key.tag === TAG.sequence) return readPkcs8(key);
  if (key.tag !== TAG.integer) throw new DerError("it is no key");
  // An RSAPublicKey starts with its modulus, an RSAPrivateKey with a version.
  if (version.length > 1) return readPkcs1Public(bytes, "PKCS#1");
  return { ...readPkcs1Private(bytes), encoding: "PKCS#1", privatePkcs1: bytes };
}

function readSpki(key: DerReader): DecodedKey {
  checkAlgorithm(key.sequence());
  const bits = key.read(TAG.bitString);
  key.end();
  if (bits[0] !== 0) throw new DerError("its bits are no whole bytes");
  return readPkcs1Public(bits.subarray(1), "SPKI");
}

function readPkcs8(key: DerReader): DecodedKey {
  checkAlgorithm(key.sequence());
  // Attributes may follow.
  const privatePkcs1 = key.read(TAG.octetString);
  return { ...readPkcs1Private(privatePkcs1), encoding: "PKCS#8", privatePkcs1 };
}

function checkAlgorithm(identifier: DerReader): void {
  const id = encodeHex(identifier.read(TAG.objectIdentifier));
  if (id === encodeHex(RSA_ENCRYPTION)) return;
  throw new OtherAlgorithmError(ALGORITHMS[id] ?? "another algorithm");
}

function readPkcs1Public(bytes: Bytes, encoding: "PKCS#1" | "SPKI"): DecodedKey {
  const outer = new DerReader(bytes);
  const key = outer.sequence();
  outer.end();
  const [modulus, exponent] = [key.unsigned(), key.unsigned()];
  key.end();
  return { modulus, exponent, encoding };
}

function readPkcs1Private(bytes: Bytes): PublicNumbers {
  const outer = new DerReader(bytes);
  const key = outer.sequence();
  outer.end();
  if (key.unsigned().length > 0) throw new OtherAlgorithmError("RSA with more than two primes");
  const [modulus, exponent] = [key.unsigned(), key.unsigned()];
  // d, p, q, dP, dQ, qInv
  for (let i = 0; i < 6; i++) key.unsigned();
  key.end();
  return { modulus, exponent };
}

/** A public key as SPKI, in its one canonical encoding. */
export function encodeSpki({ modulus, exponent }: PublicNumbers): Bytes {
  const key = der(TAG.sequence, derUnsigned(modulus), derUnsigned(exponent));
  return der(TAG.sequence, RSA_ALGORITHM, der(TAG.bitString, new Uint8Array(1), key));
}

/** A private key as PKCS#8, of its PKCS#1. */
export function encodePkcs8(privatePkcs1: Uint8Array): Bytes {
  return der(
    TAG.sequence,
    derUnsigned(new Uint8Array(1)),
    RSA_ALGORITHM,
    der(TAG.octetString, privatePkcs1),
  );
}

/** How many bits a modulus has. */
export function bitLength(modulus: Uint8Array): number {
  return modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0]!) + 24;
}

/** Whether a number, most significant byte first, is odd. The modulus of every RSA key is: both primes are. */
export function isOdd(number: Uint8Array): boolean {
  return (number.at(-1) ?? 0) % 2 === 1;
}
