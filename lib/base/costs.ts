/**
 * Limits how much work one party may cause. Work is charged to the party that causes it, not to the one that does it.
 *
 * A relay charges addresses, identities and members. A member charges its relay and its peers. Memory is bounded.
 *
 * @module
 */

import { type Rate, TokenBucket } from "./clock.ts";

/** The most accounts that are kept. Beyond that, the account that was charged least recently is dropped. */
export const MAX_ACCOUNTS = 10_000;

/** How much of each kind of work one party may cause: at once and per second. */
export type Tariff<Kind extends string> = Readonly<Record<Kind, Rate>>;

/** The account of one party: a token bucket for each kind of work. */
export class Account<Kind extends string> {
  readonly #tariff: Tariff<Kind>;
  readonly #openedAt: number;
  readonly #buckets = new Map<Kind, TokenBucket>();

  /** Opens an account with nothing charged. */
  constructor(tariff: Tariff<Kind>, now: number) {
    this.#tariff = tariff;
    this.#openedAt = now;
  }

  /**
   * Charges work before it is done, if the account can pay for it.
   *
   * @returns Whether the work was charged and may be done.
   */
  allow(kind: Kind, amount: number, now: number): boolean {
    return this.#bucket(kind).take(amount, now);
  }

  /**
   * Charges work that has already been done.
   *
   * @returns The milliseconds until the debt is paid, or 0 if there is no debt.
   */
  charge(kind: Kind, amount: number, now: number): number {
    return this.#bucket(kind).spend(amount, now);
  }

  /** Returns the amount of a kind that is charged and not yet repaid. */
  charged(kind: Kind, now: number): number {
    return this.#bucket(kind).spent(now);
  }

  /** Returns whether nothing is charged, so that the account equals a new one. */
  isClear(now: number): boolean {
    return this.#buckets.values().every((bucket) => bucket.isFull(now));
  }

  #bucket(kind: Kind): TokenBucket {
    const known = this.#buckets.get(kind);
    if (known !== undefined) return known;
    const bucket = new TokenBucket(this.#tariff[kind], this.#openedAt);
    this.#buckets.set(kind, bucket);
    return bucket;
  }
}

/** Accounts by key. Accounts with nothing charged are dropped. */
export class Costs<Kind extends string> {
  readonly #tariff: Tariff<Kind>;
  /** The least recently charged account comes first. */
  readonly #accounts = new Map<string, Account<Kind>>();

  /** Creates an empty ledger. */
  constructor(tariff: Tariff<Kind>) {
    this.#tariff = tariff;
  }

  /** The number of accounts kept. */
  get size(): number {
    return this.#accounts.size;
  }

  /** Returns the account of a key and marks it as the most recently charged. */
  of(key: string, now: number): Account<Kind> {
    const account = this.#accounts.get(key) ?? new Account(this.#tariff, now);
    this.#accounts.delete(key);
    this.#forget(now);
    this.#accounts.set(key, account);
    return account;
  }

  #forget(now: number): void {
    for (const [key, account] of this.#accounts) {
      if (this.#accounts.size < MAX_ACCOUNTS && !account.isClear(now)) return;
      this.#accounts.delete(key);
    }
  }
}
