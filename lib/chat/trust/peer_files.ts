/**
 * The files that say who is who: the known peers of a member, and the allow list of a server (one fingerprint a line,
 * with comments). Each is opened once, so that the process may then drop its file permissions.
 *
 * The file of the known peers is rewritten in place under a lock, so that neither a second process nor a crash loses
 * lines.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { fileFailure } from "../../os/errors.ts";
import { anothers, readWhole } from "../../os/files.ts";
import {
  directoryOf,
  HeldFile,
  type HoldOptions,
  type LockWait,
  readAll,
  RewrittenFile,
  takeLock,
} from "../../os/held_file.ts";
import {
  HEADER,
  isFingerprint,
  KnownPeers,
  type KnownPeersChange,
  KnownPeersError,
  LINE_FORM,
} from "./known_peers.ts";

/** The size limit of the file in bytes. The peers that may give way need a quarter of it at most. */
const MAX_FILE_BYTES = 16 << 20;
/** Only the owner may read the file: names and fingerprints are private, though not secret. */
const MODE = 0o600;
/** How long to wait for a lock that another process holds. */
const PATIENCE: LockWait = { tellAfterMs: 1_000, giveUpAfterMs: 10_000 };

/** The callbacks of a known-peers file. */
export interface KnownPeersFileEvents {
  /** The file was read and written. `known` has its content and the changes not yet written. */
  changed(known: KnownPeers): void;
  /** Another process holds the lock, and this process waits for it. */
  waiting(): void;
  /**
   * A write failed. It is tried again with the next change and at the end. Consecutive identical
   * failures are reported once.
   */
  failed(failure: Failure): void;
  /** A write succeeded after failures. */
  recovered(): void;
}

/** A known-peers file. */
export class KnownPeersFile implements Disposable {
  /** The path as the user gave it. */
  readonly #path: string;
  readonly #held: HeldFile;
  /**
   * The `.lock` file: locked during each read and write; it also holds the recovery copy for a
   * crash.
   */
  readonly #beside: HeldFile;
  readonly #content: RewrittenFile;
  readonly #patience: LockWait;
  readonly #events: KnownPeersFileEvents;
  #pending: KnownPeersChange[] = [];
  #writing: Promise<void> | undefined;
  /** The message of the last failure, if the last attempt failed. */
  #failure: string | undefined;
  /** Whether `waiting` was reported since the lock was last taken. */
  #waits = false;
  #closed = false;

  private constructor(
    path: string,
    held: HeldFile,
    beside: HeldFile,
    events: KnownPeersFileEvents,
    patience: LockWait,
  ) {
    this.#path = path;
    this.#held = held;
    this.#beside = beside;
    this.#content = new RewrittenFile(held.file, beside.file, MAX_FILE_BYTES);
    this.#events = events;
    this.#patience = patience;
  }

  /**
   * Opens and reads the file, or creates it. If another process holds the lock for too long, the
   * file is read without the lock and a failure is reported.
   *
   * @param path The path of the file. The lock file lies beside the file to which links lead, with
   * `.lock` added to its name.
   * @param events The callbacks.
   * @param patience How long to wait for the lock.
   * @returns The file and its peers.
   * @throws {Failure} `KNOWN_PEERS_MALFORMED` with the line's number; `NOT_A_FILE`; `FILE_OF_ANOTHER`,
   * `FILE_NOT_PRIVATE` or `LINKED` if another user may have made the file or its lock file; or the error of the file
   * system.
   */
  static async open(
    path: string,
    events: KnownPeersFileEvents,
    patience: LockWait = PATIENCE,
  ): Promise<{ readonly file: KnownPeersFile; readonly known: KnownPeers }> {
    const opened: HeldFile[] = [];
    const hold = async (path: string, options: HoldOptions = {}) => {
      const own = { write: true, mode: MODE, guarded: true };
      const held = await HeldFile.open(path, { ...options, ...own });
      opened.push(held);
      return held;
    };
    try {
      let file = undefined as KnownPeersFile | undefined;
      const replaced = () => {
        if (file !== undefined) file.#failed(file.#replaced());
      };
      const held = await hold(path, { replaced });
      const beside = await hold(`${held.path}.lock`, { plain: true });
      await refuseOther(held, beside);
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
    // The file is new or still empty.
    if (bytes.length === 0) await this.#content.write(bytes, new TextEncoder().encode(HEADER));
    return parse(this.#path, bytes);
  }

  /** Queues a change and writes it as soon as the lock is free. */
  remember(change: KnownPeersChange): void {
    this.#pending.push(change);
    this.#writing ??= this.#write();
  }

  /** Resolves when all changes have been written or the write has failed. */
  get settled(): Promise<void> {
    return this.#writing ?? Promise.resolve();
  }

  /**
   * Waits until the last changes are written, or tries once more to write those that failed before. Only the wait for
   * the lock is bounded: a disk may take long to sync.
   */
  async finish(): Promise<void> {
    if (this.#writing === undefined && this.#pending.length > 0) this.#writing = this.#write();
    await this.settled;
  }

  /** Closes the file. No callback is called afterwards. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#held[Symbol.dispose]();
    this.#beside[Symbol.dispose]();
  }

  async #write(): Promise<void> {
    // Write in a later turn, because a roster brings many changes at once.
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

  /**
   * Applies changes to the current content of the file, which the user or another process may have
   * edited.
   */
  async #update(changes: readonly KnownPeersChange[]): Promise<KnownPeers> {
    await using lock = await this.#lock();
    if (lock === undefined) throw this.#heldTooLong();
    if (this.#held.replaced) throw this.#replaced();
    const bytes = await this.#read();
    const known = parse(this.#path, bytes.length === 0 ? new TextEncoder().encode(HEADER) : bytes);
    for (const change of changes) known.apply(change);
    const after = new TextEncoder().encode(known.text);
    // It could not be read again.
    if (after.length > MAX_FILE_BYTES) throw this.#tooLarge("write", "would be");
    await this.#content.write(bytes, after);
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
      throw this.#tooLarge("read", "is");
    }
  }

  #tooLarge(what: "read" | "write", is: "is" | "would be"): Failure {
    return new Failure({
      what: `cannot ${what} ${printable(this.#path)}`,
      why: `it ${is} larger than ${MAX_FILE_BYTES} bytes`,
      code: "FILE_TOO_LARGE",
      hint: "if it is the right file, delete lines in it that end with unverified",
    });
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
      why: "another file has replaced it, and this run may not open that one",
      code: "REPLACED",
      hint: "restart the chat; while it runs, edit the file in place",
    });
  }
}

