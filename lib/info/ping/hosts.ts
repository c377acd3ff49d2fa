/**
 * Probes several hosts at the same time, at every address, and follows names whose addresses change.
 *
 * @module
 */

import { pause } from "../../base/clock.ts";
import { DEFAULT_PROBES, type HostPort, hostPort } from "../../base/host_port.ts";
import { Failure } from "../../base/failure.ts";
import { type HostAddress, lookUpHost, requireZone } from "../../net/resolve_host.ts";
import { toFailure } from "../../os/errors.ts";
import {
  type AddressChange,
  AddressList,
  LookupSchedule,
  type Probe,
  probe,
  warmUp,
} from "./ping.ts";

/** The hosts to probe, and how. */
export interface PingHostsOptions {
  /** The hosts, names or addresses, each with its TCP port. */
  readonly hosts: readonly HostPort[];
  /** The addresses of names to probe; both families by default. */
  readonly family?: HostAddress["family"];
  /** Whether only an accepted connection is an answer. By default a refused one is an answer too. */
  readonly open?: boolean;
  /** How many probes of each address; 0 for no limit. {@linkcode DEFAULT_PROBES} has the default. */
  readonly count?: number;
  /** From the start of one probe of an address to that of the next, in milliseconds; {@linkcode DEFAULT_PROBES} has the default. */
  readonly intervalMs?: number;
  /** How long to wait for an answer, in milliseconds; {@linkcode DEFAULT_PROBES} has the default. */
  readonly timeoutMs?: number;
  /** From one lookup of a name to the next, in milliseconds; 0 to look it up once. {@linkcode DEFAULT_PROBES} has the default. */
  readonly refreshMs?: number;
  /** Looks a name up; {@linkcode lookUpHost} by default. */
  readonly lookUp?: (name: string) => Promise<readonly HostAddress[]>;
  /** Ends the run. Probes under way are not counted. */
  readonly signal?: AbortSignal;
}

/** The host that an event is about. */
export interface OfHost {
  /** The place of the host in {@linkcode PingHostsOptions.hosts}, from 0. */
  readonly index: number;
}

/** A probe of an address. */
export interface HostProbe extends OfHost, Probe {
  /** Tells the events apart. */
  readonly kind: "probe";
  /** The address that was probed. */
  readonly address: string;
  /** Whether the probe counts as answered. */
  readonly answered: boolean;
}

/** The first addresses of a host, or addresses that have changed. */
export interface HostAddresses extends OfHost, AddressChange {
  /** Tells the events apart. */
  readonly kind: "addresses";
}

/** A name could not be looked up again. Its last addresses are still probed. */
export interface HostLookupFailed extends OfHost {
  /** Tells the events apart. */
  readonly kind: "lookup_failed";
  /** Why. */
  readonly failure: Failure;
}

/** What {@linkcode pingHosts} reports. */
export type PingEvent = HostProbe | HostAddresses | HostLookupFailed;

/** The failures that concern this process and not one address. */
const OWN_FAILURES: readonly string[] = ["NOT_PERMITTED", "EMFILE", "ENFILE", "UNEXPECTED"];
/** The most time between the first probes of two addresses, in milliseconds, so that they do not delay each other. */
const STAGGER_MS = 20;
/** The longest time of a timer, in milliseconds. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Probes hosts repeatedly: each address of a host in its own rhythm, so that a silent one does not delay the others.
 *
 * A name is looked up again after a while, and sooner if a probe was lost. Addresses that it no longer has are not
 * probed any longer.
 *
 * @param options The hosts to probe, and how.
 * @returns The first addresses of each host, then probes and changes as they come.
 * @throws {Failure} If a host is not found at the start, or this process cannot send probes.
 *
 * @example
 * ```ts
 * import { pingHosts } from "./hosts.ts";
 *
 * const hosts = [{ hostname: "127.0.0.1", port: 1 }, { hostname: "127.0.0.1", port: 2 }];
 * for await (const event of pingHosts({ hosts, count: 1 })) {
 *   if (event.kind === "probe") console.log(event.index, event.address, event.state);
 * }
 * ```
 */
