/**
 * A file that is rewritten in place, so that it can be while no other may be opened or renamed: what a crash
 * leaves is either its old content or its new one.
 *
 * Beside the file lies another, which is empty but while the first is written. Before anything is written,
 * it is given what is to be restored, and synced; after the first was written and synced, it is emptied and
 * synced. Whoever next opens the two restores first: a record that is whole means that the first may be half
 * written, one that is not means that nothing of the first has been touched. Whoever writes or restores
 * holds a lock, which is the caller's to take.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { type RandomAccess, readAll, writeAt } from "./held_file.ts";

/** What a file had from a byte on. */
interface Undo {
  readonly offset: number;
  readonly tail: Uint8Array<ArrayBuffer>;
}

/** What stands before the old bytes in the file of what is to be restored; as text, for people who find one. */
const RECORD =
  /^parley undo 1: from byte (\d{1,15}) on it had these (\d{1,15}), SHA-256 ([0-9a-f]{64})\n/;
/** The most that the text before the old bytes has, in bytes. */
const MAX_HEAD_BYTES = 256;
/** How often a file is read without its lock before it is taken as it is. */
const PEEKS = 10;

/** A file that is rewritten in place. */
export class RewrittenFile {
  readonly #file: RandomAccess;
  readonly #undo: RandomAccess;
  readonly #maxBytes: number;

  /**
   * @param file The file.
   * @param undo The one beside it, empty in the beginning.
   * @param maxBytes The most that the file may have.
   */
  constructor(file: RandomAccess, undo: RandomAccess, maxBytes: number) {
    this.#file = file;
    this.#undo = undo;
    this.#maxBytes = maxBytes;
  }

  /**
   * Its content, under the lock: what a writer left half written is restored first.
   *
   * @throws {RangeError} Where it has too many bytes.
   */
  async read(): Promise<Uint8Array<ArrayBuffer>> {
    await this.#restore();
    return await readAll(this.#file, this.#maxBytes);
  }

  /** Its content, without the lock: what a writer that is at work would restore, if it is. Nothing is written. */
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
   * Replaces its content, under the lock.
   *
   * @param before The content that {@linkcode read} gave.
   * @param after The new one.
   * @throws {Error} What the file system says; {@linkcode read} then gives the old content, or, where all that
   * failed was the last step, the new one.
   */
  async write(before: Uint8Array<ArrayBuffer>, after: Uint8Array<ArrayBuffer>): Promise<void> {
    if (equal(before, after)) return;
    const offset = commonLength(before, after);
    await this.#record({ offset, tail: before.slice(offset) });
    try {
      await this.#put(offset, after.slice(offset));
    } catch (error) {
      // Where that fails too, whoever reads it next restores it.
      await Promise.allSettled([this.#restore()]);
      throw error;
    }
    await this.#clear();
  }

  /** Keeps what is to be restored; where it cannot be, nothing of it is left. */
  async #record(undo: Undo): Promise<void> {
    try {
      await writeAt(this.#undo, 0, await writeRecord(undo));
      await this.#undo.sync();
    } catch (error) {
      // Where that fails too, it is not whole, or restores what is there.
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

  /** Has a tail follow the first so many bytes. */
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

/** Reads a record; undefined where it is not whole. */
async function readRecord(bytes: Uint8Array<ArrayBuffer>): Promise<Undo | undefined> {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, MAX_HEAD_BYTES));
  const match = RECORD.exec(text);
  if (match === null) return undefined;
  const [head, offset, length, sum] = match;
  const tail = bytes.slice(head.length);
  if (tail.length !== Number(length) || await sumOf(Number(offset), tail) !== sum) return undefined;
  return { offset: Number(offset), tail };
}

/** The sum of a tail and of where it belongs. */
async function sumOf(offset: number, tail: Uint8Array): Promise<string> {
  const bytes = new Uint8Array(8 + tail.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(offset));
  bytes.set(tail, 8);
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}
