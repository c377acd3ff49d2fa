/**
 * The addresses of a name that is probed for a long time, and when to look the name up again. No I/O.
 *
 * @module
 */

import type { HostAddress } from "../../net/resolve_host.ts";

/** The number of addresses of a host that are probed at a time. */
export const MAX_ADDRESSES = 8;

/** How long after a lookup a lost probe leads to the next one, in milliseconds. */
const AFTER_LOSS_MS = 5_000;

/** The addresses of a host after a lookup that changed them. */
export interface AddressChange {
  /** The addresses that are probed from now on; at least one. */
  readonly addresses: readonly string[];
  /** Those of them that were not probed before. */
  readonly added: readonly string[];
  /** The addresses that are no longer probed. */
  readonly removed: readonly string[];
  /** The number of further addresses, which are not probed. */
  readonly left_out: number;
}

/** The probed addresses of a host. */
export class AddressList {
  readonly #family: HostAddress["family"] | undefined;
  #current: readonly string[] = [];

  /** @param family The family to probe; both by default. */
  constructor(family?: HostAddress["family"]) {
    this.#family = family;
  }

  /** The addresses that are probed. */
  get current(): readonly string[] {
    return this.#current;
  }

  /**
   * Takes the result of a lookup. Addresses that are still valid keep their places, so that a name with more than
   * {@linkcode MAX_ADDRESSES} addresses in changing order does not lead to other addresses each time.
   *
   * @param found All addresses of the host.
   * @returns The change; undefined if there is none, or if the host has no address of the family.
   */
  update(found: readonly HostAddress[]): AddressChange | undefined {
    const usable = this.usable(found);
    if (usable.length === 0) return undefined;
    const kept = this.#current.filter((address) => usable.includes(address));
    const others = usable.filter((address) => !kept.includes(address));
    const added = others.slice(0, MAX_ADDRESSES - kept.length);
    const removed = this.#current.filter((address) => !kept.includes(address));
    if (added.length === 0 && removed.length === 0) return undefined;
    this.#current = [...kept, ...added];
    return {
      addresses: this.#current,
      added,
      removed,
      left_out: usable.length - this.#current.length,
    };
  }

  /** Returns the addresses of the family, each once. */
  usable(found: readonly HostAddress[]): string[] {
    const usable = found.filter(({ family }) => family === (this.#family ?? family));
    return [...new Set(usable.map(({ address }) => address))];
  }
}

/** Decides when a name is looked up again. Times are those of a monotonic clock, in milliseconds. */
export class LookupSchedule {
  readonly #intervalMs: number;
  #last: number;
  #lost = false;

  /**
   * @param intervalMs The time between lookups; 0 for no further lookup.
   * @param now The time of the first lookup.
   */
  constructor(intervalMs: number, now: number) {
    this.#intervalMs = intervalMs;
    this.#last = now;
  }

  /** The time of the next lookup; infinite if there is none. */
  get dueAt(): number {
    if (this.#intervalMs === 0) return Infinity;
    return this.#last + (this.#lost ? Math.min(this.#intervalMs, AFTER_LOSS_MS) : this.#intervalMs);
  }

  /** A probe was not answered: the host may have moved. */
  lost(): void {
    this.#lost = true;
  }

  /** The name was looked up, with or without success. */
  lookedUp(now: number): void {
    this.#last = now;
    this.#lost = false;
  }
}
