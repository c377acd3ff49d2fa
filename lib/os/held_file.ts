/**
 * Files that are opened once and used from then on, also after the process has given up the permission to open
 * any: an open file still reads, writes, truncates, syncs and locks then, but its status cannot be asked for.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";

/** What stays of the permission to read files, where not all of it goes. */
export interface KeptReading {
  /** The file that is read again by its name. The permission is for it, and not for its directory. */
  readonly path: string;
  /** The files that are not needed any longer. */
  readonly done: readonly string[];
}

/** Gives up the permissions that options alone needed: their files are read, or open. */
export type Release = (kept?: KeptReading) => void;

/** What is asked of an open file; a `Deno.FsFile` is one. */
export type RandomAccess = Pick<Deno.FsFile, "read" | "write" | "seek" | "truncate" | "sync">;

/** How a file is opened. */
export interface HoldOptions {
  /** Whether it is written to. */
  readonly write?: boolean;
  /** Its mode, such as 0o600, where there is none yet; there has to be one, without. */
  readonly mode?: number;
  /**
   * Hears once that another file was put in its place, as many editors do to save one, or that its path leads to
   * none any longer: what is written goes nowhere then. Noticed on Linux alone, some time later, and where the
   * directory may be read.
   */
  readonly replaced?: () => void;
}

/** So many links of links are followed, as on Linux (path_resolution(7)). */
const MAX_LINKS = 40;

/** An open file. */
export class HeldFile implements Disposable {
  /** Its path, without links. */
  readonly path: string;
  /** The file. */
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
   * Opens a file. What a link leads to is opened or made, also where nothing is there yet.
   *
   * @throws {Failure} `NOT_A_FILE` for a device or a pipe.
   * @throws {Error} What the file system says.
   */
  static async open(
    path: string,
    { write = false, mode, replaced }: HoldOptions,
  ): Promise<HeldFile> {
    // Before it is opened, which waits for a pipe's other end and may do something to a device.
    refuseSpecial(path, await statIfThere(path));
    const make = mode === undefined ? {} : { create: true, mode };
    const at = mode === undefined ? path : await linked(path);
    const file = await Deno.open(at, { read: true, write, ...make });
    try {
      refuseSpecial(path, await file.stat());
      return new HeldFile(await Deno.realPath(path), file, replaced);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Whether another file was put in its place, as far as that was noticed. */
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

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#watcher?.close();
    this.file.close();
  }
}

/**
 * Reads an open file from its start to its end.
 *
 * @param maxBytes The most that it may have.
 * @throws {RangeError} Where it has more.
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

/** Writes bytes at a place of an open file. */
export async function writeAt(
  file: RandomAccess,
  offset: number,
  bytes: Uint8Array,
): Promise<void> {
  await file.seek(offset, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
}

/** The directory that a path is in. */
export function directoryOf(path: string): string {
  return /^(.*)[/\\]/s.exec(path)?.[1] || (/^[/\\]/.test(path) ? "/" : ".");
}

function nameOf(path: string): string | undefined {
  return path.split(/[/\\]/).at(-1);
}

function watchAbove(path: string): Deno.FsWatcher | undefined {
  // Elsewhere the system tells of what was done before, or does not tell renaming from writing.
  if (Deno.build.os !== "linux") return undefined;
  const directory = directoryOf(path);
  if (Deno.permissions.querySync({ name: "read", path: directory }).state !== "granted") {
    return undefined;
  }
  try {
    return Deno.watchFs(directory, { recursive: false });
  } catch {
    // The system has no more watches for this user (inotify(7), /proc interfaces), or the file system has none:
    // a file is of use without.
    return undefined;
  }
}

/** Where a link leads: the runtime makes no file at the end of one. */
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

/** A directory is no file either; the system says so when it is opened or read. */
function refuseSpecial(path: string, found: Deno.FileInfo | undefined): void {
  if (found === undefined || found.isFile || found.isDirectory) return;
  throw new Failure({
    what: `cannot keep ${printable(path)} open`,
    why: "it is a device or a pipe, not a file",
    code: "NOT_A_FILE",
  });
}

/** How long a lock is waited for. */
export interface Patience {
  /** After how many milliseconds it is said that it is waited for. */
  readonly tellAfterMs: number;
  /** After how many milliseconds it is not waited for any longer. */
  readonly giveUpAfterMs: number;
}

/** How often it is tried, in milliseconds: often at first, since mostly it is free again at once. */
const TRY_MS = { first: 2, most: 50 } as const;

/**
 * Takes the lock of an open file, for this process alone.
 *
 * @param file The file.
 * @param patience How long to wait.
 * @param waiting Told once that it is waited for.
 * @returns What gives it back, or undefined where it was not to be had.
 */
export async function takeLock(
  file: Pick<Deno.FsFile, "tryLock" | "unlock">,
  { tellAfterMs, giveUpAfterMs }: Patience,
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
