/**
 * DER (ITU-T X.690), PEM (RFC 7468) and large numbers, as far as RSA keys need them, and the errors of key files.
 *
 * @module
 */

import { type Bytes, concat } from "../base/bytes.ts";

/** The tags used in RSA keys. */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  sequence: 0x30,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** The tag of a constructed value with a context-specific number, such as `[0]`. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

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

  /** Reads a non-negative integer below 2^31, such as a count or a version. */
  small(): number {
    const bytes = this.unsigned();
    if (bytes.length > 4 || bytes[0]! > 0x7f && bytes.length === 4) {
      throw new DerError("a number is too large");
    }
    return bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  }

  /** Reads an object identifier. Returns it in dotted notation: `1.2.840.113549.1.1.1`. */
  identifier(): string {
    return identifierText(this.read(TAG.objectIdentifier));
  }

  /** Reads a value that may be absent. Returns a reader of its content, or undefined. */
  optional(tag: number): DerReader | undefined {
    return this.tag === tag ? new DerReader(this.read(tag)) : undefined;
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

/** Decodes an object identifier (X.690 section 8.19). */
function identifierText(bytes: Bytes): string {
  const arcs: bigint[] = [];
  let arc = 0n;
  for (const byte of bytes) {
    arc = arc << 7n | BigInt(byte & 0x7f);
    if (byte > 0x7f) continue;
    arcs.push(arc);
    arc = 0n;
  }
  const [first] = arcs;
  if (first === undefined || bytes.at(-1)! > 0x7f || bytes.length > MAX_IDENTIFIER_BYTES) {
    throw new DerError("an object identifier is malformed");
  }
  const root = first < 80n ? first / 40n : 2n;
  return [root, first - 40n * root, ...arcs.slice(1)].join(".");
}

/** The longest object identifier that is read, in bytes. Those of algorithms have at most about 16. */
const MAX_IDENTIFIER_BYTES = 64;

/** Encodes an object identifier from its dotted notation. */
export function derIdentifier(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [40 * first + second, ...rest].flatMap((arc) => {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 | left % 128);
    }
    return digits;
  });
  return der(TAG.objectIdentifier, new Uint8Array(bytes));
}

/** Encodes one value. */
export function der(tag: number, ...content: readonly Uint8Array[]): Bytes {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return concat([new Uint8Array([tag, ...lengthBytes(length)]), ...content]);
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
  /** The headers by name (RFC 1421 section 4.4). OpenSSL's traditional encrypted keys have `Proc-Type` and `DEK-Info`. */
  readonly headers: ReadonlyMap<string, string>;
}

/** Returns the PEM blocks of a text. Text around them is ignored. */
export function readPem(text: string): PemBlock[] {
  const blocks = [];
  for (const { 1: label, index, 0: begin } of text.matchAll(/-----BEGIN ([^\r\n-]+)-----/g)) {
    const from = index + begin.length;
    const to = text.indexOf(`-----END ${label}-----`, from);
    const { headers, body } = splitHeaders(text.slice(from, to < 0 ? undefined : to));
    blocks.push({ label: label!, bytes: to < 0 ? undefined : bytesOf(body), headers });
  }
  return blocks;
}

/** Splits the headers of a PEM block, which an empty line ends, from its base64. */
function splitHeaders(text: string): { headers: ReadonlyMap<string, string>; body: string } {
  const headers = new Map<string, string>();
  if (!text.includes(":")) return { headers, body: text };
  const lines = text.replace(/^\r?\n/, "").split(/\r?\n/);
  const end = lines.findIndex((line) => line.trim() === "");
  const last = end < 0 ? lines.findLastIndex((line) => line.includes(":")) + 1 : end;
  for (const line of lines.slice(0, last)) {
    const [, name, value] = /^([^:]{1,64}):\s*(.*)$/.exec(line) ?? [];
    if (name !== undefined) headers.set(name, value!.trimEnd());
  }
  return { headers, body: lines.slice(last).join("\n") };
}

