/**
 * Gathers changes to the known peers, so that a relay that announces many members causes few writes. No I/O.
 *
 * @module
 */

import type { KnownPeers, KnownPeersChange } from "../lib/chat/trust/known_peers.ts";

/** How long changes that the person did not make wait for more after a write, in milliseconds. */
export const GATHER_MS = 200;

/** What {@linkcode Gathered} needs. */
export interface GatheredOptions {
  /** Adds changes to what all tabs know, and returns that. */
  readonly write: (changes: readonly KnownPeersChange[]) => Promise<KnownPeers>;
  /** Changes were written. `known` has also those that were gathered since. */
  readonly kept: (known: KnownPeers) => void;
  /** A write failed. Its changes are tried again with the next one. The same failure is told once in a row. */
  readonly failed: (error: unknown) => void;
  /** Calls a function after {@linkcode GATHER_MS}. */
  readonly later: (run: () => void) => void;
}

/** Changes that are written together. The first one of a calm time, and each decision, is written at once. */
export class Gathered {
  readonly #options: GatheredOptions;
  /** The changes that wait. */
  #waiting: KnownPeersChange[] = [];
  /** The changes that are being written. */
  #inHand: readonly KnownPeersChange[] = [];
  #state: "idle" | "writing" | "pausing" = "idle";
  /** Whether a decision of the person waits. */
  #isUrgent = false;
  #failure: string | undefined;

  /** @param options What it needs. */
  constructor(options: GatheredOptions) {
    this.#options = options;
  }

  /** The changes that wait, which a read begun now does not see. */
  get waiting(): readonly KnownPeersChange[] {
    return [...this.#waiting];
  }

  /** The changes of which it is not known that they are written. */
  get unwritten(): readonly KnownPeersChange[] {
    return [...this.#inHand, ...this.#waiting];
  }

  /** Takes a change. */
  add(change: KnownPeersChange): void {
    this.#waiting.push(change);
    if (change.kind !== "meet" && change.kind !== "recognize") this.#isUrgent = true;
    if (this.#state === "idle" || this.#isUrgent) this.flush();
  }

  /** Writes what waits as soon as the last write is over. */
  flush(): void {
    this.#isUrgent = true;
    if (this.#state === "writing") return;
    this.#state = "writing";
    // What one turn brings is written together.
    queueMicrotask(() => this.#write());
  }

  async #write(): Promise<void> {
    this.#inHand = this.#waiting.splice(0);
    this.#isUrgent = false;
    if (this.#inHand.length > 0) await this.#tryToWrite();
    this.#state = "pausing";
    if (this.#isUrgent) return this.flush();
    this.#options.later(() => {
      if (this.#state !== "pausing") return;
      this.#state = "idle";
      if (this.#waiting.length > 0 && this.#failure === undefined) this.flush();
    });
  }

  async #tryToWrite(): Promise<void> {
    try {
      const known = await this.#options.write(this.#inHand);
      this.#failure = undefined;
      for (const change of this.#waiting) known.apply(change);
      this.#options.kept(known);
    } catch (error) {
      this.#waiting.unshift(...this.#inHand);
      if (this.#failure !== String(error)) this.#options.failed(error);
      this.#failure = String(error);
    } finally {
      this.#inHand = [];
    }
  }
}
