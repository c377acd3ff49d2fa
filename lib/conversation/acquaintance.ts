/**
 * What a run knows when it starts: its own identity, and who is known.
 *
 * @module
 */

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
  const events = { ...hears, changed: (peers: KnownPeers) => trust.take(peers) };
  const { file, known } = await KnownPeersFile.open(knownPeers, events);
  const trust = new Trust({ ...rules, known, remember: (change) => file.remember(change) });
  const close = () => file[Symbol.dispose]();
  return { identity: keys, trust, settled: () => file.finish(), [Symbol.dispose]: close };
}