export async function* pingHosts(options: PingHostsOptions): AsyncGenerator<PingEvent, void> {
  const stop = new AbortController();
  const outer = options.signal === undefined ? [] : [options.signal];
  const signal = AbortSignal.any([...outer, stop.signal]);
  const events = new Handover<PingEvent>();
  const runs = options.hosts.map((_, index) => new HostRun({ ...options, signal }, index, events));
  const first = await untilAborted(Promise.all(runs.map((run) => run.lookUpFirst())), signal);
  if (first === undefined) return;
  const total = first.reduce((sum, { addresses }) => sum + addresses.length, 0);
  await warmUp(options.count !== 1 || total > 1 || runs.some(({ isFollowed }) => isFollowed));
  yield* first;
  const staggerMs = Math.min(STAGGER_MS, (options.intervalMs ?? DEFAULT_PROBES.intervalMs) / total);
  let place = 0;
  const ends = runs.map((run, i) => run.run(first[i]!.addresses.map(() => staggerMs * place++)));
  Promise.all(ends).then(() => events.end(), (error) => events.end(error));
  try {
    yield* events;
  } finally {
    stop.abort();
    events.end();
  }
}

/** Probes one host. */
class HostRun {
  readonly #options: PingHostsOptions;
  readonly #index: number;
  readonly #host: HostPort;
  readonly #events: Handover<PingEvent>;
  readonly #list: AddressList;
  readonly #schedule: LookupSchedule;
  /** Aborted when all probes are sent, and when the run is interrupted. */
  readonly #signal: AbortSignal;
  readonly #done = new AbortController();
  /** Stops the probes of an address. */
  readonly #stops = new Map<string, AbortController>();
  readonly #probing = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();
  /** The highest number of a probe. */
  #reached = 0;
  /** Aborted when a probe is lost. */
  #lost = new AbortController();
  #isLookupFailing = false;

