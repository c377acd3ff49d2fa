/**
 * Reads and writes frames: a length in 32 bits, a kind in 8, and a payload.
 *
 * TCP carries a stream, which does not keep the boundaries of writes, so each frame starts with its length. The reader
 * checks that length against the bound of the frame's kind before it keeps a byte of the frame.
 *
 * @module
 */

import { type Bytes, ByteWriter } from "../../base/bytes.ts";

/** The bytes before a payload: length (kind and payload) and kind. */
export const FRAME_HEADER_BYTES = 5;

const EMPTY: Bytes = new Uint8Array(0);

/** A frame: what it is, what it carries, and both as they travel. */
export interface Frame {
  readonly kind: number;
  readonly payload: Bytes;
  /** Length, kind and payload. */
  readonly bytes: Bytes;
}

/** A frame whose length or kind cannot be. */
export class FrameError extends Error {
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

/**
 * The last so many of whole frames that lie one behind the other.
 *
 * @param bytes Whole frames.
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
 * The frames are views of what was pushed, good until the next push: who keeps one copies it.
 */
export class FrameReader {
  readonly #bound: (kind: number) => number | undefined;
  /** The start of a frame whose end has not come yet. */
  #held = EMPTY;
  #heldLength = 0;

  /**
   * @param bound The largest payload of a kind in bytes; undefined for a kind that is not taken.
   */
  constructor(bound: (kind: number) => number | undefined) {
    this.#bound = bound;
  }

  /** How many bytes of an unfinished frame are kept. */
  get held(): number {
    return this.#heldLength;
  }

  /**
   * Takes what the stream brought.
   *
   * @param chunk Any number of bytes.
   * @returns The frames that are now whole, in order, one at a time.
   * @throws {FrameError} At the first frame that cannot be; those before it have been returned.
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

  /** Adds to what is held. The room doubles with what has come, not with what was announced. */
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
    // Copied even from what is held already, unless it is all of it: the frames before it are still looked at.
    else if (rest.buffer !== this.#held.buffer || rest.byteOffset > 0) this.#held = rest.slice();
  }
}
