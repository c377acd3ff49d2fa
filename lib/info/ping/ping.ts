/**
 * Measures the round-trip time to a host by TCP connect, which needs no privileges as ICMP echo does, and keeps what a
 * ping knows: statistics, the addresses of a name, and when to look the name up again.
 *
 * An accepted connection and a refused one both show that the host is up: either answer (a SYN-ACK or a RST, RFC 9293)
 * takes one round trip.
 *
 * @module
 */

import { pause } from "../../base/clock.ts";
import { DEFAULT_PROBES, hostPort } from "../../base/host_port.ts";
import { type HostAddress, requireZone } from "../../net/resolve_host.ts";
import { errorCode, failedPortState, toFailure } from "../../os/errors.ts";

/** One probe. */
export interface Probe {
  /** Its number, from 1. */
  readonly seq: number;
  /** Its result. */
  readonly state: ProbeState;
  /** The round-trip time in milliseconds; null if no answer came. */
  readonly time_ms: number | null;
  /** The error code if the host is unreachable, such as `ENETUNREACH`; otherwise null. */
  readonly error: string | null;
}

/** The host to probe, and how. */
export interface PingOptions {
  /** An address. A name would be looked up for each probe. */
  readonly hostname: string;
  /** The TCP port. */
  readonly port: number;
  /** How many probes; 0 for as many as there is time for. {@linkcode DEFAULT_PROBES} has the default. */
  readonly count?: number;
  /** From the start of one probe to that of the next, in milliseconds; {@linkcode DEFAULT_PROBES} has the default. */
  readonly intervalMs?: number;
  /** How long to wait for an answer, in milliseconds; {@linkcode DEFAULT_PROBES} has the default. */
  readonly timeoutMs?: number;
  /** Ends the run. A probe under way is not counted. */
  readonly signal?: AbortSignal;
}

/**
 * Probes a host repeatedly.
 *
 * @param options The host to probe, and how.
 * @returns Each probe, once it is answered or timed out.
 * @throws {Failure} If this machine cannot send the probe.
 *
 * @example
 * ```ts
 * import { ping } from "./ping.ts";
 *
 * for await (const { state, time_ms } of ping({ hostname: "127.0.0.1", port: 1, count: 1 })) {
 *   console.log(state, time_ms);
 * }
 * ```
 */
export async function* ping(options: PingOptions): AsyncGenerator<Probe, void> {
  const { count = DEFAULT_PROBES.count, intervalMs = DEFAULT_PROBES.intervalMs, signal } = options;
  await warmUp(count !== 1);
  for (let seq = 1; count === 0 || seq <= count; seq++) {
    const start = performance.now();
    const result = await probe(options);
    if (result === undefined) return;
    yield { seq, ...result };
    if (seq === count) return;
    await pause(start + intervalMs - performance.now(), signal);
    if (interrupted(signal)) return;
  }
}

/**
 * Sends one probe.
 *
 * @param options The host to probe, and how.
 * @returns The result without a number; undefined if the signal interrupted it.
 * @throws {Failure} If this machine cannot send the probe.
 */
export async function probe(
  { hostname, port, timeoutMs = DEFAULT_PROBES.timeoutMs, signal }: Omit<
    PingOptions,
    "count" | "intervalMs"
  >,
): Promise<Omit<Probe, "seq"> | undefined> {
  if (interrupted(signal)) return undefined;
  requireZone(hostname, `cannot probe ${hostPort({ hostname, port })}`);
  const deadline = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const start = performance.now();
  const taken = () => Math.round((performance.now() - start) * 1000) / 1000;
  try {
    const connection = await Deno.connect({ hostname, port, signal: either });
    const time_ms = taken();
    connection.close();
    return { state: "open", time_ms, error: null };
  } catch (error) {
    const time_ms = taken();
    if (interrupted(signal)) return undefined;
    if (deadline.aborted) return { state: "timeout", time_ms: null, error: null };
    const state = failedPortState(error);
    if (state === undefined) throw toFailure(error, `cannot probe ${hostname}, port ${port}`);
    return {
      state,
      time_ms: state === "refused" ? time_ms : null,
      error: state === "unreachable" ? errorCode(error) ?? null : null,
    };
  }
}

function interrupted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/**
 * Makes the runtime load its code for connections and timers. Otherwise the first probe of a process would take some
 * milliseconds longer.
 *
 * @param timers Whether timers will be needed. Loading their code takes a while, too.
 */
export async function warmUp(timers: boolean): Promise<void> {
  if (timers) clearTimeout(setTimeout(() => {}, 0));
  try {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { hostname, port } = listener.addr;
    listener.close();
    (await Deno.connect({ hostname, port })).close();
  } catch (error) {
    // The connection is refused, as expected, or not permitted. Without the warm-up the first probe takes longer.
    if (!(error instanceof Error)) throw error;
  }
}

/** The result of a probe. `open` and `refused` show that the host is up. */
export type ProbeState = "open" | "refused" | "timeout" | "unreachable";