/** Decodes base64 with white space in it; undefined if it is not base64. */
export function bytesOf(body: string): Bytes | undefined {
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

/** The AlgorithmIdentifier of RSA keys, in DER: rsaEncryption (RFC 8017 appendix A.1). */
const RSA_ALGORITHM = der(TAG.sequence, derIdentifier("1.2.840.113549.1.1.1"), der(TAG.null));

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

/** Returns the number in big-endian bytes. */
export function toNumber(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toHex()}`);
}

/**
 * Returns the big-endian bytes of a non-negative number.
 *
 * @param number The number.
 * @param length The length of the result, with zeros in front. As short as possible by default.
 */
export function numberBytes(number: bigint, length = 0): Bytes {
  const digits = number.toString(16);
  return Uint8Array.fromHex(
    digits.padStart(Math.max(2 * length, digits.length + digits.length % 2), "0"),
  );
}

/** Raises a number to a power modulo another number. It takes no constant time. */
export function powerModulo(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let [result, square] = [1n % modulus, base % modulus];
  for (const bit of [...exponent.toString(2)].reverse()) {
    if (bit === "1") result = result * square % modulus;
    square = square * square % modulus;
  }
  return result;
}

/** Returns the greatest common divisor of two non-negative numbers. */
export function commonDivisor(a: bigint, b: bigint): bigint {
  while (b > 0n) [a, b] = [b, a % b];
  return a;
}

/** Returns the inverse of a number modulo another; undefined if there is none. */
export function inverse(number: bigint, modulus: bigint): bigint | undefined {
  let [r, next] = [modulus, number % modulus];
  let [t, factor] = [0n, 1n];
  while (next > 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [t, factor] = [factor, t - quotient * factor];
  }
  return r === 1n ? (t + modulus) % modulus : undefined;
}

/** What is wrong with a key file. */
export type KeyFileCode =
  | "KEY_CIPHER"
  | "KEY_DAMAGED"
  | "KEY_EMPTY"
  | "KEY_ENCRYPTED"
  | "KEY_EXPONENT"
  | "KEY_NOT_RSA"
  | "KEY_PASSPHRASE"
  | "KEY_PKCS12"
  | "KEY_PSS"
  | "KEY_PUBLIC"
  | "KEY_SEVERAL"
  | "KEY_TOO_LARGE"
  | "KEY_TOO_SMALL"
  | "KEY_UNKNOWN";

/** Thrown for a file without a usable RSA key. */
export class KeyFileError extends Error {
  /** What is wrong, for programs. */
  readonly code: KeyFileCode;
  /** What to do about it. `FILE` stands for the file's path in a command that reads it. */
  readonly hint: string;

  /** Creates the error. `message` says what is wrong, `hint` what to do. */
  constructor(code: KeyFileCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KeyFileError";
    this.code = code;
    this.hint = hint;
  }
}

/** Creates the error for a file that is not what it appears to be. */
export function damaged(cause?: unknown, message = "it is cut short or damaged"): KeyFileError {
  return new KeyFileError("KEY_DAMAGED", message, "copy the whole file again", { cause });
}

/** Creates the error for a file of a kind that has no key that can be read. */
export function unknownFile(message: string, hint: string): KeyFileError {
  return new KeyFileError("KEY_UNKNOWN", message, hint);
}

/**
 * Creates the error for a key of another algorithm.
 *
 * @param algorithm Its name.
 * @param holder What has the key, such as "a certificate"; the file itself by default.
 */
export function notRsa(algorithm: string, holder?: string): KeyFileError {
  const wanted = algorithm.startsWith("RSA") ? "a plain RSA key" : "an RSA key";
  const message = holder === undefined
    ? `it is not ${wanted} but a key for ${algorithm}`
    : `it is ${holder}, and its key is not ${wanted} but for ${algorithm}`;
  return new KeyFileError("KEY_NOT_RSA", message, "make an RSA key in a new file");
}
