/**
 * Files that are opened once and stay usable after the process gives up its file permissions, and how such a file is
 * rewritten in place. An open file can still be read, written, truncated, synced and locked without permissions, but
 * its status cannot be queried.
 *
 * @module
 */

import { concat, sameBytes, sha256, writeBytes } from "../base/bytes.ts";
import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { anothers, bitsOf, ownerIfOther } from "./files.ts";

/** The methods of `Deno.FsFile` that this module and its callers use. */
export type RandomAccess = Pick<Deno.FsFile, "read" | "write" | "seek" | "truncate" | "sync">;

/** Options for opening a file. */
export interface HoldOptions {
  /** Whether to open it for writing too. */
  readonly write?: boolean;
  /** Whether to open it for writing at its end only, so that several processes may append. */
  readonly append?: boolean;
  /** The mode, such as 0o600, to create a missing file with. Without a mode, the file must exist. */
  readonly mode?: number;
  /** Whether to refuse a file that another user owns or may write, and a symbolic link of another user. */
  readonly guarded?: boolean;
  /** Whether to refuse a symbolic link instead of following it. */
  readonly plain?: boolean;
  /**
   * Called once if another file takes its place, as many editors do when they save, or if the path is removed. Writes
   * to the open file are then lost. Detected only on Linux, after a delay, and only if the directory may be read.
   */
  readonly replaced?: () => void;
}

/** The most symbolic links followed, as on Linux (path_resolution(7)). */
const MAX_LINKS = 40;

/** A file that stays open. */
export class HeldFile implements Disposable {
  /** Its path, with symbolic links resolved. */
  readonly path: string;
  /** The open file. */
  readonly file: Deno.FsFile;
  readonly #watcher: Deno.FsWatcher | undefined;
  #replaced = false;