/** A summary of probes. Times are null if no probe was answered. */
export interface PingSummary {
  /** The number of probes. */
  readonly sent: number;
  /** The number of answered probes. */
  readonly answered: number;
  /** The share of unanswered probes, in percent. */
  readonly loss_percent: number;
  /** The shortest time, in milliseconds. */
  readonly min_ms: number | null;
  /** The mean, in milliseconds. */
  readonly avg_ms: number | null;
  /** The longest time, in milliseconds. */
  readonly max_ms: number | null;
  /** The population standard deviation, in milliseconds. */
  readonly stddev_ms: number | null;
  /** The time that half of the answers did not exceed, in milliseconds, to within 0.1 %. */
  readonly p50_ms: number | null;
  /** The time that 90 % of the answers did not exceed, in milliseconds, to within 0.1 %. */
  readonly p90_ms: number | null;
  /** The time that 99 % of the answers did not exceed, in milliseconds, to within 0.1 %. */
  readonly p99_ms: number | null;
  /** The mean difference between one answer's time and the next one's, in milliseconds; null before the second. */
  readonly jitter_ms: number | null;
}

/** Summarises probes as they come, in constant memory, since a ping may run for days. */
export class PingStatistics {
  #sent = 0;
  #answered = 0;
  #min = Infinity;
  #max = -Infinity;
  /** The mean and the sum of squared deviations, by Welford's algorithm. */
  #mean = 0;
  #squares = 0;
  #previous: number | undefined;
  /** The sum of the differences between one time and the next. */
  #differences = 0;
  readonly #distribution = new Distribution();

  /** Adds a probe. */
  add({ time_ms }: { readonly time_ms: number | null }): void {
    this.#sent += 1;
    if (time_ms === null) return;
    this.#answered += 1;
    this.#min = Math.min(this.#min, time_ms);
    this.#max = Math.max(this.#max, time_ms);
    const delta = time_ms - this.#mean;
    this.#mean += delta / this.#answered;
    this.#squares += delta * (time_ms - this.#mean);
    this.#differences += Math.abs(time_ms - (this.#previous ?? time_ms));
    this.#previous = time_ms;
    this.#distribution.add(time_ms);
  }

  /** The summary so far. */
  get summary(): PingSummary {
    const [sent, answered] = [this.#sent, this.#answered];
    const time = (ms: number) => answered === 0 ? null : Math.round(ms * 1000) / 1000;
    const [p50 = NaN, p90 = NaN, p99 = NaN] = this.#distribution.percentiles([0.5, 0.9, 0.99]);
    return {
      sent,
      answered,
      loss_percent: sent === 0 ? 0 : Math.round((sent - answered) / sent * 1000) / 10,
      min_ms: time(this.#min),
      avg_ms: time(this.#mean),
      max_ms: time(this.#max),
      stddev_ms: time(Math.sqrt(this.#squares / answered)),
      p50_ms: time(p50),
      p90_ms: time(p90),
      p99_ms: time(p99),
      jitter_ms: answered < 2 ? null : time(this.#differences / (answered - 1)),
    };
  }
}

/** Each bucket of a {@linkcode Distribution} ends 0.1 % above its start. */
const BUCKET_FACTOR = 1.001;
/** Times below this one, in milliseconds, share a bucket. */
const LEAST_MS = 0.001;

/**
 * Times in buckets. A bucket knows the mean of its times, so few times are kept exactly. Between a microsecond and ten
 * minutes there are about 20,000 buckets, so memory is bounded.
 */
class Distribution {
  readonly #buckets = new Map<number, { count: number; sum: number }>();
  #count = 0;

  add(ms: number): void {
    const index = Math.floor(Math.log(Math.max(ms, LEAST_MS)) / Math.log(BUCKET_FACTOR));
    const bucket = this.#buckets.get(index) ?? { count: 0, sum: 0 };
    bucket.count += 1;
    bucket.sum += ms;
    this.#buckets.set(index, bucket);
    this.#count += 1;
  }

  /** Returns percentiles by the nearest-rank method; empty without times. The shares are in ascending order. */
  percentiles(shares: readonly number[]): number[] {
    const found: number[] = [];
    let below = 0;
    for (const [, { count, sum }] of [...this.#buckets].sort(([a], [b]) => a - b)) {
      below += count;
      while (found.length < shares.length && below >= this.#rank(shares[found.length]!)) {
        found.push(sum / count);
      }
    }
    return found;
  }

  #rank(share: number): number {
    return Math.max(1, Math.ceil(share * this.#count));
  }
}

/**
 * Draws times as a line of bars. The shortest time has the lowest bar.
 *
 * @param times Times in milliseconds. Null, for an unanswered probe, becomes `×`.
 */
export function sparkline(times: readonly (number | null)[]): string {
  const answered = times.filter((time) => time !== null);
  const min = Math.min(...answered);
  const span = Math.max(...answered) - min;
  const bar = (time: number) => {
    const level = span === 0 ? 0 : Math.round((time - min) / span * (BARS.length - 1));
    return BARS[level]!;
  };
  return times.map((time) => time === null ? "×" : bar(time)).join("");
}

const BARS = [..."▁▂▃▄▅▆▇█"];

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
