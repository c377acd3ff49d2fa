/**
 * What a relay tells: people at its terminal, its log, and its metrics as text for Prometheus (exposition format 0.0.4)
 * with the HTTP server for them.
 *
 * Metric names follow Prometheus's conventions: base units, and `_total` for counters.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import { hostPort, isLoopback, isOwnHost } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import { toFailure } from "../../os/errors.ts";
import type { Io } from "../../os/io.ts";
import { Log, type LogLevel, LogSink } from "../../os/log.ts";
import {
  JOIN_BUCKETS,
  type Origin,
  type RelayEvent,
  type RelayState,
  type Tally,
} from "../relay/options.ts";
import type { RelayServer } from "../runtime/room.ts";
import { hasPlainDetail, REASONS } from "../wire/kinds.ts";
import { leftText, presenceText } from "./peer_texts.ts";
import type { JoinCommands, Listening, ServerPresenter } from "./presenter.ts";
import { Transcript } from "./transcript.ts";

/** Options of {@linkcode RelayMonitor}. */
export interface WatchOptions {
  /** The standard streams; the log goes to standard error. */
  readonly io: Io;
  /** The log level; without it, there is no log. */
  readonly logLevel?: LogLevel | undefined;
  /** The port for metrics on loopback, 0 for any free port; without it, there are no metrics. */
  readonly metricsPort?: number | undefined;
}

/** The longest wait for the last log lines at the end, in milliseconds. */
const FLUSH_MS = 1_000;

/** Logs the events of one relay and serves its metrics. */
export class RelayMonitor implements AsyncDisposable {
  readonly #sink: LogSink;
  readonly #log: Log;
  readonly #metricsPort: number | undefined;
  readonly #stop = new AbortController();
  #metrics: Deno.HttpServer<Deno.NetAddr> | undefined;

