/**
 * Admission control: which connections may wait to join, whose join is checked next, who is admitted, and how fast a
 * member may send. A state machine without I/O.
 *
 * To check a join costs signatures. So the relay checks a few joins at a time and a limited number a second, and
 * serves members in between. Sources take turns, so that many connections of one source do not delay another source.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { Account, Costs, TokenBucket } from "../../base/clock.ts";
import { canonicalHost, type Dialled, readPublicName } from "../../base/host_port.ts";
import type { Credential } from "../identity/credential.ts";
import type { Reason } from "../wire/kinds.ts";
import { type EntryRulesOptions, JOINS_PER_ADDRESS, type Limits, PER_ADDRESS } from "./options.ts";

/** The number of joins that are checked at the same time. */
const CHECKS_AT_ONCE = 4;
/** The burst of joins before the rate applies: after a restart of the relay, all members join at once. */
const JOIN_BURST = 1024;

/** How many connections an address may open for each join that it may make. A connection costs less than a join. */
const CONNECTIONS_A_JOIN = 10;

/** A source and its connections. */
interface Queue<C> extends Source {
  /** How many it has, those of members included. */
  open: number;
  /** Connections that have not asked to join yet, the oldest first. */
  readonly silent: Set<C>;
  /** Connections that wait for their check, in the order of asking. */
  readonly asking: Set<C>;
}

/** The connections that have not joined yet. `C` is a connection; connections are compared by identity. */
export class Door<C extends object> {
  readonly #limits: Limits;
  /** The queues of the other sources, by their keys. Those whose turn was last are at the end. */
  readonly #queues = new Map<string, Queue<C>>();
  /** The queue of the connections from this process. */
  readonly #here = queueOf<C>({ key: "", local: true });
  /** The queues of all other connections. */
  readonly #places = new Map<C, Queue<C>>();
  /** Connections that have not joined yet. */
  readonly #pending = new Set<C>();
  readonly #checking = new Set<C>();
  readonly #joins: TokenBucket;
  readonly #bySource: Costs<"join" | "connection">;
  readonly #byIdentity: Costs<"join">;

  /** Starts without connections. */
  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#joins = new TokenBucket({ perSecond: limits.joinsPerSecond, burst: JOIN_BURST }, now);
    const { joinsPerAddress = JOINS_PER_ADDRESS } = limits;
    const connection = aMinute(CONNECTIONS_A_JOIN * joinsPerAddress);
    this.#bySource = new Costs({ join: aMinute(joinsPerAddress), connection });
    this.#byIdentity = new Costs({ join: aMinute(limits.rejoins) });
  }

  /** The number of connections that have not joined yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Takes a connection from the network. Connections from this process are not announced here.
   *
   * @returns Why it cannot stay; undefined if it can.
   */
  arrive(connection: C, source: Source, now: number): Reason | undefined {
    const { perAddress = source.local ? Infinity : PER_ADDRESS } = this.#limits;
    const queue = this.#queues.get(source.key) ?? queueOf<C>(source);
    const pays = this.#pays("connection", source, now);
    if (!pays || queue.open >= perAddress) return "TOO_MANY_FROM_ADDRESS";
    this.#queues.set(source.key, queue);
    this.#places.set(connection, queue);
    queue.open += 1;
    queue.silent.add(connection);
    this.#pending.add(connection);
    return undefined;
  }

  /**
   * Returns the connection to end because too many wait: of the source with the most, the one that has been silent for
   * longest, because an honest client asks at once. If all of them have asked, the one that asked last.
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
   * Takes a connection's wish to join.
   *
   * @returns Why it cannot join; undefined if it waits for its check.
   */
  ask(connection: C, now: number): Reason | undefined {
    const queue = this.#places.get(connection) ?? this.#here;
    if (!this.#pays("join", queue, now)) return "TOO_MANY_JOINS";
    queue.silent.delete(connection);
    queue.asking.add(connection);
    this.#pending.add(connection);
    return undefined;
  }

  /** Charges a source, unless it is not limited. Returns false if it cannot pay. */
  #pays(kind: "join" | "connection", source: Source, now: number): boolean {
    const isLimited = !source.local ||
      source !== this.#here && this.#limits.joinsPerAddress !== undefined;
    return !isLimited || this.#bySource.of(source.key, now).allow(kind, 1, now);
  }

  /** Returns the connection whose join is to be checked now, if there is one. */
  next(now: number): C | undefined {
    if (this.#checking.size >= CHECKS_AT_ONCE) return undefined;
    // Connections from this process need no token.
    if (this.#here.asking.size > 0) return this.#take(this.#here);
    const queue = this.#queues.values().find(({ asking }) => asking.size > 0);
    if (queue === undefined || !this.#joins.take(1, now)) return undefined;
    // The next turn is another source's.
    this.#queues.delete(queue.key);
    this.#queues.set(queue.key, queue);
    return this.#take(queue);
  }

  /** Takes the connection of a source that has waited longest. */
  #take({ asking }: Queue<C>): C {
    const [first] = asking;
    asking.delete(first!);
    this.#checking.add(first!);
    return first!;
  }

  /**
   * Charges an identity for a join.
   *
   * @returns Why it may not join; undefined if it may.
   */
  admit(identity: string, now: number): Reason | undefined {
    return this.#byIdentity.of(identity, now).allow("join", 1, now) ? undefined : "TOO_MANY_JOINS";
  }

  /** Notes that a connection has joined or ended. */
  settled(connection: C): void {
    this.#pending.delete(connection);
    this.#checking.delete(connection);
    const queue = this.#places.get(connection) ?? this.#here;
    queue.silent.delete(connection);
    queue.asking.delete(connection);
    if (queue.open === 0) this.#queues.delete(queue.key);
  }

  /** Forgets a connection. */
  gone(connection: C): void {
    const queue = this.#places.get(connection);
    if (queue !== undefined) queue.open -= 1;
    this.settled(connection);
    this.#places.delete(connection);
  }
}

function queueOf<C>(source: Source): Queue<C> {
  return { ...source, open: 0, silent: new Set(), asking: new Set() };
}

/** The number of connections of a source that have not joined. */
function weight({ silent, asking }: Queue<unknown>): number {
  return silent.size + asking.size;
}

/** Whether one source has more such connections than another. Of two equal ones, a source with a silent one comes first. */
function outweighs(one: Queue<unknown>, other: Queue<unknown>): boolean {
  const more = weight(one) - weight(other);
  return more > 0 || more === 0 && one.silent.size > 0 && other.silent.size === 0;
}

function aMinute(count: number) {
  return { perSecond: count / 60, burst: count };
}

/** A burst of this many seconds' worth of frames is allowed: the keys for a room of a thousand. */
const BURST_SECONDS = 2;
/** A burst of this many seconds' worth of bytes is allowed. */
const BYTES_BURST_SECONDS = 0.25;
/** The cost of a resume, in frames: the relay verifies a signature. */
const RESUME_FRAMES = 100;

/** What a member has sent, and the bytes that the relay forwards for it; look-ups count as some. */
export type Spent = Record<"frames" | "bytes" | "fanout", number>;

/** Limits how fast one member sends, over all of its connections. */
export class Pace {
  readonly #account: Account<keyof Spent>;
  #pausedUntil = 0;

  /** Starts with a burst to spend. */
  constructor(limits: Limits, now: number) {
    const rate = (perSecond: number, seconds = BURST_SECONDS) => ({
      perSecond,
      burst: perSecond * seconds,
    });
    this.#account = new Account({
      frames: rate(limits.framesPerSecond),
      bytes: rate(limits.bytesPerSecond, BYTES_BURST_SECONDS),
      fanout: rate(limits.fanoutPerSecond),
    }, now);
  }

  /**
   * Charges what a member has sent.
   *
   * @returns For how many milliseconds nothing more is to be read from it.
   */
  spend({ frames = 0, bytes = 0, fanout = 0 }: Partial<Spent>, now: number): number {
    const pause = Math.max(
      this.#account.charge("frames", frames, now),
      this.#account.charge("bytes", bytes, now),
      this.#account.charge("fanout", fanout, now),
    );
    this.#pausedUntil = now + pause;
    return pause;
  }

  /**
   * Charges a resume.
   *
   * @returns False while the member is not read: another connection must not get around that.
   */
  resume(now: number): boolean {
    if (now < this.#pausedUntil) return false;
    this.spend({ frames: RESUME_FRAMES }, now);
    return true;
  }
}

