/**
 * As much of DER (ITU-T X.690) as RSA keys take: sequences, integers, strings, object identifiers.
 *
 * @module
 */

// @ts-types="../../types/std_encoding_base64.d.ts"
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
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
    ? decodeBase64(base64)
    : undefined;
}

/** Writes a block. */
export function writePem(label: string, bytes: Uint8Array): string {
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
