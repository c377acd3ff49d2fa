/**
 * What those who run a relay may look at: its log and its metrics.
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

/** What is to be seen. */
export interface WatchOptions {
  /** Whose standard error the log goes to. */
  readonly io: Io;
  /** The level of the log on standard error; no log without. */
  readonly logLevel?: LogLevel | undefined;
  /** The port of the metrics on loopback, 0 for any free one; no metrics without. */
  readonly metricsPort?: number | undefined;
}

/** How long the end waits for the last lines of the log, in milliseconds. */
const FLUSH_MS = 1_000;

/** Watches one relay. */
export class RelayWatch implements AsyncDisposable {
  readonly #sink: LogSink;
  readonly #log: Log;
  readonly #metricsPort: number | undefined;
  readonly #stop = new AbortController();
  #metrics: Deno.HttpServer<Deno.NetAddr> | undefined;

  /** Starts before the relay does. */
  constructor({ io, logLevel, metricsPort }: WatchOptions) {
    this.#sink = new LogSink(
      io.errors,
      (lines) => this.#log.write("warn", "dropped", { lines }),
    );
    this.#log = new Log(logLevel, (line) => this.#sink.write(line));
    this.#metricsPort = metricsPort;
  }

  /** The relay's `event`. */
  readonly event = (event: RelayEvent): void => logRelayEvent(this.#log, event);

  /** The relay's `trouble`. */
  readonly trouble = (failure: Failure): void => logTrouble(this.#log, failure);

  /**
   * The relay listens.
   *
   * @returns Where the metrics are, if anywhere.
   * @throws {Failure} Where their port cannot be listened on.
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

/** Writes down what happens at a relay. */
export function logRelayEvent(log: Log, event: RelayEvent): void {
  switch (event.kind) {
    case "connected":
      return log.write("debug", "connected", { from: written(event.from) });
    case "joined": {
      const { name, fingerprint } = event.credential;
      return log.write("info", "joined", { name, fingerprint, from: written(event.from) });
    }
    case "left": {
      const { name, fingerprint } = event.credential;
      return log.write("info", "left", { name, fingerprint, reason: event.reason });
    }
    case "away":
    case "back": {
      const { name, fingerprint } = event.credential;
      return log.write("info", event.kind, { name, fingerprint });
    }
    case "refused": {
      const { reason, detail } = event;
      const fields = { reason, detail: detail === "" ? undefined : detail };
      return log.write(gravity(reason), "refused", { ...fields, from: written(event.from) });
    }
    case "slowed": {
      const { name, fingerprint } = event.credential;
      return log.write("warn", "slowed", { name, fingerprint, ms: Math.ceil(event.ms) });
    }
    case "failed":
      return log.write("error", "failed", { error: event.detail });
  }
}

/** Writes down that a connection could not be taken. */
export function logTrouble(log: Log, { what, why, code }: Failure): void {
  log.write("warn", "trouble", { what, why, code });
}

/** A connection that was made and said nothing is no news. */
function gravity(reason: string): LogLevel {
  return reason === "LOST" || reason === "LEFT" || reason === "SHUTDOWN" ? "debug" : "warn";
}

function written(from: Origin | undefined): string | undefined {
  return from === undefined ? undefined : hostPort(from);
}
