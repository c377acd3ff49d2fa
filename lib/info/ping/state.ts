/**
 * What a ping knows: the statistics of its probes, the addresses of a name, and when to look the name up again. No I/O.
 *
 * @module
 */

import type { HostAddress } from "../../net/resolve_host.ts";

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
