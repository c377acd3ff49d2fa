/**
 * DER and PEM, as far as RSA keys need them: ITU-T X.690, PKCS#1 (RFC 8017 appendix A.1), PKCS#8 (RFC 5208),
 * SubjectPublicKeyInfo (RFC 5280 section 4.1) and RFC 7468.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";

/** The tags used in RSA keys. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  sequence: 0x30,
} as const;

/** Thrown for bytes that are not DER. */
export class DerError extends Error {
  /** Creates the error. `message` says what is wrong. */
  constructor(message: string) {
    super(message);
    this.name = "DerError";
  }
}

/** Reads DER values in order. */
export class DerReader {
  readonly #bytes: Bytes;
  #at = 0;

  /** Creates a reader at the start of `bytes`. */
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
   * @param tag The expected tag.
   * @throws {DerError} If the tag differs, or the value exceeds the bytes.
   */
  read(tag: number): Bytes {
    if (this.tag !== tag) throw new DerError(`expected tag ${tag}, found ${this.tag}`);
    this.#at += 1;
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw new DerError("it is cut short");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Reads a sequence. Returns a reader of its content. */
  sequence(): DerReader {
    return new DerReader(this.read(TAG.sequence));
  }

  /** Reads a non-negative integer. Returns its big-endian bytes without leading zeros. */
  unsigned(): Bytes {
    const bytes = this.read(TAG.integer);
    if (bytes.length === 0 || bytes[0]! > 0x7f) throw new DerError("a number is negative or empty");
    return withoutZeros(bytes);
  }

  /** @throws {DerError} If bytes are left. */
  end(): void {
    if (this.#at < this.#bytes.length) throw new DerError("bytes are left at the end");
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new DerError("a length is not DER");
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new DerError("it is cut short");
    return byte;
  }
}

/** Encodes one value. */
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

/** Encodes a non-negative integer from its big-endian bytes. */
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

/** One PEM block, from `-----BEGIN LABEL-----` to `-----END LABEL-----`. */
export interface PemBlock {
  /** The label, such as `PRIVATE KEY`. */
  readonly label: string;
  /** The content; undefined if it is cut short or is not base64. */
  readonly bytes: Bytes | undefined;
  /** Whether it has headers (RFC 1421), as OpenSSL's old encrypted keys do. */
  readonly hasHeaders: boolean;
}

/** Returns the PEM blocks of a text. Text around them is ignored. */
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

/** Encodes bytes as a PEM block. */
export function writePem(label: string, bytes: Uint8Array): string {
  const lines = bytes.toBase64().match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** The numbers of a public key, big-endian. */
export interface PublicNumbers {
  readonly modulus: Bytes;
  readonly exponent: Bytes;
}

/** A decoded key. */
export interface DecodedKey extends PublicNumbers {
  /** The encoding it was read from. */
  readonly encoding: "PKCS#1" | "PKCS#8" | "SPKI";
  /** The private key as PKCS#1, if it is a private key. */
  readonly privatePkcs1?: Bytes;
}

/** Thrown for a key of another algorithm than RSA. */
export class OtherAlgorithmError extends Error {
  /** Creates the error from the algorithm's name. */
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

/** The names of other algorithms, by object identifier in hex. */
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

/** The AlgorithmIdentifier of RSA keys, in DER. */
const RSA_ALGORITHM = der(
  TAG.sequence,
  der(TAG.objectIdentifier, RSA_ENCRYPTION),
  der(TAG.null),
);

/**
 * Decodes a private or public key in any of the three encodings.
 *
 * @param bytes DER.
 * @throws {DerError} If it is in none of them.
 * @throws {OtherAlgorithmError} If it is not an RSA key.
 */
export function decodeKey(bytes: Bytes): DecodedKey {
  const outer = new DerReader(bytes);
  const key = outer.sequence();
  outer.end();
  if (key.tag === TAG.sequence) return readSpki(key);
  const version = key.read(TAG.integer);
  if (key.tag === TAG.sequence) return readPkcs8(key);
  if (key.tag !== TAG.integer) throw new DerError("it is not a key");
  // An RSAPublicKey starts with its modulus, an RSAPrivateKey with a version.
  if (version.length > 1) return readPkcs1Public(bytes, "PKCS#1");
  return { ...readPkcs1Private(bytes), encoding: "PKCS#1", privatePkcs1: bytes };
}

function readSpki(key: DerReader): DecodedKey {
  checkAlgorithm(key.sequence());
  const bits = key.read(TAG.bitString);
  key.end();
  if (bits[0] !== 0) throw new DerError("the bit string is not a whole number of bytes");
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

/** Encodes a public key as canonical SPKI. */
export function encodeSpki({ modulus, exponent }: PublicNumbers): Bytes {
  const key = der(TAG.sequence, derUnsigned(modulus), derUnsigned(exponent));
  return der(TAG.sequence, RSA_ALGORITHM, der(TAG.bitString, new Uint8Array(1), key));
}

/** Encodes a private key as PKCS#8 from its PKCS#1 encoding. */
export function encodePkcs8(privatePkcs1: Uint8Array): Bytes {
  return der(
    TAG.sequence,
    derUnsigned(new Uint8Array(1)),
    RSA_ALGORITHM,
    der(TAG.octetString, privatePkcs1),
  );
}

/** Returns the number of bits of a modulus. */
export function bitLength(modulus: Uint8Array): number {
  return modulus.length === 0 ? 0 : modulus.length * 8 - Math.clz32(modulus[0]!) + 24;
}

/** Tells whether a big-endian number is odd. The modulus of every RSA key is odd, because both primes are. */
export function isOdd(number: Uint8Array): boolean {
  return (number.at(-1) ?? 0) % 2 === 1;
}
