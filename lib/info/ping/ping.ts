/**
 * Measures the round-trip time to a host by TCP connect. Unlike ICMP echo, this needs no privileges.
 *
 * An accepted connection and a refused one both show that the host is up: either answer (a SYN-ACK or a RST, RFC 9293)
 * takes one round trip.
 *
 * @module
 */

import { pause } from "../../base/clock.ts";
import { DEFAULT_PROBES } from "../../base/defaults.ts";
import { hostPort } from "../../base/host_port.ts";
import { requireZone } from "../../net/resolve_host.ts";
import { errorCode, failedPortState, toFailure } from "../../os/errors.ts";
import type { ProbeState } from "./state.ts";

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