  constructor(options: PingHostsOptions, index: number, events: Handover<PingEvent>) {
    this.#options = options;
    this.#index = index;
    this.#host = options.hosts[index]!;
    this.#events = events;
    this.#list = new AddressList(options.family);
    const { refreshMs = DEFAULT_PROBES.refreshMs, signal } = options;
    const isAddress = literal(this.#host.hostname) !== undefined;
    this.#schedule = new LookupSchedule(isAddress ? 0 : refreshMs, performance.now());
    this.#signal = signal === undefined
      ? this.#done.signal
      : AbortSignal.any([signal, this.#done.signal]);
  }

  /** Whether the host is looked up again. */
  get isFollowed(): boolean {
    return this.#schedule.dueAt < Infinity;
  }

  /** Looks the host up for the first time. */
  async lookUpFirst(): Promise<HostAddresses> {
    requireZone(this.#host.hostname, `cannot probe ${hostPort(this.#host)}`);
    const change = this.#list.update(await this.#lookUp());
    this.#schedule.lookedUp(performance.now());
    return { kind: "addresses", index: this.#index, ...change! };
  }

  /** Returns the addresses of the host, at least one of them of the wanted family. */
  async #lookUp(): Promise<readonly HostAddress[]> {
    const { hostname } = this.#host;
    const what = `cannot find ${hostname}`;
    const known = literal(hostname);
    try {
      const lookUp = this.#options.lookUp ?? lookUpHost;
      const found = known === undefined ? await lookUp(hostname) : [known];
      if (this.#list.usable(found).length > 0) return found;
    } catch (error) {
      throw toFailure(error, what);
    }
    // The system may know one of the two addresses only (RFC 6761 section 6.3).
    if (/^(.*\.)?localhost\.?$/i.test(hostname)) {
      return [this.#options.family === "IPv6" ? LOCALHOST.IPv6 : LOCALHOST.IPv4];
    }
    const why = `it has no ${this.#options.family ?? "IPv4 or IPv6"} address`;
    throw new Failure({ what, why, code: "ENOTFOUND" });
  }

  /** Probes the host until all probes are sent or the signal is aborted. */
  async run(delaysMs: readonly number[]): Promise<void> {
    this.#list.current.forEach((address, i) => this.#start(address, 1, delaysMs[i] ?? 0));
    const ended = Promise.all([this.#probesEnd(), this.#refresh()]);
    await Promise.race([ended, this.#failed.promise]);
  }

  #start(address: string, firstNumber: number, delayMs = 0): void {
    const stop = new AbortController();
    this.#stops.set(address, stop);
    const signal = AbortSignal.any([this.#signal, stop.signal]);
    const probing = this.#probe(address, firstNumber, delayMs, signal);
    this.#probing.add(probing.catch(this.#failed.reject));
  }

  /** Waits for all probes, also for those of addresses that are added meanwhile. */
  async #probesEnd(): Promise<void> {
    for (const probing of this.#probing) {
      await probing;
      this.#probing.delete(probing);
    }
    this.#done.abort();
  }

  async #probe(
    address: string,
    firstNumber: number,
    delayMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { count = DEFAULT_PROBES.count, intervalMs = DEFAULT_PROBES.intervalMs } = this.#options;
    await pause(delayMs, signal);
    for (let seq = firstNumber; count === 0 || seq <= count; seq++) {
      const start = performance.now();
      const event = await this.#probeOnce(address, seq, signal);
      if (event === undefined) return;
      this.#reached = Math.max(this.#reached, seq);
      if (!event.answered) this.#noteLoss();
      await this.#events.give(event);
      if (seq !== count) await pause(start + intervalMs - performance.now(), signal);
    }
  }

  async #probeOnce(
    address: string,
    seq: number,
    signal: AbortSignal,
  ): Promise<HostProbe | undefined> {
    const { open = false, timeoutMs = DEFAULT_PROBES.timeoutMs } = this.#options;
    const common = { kind: "probe", index: this.#index, address, seq } as const;
    try {
      const { port } = this.#host;
      const result = await probe({ hostname: address, port, timeoutMs, signal });
      if (result === undefined) return undefined;
      const { state } = result;
      const answered = state === "open" || (state === "refused" && !open);
      return { ...common, ...result, answered };
    } catch (error) {
      // A name server may return an address that no socket accepts.
      if (!(error instanceof Failure) || OWN_FAILURES.includes(error.code)) throw error;
      const failed = { state: "unreachable", time_ms: null, answered: false } as const;
      return { ...common, ...failed, error: error.code };
    }
  }

  #noteLoss(): void {
    this.#schedule.lost();
    this.#lost.abort();
    this.#lost = new AbortController();
  }

  /** Looks the name up again whenever it is due, until the signal is aborted. */
  async #refresh(): Promise<void> {
    const signal = this.#signal;
    while (this.isFollowed && !signal.aborted) {
      const waitMs = Math.min(this.#schedule.dueAt - performance.now(), MAX_TIMER_MS);
      if (waitMs > 0) await pause(waitMs, AbortSignal.any([signal, this.#lost.signal]));
      else {
        const event = await untilAborted(this.#lookUpAgain(), signal);
        if (event === undefined) continue;
        await this.#events.give(event);
        if (event.kind === "addresses") this.#follow(event);
      }
    }
  }

  #follow({ added, removed }: AddressChange): void {
    for (const address of added) this.#start(address, this.#reached + 1);
    for (const address of removed) this.#stops.get(address)?.abort();
    for (const address of removed) this.#stops.delete(address);
  }

  async #lookUpAgain(): Promise<HostAddresses | HostLookupFailed | undefined> {
    const index = this.#index;
    try {
      const change = this.#list.update(await this.#lookUp());
      this.#isLookupFailing = false;
      return change === undefined ? undefined : { kind: "addresses", index, ...change };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const isKnown = this.#isLookupFailing;
      this.#isLookupFailing = true;
      return isKnown ? undefined : { kind: "lookup_failed", index, failure: error };
    } finally {
      this.#schedule.lookedUp(performance.now());
    }
  }
}

/** The addresses of `localhost`. */
const LOCALHOST = {
  IPv4: { address: "127.0.0.1", family: "IPv4" },
  IPv6: { address: "::1", family: "IPv6" },
} as const;

/** Waits for a lookup, which cannot be cancelled. Returns undefined once the signal is aborted. */
async function untilAborted<T>(lookup: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = () => resolve(undefined);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  try {
    return await Promise.race([lookup, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** Returns the address that a text is; undefined for a name. */
function literal(hostname: string): HostAddress | undefined {
  if (hostname.includes(":")) return { address: hostname, family: "IPv6" };
  const parts = hostname.split(".");
  const isIpv4 = parts.length === 4 &&
    parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
  return isIpv4 ? { address: hostname, family: "IPv4" } : undefined;
}

/** Hands items over to one consumer. A giver waits until its item is taken. */
class Handover<T> implements AsyncIterable<T> {
  readonly #waiting: { readonly item: T; readonly taken: () => void }[] = [];
  #changed = Promise.withResolvers<void>();
  #isEnded = false;
  #error: unknown;

  /** Resolves when the item is taken, or at once after the end. */
  give(item: T): Promise<void> {
    if (this.#isEnded) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ item, taken: resolve });
    this.#changed.resolve();
    return promise;
  }

  /** Ends the iteration, with the error if there is one. */
  end(error?: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#error = error;
    this.#changed.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        next.taken();
        yield next.item;
      } else if (this.#isEnded) {
        if (this.#error !== undefined) throw this.#error;
        return;
      } else {
        await this.#changed.promise;
        this.#changed = Promise.withResolvers();
      }
    }
  }
}
