/**
 * Admission control: who may wait to join, and whose join is checked when. A state machine without I/O.
 *
 * Checking a join costs signatures. So joins are checked a few at a time and so many a second, whatever
 * number of connections asks; the others in the room are served between them.
 *
 * @module
 */

import { JOINS_PER_ADDRESS, type Limits, PER_ADDRESS } from "./limits.ts";
import { RateTable } from "./rate_table.ts";
import type { Reason } from "./reason.ts";
import type { Source } from "./source_address.ts";
import { TokenBucket } from "./token_bucket.ts";

/** How many joins are checked at the same time. */
const CHECKS_AT_ONCE = 4;
/** So many joins may come at once before the rate counts: everybody, after a relay was restarted. */
const JOIN_BURST = 1024;

/** Connections on their way into a room. `C` is a connection, told apart by identity. */
export class Door<C extends object> {
  readonly #limits: Limits;
  readonly #sources = new Map<C, Source>();
  readonly #perAddress = new Map<string, number>();
  /** Who has not asked to join yet, the one that has waited longest first. */
  readonly #silent = new Set<C>();
  /** Who has asked, in the order of asking. */
  readonly #asking = new Set<C>();
  readonly #checking = new Set<C>();
  readonly #joins: TokenBucket;
  readonly #joinsOf: RateTable;
  readonly #localJoins: RateTable | undefined;
  readonly #rejoins: RateTable;

  /** Starts with nobody waiting. */
  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#joins = new TokenBucket({ perSecond: limits.joinsPerSecond, burst: JOIN_BURST }, now);
    const { joinsPerAddress } = limits;
    this.#joinsOf = new RateTable(aMinute(joinsPerAddress ?? JOINS_PER_ADDRESS));
    this.#localJoins = joinsPerAddress === undefined ? undefined : this.#joinsOf;
    this.#rejoins = new RateTable(aMinute(limits.rejoins));
  }

  /** How many have not joined yet. */
  get pending(): number {
    return this.#silent.size + this.#asking.size + this.#checking.size;
  }

  /**
   * A connection has come over a network. For one that has not, no limit is but that of checks at once.
   *
   * @param source Where from.
   * @returns Why it cannot stay; undefined where it can.
   */
  arrive(connection: C, source: Source): Reason | undefined {
    const { perAddress = source.local ? Infinity : PER_ADDRESS } = this.#limits;
    const there = this.#perAddress.get(source.key) ?? 0;
    if (there >= perAddress) return "TOO_MANY_FROM_ADDRESS";
    this.#perAddress.set(source.key, there + 1);
    this.#sources.set(connection, source);
    this.#silent.add(connection);
    return undefined;
  }

  /**
   * Who has to go because too many wait: whoever has been silent for longest, since who means to join asks at once.
   * Where everybody has asked, whoever asked last.
   */
  surplus(): C | undefined {
    if (this.pending <= this.#limits.pending) return undefined;
    const [oldest] = this.#silent;
    return oldest ?? [...this.#asking].at(-1);
  }

  /**
   * A connection asks to join.
   *
   * @returns Why it cannot; undefined where it is going to be checked.
   */
  ask(connection: C, now: number): Reason | undefined {
    const source = this.#sources.get(connection);
    const rates = source?.local === true ? this.#localJoins : this.#joinsOf;
    if (source !== undefined && rates?.take(source.key, now) === false) return "TOO_MANY_JOINS";
    this.#silent.delete(connection);
    this.#asking.add(connection);
    return undefined;
  }

  /** Whose join is to be checked now; undefined where nobody's is. */
  next(now: number): C | undefined {
    const [first] = this.#asking;
    if (first === undefined || this.#checking.size >= CHECKS_AT_ONCE) return undefined;
    if (this.#sources.has(first) && !this.#joins.take(1, now)) return undefined;
    this.#asking.delete(first);
    this.#checking.add(first);
    return first;
  }

  /**
   * A credential has been checked: whether its identity may join once more.
   *
   * @param identity What tells identities apart.
   * @returns Why it may not; undefined where it may.
   */
  admit(identity: string, now: number): Reason | undefined {
    return this.#rejoins.take(identity, now) ? undefined : "TOO_MANY_JOINS";
  }

  /** A connection need not wait any longer: it is in, or it has gone. */
  settled(connection: C): void {
    this.#silent.delete(connection);
    this.#asking.delete(connection);
    this.#checking.delete(connection);
  }

  /** A connection has gone. */
  gone(connection: C): void {
    this.settled(connection);
    const source = this.#sources.get(connection);
    if (source === undefined) return;
    this.#sources.delete(connection);
    const left = this.#perAddress.get(source.key)! - 1;
    if (left === 0) this.#perAddress.delete(source.key);
    else this.#perAddress.set(source.key, left);
  }
}

function aMinute(count: number) {
  return { perSecond: count / 60, burst: count };
}