/** Decides which members one relay admits. */
export class EntryRules {
  readonly #options: EntryRulesOptions;

  /** Asks the options each time: a list may change. */
  constructor(options: EntryRulesOptions) {
    this.#options = options;
  }

  /** Returns whether an identity may join. */
  allows(fingerprint: string): boolean {
    return this.#options.allows?.(fingerprint) ?? true;
  }

  /**
   * Returns why a guest may not join a room; undefined if a list or an invitation admits it. The call binds no
   * invitation, because the room may still refuse the join for another reason.
   *
   * @param guest Who wants to join.
   * @param invitation The public key of its invitation, if its proof holds.
   * @param room The name of the room.
   */
  obstacle(
    guest: Credential,
    invitation: Bytes | undefined,
    room: string,
  ): "NOT_ALLOWED" | "INVITATION_USED" | undefined {
    const use = invitation && this.#options.invitations?.admits(invitation, guest, room);
    if (use === "admitted" || this.allows(guest.fingerprint)) return undefined;
    return use === "used" ? "INVITATION_USED" : "NOT_ALLOWED";
  }

  /** Notes that a guest has joined. If it has proved an invitation, the invitation is bound to it. */
  joined(guest: Credential, invitation: Bytes | undefined, room: string): void {
    if (invitation !== undefined) this.#options.invitations?.joined(invitation, guest, room);
  }

  /** Returns whether a member may stay: its identity may join, or has joined by an invitation. */
  mayStay(fingerprint: string): boolean {
    return this.allows(fingerprint) ||
      (this.#options.invitations?.hasAdmitted(fingerprint) ?? false);
  }

  /** Returns whether a newcomer dialled a name of this relay, in whatever form either is written. */
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
  /** Equal for all addresses that count as one source. */
  readonly key: string;
  /** Whether it is this machine. */
  readonly local: boolean;
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const GROUPS = 8;
/** A host with one IPv6 address usually has a whole /64 (RFC 6177, RFC 7421). */
const PREFIX_GROUPS = 4;

/**
 * Returns the source of an address: an IPv4 address itself, the first 64 bits of an IPv6 address, and the IPv4 address
 * that is mapped into IPv6 (RFC 4291 section 2.5.5.2).
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

/** Returns the groups of an IPv6 address, without its zone. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const read = (part: string) => part === "" ? [] : part.split(":").map((g) => parseInt(g, 16));
  const before = read(head);
  const after = read(tail ?? "");
  const between = Math.max(0, GROUPS - before.length - after.length);
  return [...before, ...new Array<number>(between).fill(0), ...after];
}
