/**
 * What those who run a relay may look at: its log and its metrics.
 *
 * @module
 */

// @ts-types="../../types/std_encoding_hex.d.ts"
import { encodeHex } from "@std/encoding/hex";
import type { Failure } from "../failure.ts";
import { Log, type LogLevel, LogSink } from "../log.ts";
import { hostPort } from "../host_port.ts";
import type { RelayEvent, RelayServer } from "../tcp_chat.ts";
import type { Io } from "../io.ts";
import { logRelayEvent, logTrouble } from "./relay_log.ts";

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
    const { serveMetrics } = await import("../relay_metrics.ts");
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