/** Throws if the file and its lock file have different owners: the superuser is let open what others made. */
async function refuseOther(held: HeldFile, beside: HeldFile): Promise<void> {
  const { uid } = await held.file.stat();
  const other = (await beside.file.stat()).uid;
  if (uid !== other) throw anothers(`cannot keep ${printable(beside.path)} open`, "it", other);
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
      hint: `each line is ${LINE_FORM} or starts with #; the file is unchanged`,
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

// The allow list.

/** The size limit of a list in bytes: about 300,000 fingerprints. */
const MAX_LIST_BYTES = 16 << 20;

/** A server's allow list: its file, and what was read from it last. */
export class AllowList {
  readonly #path: string;
  /** The open file; undefined if each reading opens it anew. */
  readonly #held: HeldFile | undefined;
  #list: ReadonlySet<string> = new Set();

  private constructor(
    path: string,
    held: HeldFile | undefined,
    /** Resolves when another file has replaced the list and cannot be read. */
    readonly replaced: Promise<Failure>,
  ) {
    this.#path = path;
    this.#held = held;
  }

  /**
   * Opens and reads the list. If the process has read permission for this file but not for its directory, each reading
   * opens the file anew, so that a list saved by replacing the file is found.
   *
   * @param path The path of the file.
   * @throws {Failure} `ALLOW_LIST_MALFORMED` with the line's number, `NOT_A_FILE`, or the error of the file system.
   */
  static async open(path: string): Promise<AllowList> {
    const { promise, resolve } = Promise.withResolvers<Failure>();
    const held = isGrantedAlone(path)
      ? undefined
      : await HeldFile.open(path, { replaced: () => resolve(listReplaced(path)) })
        .catch((error) => {
          throw fileFailure(error, `cannot read ${printable(path)}`);
        });
    const list = new AllowList(path, held, promise);
    await list.reload();
    return list;
  }

  /** Whether each reload opens the file again. It then needs the permission to read the file for the whole run. */
  get reopened(): boolean {
    return this.#held === undefined;
  }

  /** The number of listed identities. */
  get size(): number {
    return this.#list.size;
  }

  /** Reports whether an identity may join. */
  readonly allows = (fingerprint: string): boolean => this.#list.has(fingerprint);

  /**
   * Reads the list again.
   *
   * @returns Whether the list has changed.
   * @throws {Failure} `REPLACED` if another file has replaced the open one, or as {@linkcode open} does; the previous
   * list stays in force.
   */
  async reload(): Promise<boolean> {
    const before = this.#list;
    this.#list = parseList(this.#path, await this.#read());
    return before.symmetricDifference(this.#list).size > 0;
  }

  async #read(): Promise<Uint8Array> {
    const [path, held] = [this.#path, this.#held];
    if (held === undefined) return await readWhole(path, MAX_LIST_BYTES);
    if (held.replaced) throw listReplaced(path);
    const what = `cannot read ${printable(path)}`;
    try {
      return await readAll(held.file, MAX_LIST_BYTES);
    } catch (error) {
      if (!(error instanceof RangeError)) throw fileFailure(error, what);
      const why = `it has more than ${MAX_LIST_BYTES} bytes`;
      throw new Failure({ what, why, code: "FILE_TOO_LARGE", hint: "is it the right file?" });
    }
  }
}

function isGrantedAlone(path: string): boolean {
  const granted = (path: string) =>
    Deno.permissions.querySync({ name: "read", path }).state === "granted";
  return granted(path) && !granted(directoryOf(path));
}

function listReplaced(path: string): Failure {
  return new Failure({
    what: `cannot read ${printable(path)}`,
    why: "another file has replaced it, and the server may not open that one: restart the server",
    code: "REPLACED",
    hint: "while the server runs, edit the list in place",
  });
}

/** Reads an allow list. Empty lines are skipped, and everything after a `#`. */
function parseList(path: string, bytes: Uint8Array): ReadonlySet<string> {
  const fingerprints = new Set<string>();
  for (const [i, line] of new TextDecoder().decode(bytes).split("\n").entries()) {
    const word = line.replace(/#.*$/s, "").trim();
    if (isFingerprint(word)) fingerprints.add(word);
    else if (word !== "") throw malformedList(path, i + 1);
  }
  return fingerprints;
}

function malformedList(path: string, line: number): Failure {
  return new Failure({
    what: `cannot read ${printable(path)}`,
    why: `line ${line}: not one fingerprint (SHA256: and 43 characters)`,
    code: "ALLOW_LIST_MALFORMED",
    hint: "each line is a fingerprint, SHA256:…; a comment starts with #",
  });
}
