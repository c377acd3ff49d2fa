/**
 * The tutorial's echo server and client over TCP. The server answers each of its reads with the number of bytes that
 * the read returned; the client sends each text with one write and reports each of its reads.
 *
 * @module
 */

import { writeBytes } from "../base/bytes.ts";
import { pause } from "../base/clock.ts";
import {
  DEFAULT_CHUNK_BYTES,
  DEFAULT_PORT,
  DEFAULT_TIMEOUT_MS,
  type HostPort,
  hostPort,
  LOOPBACK,
} from "../base/host_port.ts";
import { Failure } from "../base/failure.ts";
import { toFailure } from "../os/errors.ts";
import { closeQuietly, connect, type Connection, type Endpoint, endpointOf } from "./connect.ts";
import { listen, type Listener } from "./listen.ts";

/** The most connections at a time, by default. */
const MAX_CONNECTIONS = 1_000;
/** The pause after a connection could not be accepted, in milliseconds. */
const ACCEPT_PAUSE_MS = 100;
const encoder = new TextEncoder();

/** An event of an echo server. */
export type EchoServerEvent =
  /** A client connected. */
  | { readonly kind: "connected"; readonly from: Endpoint }
  /** A client was turned away, because too many are connected. */
  | { readonly kind: "refused"; readonly from: Endpoint }
  /** A read returned data. `read` counts the connection's reads from 1; `data` is valid until the listener returns. */
  | {
    readonly kind: "data";
    readonly from: Endpoint;
    readonly read: number;
    readonly data: Uint8Array;
  }
  /** A reply was passed to the system. */
  | { readonly kind: "answered"; readonly to: Endpoint; readonly reply: Uint8Array }
  /** A client closed its connection. The counts are those of its reads and bytes. */
  | {
    readonly kind: "ended";
    readonly from: Endpoint;
    readonly reads: number;
    readonly bytes: number;
  }
  /** A connection broke, or (without `from`) one could not be accepted. The server continues. */
  | { readonly kind: "failed"; readonly from?: Endpoint; readonly error: unknown };

/** Where an echo server listens, and how it reads. */
export interface EchoServerOptions {
  /** The address to listen on; {@linkcode LOOPBACK} by default. */
  readonly hostname?: string;
  /** The port; {@linkcode DEFAULT_PORT} by default, and 0 for any free one. */
  readonly port?: number;
  /** The delay of each reply in milliseconds; 0 by default. The server does not read during the delay. */
  readonly delayMs?: number;
  /** The most bytes of one read; {@linkcode DEFAULT_CHUNK_BYTES} by default. */
  readonly chunkBytes?: number;
  /** The most connections at a time; 1,000 by default. Further clients are turned away. */
  readonly maxConnections?: number;
  /** Called for every event. If it throws, the server stops. */
  readonly event?: (event: EchoServerEvent) => void;
  /** Stops the server. */
  readonly signal?: AbortSignal;
}

/** Counts of an echo server. */
export interface EchoServerCounts {
  /** Connections accepted. */
  readonly connections: number;
  /** Reads that returned data. */
  readonly reads: number;
  /** Bytes received. */
  readonly bytes: number;
  /** Replies passed to the system. */
  readonly answered: number;
  /** Connections turned away. */
  readonly refused: number;
  /** Connections that broke or could not be accepted. */
  readonly failed: number;
}

/** A running echo server. */
export interface EchoServer extends AsyncDisposable {
  /** The address that it listens on. */
  readonly addr: Deno.NetAddr;
  /** The counts so far. */
  readonly counts: EchoServerCounts;
  /** Resolves when the server has stopped. Rejects if the listener of events threw. */
  readonly finished: Promise<void>;
  /** Stops the server and closes every connection. */
  close(): Promise<void>;
}

/**
 * Starts an echo server. It answers every read that returns data with `Your data was N bytes long`, however the client
 * wrote that data. Nothing that a client does stops it.
 *
 * @param options Where to listen, and how to read.
 * @throws {Failure} If it cannot listen on the address.
 * @throws The signal's reason, if it is already aborted.
 *
 * @example
 * ```ts
 * await using server = openEchoServer({ port: 0 });
 * const { bytes } = await askEcho({ port: server.addr.port, texts: ["hello"] });
 * console.log(new TextDecoder().decode(bytes)); // Your data was 5 bytes long
 * ```
 */
export function openEchoServer(options: EchoServerOptions = {}): EchoServer {
  options.signal?.throwIfAborted();
  const { hostname = LOOPBACK, port = DEFAULT_PORT } = options;
  return new Server(listen({ at: { hostname, port } }), options);
}

