/**
 * `parley info ping`.
 *
 * @module
 */

import { readAddress } from "../../cli/host.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import {
  ping,
  PingStatistics,
  type PingSummary,
  type Probe,
  type ProbeState,
  sparkline,
} from "../../info/socket/ping.ts";
import { lookUpHost } from "../../net/resolve_host.ts";
import { toFailure } from "../../os/errors.ts";
import { type Io, StopSignals } from "../../os/io.ts";
import { makeStyle, type Style } from "../../terminal/terminal.ts";
import type { INFO_PING } from "./spec.ts";

const COLOUR: Readonly<Record<ProbeState, keyof Style>> = {
  open: "green",
  refused: "yellow",
  timeout: "red",
  unreachable: "red",
};

/** Probes a host until all probes are sent or a signal stops it. */
export async function pingHost(
  { options, operands }: Input<typeof INFO_PING>,
  io: Io,
): Promise<number> {
  const { hostname: host, port } = readAddress(operands[0] ?? "", 80);
  const { address } = await firstAddress(host);
  const style = makeStyle(io.output.coloured);
  using signals = new StopSignals(io);
  const interruption = new AbortController();
  let stopped: number | undefined;
  signals.stopped.then((code) => {
    stopped = code;
    interruption.abort();
  });
  const statistics = new PingStatistics();
  const times: (number | null)[] = [];
  const target = { host, address, port };
  if (!options.json) printLines(io, [style.dim(heading(target))]);
  const probes = ping({
    hostname: address,
    port,
    count: options.count,
    intervalMs: options.interval,
    timeoutMs: options.wait,
    signal: interruption.signal,
  });
  for await (const probe of probes) {
    statistics.add(probe);
    times.push(probe.time_ms);
    if (times.length > 200) times.shift();
    if (options.json) printJson(io, { event: "probe", ...target, ...probe });
    else printLines(io, [line(probe, style)]);
  }
  const { summary } = statistics;
  if (options.json) printJson(io, { event: "summary", ...target, ...summary });
  else printLines(io, closing(summary, times, io.output.columns));
  // Ctrl-C means that a person interrupted the command. A script may use SIGTERM to limit the time of a normal run.
  if (stopped === 130) return 130;
  return summary.answered > 0 ? 0 : 1;
}

async function firstAddress(host: string) {
  try {
    const [first] = await lookUpHost(host);
    return first!;
  } catch (error) {
    throw toFailure(error, `cannot find ${host}`);
  }
}

function heading(
  { host, address, port }: { readonly host: string; readonly address: string; port: number },
): string {
  return `${host === address ? host : `${host} (${address})`}, port ${port}, by TCP connect`;
}

function line({ seq, state, time_ms }: Probe, style: Style): string {
  const time = time_ms === null ? "" : `${time_ms.toFixed(2)} ms`.padStart(12);
  return `${String(seq).padStart(4)}  ${style[COLOUR[state]](state.padEnd(11))}${time}`.trimEnd();
}

function closing(
  summary: PingSummary,
  times: readonly (number | null)[],
  width: number | undefined,
): string[] {
  const { sent, answered, loss_percent, min_ms, avg_ms, max_ms, stddev_ms } = summary;
  const lines = ["", `${sent} sent, ${answered} answered, ${loss_percent}% lost`];
  if (min_ms === null || avg_ms === null || max_ms === null || stddev_ms === null) return lines;
  const numbers = [min_ms, avg_ms, max_ms, stddev_ms].map((ms) => ms.toFixed(2)).join(" / ");
  lines.push(`min / avg / max / stddev  ${numbers} ms`);
  if (width !== undefined && times.length > 1) lines.push(sparkline(times.slice(-width)));
  return lines;
}
