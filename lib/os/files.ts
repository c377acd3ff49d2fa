/**
 * Reads whole files, writes files so that they appear complete or not at all, and tells whose a file is.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { fileFailure } from "./errors.ts";

/** Options for writing one or more files. */
export interface WritingOptions {
  /** Whether to replace an existing file. */
  readonly replace: boolean;
  /** Aborts the write. What has been written so far is removed. */
  readonly signal?: AbortSignal;
  /** Called with the number of bytes of the current file written so far. */
  readonly progress?: (bytes: number) => void;
}

/** Options for writing one file. */
export interface WriteOptions extends WritingOptions {
  /** The file's mode from its creation on, such as 0o600, less the process's umask. */
  readonly mode: number;
}

/** A file to write. */
export interface WholeFile {
  /** Its path. */
  readonly path: string;
  /** Its content. */
  readonly bytes: Uint8Array;
  /** Its mode from its creation on, such as 0o600, less the process's umask. */
  readonly mode: number;
}

/** The most bytes written between two checks of the signal. */
const PIECE_BYTES = 4 << 20;

/**
 * Writes a file: to a temporary file in the same directory, then flushed to the device, then renamed. If it fails or is
 * aborted, the destination is unchanged and the temporary file is removed.
 *
 * @param path The destination.
 * @param bytes The content.
 * @param options The mode, and whether to replace an existing file.
 * @throws {Failure} `EEXIST` if the file exists, or appears meanwhile, and may not be replaced; `NOT_A_FILE` for a
 * device, pipe or directory; file system errors.
 * @throws {DOMException} The signal's reason, if aborted.
 */
export async function writeWhole(
  path: string,
  bytes: Uint8Array,
  options: WriteOptions,
): Promise<void> {
  await writeTogether([{ path, bytes, mode: options.mode }], options);
}

/**
 * Writes several files as {@linkcode writeWhole} writes one. All files are written before the first is renamed, so a
 * full disk or an abort leaves every destination unchanged.
 *
 * @param files The files.
 * @param options Whether to replace existing files.
 * @throws {Failure} As {@linkcode writeWhole} does. If another process keeps one of several new files from being
 * renamed, none of the new files remains. Files that were already replaced stay replaced.
 * @throws {DOMException} The signal's reason, if aborted.
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
    // If this cleanup fails too, the first error is the one to report.
    await Promise.allSettled(left.map((one) => Deno.remove(one)));
    if (signal?.aborted && error === signal.reason) throw error;
    throw fileFailure(error, `cannot write ${printable(path)}`);
  }
}

/**
 * Checks that a file may be written, before the work of making its content.
 *
 * @param path The destination.
 * @param replace Whether to replace an existing file.
 * @throws {Failure} `EEXIST` or `NOT_A_FILE`, as {@linkcode writeWhole} does.
 */
export async function checkWritable(path: string, replace: boolean): Promise<void> {
  try {
    await placeOf(path, replace);
  } catch (error) {
    throw fileFailure(error, `cannot write ${printable(path)}`);
  }
}

/** Returns the path to write to. The target of a symbolic link is replaced, not the link. */
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

/** Moves a file to a path that must not exist. link(2) creates the new name or fails, in one step. */
async function moveToNew(from: string, to: string): Promise<void> {
  try {
    await Deno.link(from, to);
  } catch (error) {
    if (!isWithoutLinks(error)) throw error;
    // A file system without hard links: create an empty file to claim the name, then replace it.
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

/** Called with the number of bytes read so far, and with the total if it is known. */
export type ReadProgress = (done: number, total: number | undefined) => void;

/**
 * Reads a whole file.
 *
 * @param path The file.
 * @param maxBytes The most bytes that it may have.
 * @param progress Called as bytes arrive.
 * @throws {Failure} `FILE_TOO_LARGE`, or file system errors.
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
    if (total !== undefined && total > maxBytes) throw new TooLargeError();
    return await readStream(file.readable, maxBytes, (done) => progress?.(done, total));
  } catch (error) {
    if (error instanceof TooLargeError) {
      const why = `it has more than ${maxBytes} bytes`;
      throw new Failure({ what, why, code: "FILE_TOO_LARGE", hint: "is it the right file?" });
    }
    throw fileFailure(error, what);
  }
}

/**
 * Reads a file piece by piece. The next piece overwrites the one before.
 *
 * @param path The file.
 * @param progress Called as bytes arrive.
 * @throws {Failure} File system errors, while iterating.
 */
export async function* readPieces(
  path: string,
  progress: ReadProgress,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  try {
    using file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    yield* piecesOf((into) => file.read(into), (done) => progress(done, isFile ? size : undefined));
  } catch (error) {
    throw fileFailure(error, `cannot read ${printable(path)}`);
  }
}

/** The bytes that {@linkcode piecesOf} reads at once. */
const READ_BYTES = 1 << 20;

/**
 * Reads to the end, piece by piece. The next piece overwrites the one before.
 *
 * @param read Reads bytes into a buffer, and returns their number, or null at the end.
 * @param progress Called with the number of bytes read so far.
 */
export async function* piecesOf(
  read: (into: Uint8Array) => Promise<number | null>,
  progress: (done: number) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const buffer = new Uint8Array(READ_BYTES);
  let done = 0;
  for (let length = await read(buffer); length !== null; length = await read(buffer)) {
    done += length;
    progress(done);
    yield buffer.subarray(0, length);
  }
}

/** Thrown if a stream has more bytes than allowed. */
export class TooLargeError extends Error {}

/**
 * Reads a stream to its end.
 *
 * @param stream The stream.
 * @param maxBytes The most bytes that it may have.
 * @param progress Called with the number of bytes read so far.
 * @throws {TooLargeError} If it has more.
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

/** Returns the permission bits of a mode as people write them: `0644`. */
export function bitsOf(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

/** The failure for something that belongs to another user. */
export function anothers(what: string, thing: string, uid: number | null): Failure {
  const why = `another user made ${thing} (uid ${uid})`;
  const hint = "use a directory in which only you may write, or remove it";
  return new Failure({ what, why, code: "FILE_OF_ANOTHER", hint });
}

/**
 * Returns the owner of a file if it is another user. Only a process that may ask who its user is knows for certain.
 * Otherwise the system tells it if the file is open: it lets only the owner and the superuser set the times of a file
 * (utimensat(2)).
 *
 * @param info The file's status.
 * @param file The open file.
 */
export async function ownerIfOther(
  info: Deno.FileInfo,
  file?: Pick<Deno.FsFile, "utime">,
): Promise<number | undefined> {
  const { uid, atime, mtime } = info;
  if (uid === null) return undefined;
  if (Deno.permissions.querySync({ name: "sys", kind: "uid" }).state === "granted") {
    return uid === Deno.uid() ? undefined : uid;
  }
  try {
    if (atime !== null && mtime !== null) await file?.utime(atime, mtime);
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return uid;
    throw error;
  }
}
