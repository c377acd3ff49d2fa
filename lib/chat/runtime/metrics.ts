/**
 * What a relay counts, as text for Prometheus (exposition format 0.0.4), and the server that serves it.
 *
 * Names follow Prometheus's conventions: base units, `_total` for what only rises.
 *
 * @module
 */

import { isLoopback, isOwnHost } from "../../base/host_port.ts";
import { toFailure } from "../../os/errors.ts";
import { JOIN_BUCKETS, type RelayState, type Tally } from "../relay/outbox.ts";

/** The media type of {@linkcode exposition}. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

interface Sample {
  readonly labels?: string;
  readonly suffix?: string;
  readonly value: number;
}

/** What the metrics tell: a relay's state, and what became of its log. */
export interface RelayCounts extends RelayState {
  /** Lines of the log that were dropped, since they could not be written. */
  readonly logLinesDropped?: number;
}

/**
 * Writes a relay's state down for Prometheus.
 *
 * @param state The relay.
 * @param residentBytes The memory of the process.
 */
export function exposition(state: RelayCounts, residentBytes: number): string {
  const { tally } = state;
  const reasons = [...tally.disconnects].map(([reason, value]) => ({
    labels: `{reason="${reason}"}`,
    value,
  }));
  return [
    metric("parley_members", "gauge", "Members in the room.", state.members),
    metric("parley_connections", "gauge", "Open connections.", state.connections),
    metric("parley_pending_connections", "gauge", "Connections not joined yet.", state.pending),
    metric(
      "parley_queue_bytes",
      "gauge",
      "Bytes sent to members and not acknowledged yet.",
      state.queueBytes,
    ),
    metric("parley_joins_total", "counter", "Members that came in.", tally.joins),
    metric(
      "parley_messages_total",
      "counter",
      "Sealed frames that members sent; one may carry several lines.",
      tally.messages,
    ),
    metric(
      "parley_deliveries_total",
      "counter",
      "Sealed frames sent on, once for each recipient.",
      tally.deliveries,
    ),
    metric(
      "parley_received_bytes_total",
      "counter",
      "Bytes that connections brought.",
      tally.receivedBytes,
    ),
    metric(
      "parley_slowed_seconds_total",
      "counter",
      "Time for which members that spoke too fast were not read.",
      tally.slowedMs / 1000,
    ),
    metric(
      "parley_failures_total",
      "counter",
      "Exceptions that no input explains; each ended one connection at most.",
      tally.failures,
    ),
    metric(
      "parley_disconnects_total",
      "counter",
      "Connections that ended, by reason.",
      ...reasons,
    ),
    metric(
      "parley_join_duration_seconds",
      "histogram",
      "From the connection to being in.",
      ...joinSamples(tally),
    ),
    metric(
      "parley_log_lines_dropped_total",
      "counter",
      "Lines of the log that could not be written.",
      state.logLinesDropped ?? 0,
    ),
    metric(
      "process_resident_memory_bytes",
      "gauge",
      "Resident memory of the process.",
      residentBytes,
    ),
  ].join("");
}

function metric(
  name: string,
  type: "counter" | "gauge" | "histogram",
  help: string,
  ...values: readonly (number | Sample)[]
): string {
  const lines = values.map((value) => {
    const sample = typeof value === "number" ? { value } : value;
    return `${name}${sample.suffix ?? ""}${sample.labels ?? ""} ${sample.value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function joinSamples({ joins, joinMs, joinTimes }: Tally): Sample[] {
  let below = 0;
  const buckets = joinTimes.map((count, i) => {
    below += count;
    const bound = JOIN_BUCKETS[i] ?? "+Inf";
    return { suffix: "_bucket", labels: `{le="${bound}"}`, value: below };
  });
  return [...buckets, { suffix: "_sum", value: joinMs / 1000 }, { suffix: "_count", value: joins }];
}

/**
 * Serves a relay's metrics at `http://127.0.0.1:PORT/metrics`, to this machine alone. A request whose `Host` is
 * neither `localhost` nor an address of loopback is answered with 421 (RFC 9110 section 15.5.20).
 *
 * @param port The port; 0 for any free one.
 * @param state Tells the relay's state.
 * @param signal Ends it, and every connection to it.
 * @throws {Failure} Where the port cannot be listened on.
 */
export function serveMetrics(
  port: number,
  state: () => RelayCounts,
  signal: AbortSignal,
): Deno.HttpServer<Deno.NetAddr> {
  const hostname = "127.0.0.1";
  const options = { hostname, port, signal, onListen: () => {} };
  try {
    return Deno.serve(options, (request) => respond(request, state));
  } catch (error) {
    throw toFailure(error, `cannot serve metrics on ${hostname}:${port}`);
  }
}

const MISDIRECTED =
  "this is served to http://127.0.0.1 and http://localhost alone, and the request names another host\n";

function respond(request: Request, state: () => RelayCounts): Response {
  // A request may name a URL that is none; it is not to end in a stack trace in the log.
  const url = URL.parse(request.url);
  // A page in a browser may ask by a name that it lets resolve to this machine.
  const hosts = [url?.host ?? null, request.headers.get("host")];
  if (!hosts.every((host) => isOwnHost(host, { address: isLoopback }))) {
    return new Response(MISDIRECTED, { status: 421 });
  }
  const pathname = url?.pathname;
  if (pathname !== "/metrics") return new Response("try /metrics\n", { status: 404 });
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("GET it\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const text = exposition(state(), Deno.memoryUsage().rss);
  return new Response(text, { headers: { "content-type": EXPOSITION_TYPE } });
}