class Server implements EchoServer {
  readonly addr: Deno.NetAddr;
  readonly finished: Promise<void>;
  readonly counts = { connections: 0, reads: 0, bytes: 0, answered: 0, refused: 0, failed: 0 };
  readonly #listener: Listener;
  readonly #options: EchoServerOptions;
  readonly #open = new Set<Connection>();
  readonly #serving = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  #failure: { readonly error: unknown } | undefined;

  constructor(listener: Listener, options: EchoServerOptions) {
    this.#listener = listener;
    this.#options = options;
    this.addr = { transport: "tcp", ...listener.endpoint as HostPort };
    const { signal } = this.#stopped;
    options.signal?.addEventListener("abort", () => this.#stop(), { signal });
    this.finished = this.#acceptAll();
    // A caller that does not await it gets the error from close().
    this.finished.catch(() => {});
  }

  async close(): Promise<void> {
    this.#stop();
    await this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #acceptAll(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      try {
        this.#take(await this.#listener.accept());
      } catch (error) {
        if (!this.#stopped.signal.aborted) await this.#acceptFailed(error);
      }
    }
    await Promise.all(this.#serving);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** The server continues: the client may have gone, or the process has too many open files at the moment. */
  async #acceptFailed(error: unknown): Promise<void> {
    this.counts.failed += 1;
    this.#tell({ kind: "failed", error });
    await pause(ACCEPT_PAUSE_MS, this.#stopped.signal);
  }

  #take(connection: Connection): void {
    const from = endpointOf(connection.remoteAddr);
    if (this.#open.size >= (this.#options.maxConnections ?? MAX_CONNECTIONS)) {
      connection.close();
      this.counts.refused += 1;
      return this.#tell({ kind: "refused", from });
    }
    this.counts.connections += 1;
    this.#open.add(connection);
    this.#tell({ kind: "connected", from });
    const serving = this.#serve(connection, from).finally(() => {
      this.#serving.delete(serving);
      this.#open.delete(connection);
    });
    this.#serving.add(serving);
  }

  async #serve(connection: Connection, from: Endpoint): Promise<void> {
    try {
      const seen = await this.#answerAll(connection, from);
      this.#tell({ kind: "ended", from, ...seen });
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.counts.failed += 1;
      this.#tell({ kind: "failed", from, error });
    } finally {
      closeQuietly(connection);
    }
  }

  /** Returns the numbers of reads and bytes. */
  async #answerAll(connection: Connection, from: Endpoint) {
    const buffer = new Uint8Array(this.#options.chunkBytes ?? DEFAULT_CHUNK_BYTES);
    let [reads, bytes] = [0, 0];
    for (;;) {
      const length = await connection.read(buffer);
      if (length === null) return { reads, bytes };
      reads += 1;
      bytes += length;
      this.counts.reads += 1;
      this.counts.bytes += length;
      this.#tell({ kind: "data", from, read: reads, data: buffer.subarray(0, length) });
      await pause(this.#options.delayMs ?? 0, this.#stopped.signal);
      const reply = encoder.encode(`Your data was ${length} bytes long`);
      await this.#answer(connection, from, reply);
    }
  }

  async #answer(connection: Connection, to: Endpoint, reply: Uint8Array): Promise<void> {
    await writeBytes(connection, reply);
    this.counts.answered += 1;
    this.#tell({ kind: "answered", to, reply });
  }

  #tell(event: EchoServerEvent): void {
    try {
      this.#options.event?.(event);
    } catch (error) {
      this.#failure ??= { error };
      this.#stop();
    }
  }

  #stop(): void {
    this.#stopped.abort();
    this.#listener.close();
    for (const connection of this.#open) closeQuietly(connection);
  }
}

/** The most bytes of one read of the client. */
const READ_BYTES = 65_536;
/** The most bytes of the server's replies that are kept for the outcome. */
const MAX_KEPT_BYTES = 1 << 20;

/** An event of an echo client. */
export type EchoClientEvent =
  /** The client is connected: the address that the system assigned to it, and the server's address. */
  | { readonly kind: "connected"; readonly addr: Endpoint; readonly server: Endpoint }
  /** A text was written. `write` counts from 1. */
  | { readonly kind: "sent"; readonly write: number; readonly data: Uint8Array }
  /** Every text is written, and the sending side is closed. */
  | { readonly kind: "finished" }
  /** A read returned data. `read` counts from 1; `data` is valid until the listener returns. */
  | { readonly kind: "data"; readonly read: number; readonly data: Uint8Array }
  /** The server closed its sending side. */
  | { readonly kind: "ended" };

