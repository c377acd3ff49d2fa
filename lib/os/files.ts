/**
 * Files that are there whole or not at all.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { fileFailure } from "./errors.ts";

/** How files are written. */
export interface WritingOptions {
  /** Whether a file that exists is replaced. */
  readonly replace: boolean;
  /** Gives up: what was written so far is removed. */
  readonly signal?: AbortSignal;
  /** Hears how many bytes of a file have been written. */
  readonly progress?: (bytes: number) => void;
}

/** How a file is written. */
export interface WriteOptions extends WritingOptions {
  /** Its mode from its first byte, such as 0o600; the process's umask takes from it. */
  readonly mode: number;
}

/** A file that is to be written. */
export interface WholeFile {
  /** Where to. */
  readonly path: string;
  /** The content. */
  readonly bytes: Uint8Array;
  /** Its mode from its first byte, such as 0o600; the process's umask takes from it. */
  readonly mode: number;
}

/** The most that is written between two looks at the signal, in bytes. */
const PIECE_BYTES = 4 << 20;

/**
 * Writes a file: beside its place first, then flushed to the device, then moved there in one step. Whatever fails or
 * is given up on the way leaves the place as it was, and nothing beside it.
 *
 * @param path Where to.
 * @param bytes The content.
 * @param options How.
 * @throws {Failure} `EEXIST` where the file exists and is not to be replaced, also where it came to be meanwhile;
 * `NOT_A_FILE` for a device, pipe or directory; what the file system says.
 * @throws {DOMException} The signal's reason, where it was given up.
 */
export async function writeWhole(
  path: string,
  bytes: Uint8Array,
  options: WriteOptions,
): Promise<void> {
  await writeTogether([{ path, bytes, mode: options.mode }], options);
}

/**
 * Writes several files as {@linkcode writeWhole} writes one. None is moved to its place before all are written, so
 * that a disk that is full, or a request to stop, leaves all places as they were.
 *
 * @param files The files.
 * @param options How.
 * @throws {Failure} As {@linkcode writeWhole} does. Where new files could not all be moved to their places, which
 * takes another process, none is there; what replaced another file stays.
 * @throws {DOMException} The signal's reason, where it was given up.
 */
export async function writeTogether(
  files: readonly WholeFile[],
  options: WritingOptions,
): Promise<void> {
  const { replace, signal } = options;
  const staged: { readonly path: string; readonly beside: string; readonly target: string }[] = [];
  const placed: string[] = [];
  let path = "";
  try {
    for (const file of files) {
      path = file.path;
      const target = await placeOf(path, replace);
      const beside = `${target}.${crypto.randomUUID().slice(0, 8)}.tmp`;
      await writeBeside(beside, file, options);
      staged.push({ path, beside, target });
    }
    while (staged.length > 0) {
      const { beside, target } = staged[0]!;
      path = staged[0]!.path;
      if (replace) await Deno.rename(beside, target);
      else await moveToNew(beside, target);
      staged.shift();
      placed.push(target);
    }
  } catch (error) {
    const left = [...staged.map(({ beside }) => beside), ...replace ? [] : placed];
    // Where that fails too, what is told is why nothing could be written.
    await Promise.allSettled(left.map((one) => Deno.remove(one)));
    if (signal?.aborted && error === signal.reason) throw error;
    throw fileFailure(error, `cannot write ${printable(path)}`);
  }
}

/**
 * Looks whether a file may be written, so that nobody works for what has no place.
 *
 * @param path Where to.
 * @param replace Whether a file that exists is replaced.
 * @throws {Failure} `EEXIST` and `NOT_A_FILE`, as {@linkcode writeWhole} does.
 */
export async function checkPlace(path: string, replace: boolean): Promise<void> {
  try {
    await placeOf(path, replace);
  } catch (error) {
    throw fileFailure(error, `cannot write ${printable(path)}`);
  }
}

/** Where a file goes: what a symbolic link leads to is replaced, not the link; what is no file, never. */
async function placeOf(path: string, replace: boolean): Promise<string> {
  let found;
  try {
    found = await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
  if (!replace && found.isFile) throw new Deno.errors.AlreadyExists();
  if (found.isFile) return await Deno.realPath(path);
  throw new Failure({
    what: `cannot write ${printable(path)}`,
    why: found.isDirectory ? "it is a directory" : "it is a device or a pipe, not a file",
    code: "NOT_A_FILE",
    hint: found.isDirectory ? "name a file in it" : "leave -o away and redirect: > FILE",
  });
}

async function writeBeside(
  path: string,
  { bytes, mode }: WholeFile,
  { signal, progress }: WritingOptions,
): Promise<void> {
  const file = await Deno.open(path, { write: true, createNew: true, mode });
  try {
    for (let at = 0; at < bytes.length;) {
      signal?.throwIfAborted();
      at += await file.write(bytes.subarray(at, at + PIECE_BYTES));
      progress?.(at);
    }
    await file.sync();
    signal?.throwIfAborted();
    file.close();
  } catch (error) {
    file.close();
    await Deno.remove(path);
    throw error;
  }
}

/** Moves a file to a place where none may be: a link is made there or refused, in one step (link(2)). */
async function moveToNew(from: string, to: string): Promise<void> {
  try {
    await Deno.link(from, to);
  } catch (error) {
    if (!isWithoutLinks(error)) throw error;
    // A file system without hard links: an empty file takes the place, and is replaced.
    (await Deno.open(to, { write: true, createNew: true, mode: 0o600 })).close();
    await Deno.rename(from, to);
    return;
  }
  await Deno.remove(from);
}

function isWithoutLinks(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return code === "EPERM" || code === "ENOTSUP" || code === "EOPNOTSUPP" || code === "ENOSYS";
}

/** Hears how many bytes have been read, of so many where that is known. */
export type ReadProgress = (done: number, total: number | undefined) => void;

/**
 * Reads a file whole.
 *
 * @param path Where from.
 * @param maxBytes The most that it may have.
 * @param progress Hears how far it is.
 * @throws {Failure} `FILE_TOO_LARGE`, or what the file system says.
 */
export async function readWhole(
  path: string,
  maxBytes: number,
  progress?: ReadProgress,
): Promise<Uint8Array<ArrayBuffer>> {
  const what = `cannot read ${printable(path)}`;
  try {
    using file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    const total = isFile ? size : undefined;
    return await readStream(file.readable, maxBytes, (done) => progress?.(done, total));
  } catch (error) {
    if (error instanceof TooLargeError) {
      const why = `it has more than ${maxBytes} bytes`;
      throw new Failure({ what, why, code: "FILE_TOO_LARGE", hint: "is it the right file?" });
    }
    throw fileFailure(error, what);
  }
}

/** More came than may. */
class TooLargeError extends Error {}

/**
 * Reads a stream to its end.
 *
 * @param stream Where from.
 * @param maxBytes The most that may come.
 * @param progress Hears how far it is.
 */
export async function readStream(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  progress: (done: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of stream) {
    pieces.push(piece);
    length += piece.length;
    if (length > maxBytes) throw new TooLargeError();
    progress(length);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
