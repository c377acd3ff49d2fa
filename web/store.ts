/// <reference lib="dom" />
/**
 * What the page keeps in this browser (IndexedDB): the known peers, and the identity if the person wishes.
 *
 * @module
 */

import { Failure } from "../lib/base/failure.ts";
import {
  KnownPeers,
  type KnownPeersChange,
  KnownPeersError,
} from "../lib/chat/trust/known_peers.ts";
import { GATHER_MS, Gathered } from "./gathered.ts";

const DATABASE = "parley";
const VERSION = 1;
/** The one object store, by key. */
const THINGS = "things";
/** The text of the known peers, in the format of the terminal's file. */
const KNOWN = "known peers";
/** What the keys start with under which a page that goes away leaves its last changes of the known peers. */
const LEFT = "left ";
/** The key pair of the identity. */
const IDENTITY = "identity";

/** The page's database. */
export class Store {
  readonly #database: IDBDatabase;
  /** Tells the other tabs of this browser that the known peers have changed. */
  readonly #tabs = new BroadcastChannel(DATABASE);
  readonly #gathered = new Gathered({
    write: (changes) => this.#write(changes),
    kept: (known) => this.kept?.(known),
    failed: (error) => this.failed?.(error),
    later: (run) => setTimeout(run, GATHER_MS),
  });
  /** Called when another tab has changed the known peers. */
  changed: (() => void) | undefined;
  /** Called with the known peers of all tabs, and the changes of this one, when changes are written. */
  kept: ((known: KnownPeers) => void) | undefined;
  /** Called when changes could not be written. */
  failed: ((error: unknown) => void) | undefined;

  private constructor(database: IDBDatabase) {
    this.#database = database;
    this.#tabs.onmessage = () => this.changed?.();
    addEventListener("pagehide", () => this.#leave());
    document.addEventListener("visibilitychange", () => document.hidden && this.#gathered.flush());
  }

  /** Opens the database; undefined where the browser keeps nothing, as some do in a private window. */
  static async open(): Promise<Store | undefined> {
    // Some browsers are set to have no database at all.
    if (globalThis.indexedDB === undefined) return undefined;
    try {
      const request = indexedDB.open(DATABASE, VERSION);
      request.onupgradeneeded = () => request.result.createObjectStore(THINGS);
      return new Store(await settled(request));
    } catch (error) {
      if (error instanceof DOMException) return undefined;
      throw error;
    }
  }

  /**
   * Reads the known peers.
   *
   * @throws {Failure} If they cannot be read: to overwrite them would forget changed keys.
   */
  async known(): Promise<KnownPeers> {
    const { waiting } = this.#gathered;
    const known = await readKnown(this.#things("readonly")).catch((error: unknown) => {
      if (!(error instanceof KnownPeersError)) throw error;
      throw new Failure({
        what: "cannot read what this browser keeps of others",
        why: error.message,
        code: "KNOWN_PEERS",
        hint: "to begin anew, clear this site's data: then no key is known",
      });
    });
    for (const change of waiting) known.apply(change);
    return known;
  }

  /** Adds a change to the known peers, soon and together with others, and then calls {@linkcode kept}. */
  remember(change: KnownPeersChange): void {
    this.#gathered.add(change);
  }

  /** Adds changes to the known peers that another tab may have changed too, in one transaction. */
  async #write(changes: readonly KnownPeersChange[]): Promise<KnownPeers> {
    const things = this.#things("readwrite");
    const known = await readKnown(things);
    for (const change of changes) known.apply(change);
    things.delete(leftKeys());
    await settled(things.put(known.text, KNOWN));
    this.#tabs.postMessage(KNOWN);
    return known;
  }

  /** Leaves behind what is not written: a page that goes away can no longer read before it writes. */
  #leave(): void {
    const changes = this.#gathered.unwritten;
    if (changes.length === 0) return;
    const things = this.#things("readwrite");
    things.put(changes, `${LEFT}${Date.now()} ${crypto.randomUUID()}`);
    things.transaction.commit();
  }

  /** Reads the identity, if one is kept. */
  async identity(): Promise<CryptoKeyPair | undefined> {
    const kept: unknown = await settled(this.#things("readonly").get(IDENTITY));
    return isKeyPair(kept) ? kept : undefined;
  }

  /**
   * Keeps an identity. The browser stores a private key that cannot be exported without revealing it to the page.
   *
   * @throws {Failure} If the browser refuses, because its storage is full or does not take keys.
   */
  async keepIdentity(identity: CryptoKeyPair): Promise<void> {
    try {
      await settled(this.#things("readwrite").put(identity, IDENTITY));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      throw new Failure({
        what: "this browser cannot keep the key",
        why: error.message,
        code: "NOT_KEPT",
        hint: "untick “Keep my key”, or make room in the browser's storage",
      });
    }
  }

  /** Forgets the identity for good. */
  async forgetIdentity(): Promise<void> {
    await settled(this.#things("readwrite").delete(IDENTITY));
  }

  #things(mode: IDBTransactionMode): IDBObjectStore {
    return this.#database.transaction(THINGS, mode).objectStore(THINGS);
  }
}

/** Reads the known peers, with what pages have left behind. */
async function readKnown(things: IDBObjectStore): Promise<KnownPeers> {
  const [text, left]: [unknown, KnownPeersChange[][]] = await Promise.all([
    settled(things.get(KNOWN)),
    // Only this page writes under these keys.
    settled<KnownPeersChange[][]>(things.getAll(leftKeys())),
  ]);
  const known = KnownPeers.parse(typeof text === "string" ? text : "");
  for (const change of left.flat()) known.apply(change);
  return known;
}

function leftKeys(): IDBKeyRange {
  return IDBKeyRange.bound(LEFT, `${LEFT}\uffff`);
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
  return promise;
}

function isKeyPair(value: unknown): value is CryptoKeyPair {
  return typeof value === "object" && value !== null && "privateKey" in value &&
    value.privateKey instanceof CryptoKey && "publicKey" in value &&
    value.publicKey instanceof CryptoKey;
}

/**
 * Where a text is kept: `tab` until the tab is closed, for a page that is reloaded; `browser` for good, for the name
 * that goes with the identity.
 */
export type Keeper = "tab" | "browser";

/** Reads the text that is kept; undefined if there is none. */
export function readText(keeper: Keeper): string | undefined {
  return withStorage(keeper, (storage) => storage.getItem(DATABASE) ?? undefined);
}

/** Keeps a text, or none. */
export function writeText(keeper: Keeper, text: string | undefined): void {
  withStorage(keeper, (storage) => {
    if (text === undefined) storage.removeItem(DATABASE);
    else storage.setItem(DATABASE, text);
  });
}

/** Uses a storage. Some browsers refuse it to a page that was opened as a file, and then nothing is kept. */
function withStorage<T>(keeper: Keeper, use: (storage: Storage) => T): T | undefined {
  try {
    return use(keeper === "tab" ? sessionStorage : localStorage);
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}
