/**
 * Bytes: reading, writing, comparing, and random ones.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Bytes that cannot be read as what they should be. */
export class MalformedError extends Error {
  /** Makes the error of its reason. */
  constructor(message: string) {
    super(message);
    this.name = "MalformedError";
  }
}

/** Puts fields one behind the other; grows as it goes. */
export class ByteWriter {
  // Without a view of its buffer: small arrays have none of their own until they are asked for it.
  #bytes: Bytes;
  #length = 0;

  /** Starts empty, with room for so many bytes. */
  constructor(room = 256) {
    this.#bytes = new Uint8Array(room);
  }

  /** An 8-bit number. */
  u8(value: number): this {
    const at = this.#grow(1);
    this.#bytes[at] = value;
    return this;
  }

  /** A 16-bit number. */
  u16(value: number): this {
    const at = this.#grow(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  /** A 32-bit number. */
  u32(value: number): this {
    const at = this.#grow(4);
    this.#bytes[at] = value >>> 24;
    this.#bytes[at + 1] = value >>> 16;
    this.#bytes[at + 2] = value >>> 8;
    this.#bytes[at + 3] = value;
    return this;
  }

  /** A 64-bit number, up to 2^53 - 1. */
  u64(value: number): this {
    return this.u32(Math.floor(value / 0x1_0000_0000)).u32(value % 0x1_0000_0000);
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): this {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** Bytes behind their length in 16 bits. */
  block16(bytes: Uint8Array): this {
    return this.u16(bytes.length).raw(bytes);
  }

  /** How many bytes there are so far. */
  get length(): number {
    return this.#length;
  }

  /** The bytes, which the writer gives away: it is not to be used again. */
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

/** Reads fields one behind the other; nothing is allocated for a length that is not there. */
export class ByteReader {
  readonly #bytes: Bytes;
  #at = 0;

  /** Reads from the start of the bytes. */
  constructor(bytes: Bytes) {
    this.#bytes = bytes;
  }

  /** An 8-bit number. */
  u8(): number {
    return this.#number(this.#take(1), 1);
  }

  /** A 16-bit number. */
  u16(): number {
    return this.#number(this.#take(2), 2);
  }

  /** A 32-bit number. */
  u32(): number {
    return this.#number(this.#take(4), 4);
  }

  /** A 64-bit number; more than 2^53 - 1 is malformed. */
  u64(): number {
    const at = this.#take(8);
    const value = this.#number(at, 4) * 0x1_0000_0000 + this.#number(at + 4, 4);
    if (!Number.isSafeInteger(value)) throw new MalformedError("a number exceeds 2^53 - 1");
    return value;
  }

  /** So many bytes: a view, not a copy. */
  raw(length: number): Bytes {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Bytes behind their length in 16 bits. */
  block16(): Bytes {
    return this.raw(this.u16());
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Checks that nothing is left. */
  end(): void {
    if (this.left > 0) throw new MalformedError(`${this.left} bytes too many`);
  }

  /** The number in so many bytes, four at most. */
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

/** Text as UTF-8 (RFC 3629). */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/**
 * UTF-8 as text.
 *
 * @throws {MalformedError} Where it is not well-formed.
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw new MalformedError("text is not UTF-8");
    throw error;
  }
}

/** SHA-256 (FIPS 180-4). */
export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** Bytes as a key of a map: one character a byte. */
export function mapKey(bytes: Uint8Array): string {
  // Not by spreading them: that walks an iterator, and this is done for every frame.
  return Reflect.apply(String.fromCharCode, null, bytes);
}

/**
 * Reads bytes to their end.
 *
 * @throws {MalformedError} Where there are too few or too many.
 */
export function readWhole<T>(bytes: Bytes, read: (reader: ByteReader) => T): T {
  const reader = new ByteReader(bytes);
  const value = read(reader);
  reader.end();
  return value;
}

/** Bytes that WebCrypto takes: never over shared memory. */
export type Bytes = Uint8Array<ArrayBuffer>;

/** Makes random bytes; a test may seed it. */
export type Random = (length: number) => Bytes;

/** Random bytes of the runtime. */
export const secureRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));
