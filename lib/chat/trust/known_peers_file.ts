/**
 * The file of the known peers: opened once, and rewritten in place under a lock, so that two processes lose no
 * line, a crash loses none either, and a process that has given up the permission to open files goes on.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { fileFailure } from "../../os/errors.ts";
import { HeldFile, type HoldOptions, type Patience, takeLock } from "../../os/held_file.ts";
import { RewrittenFile } from "../../os/rewritten_file.ts";
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
/** How long another process may hold the file. */
const PATIENCE: Patience = { tellAfterMs: 1_000, giveUpAfterMs: 10_000 };

/** What a known-peers file tells. */
export interface KnownPeersFileEvents {
  /** The file was read again and written; here is what it says, with what is not yet in it. */
  changed(known: KnownPeers): void;
  /** Another process holds the file, and it is waited for. */
  waiting(): void;
  /**
   * What is to be remembered could not be written; it is tried again with each change, and at the end. The same
   * failure is told once.
   */
  failed(failure: Failure): void;
  /** What could not be written for a while has been. */
  recovered(): void;
}

/** A known-peers file. */
export class KnownPeersFile implements Disposable {
  /** As it was named. */
  readonly #path: string;
  readonly #held: HeldFile;
  /** Locked while the file is read and written; it has what a crash would have restored. */
  readonly #beside: HeldFile;
  readonly #content: RewrittenFile;
  readonly #patience: Patience;
  readonly #events: KnownPeersFileEvents;
  #pending: KnownPeersChange[] = [];
  #writing: Promise<void> | undefined;
  /** What the last attempt failed with, in words. */
  #failure: string | undefined;
  /** Whether it was told that the lock is waited for, and it has not been had since. */
  #waits = false;
  #closed = false;

  private constructor(
    path: string,
    held: HeldFile,
    beside: HeldFile,
    events: KnownPeersFileEvents,
    patience: Patience,
  ) {
    this.#path = path;
    this.#held = held;
    this.#beside = beside;
    this.#content = new RewrittenFile(held.file, beside.file, MAX_FILE_BYTES);
    this.#events = events;
    this.#patience = patience;
  }

  /**
   * Opens and reads a file, or makes it where there is none. Where another process holds it for too long, it is
   * read all the same, and that it cannot be written is told.
   *
   * @param path Where it is. The lock is beside it, under `path` and `.lock`, where links lead to.
   * @param events Hears of what becomes of it.
   * @param patience How long another process may hold it.
   * @throws {Failure} `KNOWN_PEERS_MALFORMED` with the line's number, `NOT_A_FILE`, or what the file system says.
   */
  static async open(
    path: string,
    events: KnownPeersFileEvents,
    patience: Patience = PATIENCE,
  ): Promise<{ readonly file: KnownPeersFile; readonly known: KnownPeers }> {
    const opened: HeldFile[] = [];
    const hold = async (path: string, options: HoldOptions = {}) => {
      const held = await HeldFile.open(path, { ...options, write: true, mode: MODE });
      opened.push(held);
      return held;
    };
    try {
      let file = undefined as KnownPeersFile | undefined;
      const replaced = () => {
        if (file !== undefined) file.#failed(file.#replaced());
      };
      const held = await hold(path, { replaced });
      const beside = await hold(`${held.path}.lock`);
      file = new KnownPeersFile(path, held, beside, events, patience);
      return { file, known: await file.#start() };
    } catch (error) {
      for (const held of opened) held[Symbol.dispose]();
      throw fileFailure(error, `cannot keep known peers in ${printable(path)}`);
    }
  }

  async #start(): Promise<KnownPeers> {
    await using lock = await this.#lock();
    if (lock === undefined) {
      this.#failed(this.#heldTooLong());
      return parse(this.#path, await this.#content.peek());
    }
    const bytes = await this.#read();
    // It was made just now, or nobody has written to it yet.
    if (bytes.length === 0) await this.#content.write(bytes, new TextEncoder().encode(HEADER));
    return parse(this.#path, bytes);
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

  /** Closes the file; nothing is told of it any longer. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#held[Symbol.dispose]();
    this.#beside[Symbol.dispose]();
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
      this.#failed(fileFailure(error, `cannot write ${printable(this.#path)}`));
    } finally {
      this.#writing = undefined;
    }
  }

  #failed(failure: Failure): void {
    if (this.#closed) return;
    if (this.#failure !== failure.message) this.#events.failed(failure);
    this.#failure = failure.message;
  }

  /** Applies changes to what the file says now: a hand or another process may have been there. */
  async #update(changes: readonly KnownPeersChange[]): Promise<KnownPeers> {
    await using lock = await this.#lock();
    if (lock === undefined) throw this.#heldTooLong();
    if (this.#held.replaced) throw this.#replaced();
    const bytes = await this.#read();
    const known = parse(this.#path, bytes.length === 0 ? new TextEncoder().encode(HEADER) : bytes);
    for (const change of changes) known.apply(change);
    await this.#content.write(bytes, new TextEncoder().encode(known.text));
    return known;
  }

  async #lock(): Promise<AsyncDisposable | undefined> {
    const lock = await takeLock(this.#beside.file, this.#patience, () => {
      if (!this.#waits) this.#events.waiting();
      this.#waits = true;
    });
    if (lock !== undefined) this.#waits = false;
    return lock;
  }

  async #read(): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return await this.#content.read();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new Failure({
        what: `cannot read ${printable(this.#path)}`,
        why: `it has more than ${MAX_FILE_BYTES} bytes`,
        code: "FILE_TOO_LARGE",
        hint: "is it the right file?",
      });
    }
  }

  #heldTooLong(): Failure {
    return new Failure({
      what: `cannot write ${printable(this.#path)}`,
      why: `another process has held it for ${this.#patience.giveUpAfterMs / 1000} s`,
      code: "LOCKED",
      hint: `see which process has ${printable(this.#beside.path)} open`,
    });
  }

  #replaced(): Failure {
    return new Failure({
      what: `cannot write ${printable(this.#path)}`,
      why: "another file was put in its place, which this run may not open",
      code: "REPLACED",
      hint: "start the chat again, and save the file in place while it runs",
    });
  }
}

function parse(path: string, bytes: Uint8Array): KnownPeers {
  try {
    return KnownPeers.parse(decode(bytes));
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
