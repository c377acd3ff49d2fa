/**
 * Bytes: reading, writing, comparing, and random ones.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
export { concat } from "@std/bytes/concat";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Thrown for bytes that do not have the expected form. */
export class MalformedError extends Error {
  /** Creates the error. `message` says what is wrong. */
  constructor(message: string) {
    super(message);
    this.name = "MalformedError";
  }
}

/** Appends fields to a buffer that grows as needed. */
export class ByteWriter {
  // Not a DataView: a small typed array allocates its ArrayBuffer only when it is asked for.
  #bytes: Bytes;
  #length = 0;

  /** Creates an empty writer. `room` is the initial capacity in bytes. */
  constructor(room = 256) {
    this.#bytes = new Uint8Array(room);
  }

  /** Appends an 8-bit number. */
  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  /** Appends a 16-bit number. */
  u16(value: number): this {
    const at = this.#grow(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  /** Appends a 32-bit number. */
  u32(value: number): this {
    const at = this.#grow(4);
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
    return this;
  }

  /** Appends a 24-bit number. */
  u24(value: number): this {
    return this.u8(value >>> 16).u16(value);
  }

  /** Appends a 48-bit number. */
  u48(value: number): this {
    return this.u16(Math.floor(value / 0x1_0000_0000)).u32(value % 0x1_0000_0000);
  }

  /** Appends a 64-bit number, up to 2^53 - 1. */
  u64(value: number): this {
    return this.u32(Math.floor(value / 0x1_0000_0000)).u32(value % 0x1_0000_0000);
  }

  /** Appends bytes without a length. */
  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Appends the length of `bytes` as a 16-bit number, then the bytes. */
  block16(bytes: Uint8Array): this {
    return this.u16(bytes.length).raw(bytes);
  }

  /** The number of bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** Returns the bytes without a copy. Do not use the writer afterwards. */
  finish(): Bytes {
    return this.#length === this.#bytes.length
      ? this.#bytes
      : this.#bytes.subarray(0, this.#length);
  }

  #grow(by: number): number {
    const at = this.#length;
    this.#length += by;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
    }
    return at;
  }
}

/** Reads fields from a buffer in order. It checks each length before it allocates. */
export class ByteReader {
  readonly #bytes: Bytes;
  #at = 0;

  /** Creates a reader at the start of `bytes`. */
  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** Reads an 8-bit number. */
  u8(): number {
    return this.#number(this.#take(1), 1);
  }

  /** Reads a 16-bit number. */
  u16(): number {
    return this.#number(this.#take(2), 2);
  }

  /** Reads a 32-bit number. */
  u32(): number {
    return this.#number(this.#take(4), 4);
  }

  /** Reads a 24-bit number. */
  u24(): number {
    return this.#number(this.#take(3), 3);
  }

  /** Reads a 48-bit number. */
  u48(): number {
    const at = this.#take(6);
    return this.#number(at, 2) * 0x1_0000_0000 + this.#number(at + 2, 4);
  }

  /** Reads a 64-bit number. Throws {@linkcode MalformedError} above 2^53 - 1. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#number(at, 4) * 0x1_0000_0000 + this.#number(at + 4, 4);
    if (!Number.isSafeInteger(value)) throw new MalformedError("a number exceeds 2^53 - 1");
    return value;
  }

  /** Reads `length` bytes. Returns a view, not a copy. */
  raw(length: number): Bytes {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Reads a 16-bit length, then that many bytes. */
  block16(): Bytes {
    return this.raw(this.u16());
  }

  /** The number of bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Throws {@linkcode MalformedError} if bytes are left. */
  end(): void {
    if (this.left > 0) throw new MalformedError(`${this.left} bytes too many`);
  }

  /** Decodes the number in up to four bytes. */
  #number(at: number, bytes: number): number {
    let value = 0;
    for (let i = at; i < at + bytes; i++) value = value << 8 | this.#bytes[i]!;
    return value >>> 0;
  }

  #take(length: number): number {
    if (length > this.left) {
      throw new MalformedError(`${length} bytes expected, ${this.left} left`);
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/** ASCII of up to this length is converted here: a call of the runtime's converters takes longer. */
const SHORT = 256;

const ASCII = /^[\0-\x7f]*$/;

/** Encodes text as UTF-8 (RFC 3629). */
export function utf8(text: string): Bytes {
  const { length } = text;
  if (length > SHORT) return encoder.encode(text);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x80) return encoder.encode(text);
    bytes[i] = unit;
  }
  return bytes;
}

/** Returns the length of a text in UTF-8, in bytes. */
export function utf8Length(text: string): number {
  return ASCII.test(text) ? text.length : encoder.encode(text).length;
}

/** Returns the text of short ASCII; undefined for any other bytes. */
export function shortAscii(bytes: Uint8Array): string | undefined {
  if (bytes.length > SHORT) return undefined;
  const text = mapKey(bytes);
  return ASCII.test(text) ? text : undefined;
}

/**
 * Decodes UTF-8 (RFC 3629).
 *
 * @throws {MalformedError} If the bytes are not well-formed UTF-8.
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return shortAscii(bytes) ?? decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new MalformedError("text is not UTF-8");
    throw error;
  }
}

/** Hashes bytes with SHA-256 (FIPS 180-4). */
export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Writes all bytes, in as many writes as it takes. */
export async function writeBytes(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await to.write(rest));
}

/** Reports whether two arrays hold the same bytes. It takes no constant time: it is for public bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Converts bytes to a string for use as a map key, one character per byte. */
export function mapKey(bytes: Uint8Array): string {
  // Not String.fromCharCode(...bytes): a spread walks an iterator, and this runs for every frame.
  return Reflect.apply(String.fromCharCode, null, bytes);
}

/**
 * Reads a value that takes up all of the bytes.
 *
 * @throws {MalformedError} If there are too few or too many bytes.
 */
export function readWhole<T>(bytes: Bytes, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

/** Bytes that WebCrypto accepts: never backed by shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Returns `length` random bytes. A test may pass a seeded generator. */
export type Random = (length: number) => Bytes;

/** Returns random bytes from the runtime's cryptographic generator. */
export const secureRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));
