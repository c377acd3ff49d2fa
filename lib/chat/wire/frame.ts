/**
 * Reads and writes frames: a length in 32 bits, a kind in 8, and a payload, whose fields a layout describes.
 *
 * TCP carries a stream, which does not keep the boundaries of writes, so each frame starts with its length. The reader
 * checks that length against the bound of the frame's kind before it keeps a byte of the frame.
 *
 * @module
 */

import {
  type ByteReader,
  type Bytes,
  ByteWriter,
  MalformedError,
  readWhole,
} from "../../base/bytes.ts";

/** The bytes before a payload: length (kind and payload) and kind. */
export const FRAME_HEADER_BYTES = 5;

const EMPTY: Bytes = new Uint8Array(0);

/** A frame: its kind, its payload and its encoding. */
export interface Frame {
  readonly kind: number;
  readonly payload: Bytes;
  /** Length, kind and payload. */
  readonly bytes: Bytes;
}

/** The error of a frame whose length or kind is not valid. */
export class FrameError extends MalformedError {
  /** Makes the error of what is wrong. */
  constructor(readonly code: "FRAME_TOO_LARGE" | "FRAME_EMPTY" | "FRAME_UNKNOWN", message: string) {
    super(message);
    this.name = "FrameError";
  }
}

/**
 * Puts a payload into a frame.
 *
 * @param kind The kind, 0 to 255.
 * @param payload At most the bound of its kind.
 */
export function encodeFrame(kind: number, payload: Uint8Array): Bytes {
  return new ByteWriter(FRAME_HEADER_BYTES + payload.length)
    .u32(payload.length + 1).u8(kind).raw(payload).finish();
}

/** The encoding of a field: a number, bytes after a 16-bit length (`block16`), or a fixed number of bytes. */
type Field = NumberField | "block16" | number;
type NumberField = "u8" | "u16" | "u32" | "u48";
type Fields = Readonly<Record<string, Field>>;

/** The values of fields: numbers and bytes. */
type Values<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends number | "block16" ? Bytes : number;
};

/** A record with the fields of a layout. */
export type Laid<L> = L extends Layout<infer F> ? Values<F> : never;

/** The fields of a record in the order in which they are encoded. Both its writer and its reader follow from them. */
export class Layout<const F extends Fields> {
  readonly #fields: readonly (readonly [string, Field])[];
  /** The length of a record whose blocks are empty, in bytes. */
  readonly length: number;

  /** Describes a record. */
  constructor(fields: F) {
    this.#fields = Object.entries(fields);
    this.length = Object.values(fields).reduce<number>((sum, field) => sum + lengthOf(field), 0);
  }

  /** Appends a record. */
  write(writer: ByteWriter, values: Values<F>): ByteWriter {
    for (const [name, field] of this.#fields) {
      const value: number | Bytes = values[name]!;
      if (typeof value === "number") writer[field as NumberField](value);
      else if (field === "block16") writer.block16(value);
      else writer.raw(value);
    }
    return writer;
  }

  /** Reads a record. Its bytes are views, not copies. */
  read(reader: ByteReader): Values<F> {
    const values: Record<string, number | Bytes> = {};
    for (const [name, field] of this.#fields) {
      values[name] = typeof field === "number" ? reader.raw(field) : reader[field]();
    }
    return values as Values<F>;
  }

  /** Encodes a record. */
  readonly encode = (values: Values<F>): Bytes =>
    this.write(new ByteWriter(this.length), values).finish();

  /** Reads a record that takes up all of the bytes. */
  readonly decode = (bytes: Bytes): Values<F> => readWhole(bytes, (reader) => this.read(reader));
}

function lengthOf(field: Field): number {
  if (typeof field === "number") return field;
  return field === "block16" ? 2 : Number(field.slice(1)) / 8;
}

/**
 * Describes a frame by the fields of its payload.
 *
 * @returns A function that encodes the frame, and one that reads its payload.
 */
export function frameOf<const F extends Fields>(kind: number, fields: F) {
  const { encode, decode } = new Layout(fields);
  return [(values: Values<F>) => encodeFrame(kind, encode(values)), decode] as const;
}

/**
 * Returns the last `count` of several complete frames.
 *
 * @param bytes Complete frames, one after the other.
 * @param count How many, at most as many as there are.
 */
export function framesBehind(bytes: Bytes, count: number): Bytes {
  const starts = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += 4 + view.getUint32(at)) starts.push(at);
  return bytes.subarray(starts.at(-count));
}

/**
 * Cuts a stream into frames.
 *
 * Each frame is a view of the pushed bytes that is valid until the next push. A caller that keeps a frame copies it.
 */
export class FrameReader {
  readonly #bound: (kind: number) => number | undefined;
  /** The received bytes of an incomplete frame. */
  #held = EMPTY;
  #heldLength = 0;

  /**
   * @param bound The largest payload of a kind in bytes; undefined for a kind that is not accepted.
   */
  constructor(bound: (kind: number) => number | undefined) {
    this.#bound = bound;
  }

  /** The number of bytes that are kept of an incomplete frame. */
  get held(): number {
    return this.#heldLength;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @param chunk Any number of bytes.
   * @returns The frames that are now complete, in order, one at a time.
   * @throws {FrameError} At the first invalid frame, after the frames before it were returned.
   */
  *push(chunk: Bytes): Generator<Frame, void> {
    let bytes = this.#heldLength === 0 ? chunk : this.#join(chunk);
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const length = this.#checkedLength(bytes);
      if (bytes.length < length) break;
      const frame = bytes.subarray(0, length);
      yield { kind: frame[4]!, payload: frame.subarray(FRAME_HEADER_BYTES), bytes: frame };
      bytes = bytes.subarray(length);
    }
    this.#keep(bytes);
  }

  #checkedLength(bytes: Bytes): number {
    const length = ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
    if (length === 0) throw new FrameError("FRAME_EMPTY", "a frame has no kind");
    const kind = bytes[4]!;
    const bound = this.#bound(kind);
    if (bound === undefined) throw new FrameError("FRAME_UNKNOWN", `no frame of kind ${kind} here`);
    if (length - 1 > bound) {
      const message = `a frame of kind ${kind} has ${length - 1} bytes, more than ${bound}`;
      throw new FrameError("FRAME_TOO_LARGE", message);
    }
    return length + 4;
  }

  /** Appends to the kept bytes. The buffer grows with the bytes that were received, not with the announced length. */
  #join(chunk: Bytes): Bytes {
    const length = this.#heldLength + chunk.length;
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#held.length));
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
    }
    this.#held.set(chunk, this.#heldLength);
    this.#heldLength = length;
    return this.#held.subarray(0, length);
  }

  #keep(rest: Bytes): void {
    this.#heldLength = rest.length;
    if (rest.length === 0) this.#held = EMPTY;
    // Copied unless it is the whole buffer: the caller still reads the frames before it.
    else if (rest.buffer !== this.#held.buffer || rest.byteOffset > 0) this.#held = rest.slice();
  }
}
