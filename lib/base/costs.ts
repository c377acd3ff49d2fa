/**
 * The ledger of costs: work is charged to whoever causes it, and never to whoever suffers from it or answers.
 *
 * A relay charges addresses, identities and members; a member charges its relay and its peers. Bounded, whoever comes.
 *
 * @module
 */

import { type Rate, TokenBucket } from "./clock.ts";

/** So many who cause work are told apart; beyond that the one not charged for longest is forgotten. */
export const MAX_ACCOUNTS = 10_000;

/** How much of each kind of work one may cause: at once, and in a second. */
export type Tariff<Kind extends string> = Readonly<Record<Kind, Rate>>;

/** The account of one who causes work: a token bucket for each kind. */
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
   * Charges work that is done only where it can be paid.
   *
   * @returns Whether it can.
   */
  allow(kind: Kind, amount: number, now: number): boolean {
    return this.#bucket(kind).take(amount, now);
  }

  /**
   * Charges work that has been done already.
   *
   * @returns After how many milliseconds the debt is paid; 0 where there is none.
   */
  charge(kind: Kind, amount: number, now: number): number {
    return this.#bucket(kind).spend(amount, now);
  }

  /** How much of a kind has been charged and is not forgotten yet. */
  charged(kind: Kind, now: number): number {
    return this.#bucket(kind).spent(now);
  }

  /** Whether nothing is charged: the account is as good as a new one. */
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

/** The accounts of many, by a key. An account with nothing charged is forgotten. */
export class Costs<Kind extends string> {
  readonly #tariff: Tariff<Kind>;
  /** The one not charged for longest comes first. */
  readonly #accounts = new Map<string, Account<Kind>>();

  /** Starts with nobody charged. */
  constructor(tariff: Tariff<Kind>) {
    this.#tariff = tariff;
  }

  /** How many accounts are kept. */
  get size(): number {
    return this.#accounts.size;
  }

  /** The account of somebody, who is about to be charged. */
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
