/**
 * The file of the known peers: read, and replaced whole under a lock, so that two processes lose no line.
 *
 * @module
 */

import { Failure, fileFailure } from "../failure.ts";
import { printable } from "../printable.ts";
import { readWhole, writeWhole } from "../whole_file.ts";
import {
  HEADER,
  KnownPeers,
  type KnownPeersChange,
  KnownPeersError,
  LINE_FORM,
} from "./known_peers.ts";

/** The largest file that is read, in bytes: some 150,000 peers. */
const MAX_FILE_BYTES = 16 << 20;
/** Names and fingerprints are private, if not secret. */
const MODE = 0o600;

/** What a known-peers file tells. */
export interface KnownPeersFileEvents {
  /** The file was read again and written; here is what it says, with what is not yet in it. */
  changed(known: KnownPeers): void;
  /**
   * What is to be remembered could not be written; it is tried again with each change, and at the end. The same
   * failure is told once.
   */
  failed(failure: Failure): void;
  /** What could not be written for a while has been. */
  recovered(): void;
}

/** A known-peers file. */
export class KnownPeersFile {
  readonly #path: string;
  readonly #events: KnownPeersFileEvents;
  #pending: KnownPeersChange[] = [];
  #writing: Promise<void> | undefined;
  /** What the last attempt failed with, in words. */
  #failure: string | undefined;

  private constructor(path: string, events: KnownPeersFileEvents) {
    this.#path = path;
    this.#events = events;
  }

  /**
   * Reads a file, or makes it where there is none, and sees to it that it can be written.
   *
   * @param path Where it is. The lock is beside it, under `path` and `.lock`.
   * @param events Hears of what becomes of it later.
   * @throws {Failure} `KNOWN_PEERS_MALFORMED` with the line's number, or what the file system says.
   */
  static async open(
    path: string,
    events: KnownPeersFileEvents,
  ): Promise<{ readonly file: KnownPeersFile; readonly known: KnownPeers }> {
    try {
      const target = await realPath(path);
      using _lock = await lock(target);
      if (!await exists(target)) {
        await writeWhole(target, new TextEncoder().encode(HEADER), { mode: MODE, replace: false });
      }
      // Who may not write to it may not replace it either, though the directory would permit it.
      (await Deno.open(target, { read: true, write: true })).close();
      return { file: new KnownPeersFile(target, events), known: await read(target) };
    } catch (error) {
      throw fileFailure(error, `cannot keep known peers in ${printable(path)}`);
    }
  }

  /** Takes what is to be remembered or forgotten; it is written as soon as the file is free. */
  remember(change: KnownPeersChange): void {
    this.#pending.push(change);
    this.#writing ??= this.#write();
  }

  /** A promise that everything has been written, or has failed to be. */
  get settled(): Promise<void> {
    return this.#writing ?? Promise.resolve();
  }

  /** Tries once more to write what could not be written. */
  async finish(): Promise<void> {
    await this.settled;
    if (this.#pending.length > 0) await (this.#writing ??= this.#write());
  }

  async #write(): Promise<void> {
    // In a later turn: a roster brings many changes.
    await undefined;
    try {
      while (this.#pending.length > 0) {
        const changes = [...this.#pending];
        const known = await this.#update(changes);
        this.#pending = this.#pending.slice(changes.length);
        for (const change of this.#pending) known.apply(change);
        this.#events.changed(known);
      }
      if (this.#failure !== undefined) this.#events.recovered();
      this.#failure = undefined;
    } catch (error) {
      const failure = fileFailure(error, `cannot write ${printable(this.#path)}`);
      if (this.#failure !== failure.message) this.#events.failed(failure);
      this.#failure = failure.message;
    } finally {
      this.#writing = undefined;
    }
  }

  /** Applies changes to what the file says now: a hand or another process may have been there. */
  async #update(changes: readonly KnownPeersChange[]): Promise<KnownPeers> {
    using _lock = await lock(this.#path);
    const known = await exists(this.#path) ? await read(this.#path) : KnownPeers.parse(HEADER);
    const before = known.text;
    for (const change of changes) known.apply(change);
    if (known.text !== before) {
      const bytes = new TextEncoder().encode(known.text);
      await writeWhole(this.#path, bytes, { mode: await modeOf(this.#path), replace: true });
    }
    return known;
  }
}

/** What a symbolic link leads to, so that all its names have one lock. */
async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

/** Waits for the lock (flock(2)); closing the file gives it back. */
async function lock(path: string): Promise<Deno.FsFile> {
  const file = await Deno.open(`${path}.lock`, { write: true, create: true, mode: MODE });
  try {
    await file.lock(true);
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

async function exists(path: string): Promise<boolean> {
  return await modeIfThere(path) !== undefined;
}

async function modeOf(path: string): Promise<number> {
  return await modeIfThere(path) ?? MODE;
}

async function modeIfThere(path: string): Promise<number | undefined> {
  try {
    return ((await Deno.stat(path)).mode ?? MODE) & 0o777;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function read(path: string): Promise<KnownPeers> {
  try {
    return KnownPeers.parse(decode(await readWhole(path, MAX_FILE_BYTES)));
  } catch (error) {
    if (!(error instanceof KnownPeersError)) throw error;
    throw new Failure({
      what: `cannot read ${printable(path)}`,
      why: `line ${error.line}: ${error.message}`,
      code: "KNOWN_PEERS_MALFORMED",
      hint: `a line is ${LINE_FORM}, or starts with #; nothing was changed`,
    });
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const lines = new TextDecoder("utf-8").decode(bytes).split("\n");
    throw new KnownPeersError(lines.findIndex((line) => line.includes("\ufffd")) + 1, "not UTF-8");
  }
}
