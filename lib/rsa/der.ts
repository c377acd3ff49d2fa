/**
 * DER and PEM, as far as RSA keys need them: ITU-T X.690, PKCS#1 (RFC 8017 appendix A.1), PKCS#8 (RFC 5208),
 * SubjectPublicKeyInfo (RFC 5280 section 4.1) and RFC 7468.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";

/** The tags that a key's encoding has. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  sequence: 0x30,
} as const;

/** Bytes that are not DER. */
export class DerError extends Error {
  /** Makes the error of its reason. */
  constructor(message: string) {
    super(message);
    this.name = "DerError";
  }
}

/** Reads values one after the other. */
export class DerReader {
  readonly #bytes: Bytes;
  #at = 0;

  /** Reads from the start of the bytes. */
  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** The tag of the next value; undefined at the end. */
  get tag(): number | undefined {
    return this.#bytes[this.#at];
  }

  /**
   * Reads the content of the next value.
   *
   * @param tag The tag that it must have.
   * @throws {DerError} Where it has another, or does not end within the bytes.
   */
  read(tag: number): Bytes {
    if (this.tag !== tag) throw new DerError(`tag ${this.tag} stands where ${tag} must`);
    this.#at += 1;
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw new DerError("it ends too early");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Reads a sequence: gives a reader of what is in it. */
  sequence(): DerReader {
    return new DerReader(this.read(TAG.sequence));
  }

  /** Reads an integer that is not negative, as its bytes without a leading zero. */
  unsigned(): Bytes {
    const bytes = this.read(TAG.integer);
    if (bytes.length === 0 || bytes[0]! > 0x7f) throw new DerError("a number is negative or empty");
    return withoutZeros(bytes);
  }

  /** @throws {DerError} Where something is left. */
  end(): void {
    if (this.#at < this.#bytes.length) throw new DerError("something follows where it must end");
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new DerError("a length has a form that is not DER's");
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new DerError("it ends too early");
    return byte;
  }
}

/** Writes one value. */
export function der(tag: number, ...content: readonly Uint8Array[]): Bytes {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  const header = [tag, ...lengthBytes(length)];
  const bytes = new Uint8Array(header.length + length);
  bytes.set(header);
  let at = header.length;
  for (const part of content) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Writes an integer that is not negative, of its bytes. */
export function derUnsigned(bytes: Uint8Array): Bytes {
  const digits = withoutZeros(bytes);
  const sign = digits.length === 0 || digits[0]! > 0x7f ? [0] : [];
  return der(TAG.integer, new Uint8Array(sign), digits);
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

function withoutZeros<B extends Uint8Array>(bytes: B): B {
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first < 0 ? bytes.length : first) as B;
}

/** One block between `-----BEGIN LABEL-----` and `-----END LABEL-----`. */
export interface PemBlock {
  /** What it says to be: `PRIVATE KEY`. */
  readonly label: string;
  /** What it holds; undefined where it is cut short or is not base64. */
  readonly bytes: Bytes | undefined;
  /** Whether it has headers (RFC 1421), as OpenSSL's old encrypted keys do. */
  readonly hasHeaders: boolean;
}

/** The blocks of a text, whatever stands around them. */
export function readPem(text: string): PemBlock[] {
  const blocks = [];
  for (const { 1: label, index, 0: begin } of text.matchAll(/-----BEGIN ([^\r\n-]+)-----/g)) {
    const from = index + begin.length;
    const to = text.indexOf(`-----END ${label}-----`, from);
    const body = text.slice(from, to < 0 ? undefined : to);
    blocks.push({
      label: label!,
      bytes: to < 0 ? undefined : bytesOf(body),
      hasHeaders: body.includes(":"),
    });
  }
  return blocks;
}

function bytesOf(body: string): Bytes | undefined {
  const base64 = body.replace(/\s+/g, "");
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) && base64.length % 4 === 0
    ? Uint8Array.fromBase64(base64)
    : undefined;
}

/** Writes a block. */
export function writePem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

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
  const id = identifier.read(TAG.objectIdentifier).toHex();
  if (id === RSA_ENCRYPTION.toHex()) return;
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
