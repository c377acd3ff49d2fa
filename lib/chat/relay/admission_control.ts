/**
 * Admission control: who may wait to join, and whose join is checked when. A state machine without I/O.
 *
 * Checking a join costs signatures. So joins are checked a few at a time and so many a second, whatever
 * number of connections asks; the others in the room are served between them. Sources take turns, so that many who come
 * from one hold up nobody who comes from another.
 *
 * @module
 */

import { TokenBucket } from "../../base/clock.ts";
import { Costs } from "../../base/costs.ts";
import { canonicalHost, type Dialled, readPublicName } from "../../base/host_port.ts";
import type { Reason } from "../wire/kinds.ts";
import { type EntryRulesOptions, JOINS_PER_ADDRESS, type Limits, PER_ADDRESS } from "./options.ts";

/** How many joins are checked at the same time. */
const CHECKS_AT_ONCE = 4;
/** So many joins may come at once before the rate counts: everybody, after a relay was restarted. */
const JOIN_BURST = 1024;

/** Whose connections came from within this process. */
const HERE: Source = { key: "", local: true };

/** The connections of one source. */
interface Queue<C> {
  /** All of them, those of members among them. */
  there: number;
  /** Who has not asked to join yet, the one that has waited longest first. */
  readonly silent: Set<C>;
  /** Who has asked, in the order of asking. */
  readonly asking: Set<C>;
}

/** Connections on their way into a room. `C` is a connection, told apart by identity. */
export class Door<C extends object> {
  readonly #limits: Limits;
  readonly #sources = new Map<C, Source>();
  readonly #queues = new Map<string, Queue<C>>();
  /** The sources of which somebody asks, in the order of their turns. */
  readonly #turns = new Set<string>();
  /** Who has not joined yet. */
  readonly #pending = new Set<C>();
  readonly #checking = new Set<C>();
  readonly #joins: TokenBucket;
  readonly #bySource: Costs<"join">;
  readonly #byIdentity: Costs<"join">;

  /** Starts with nobody waiting. */
  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#joins = new TokenBucket({ perSecond: limits.joinsPerSecond, burst: JOIN_BURST }, now);
    this.#bySource = new Costs({ join: aMinute(limits.joinsPerAddress ?? JOINS_PER_ADDRESS) });
    this.#byIdentity = new Costs({ join: aMinute(limits.rejoins) });
  }

  /** How many have not joined yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * A connection has come over a network. For one that has not, no limit is but that of checks at once.
   *
   * @param source Where from.
   * @returns Why it cannot stay; undefined where it can.
   */
  arrive(connection: C, source: Source): Reason | undefined {
    const { perAddress = source.local ? Infinity : PER_ADDRESS } = this.#limits;
    const queue = this.#queueOf(source.key);
    if (queue.there >= perAddress) return "TOO_MANY_FROM_ADDRESS";
    this.#sources.set(connection, source);
    queue.there += 1;
    queue.silent.add(connection);
    this.#pending.add(connection);
    return undefined;
  }

  /**
   * Who has to go because too many wait: of the source of which most wait, whoever has been silent for longest, since
   * who means to join asks at once. Where all of those have asked, whoever asked last.
   */
  surplus(): C | undefined {
    if (this.pending <= this.#limits.pending) return undefined;
    let most: Queue<C> | undefined;
    for (const queue of this.#queues.values()) {
      if (most === undefined || outweighs(queue, most)) most = queue;
    }
    const [oldest] = most?.silent ?? [];
    return oldest ?? [...most?.asking ?? []].at(-1);
  }

  /**
   * A connection asks to join.
   *
   * @returns Why it cannot; undefined where it is going to be checked.
   */
  ask(connection: C, now: number): Reason | undefined {
    const source = this.#sources.get(connection) ?? HERE;
    const limited = !source.local ||
      source !== HERE && this.#limits.joinsPerAddress !== undefined;
    if (limited && !this.#bySource.of(source.key, now).allow("join", 1, now)) {
      return "TOO_MANY_JOINS";
    }
    const queue = this.#queueOf(source.key);
    queue.silent.delete(connection);
    queue.asking.add(connection);
    this.#turns.add(source.key);
    this.#pending.add(connection);
    return undefined;
  }

  /** Whose join is to be checked now; undefined where nobody's is. */
  next(now: number): C | undefined {
    if (this.#checking.size >= CHECKS_AT_ONCE) return undefined;
    for (const key of this.#turns) {
      // Those of this process do not wait for tokens, whoever waits before them.
      if (key !== HERE.key && !this.#joins.take(1, now)) {
        if (this.#turns.has(HERE.key)) continue;
        return undefined;
      }
      return this.#take(key);
    }
    return undefined;
  }

  /** The one of a source that has waited longest; the next turn is another source's. */
  #take(key: string): C {
    const { asking } = this.#queues.get(key)!;
    const [first] = asking;
    asking.delete(first!);
    this.#turns.delete(key);
    if (asking.size > 0) this.#turns.add(key);
    this.#checking.add(first!);
    return first!;
  }

  /**
   * A credential has been checked: whether its identity may join once more.
   *
   * @param identity What tells identities apart.
   * @returns Why it may not; undefined where it may.
   */
  admit(identity: string, now: number): Reason | undefined {
    return this.#byIdentity.of(identity, now).allow("join", 1, now) ? undefined : "TOO_MANY_JOINS";
  }

  /** A connection need not wait any longer: it is in, or it has gone. */
  settled(connection: C): void {
    this.#pending.delete(connection);
    this.#checking.delete(connection);
    const { key } = this.#sources.get(connection) ?? HERE;
    const queue = this.#queues.get(key);
    if (queue === undefined) return;
    queue.silent.delete(connection);
    queue.asking.delete(connection);
    if (queue.asking.size === 0) this.#turns.delete(key);
    this.#tidy(key, queue);
  }

  /** A connection has gone. */
  gone(connection: C): void {
    const source = this.#sources.get(connection);
    if (source !== undefined) this.#queueOf(source.key).there -= 1;
    this.settled(connection);
    this.#sources.delete(connection);
  }

  #queueOf(key: string): Queue<C> {
    const known = this.#queues.get(key);
    if (known !== undefined) return known;
    const queue = { there: 0, silent: new Set<C>(), asking: new Set<C>() };
    this.#queues.set(key, queue);
    return queue;
  }

  #tidy(key: string, queue: Queue<C>): void {
    if (queue.there === 0 && weight(queue) === 0) this.#queues.delete(key);
  }
}

