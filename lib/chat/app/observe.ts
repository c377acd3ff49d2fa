/**
 * The relay's log and metrics.
 *
 * @module
 */

// @ts-types="../../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import type { Failure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import type { Io } from "../../os/io.ts";
import { Log, type LogLevel, LogSink } from "../../os/log.ts";
import type { Origin, RelayEvent } from "../relay/options.ts";
import type { RelayServer } from "../runtime/server.ts";

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
  async start(server: RelayServer): Promise<string | undefined> {
    const { tls, addr: { hostname, port } } = server;
    const room = encodeHex(server.room.slice(0, 8));
    this.#log.write("info", "listening", { address: hostPort({ hostname, port }), room, tls });
    server.finished.catch((error) => {
      this.#log.write("error", "failed", { error: String(error) });
    });
    if (this.#metricsPort === undefined) return undefined;
    const { serveMetrics } = await import("../runtime/metrics.ts");
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