/** The server to ask, and the texts to send. */
export interface EchoClientOptions {
  /** The server's name or address; {@linkcode LOOPBACK} by default. */
  readonly hostname?: string;
  /** The server's port; {@linkcode DEFAULT_PORT} by default. */
  readonly port?: number;
  /** The texts, each sent with one write: text as UTF-8, or bytes. */
  readonly texts: readonly (string | Uint8Array)[];
  /** The pause between two writes in milliseconds; 0 by default. */
  readonly pauseMs?: number;
  /**
   * The time limit of connecting, and of each read after the last write, in milliseconds;
   * {@linkcode DEFAULT_TIMEOUT_MS} by default.
   */
  readonly timeoutMs?: number;
  /** Called for every event. */
  readonly event?: (event: EchoClientEvent) => void;
  /** Ends the client. */
  readonly signal?: AbortSignal;
}

/** The result of an echo client. */
export interface EchoOutcome {
  /** The number of writes. */
  readonly writes: number;
  /** The number of reads that returned data. */
  readonly reads: number;
  /** The server's replies, at most the first mebibyte. */
  readonly bytes: Uint8Array;
}

/**
 * Connects, sends each text with one write, closes the sending side, and reads until the server closes its own.
 *
 * TCP carries a stream of bytes, not messages: the number of writes determines neither the number of the server's reads
 * nor the number of the client's.
 *
 * @param options The server to ask, and the texts to send.
 * @throws {Failure} If the server cannot be reached, resets the connection, or sends nothing for too long
 * (`ETIMEDOUT`).
 * @throws The signal's reason, if it is aborted.
 */
export async function askEcho(options: EchoClientOptions): Promise<EchoOutcome> {
  const { hostname = LOOPBACK, port = DEFAULT_PORT, timeoutMs = DEFAULT_TIMEOUT_MS, signal } =
    options;
  const connection = await connect({
    to: { hostname, port },
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  });
  const close = () => closeQuietly(connection);
  signal?.addEventListener("abort", close);
  const client = new Client(connection, timeoutMs, options);
  try {
    return await client.run();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (client.late) throw tooLate(hostname, port, timeoutMs);
    throw toFailure(error, `cannot talk to ${hostPort({ hostname, port })}`);
  } finally {
    signal?.removeEventListener("abort", close);
    close();
  }
}

class Client {
  /** Whether the server exceeded the time limit. */
  late = false;
  readonly #connection: Connection;
  readonly #timeoutMs: number;
  readonly #options: EchoClientOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connection: Connection, timeoutMs: number, options: EchoClientOptions) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#options = options;
  }

  async run(): Promise<EchoOutcome> {
    const { localAddr, remoteAddr } = this.#connection;
    this.#tell({ kind: "connected", addr: endpointOf(localAddr), server: endpointOf(remoteAddr) });
    try {
      const [heard] = await Promise.all([this.#readAll(), this.#writeAll()]);
      return { writes: this.#options.texts.length, ...heard };
    } finally {
      clearTimeout(this.#timer);
    }
  }

  async #writeAll(): Promise<void> {
    const { texts, pauseMs = 0, signal } = this.#options;
    for (const [i, text] of texts.entries()) {
      if (i > 0 && pauseMs > 0) await pause(pauseMs, signal);
      const data = typeof text === "string" ? encoder.encode(text) : text;
      await writeBytes(this.#connection, data);
      this.#tell({ kind: "sent", write: i + 1, data });
    }
    await this.#connection.closeWrite();
    this.#tell({ kind: "finished" });
    this.#wait();
  }

  async #readAll(): Promise<Omit<EchoOutcome, "writes">> {
    const buffer = new Uint8Array(READ_BYTES);
    const kept: Uint8Array[] = [];
    let [reads, room] = [0, MAX_KEPT_BYTES];
    for (;;) {
      const length = await this.#connection.read(buffer);
      if (length === null) break;
      reads += 1;
      if (this.#timer !== undefined) this.#wait();
      this.#tell({ kind: "data", read: reads, data: buffer.subarray(0, length) });
      if (room > 0) kept.push(buffer.slice(0, Math.min(length, room)));
      room -= Math.min(length, room);
    }
    this.#tell({ kind: "ended" });
    return { reads, bytes: new Uint8Array(await new Blob(kept as BlobPart[]).arrayBuffer()) };
  }

  /** Starts the time limit of the next read. */
  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.late = true;
      closeQuietly(this.#connection);
    }, this.#timeoutMs);
  }

  #tell(event: EchoClientEvent): void {
    this.#options.event?.(event);
  }
}

function tooLate(hostname: string, port: number, timeoutMs: number): Failure {
  return new Failure({
    what: `cannot talk to ${hostPort({ hostname, port })}`,
    why: `it sent nothing for ${timeoutMs} ms`,
    code: "ETIMEDOUT",
    hint: "check that it is an echo server; allow more time for a slow one",
  });
}