/** How many of a source wait. */
function weight({ silent, asking }: Queue<unknown>): number {
  return silent.size + asking.size;
}

/** Whether more of a source wait than of another; of two alike, one of which somebody is silent goes first. */
function outweighs(one: Queue<unknown>, other: Queue<unknown>): boolean {
  const more = weight(one) - weight(other);
  return more > 0 || more === 0 && one.silent.size > 0 && other.silent.size === 0;
}

function aMinute(count: number) {
  return { perSecond: count / 60, burst: count };
}

/** The rules of one relay. */
export class EntryRules {
  readonly #options: EntryRulesOptions;

  /** Rules that are looked up each time: a list may change. */
  constructor(options: EntryRulesOptions) {
    this.#options = options;
  }

  /** Whether it is not open to everyone: then it says nothing of its room to who is not allowed in. */
  get isRestricted(): boolean {
    return this.#options.allows !== undefined;
  }

  /** Whether an identity may come in. */
  allows(fingerprint: string): boolean {
    return this.#options.allows?.(fingerprint) ?? true;
  }

  /** Whether the name that a newcomer dialled is one by which the relay is known, whatever form either has. */
  allowsName(dialled: Dialled): boolean {
    const { publicNames = [] } = this.#options;
    const host = canonicalHost(dialled.host);
    return publicNames.length === 0 ||
      publicNames.map(readPublicName).some((name) =>
        name.host === host && (name.port === undefined || name.port === dialled.port)
      );
  }
}

/** Where a connection comes from. */
export interface Source {
  /** The same for all that count as one. */
  readonly key: string;
  /** Whether it is this machine itself. */
  readonly local: boolean;
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const GROUPS = 8;
/** Whoever has one IPv6 address has a /64 of them (RFC 6177, RFC 7421). */
const PREFIX_GROUPS = 4;

/**
 * The source of an address: an IPv4 address as it is, an IPv6 address by its first 64 bits, and an IPv4 address
 * mapped into IPv6 (RFC 4291 section 2.5.5.2) as the IPv4 address that it is.
 *
 * @param address An address as the runtime writes it.
 */
export function sourceOf(address: string): Source {
  const ipv4 = MAPPED.exec(address)?.[1] ?? (address.includes(":") ? undefined : address);
  if (ipv4 !== undefined) return { key: ipv4, local: ipv4.startsWith("127.") };
  const groups = groupsOf(address);
  const local = groups.every((group, i) => group === (i === GROUPS - 1 ? 1 : 0));
  const prefix = groups.slice(0, PREFIX_GROUPS).map((group) => group.toString(16)).join(":");
  return { key: local ? "::1" : `${prefix}::/64`, local };
}

/** The groups of an IPv6 address; a zone at its end counts for nothing. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const read = (part: string) => part === "" ? [] : part.split(":").map((g) => parseInt(g, 16));
  const before = read(head);
  const after = read(tail ?? "");
  const between = Math.max(0, GROUPS - before.length - after.length);
  return [...before, ...new Array<number>(between).fill(0), ...after];
}