  /**
   * Must be constructed before the relay.
   *
   * @param options The log level and the metrics port.
   */
  constructor({ io, logLevel, metricsPort }: WatchOptions) {
    this.#sink = new LogSink(
      io.errors,
      (lines) => this.#log.write("warn", "dropped", { lines }),
    );
    this.#log = new Log(logLevel, (line) => this.#sink.write(line));
    this.#metricsPort = metricsPort;
  }

  /** The callback for `RelayServerOptions.event`. */
  readonly event = (event: RelayEvent): void => logRelayEvent(this.#log, event);

  /** The callback for `RelayServerOptions.trouble`. */
  readonly trouble = (failure: Failure): void => logTrouble(this.#log, failure);

  /**
   * Logs that the relay listens and starts the metrics server.
   *
   * @param server The relay.
   * @returns The URL of the metrics, or undefined if there are none.
   * @throws {Failure} If the metrics port cannot be used.
   */
  start(server: RelayServer): string | undefined {
    const { tls, addr: { hostname, port } } = server;
    const room = server.room.slice(0, 8).toHex();
    this.#log.write("info", "listening", { address: hostPort({ hostname, port }), room, tls });
    server.finished.catch((error) => {
      this.#log.write("error", "failed", { error: String(error) });
    });
    if (this.#metricsPort === undefined) return undefined;
    const counts = () => ({ ...server.state(), logLinesDropped: this.#sink.dropped });
    const metrics = serveMetrics(this.#metricsPort, counts, this.#stop.signal);
    this.#metrics = metrics;
    const url = `http://${metrics.addr.hostname}:${metrics.addr.port}/metrics`;
    this.#log.write("info", "metrics", { url });
    return url;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#metrics?.finished;
    this.#log.write("info", "stopped");
    await Promise.race([this.#sink.flushed, new Promise((done) => setTimeout(done, FLUSH_MS))]);
  }
}

/** Logs an event of a relay. */
export function logRelayEvent(log: Log, event: RelayEvent): void {
  switch (event.kind) {
    case "connected":
      return log.write("debug", "connected", { from: originText(event.from) });
    case "joined": {
      const { name, fingerprint } = event.credential;
      const from = originText(event.from);
      return log.write("info", "joined", { name, fingerprint, roomName: nameOf(event), from });
    }
    case "left": {
      const { name, fingerprint } = event.credential;
      return log.write("info", "left", {
        name,
        fingerprint,
        roomName: nameOf(event),
        reason: event.reason,
      });
    }
    case "away":
    case "back": {
      const { name, fingerprint } = event.credential;
      return log.write("info", event.kind, { name, fingerprint, roomName: nameOf(event) });
    }
    case "refused": {
      const { reason, detail } = event;
      const fields = { reason, detail: detail === "" ? undefined : detail };
      return log.write(refusalLevel(reason), "refused", {
        ...fields,
        from: originText(event.from),
      });
    }
    case "slowed": {
      const { name, fingerprint } = event.credential;
      return log.write("warn", "slowed", { name, fingerprint, ms: Math.ceil(event.ms) });
    }
    case "failed":
      return log.write("error", "failed", { error: event.detail });
  }
}

/** Logs that a connection could not be accepted. */
export function logTrouble(log: Log, { what, why, code }: Failure): void {
  log.write("warn", "trouble", { what, why, code });
}

/** Returns the log level of a refusal: connections that close normally are not worth a warning. */
function refusalLevel(reason: string): LogLevel {
  return reason === "LOST" || reason === "LEFT" || reason === "SHUTDOWN" ? "debug" : "warn";
}

/** Returns the name of the room where something happened; undefined if the room has none. */
function nameOf({ roomName }: { readonly roomName: string }): string | undefined {
  return roomName === "" ? undefined : roomName;
}

function originText(from: Origin | undefined): string | undefined {
  return from === undefined ? undefined : hostPort(from);
}

/** The media type of {@linkcode exposition}. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

interface Sample {
  readonly labels?: string;
  readonly suffix?: string;
  readonly value: number;
}

/** The source of the metrics: a relay's state and its log. */
export interface RelayCounts extends RelayState {
  /** Log lines that were dropped because they could not be written. */
  readonly logLinesDropped?: number;
}

/**
 * Formats a relay's state for Prometheus.
 *
 * @param state The relay's state.
 * @param residentBytes The resident memory of the process, in bytes.
 * @returns The text of media type {@linkcode EXPOSITION_TYPE}.
 */
export function exposition(state: RelayCounts, residentBytes: number): string {
  const { tally } = state;
  const reasons = [...tally.disconnects].map(([reason, value]) => ({
    labels: `{reason="${reason}"}`,
    value,
  }));
  return [
    metric("parley_rooms", "gauge", "Rooms.", state.rooms),
    metric("parley_members", "gauge", "Members in all rooms.", state.members),
    metric("parley_connections", "gauge", "Open connections.", state.connections),
    metric(
      "parley_pending_connections",
      "gauge",
      "Connections that have not joined yet.",
      state.pending,
    ),
    metric(
      "parley_queue_bytes",
      "gauge",
      "Bytes sent to members and not yet acknowledged.",
      state.queueBytes,
    ),
    metric("parley_joins_total", "counter", "Members that joined.", tally.joins),
    metric(
      "parley_messages_total",
      "counter",
      "Sealed frames that members sent. A frame may carry several lines.",
      tally.messages,
    ),
    metric(
      "parley_deliveries_total",
      "counter",
      "Sealed frames forwarded, counted once for each recipient.",
      tally.deliveries,
    ),
    metric(
      "parley_received_bytes_total",
      "counter",
      "Bytes received from all connections.",
      tally.receivedBytes,
    ),
    metric(
      "parley_slowed_seconds_total",
      "counter",
      "Time for which members that sent too fast were not read.",
      tally.slowedMs / 1000,
    ),
    metric(
      "parley_failures_total",
      "counter",
      "Unexpected exceptions. Each ended one connection at most.",
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
      "Time from the connection to the join.",
      ...joinSamples(tally),
    ),
    metric(
      "parley_log_lines_dropped_total",
      "counter",
      "Log lines that could not be written.",
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
 * Serves a relay's metrics at `http://127.0.0.1:PORT/metrics`, to this machine only. A request whose `Host` is
 * neither `localhost` nor a loopback address gets status 421 (RFC 9110 section 15.5.20).
 *
 * @param port The port; 0 for any free one.
 * @param state Returns the relay's current state.
 * @param signal Stops the server and closes its connections.
 * @throws {Failure} If it cannot listen on the port.
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
  "metrics are served at http://127.0.0.1 and http://localhost only; the request names another host\n";

function respond(request: Request, state: () => RelayCounts): Response {
  // A request may carry an invalid URL. It must not cause a stack trace in the log.
  const url = URL.parse(request.url);
  // A web page may use a name that its owner resolves to this machine (DNS rebinding).
  const hosts = [url?.host ?? null, request.headers.get("host")];
  if (!hosts.every((host) => isOwnHost(host, { address: isLoopback }))) {
    return new Response(MISDIRECTED, { status: 421 });
  }
  const pathname = url?.pathname;
  if (pathname !== "/metrics") return new Response("try /metrics\n", { status: 404 });
  if (request.method !== "GET" && request.method !== "HEAD") {
    return new Response("use GET or HEAD\n", { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const text = exposition(state(), Deno.memoryUsage().rss);
  return new Response(text, { headers: { "content-type": EXPOSITION_TYPE } });
}

/** Tells people of a conversation, and of the relay in this process. */
export class ServerTranscript extends Transcript implements ServerPresenter {
  listening(
    { addr, room, roomName, tls, join, metrics, web, invites = false }: Listening,
  ): string[] {
    this.hosts();
    const where = hostPort(addr) + (tls ? " over TLS" : "");
    const id = room.slice(0, 8).toHex();
    const which = roomName === "" ? id : `${printable(roomName)} (${id})`;
    const measured = metrics === undefined ? "" : `, metrics at ${metrics}`;
    const reaches = tls || join.from === "this machine" || web?.url.startsWith("https:") === true;
    const page = web === undefined ? "" : pageText(web, reaches);
    const how = invites ? [] : [joinText(join) + page];
    const hash = invites && web !== undefined ? `, page with SHA-256 ${web.sha256}` : "";
    return [`listening on ${where}, room ${which}${measured}${hash}`, ...how]
      .map((one) => this.form.note(one));
  }

  relayEvent(event: RelayEvent): string[] {
    const { note, alarm, person } = this.form;
    switch (event.kind) {
      case "joined":
        return [note(`${person(event.credential)} joined${inRoom(event)}`)];
      case "left":
        return [
          note(leftText(event.credential.name, event.reason, true) + inRoom(event)),
        ];
      case "away":
      case "back":
        return [note(presenceText(event.credential.name, event.kind) + inRoom(event))];
      case "refused":
        if (event.reason === "INVITATION_USED") {
          return [alarm(`AN INVITATION WAS USED TWICE: ${refusedText(event)}`)];
        }
        return event.reason === "LOST" && event.detail === ""
          ? []
          : [note(`a connection was refused: ${refusedText(event)}`)];
      case "failed":
        return [
          note(`the relay failed on a frame and continues: ${printable(event.detail)}`),
        ];
      case "connected":
      case "slowed":
        return [];
    }
  }
}

/** Says with which command others join. */
function joinText({ commands, from }: JoinCommands): string {
  const who = from === "this machine" ? "others on this machine" : "others";
  const host = from === "unknown" ? ", HOST being this machine's name or address" : "";
  return `${who} join with: ${commands.map(printable).join("   or: ")}${host}`;
}

/**
 * Says where the page is.
 *
 * @param reaches Whether all browsers can use it: they give cryptography to https, to this machine and to files alone.
 */
function pageText({ url, sha256 }: NonNullable<Listening["web"]>, reaches: boolean): string {
  const https = reaches
    ? ""
    : "; on other machines browsers need https: --tls-cert, or a proxy with a certificate";
  return `   or in a browser: ${url} (the page's SHA-256 is ${sha256}${https})`;
}

function refusedText({ reason, detail }: RelayEvent & { readonly kind: "refused" }): string {
  const more = detail === "" || !hasPlainDetail(reason) ? "" : ` (${printable(detail)})`;
  return REASONS[reason].text + more;
}

/** Says in which room of a relay something happened, if the room has a name. */
function inRoom({ roomName }: { readonly roomName: string }): string {
  return roomName === "" ? "" : ` (room ${printable(roomName)})`;
}