  private constructor(path: string, file: Deno.FsFile, replaced: (() => void) | undefined) {
    this.path = path;
    this.file = file;
    this.#watcher = replaced && watchAbove(path);
    if (this.#watcher !== undefined) this.#watch(this.#watcher, replaced!);
  }

  /**
   * Opens a file. A symbolic link is followed even if its target does not exist yet and has to be created.
   *
   * @throws {Failure} `NOT_A_FILE` for a device or a pipe; `FILE_NOT_PRIVATE`, `FILE_OF_ANOTHER` or `LINKED` for what
   * the options refuse.
   * @throws {Error} File system errors.
   */
  static async open(
    path: string,
    { write = false, append = false, mode, guarded, plain, replaced }: HoldOptions,
  ): Promise<HeldFile> {
    // Checked before opening: opening a pipe waits for its other end, and opening a device may have effects.
    refuseSpecial(path, await statIfThere(path));
    if (plain) refuseLink(path, await lstatIfThere(path));
    const make = mode === undefined ? {} : { create: true, mode };
    const links: Deno.FileInfo[] = [];
    const at = mode === undefined ? path : await linked(path, links);
    const file = await Deno.open(at, { read: true, write, append, ...make });
    try {
      const opened = await file.stat();
      refuseSpecial(path, opened);
      if (guarded) await refuseShared(path, file, opened, links);
      // A link may have taken its place meanwhile.
      if (plain) refuseLink(path, await lstatIfThere(path), opened);
      const held = new HeldFile(await Deno.realPath(path), file, replaced);
      // What took its place before the watch began is not told by an event.
      const now = await statIfThere(held.path);
      if (now?.ino !== opened.ino || now?.dev !== opened.dev) held.#replace(replaced);
      return held;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Whether another file was seen to take its place. */
  get replaced(): boolean {
    return this.#replaced;
  }

  async #watch(watcher: Deno.FsWatcher, replaced: () => void): Promise<void> {
    const name = nameOf(this.path);
    for await (const { kind, paths } of watcher) {
      // A file cannot be created where this one is. The event can tell only of this one, late: the runtime watches a
      // directory once for all its watchers. Where this one is gone, that was told before.
      if (kind !== "rename" && kind !== "remove") continue;
      if (paths.some((path) => nameOf(path) === name)) this.#replace(replaced);
    }
  }

  #replace(replaced: (() => void) | undefined): void {
    if (this.#replaced) return;
    this.#replaced = true;
    replaced?.();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.file.close();
  }
}

/**
 * Reads an open file from start to end.
 *
 * @param maxBytes The most bytes that it may have.
 * @throws {RangeError} If it has more.
 */
export async function readAll(
  file: RandomAccess,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  await file.seek(0, Deno.SeekMode.Start);
  let bytes = new Uint8Array(4096);
  let length = 0;
  for (;;) {
    const more = await file.read(bytes.subarray(length));
    if (more === null) return bytes.slice(0, length);
    length += more;
    if (length > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`);
    if (length === bytes.length) bytes = grown(bytes);
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const more = new Uint8Array(2 * bytes.length);
  more.set(bytes);
  return more;
}

/** Writes bytes at an offset of an open file. */
export async function writeAt(
  file: RandomAccess,
  offset: number,
  bytes: Uint8Array,
): Promise<void> {
  await file.seek(offset, Deno.SeekMode.Start);
  await writeBytes(file, bytes);
}

/** Returns the directory part of a path. */
export function directoryOf(path: string): string {
  return /^(.*)[/\\]/s.exec(path)?.[1] || (/^[/\\]/.test(path) ? "/" : ".");
}

function nameOf(path: string): string | undefined {
  return path.split(/[/\\]/).at(-1);
}

function watchAbove(path: string): Deno.FsWatcher | undefined {
  // Other systems report changes from before the watch began, or do not tell a rename from a write.
  if (Deno.build.os !== "linux") return undefined;
  const directory = directoryOf(path);
  if (Deno.permissions.querySync({ name: "read", path: directory }).state !== "granted") {
    return undefined;
  }
  try {
    return Deno.watchFs(directory, { recursive: false });
  } catch {
    // The user has no inotify watches left (inotify(7)), or the file system does not support them. The file is useful
    // without a watch.
    return undefined;
  }
}

/**
 * Resolves a symbolic link. The runtime does not create the missing target of a link.
 *
 * @param path The path.
 * @param links The links that were followed are added to these.
 */
async function linked(path: string, links: Deno.FileInfo[]): Promise<string> {
  const found = await lstatIfThere(path);
  if (found?.isSymlink !== true || links.length === MAX_LINKS) return path;
  links.push(found);
  const target = await Deno.readLink(path);
  const isAbsolute = /^([/\\]|[A-Za-z]:)/.test(target);
  return await linked(isAbsolute ? target : `${directoryOf(path)}/${target}`, links);
}

function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  return ifThere(Deno.stat(path));
}

function lstatIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  return ifThere(Deno.lstat(path));
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Throws for a symbolic link, or if the path no longer leads to the file that was opened by it. */
function refuseLink(path: string, found: Deno.FileInfo | undefined, opened = found): void {
  const isSame = found?.ino === opened?.ino && found?.dev === opened?.dev;
  if (found?.isSymlink !== true && isSame) return;
  throw new Failure({
    what: `cannot keep ${printable(path)} open`,
    why: "it is a symbolic link, which may lead to any file",
    code: "LINKED",
    hint: "remove the link",
  });
}

/** Throws for a file that another user owns or may write, and for a link that someone else than its owner made. */
async function refuseShared(
  path: string,
  file: Deno.FsFile,
  info: Deno.FileInfo,
  links: readonly Deno.FileInfo[],
): Promise<void> {
  const { mode } = info;
  if (Deno.build.os === "windows" || mode === null) return;
  const what = `cannot keep ${printable(path)} open`;
  const of = await ownerIfOther(info, file);
  if (of !== undefined) throw anothers(what, "it", of);
  const link = links.find(({ uid }) => uid !== info.uid);
  if (link !== undefined) throw anothers(what, "the symbolic link there", link.uid);
  if ((mode & 0o022) === 0) return;
  const why = `users other than its owner may write it (mode ${bitsOf(mode)})`;
  const hint = `if it has what you expect, permit it to its owner alone: chmod 600`;
  throw new Failure({ what, why, code: "FILE_NOT_PRIVATE", hint });
}

/** Throws for devices and pipes. A directory passes: opening or reading it reports EISDIR. */
function refuseSpecial(path: string, found: Deno.FileInfo | undefined): void {
  if (found === undefined || found.isFile || found.isDirectory) return;
  throw new Failure({
    what: `cannot keep ${printable(path)} open`,
    why: "it is a device or a pipe, not a file",
    code: "NOT_A_FILE",
  });
}

/** How long to wait for a lock. */
export interface LockWait {
  /** The wait in milliseconds after which `waiting` is called. */
  readonly tellAfterMs: number;
  /** The wait in milliseconds after which the attempt ends. */
  readonly giveUpAfterMs: number;
}

/** Milliseconds between attempts. The first ones are close together, since most locks are held briefly. */
const TRY_MS = { first: 2, most: 50 } as const;

/**
 * Takes the exclusive lock of an open file.
 *
 * @param file The file.
 * @param patience How long to wait.
 * @param waiting Called once if the wait exceeds `tellAfterMs`.
 * @returns A disposable that releases the lock, or undefined if the lock was not obtained in time.
 */
export async function takeLock(
  file: Pick<Deno.FsFile, "tryLock" | "unlock">,
  { tellAfterMs, giveUpAfterMs }: LockWait,
  waiting: () => void,
): Promise<AsyncDisposable | undefined> {
  const start = performance.now();
  let told = false;
  for (let pause: number = TRY_MS.first;; pause = Math.min(2 * pause, TRY_MS.most)) {
    if (await file.tryLock(true)) return { [Symbol.asyncDispose]: () => file.unlock() };
    const waited = performance.now() - start;
    if (waited >= giveUpAfterMs) return undefined;
    if (waited >= tellAfterMs && !told) {
      told = true;
      waiting();
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

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

/**
 * A file that is rewritten in place, for a process that may no longer open or rename files. After a crash, it has
 * either its old or its new content.
 *
 * A second file beside it, the undo file, is empty except during a rewrite. Before a rewrite, the old bytes are saved
 * to the undo file and synced. Afterwards the file is synced, and the undo file is emptied and synced. The next reader
 * restores first: a complete record in the undo file means that the file may be half written, and an incomplete one
 * means that the file has not been touched. The caller holds a lock while it writes or restores.
 */
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
      const same = sameBytes(undo, undoNow) && sameBytes(bytes, bytesNow);
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
    if (sameBytes(before, after)) return;
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
  return concat([bytes.subarray(0, offset), tail]);
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

async function writeRecord({ offset, tail }: Undo): Promise<Uint8Array> {
  const sum = await sumOf(offset, tail);
  const head = new TextEncoder().encode(
    `parley undo 1: from byte ${offset} on it had these ${tail.length}, SHA-256 ${sum}\n`,
  );
  return concat([head, tail]);
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
  const head = new DataView(new ArrayBuffer(8));
  head.setBigUint64(0, BigInt(offset));
  const bytes = concat([new Uint8Array(head.buffer), tail]);
  return (await sha256(bytes)).toHex();
}
