/**
 * Measures the round-trip time to a host by TCP connect. Unlike ICMP echo, this needs no privileges.
 *
 * An accepted connection and a refused one both show that the host is up: either answer (a SYN-ACK or a RST, RFC 9293)
 * takes one round trip.
 *
 * @module
 */

import { DEFAULT_PROBES } from "../../base/defaults.ts";
import { hostPort } from "../../base/host_port.ts";
import { requireZone } from "../../net/resolve_host.ts";
import { failedPortState, toFailure } from "../../os/errors.ts";

/** The result of a probe. `open` and `refused` show that the host is up. */
export type ProbeState = "open" | "refused" | "timeout" | "unreachable";

/** One probe. */
export interface Probe {
  /** Its number, from 1. */
  readonly seq: number;
  /** Its result. */
  readonly state: ProbeState;
  /** The round-trip time in milliseconds; null if no answer came. */
  readonly time_ms: number | null;
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
  await warmUp();
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

/** Sends one probe. Returns undefined if interrupted. */
async function probe(
  { hostname, port, timeoutMs = DEFAULT_PROBES.timeoutMs, signal }: PingOptions,
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
    return { state: "open", time_ms };
  } catch (error) {
    const time_ms = taken();
    if (interrupted(signal)) return undefined;
    if (deadline.aborted) return { state: "timeout", time_ms: null };
    const state = failedPortState(error);
    if (state === undefined) throw toFailure(error, `cannot probe ${hostname}, port ${port}`);
    return { state, time_ms: state === "refused" ? time_ms : null };
  }
}

function interrupted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/**
 * Makes the runtime load its code for connections. Otherwise the first probe of a process would take some milliseconds
 * longer.
 */
async function warmUp(): Promise<void> {
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

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  if (ms <= 0 || interrupted(signal)) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const wake = () => resolve();
  signal?.addEventListener("abort", wake, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", wake);
}

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

  /** Adds a probe. */
  add({ time_ms }: Pick<Probe, "time_ms">): void {
    this.#sent += 1;
    if (time_ms === null) return;
    this.#answered += 1;
    this.#min = Math.min(this.#min, time_ms);
    this.#max = Math.max(this.#max, time_ms);
    const delta = time_ms - this.#mean;
    this.#mean += delta / this.#answered;
    this.#squares += delta * (time_ms - this.#mean);
  }

  /** The summary so far. */
  get summary(): PingSummary {
    const [sent, answered] = [this.#sent, this.#answered];
    const time = (ms: number) => answered === 0 ? null : Math.round(ms * 1000) / 1000;
    return {
      sent,
      answered,
      loss_percent: sent === 0 ? 0 : Math.round((sent - answered) / sent * 1000) / 10,
      min_ms: time(this.#min),
      avg_ms: time(this.#mean),
      max_ms: time(this.#max),
      stddev_ms: time(Math.sqrt(this.#squares / answered)),
    };
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
