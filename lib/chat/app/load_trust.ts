/**
 * What a run knows when it starts: its own identity, and who is known.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import { type AllowFile, openAllowFile } from "../trust/allow_list.ts";
import { KnownPeers } from "../trust/known_peers.ts";
import type { KnownPeersFileEvents } from "../trust/known_peers_file.ts";
import { Trust } from "../trust/trust.ts";

/** What a person says about who is who. */
export interface TrustSettings {
  /** The file of a long-lived identity; without, one is made for this run. */
  readonly identity: string | undefined;
  /** The file that remembers peers; without, nobody is remembered. */
  readonly knownPeers: string | undefined;
  /** The fingerprints of those who are given keys; without any, it is not they alone. */
  readonly expected: readonly string[];
  /** Whether only known and verified members are given keys. */
  readonly strict: boolean;
}

/** Nobody known, everyone heard. */
export const OPEN_MINDED: TrustSettings = {
  identity: undefined,
  knownPeers: undefined,
  expected: [],
  strict: false,
};

/** What becomes of the files. */
export type AcquaintanceEvents = Pick<KnownPeersFileEvents, "waiting" | "failed" | "recovered">;

const UNHEARD: AcquaintanceEvents = { waiting: () => {}, failed: () => {}, recovered: () => {} };

/** What a run knows. */
export interface Acquaintance extends Disposable {
  readonly identity: CryptoKeyPair | undefined;
  readonly trust: Trust;
  /** A promise that what is to be remembered has been written, or cannot be. */
  settled(): Promise<void>;
  /** Closes the files that are open. */
  [Symbol.dispose](): void;
}

/**
 * Reads the files, and holds those open that are written to: the permission to open files may go then. Their code
 * is loaded only where they are named.
 *
 * @param settings Which files, and what else is said.
 * @param hears Hears what later becomes of them.
 * @throws {Failure} Where one cannot be read.
 */
export async function getAcquainted(
  { identity, knownPeers, expected, strict }: TrustSettings,
  hears: AcquaintanceEvents = UNHEARD,
): Promise<Acquaintance> {
  const keys = identity === undefined
    ? undefined
    : await (await import("../trust/identity_file.ts")).readIdentity(identity);
  const rules = { expected, strict };
  if (knownPeers === undefined) {
    const trust = new Trust({ ...rules, known: KnownPeers.parse("") });
    return { identity: keys, trust, settled: () => Promise.resolve(), [Symbol.dispose]: () => {} };
  }
  const { KnownPeersFile } = await import("../trust/known_peers_file.ts");
  const events = { ...hears, changed: (peers: KnownPeers) => trust.replaceKnown(peers) };
  const { file, known } = await KnownPeersFile.open(knownPeers, events);
  const trust = new Trust({ ...rules, known, remember: (change) => file.remember(change) });
  const close = () => file[Symbol.dispose]();
  return { identity: keys, trust, settled: () => file.finish(), [Symbol.dispose]: close };
}

/** A list of fingerprints. */
export class GuestList {
  readonly #file: AllowFile;
  #list: ReadonlySet<string>;
  /** The member in the relay's own process: it needs no line. */
  #host: string | undefined;

  private constructor(
    file: AllowFile,
    list: ReadonlySet<string>,
    /** Fulfilled when it is noticed that another file was put in the place of the list, which cannot be read. */
    readonly replaced: Promise<Failure>,
  ) {
    this.#file = file;
    this.#list = list;
  }

  /**
   * Reads the list.
   *
   * @throws {Failure} Where it cannot be read.
   */
  static async open(path: string): Promise<GuestList> {
    const replaced = Promise.withResolvers<Failure>();
    const file = await openAllowFile(path, replaced.resolve);
    return new GuestList(file, await file.read(), replaced.promise);
  }

  /** Whether its file is opened anew each time, for which the permission to read it has to stay. */
  get reopened(): boolean {
    return this.#file.reopened;
  }

  /** How many identities are listed. */
  get size(): number {
    return this.#list.size;
  }

  /** Whether an identity may come in. */
  readonly allows = (fingerprint: string): boolean =>
    fingerprint === this.#host || this.#list.has(fingerprint);

  /** Lets the member of the relay's own process in, listed or not. */
  admitHost(fingerprint: string): void {
    this.#host = fingerprint;
  }

  /**
   * Reads the list again.
   *
   * @returns Whether it is another one.
   * @throws {Failure} Where it cannot be read: the list of before holds.
   */
  async reload(): Promise<boolean> {
    const before = this.#list;
    this.#list = await this.#file.read();
    return before.symmetricDifference(this.#list).size > 0;
  }
}
