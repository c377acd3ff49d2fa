/**
 * A file that is rewritten in place, for a process that may no longer open or rename files. After a crash, it has
 * either its old or its new content.
 *
 * A second file beside it, the undo file, is empty except during a rewrite. Before a rewrite, the old bytes are saved
 * to the undo file and synced. Afterwards the file is synced, and the undo file is emptied and synced. The next reader
 * restores first: a complete record in the undo file means that the file may be half written, and an incomplete one
 * means that the file has not been touched. The caller holds a lock while it writes or restores.
 *
 * @module
 */

import { type RandomAccess, readAll, writeAt } from "./held_file.ts";

/** The bytes that a file had from an offset to its end. */
interface Undo {
  readonly offset: number;
  readonly tail: Uint8Array<ArrayBuffer>;
}

/** The header of the undo file, before the old bytes. It is text, so that a person who finds the file can read it. */
const RECORD =
  /^parley undo 1: from byte (\d{1,15}) on it had these (\d{1,15}), SHA-256 ([0-9a-f]{64})\n/;
/** The most bytes that the header has. */
const MAX_HEAD_BYTES = 256;
/** The most attempts to read a consistent state without the lock. */
const PEEKS = 10;

/** A file that is rewritten in place. */
export class RewrittenFile {
  readonly #file: RandomAccess;
  readonly #undo: RandomAccess;
  readonly #maxBytes: number;

  /**
   * @param file The file.
   * @param undo The undo file, initially empty.
   * @param maxBytes The most bytes that the file may have.
   */
  constructor(file: RandomAccess, undo: RandomAccess, maxBytes: number) {
    this.#file = file;
    this.#undo = undo;
    this.#maxBytes = maxBytes;
  }

  /**
   * Reads the content, and first undoes an incomplete rewrite. The caller holds the lock.
   *
   * @throws {RangeError} If it has more than `maxBytes` bytes.
   */
  async read(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#restore();
    return await readAll(this.#file, this.#maxBytes);
  }

  /** Reads the content without the lock. During a rewrite, returns the old content. Writes nothing. */
  async peek(): Promise<Uint8Array<ArrayBuffer>> {
    let undo = await this.#undoBytes();
    let bytes = await readAll(this.#file, this.#maxBytes);
    for (let i = 0; i < PEEKS; i++) {
      const [undoNow, bytesNow] = [
        await this.#undoBytes(),
        await readAll(this.#file, this.#maxBytes),
      ];
      const same = equal(undo, undoNow) && equal(bytes, bytesNow);
      [undo, bytes] = [undoNow, bytesNow];
      if (same) break;
    }
    const record = await readRecord(undo);
    return record === undefined ? bytes : restored(bytes, record);
  }

  /**
   * Replaces the content. The caller holds the lock.
   *
   * @param before The content that {@linkcode read} returned.
   * @param after The new content.
   * @throws {Error} File system errors. {@linkcode read} then returns the old content, or the new content if only the
   * last step failed.
   */
  async write(before: Uint8Array<ArrayBuffer>, after: Uint8Array<ArrayBuffer>): Promise<void> {
    if (equal(before, after)) return;
    const offset = commonLength(before, after);
    await this.#record({ offset, tail: before.slice(offset) });
    try {
      await this.#put(offset, after.slice(offset));
    } catch (error) {
      // If this fails too, the next reader restores it.
      await Promise.allSettled([this.#restore()]);
      throw error;
    }
    await this.#clear();
  }

  /** Saves the old bytes. Clears the undo file if that fails. */
  async #record(undo: Undo): Promise<void> {
    try {
      await writeAt(this.#undo, 0, await writeRecord(undo));
      await this.#undo.sync();
    } catch (error) {
      // If this fails too, the record is incomplete, or it restores bytes that are already there.
      await Promise.allSettled([this.#clear()]);
      throw error;
    }
  }

  async #restore(): Promise<void> {
    const bytes = await this.#undoBytes();
    if (bytes.length === 0) return;
    const undo = await readRecord(bytes);
    if (undo !== undefined) await this.#put(undo.offset, undo.tail);
    await this.#clear();
  }

  /** Replaces everything from `offset` on with `tail`. */
  async #put(offset: number, tail: Uint8Array): Promise<void> {
    await writeAt(this.#file, offset, tail);
    await this.#file.truncate(offset + tail.length);
    await this.#file.sync();
  }

  async #clear(): Promise<void> {
    await this.#undo.truncate(0);
    await this.#undo.sync();
  }

  #undoBytes(): Promise<Uint8Array<ArrayBuffer>> {
    return readAll(this.#undo, this.#maxBytes + MAX_HEAD_BYTES);
  }
}

function restored(bytes: Uint8Array, { offset, tail }: Undo): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(offset + tail.length);
  whole.set(bytes.subarray(0, offset));
  whole.set(tail, offset);
  return whole;
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && commonLength(a, b) === a.length;
}

async function writeRecord({ offset, tail }: Undo): Promise<Uint8Array> {
  const sum = await sumOf(offset, tail);
  const head = new TextEncoder().encode(
    `parley undo 1: from byte ${offset} on it had these ${tail.length}, SHA-256 ${sum}\n`,
  );
  const record = new Uint8Array(head.length + tail.length);
  record.set(head);
  record.set(tail, head.length);
  return record;
}

/** Parses an undo record. Returns undefined if it is incomplete. */
async function readRecord(bytes: Uint8Array<ArrayBuffer>): Promise<Undo | undefined> {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, MAX_HEAD_BYTES));
  const match = RECORD.exec(text);
  if (match === null) return undefined;
  const [head, offset, length, sum] = match;
  const tail = bytes.slice(head.length);
  if (tail.length !== Number(length) || await sumOf(Number(offset), tail) !== sum) return undefined;
  return { offset: Number(offset), tail };
}

/** Hashes an offset and the bytes that belong there. */
async function sumOf(offset: number, tail: Uint8Array): Promise<string> {
  const bytes = new Uint8Array(8 + tail.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(offset));
  bytes.set(tail, 8);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
