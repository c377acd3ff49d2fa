/**
 * Files that are opened once and stay usable after the process gives up its file permissions. An open file can still be
 * read, written, truncated, synced and locked without permissions, but its status cannot be queried.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { fileFailure } from "./errors.ts";

/** The part of the read permission to keep. */
export interface KeptReading {
  /** A file that will be read again by its path. The permission covers the file, not its directory. */
  readonly path: string;
  /** Files that will not be read again. */
  readonly done: readonly string[];
}

/** Gives up the permissions that were needed only to open or read the files named in options. */
export type Release = (kept?: KeptReading) => void;

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
   * @throws {Failure} `NOT_A_FILE` for a device or a pipe.
   * @throws {Error} File system errors.
   */
  static async open(
    path: string,
    { write = false, append = false, mode, replaced }: HoldOptions,
  ): Promise<HeldFile> {
    // Checked before opening: opening a pipe waits for its other end, and opening a device may have effects.
    refuseSpecial(path, await statIfThere(path));
    const make = mode === undefined ? {} : { create: true, mode };
    const at = mode === undefined ? path : await linked(path);
    const file = await Deno.open(at, { read: true, write, append, ...make });
    try {
      refuseSpecial(path, await file.stat());
      return new HeldFile(await Deno.realPath(path), file, replaced);
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
      if (kind !== "create" && kind !== "rename" && kind !== "remove") continue;
      if (this.#replaced || paths.every((path) => nameOf(path) !== name)) continue;
      this.#replaced = true;
      replaced();
    }
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.file.close();
  }
}

/** A private file of lines to which a process appends. */
export class AppendedFile implements AsyncDisposable {
  readonly #held: HeldFile;
  readonly #failed: (error: unknown) => void;
  #writing: Promise<void> = Promise.resolve();
  #hasFailed = false;
  /** Whether the file ends in the middle of a line, as after a full disk. */
  #ragged = false;

  private constructor(held: HeldFile, failed: (error: unknown) => void) {
    this.#held = held;
    this.#failed = failed;
  }

  /**
   * Opens a file, or creates it with the mode 0600.
   *
   * @param path The file.
   * @param failed Called at the first write that fails. Later lines are tried all the same.
   * @throws {Failure} `NOT_A_FILE`; `FILE_NOT_PRIVATE` if other users may read or write it; file system errors.
   */
  static async open(path: string, failed: (error: unknown) => void): Promise<AppendedFile> {
    const what = `cannot open ${printable(path)}`;
    try {
      const held = await HeldFile.open(path, { append: true, mode: 0o600 });
      const { mode } = await held.file.stat();
      if (mode === null || Deno.build.os === "windows" || (mode & 0o077) === 0) {
        return new AppendedFile(held, failed);
      }
      held[Symbol.dispose]();
      const bits = (mode & 0o777).toString(8).padStart(4, "0");
      const why = `users other than its owner may use it (mode ${bits})`;
      const hint = "permit it to its owner alone: chmod 600";
      throw new Failure({ what, why, code: "FILE_NOT_PRIVATE", hint });
    } catch (error) {
      throw fileFailure(error, what);
    }
  }

  /**
   * Reads the last lines.
   *
   * @param maxBytes The most bytes to read. A line that starts before them is left out.
   */
  async lastLines(maxBytes: number): Promise<string[]> {
    const { file } = this.#held;
    const length = await file.seek(0, Deno.SeekMode.End);
    const from = Math.max(0, length - maxBytes);
    await file.seek(from, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length - from);
    let read = 0;
    while (read < bytes.length) {
      const more = await file.read(bytes.subarray(read));
      if (more === null) break;
      read += more;
    }
    const lines = new TextDecoder().decode(bytes.subarray(0, read)).split("\n");
    this.#ragged = lines.pop() !== "";
    return from === 0 ? lines : lines.slice(1);
  }

  /** Appends a line in the background, after those before it. */
  append(line: string): void {
    this.#writing = this.#writing.then(() => this.#write(line)).catch((error) => {
      this.#ragged = true;
      if (!this.#hasFailed) this.#failed(error);
      this.#hasFailed = true;
    });
  }

  async #write(line: string): Promise<void> {
    const bytes = new TextEncoder().encode(`${this.#ragged ? "\n" : ""}${line}\n`);
    for (let at = 0; at < bytes.length;) at += await this.#held.file.write(bytes.subarray(at));
    this.#ragged = false;
  }

  /** Waits for the writes and closes the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
    this.#held[Symbol.dispose]();
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
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
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

/** Resolves a symbolic link. The runtime does not create the missing target of a link. */
async function linked(path: string, links = MAX_LINKS): Promise<string> {
  try {
    if (links === 0 || !(await Deno.lstat(path)).isSymlink) return path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
  const target = await Deno.readLink(path);
  const isAbsolute = /^([/\\]|[A-Za-z]:)/.test(target);
  return await linked(isAbsolute ? target : `${directoryOf(path)}/${target}`, links - 1);
}

async function statIfThere(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
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
