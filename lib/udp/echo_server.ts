/**
 * The tutorial's echo server, which replies to each datagram with the datagram's length; and a live demonstration of a
 * forged reply: a slow server, a client, and an attacker that answers first.
 *
 * @module
 */

import { DEFAULT_PORT, LOOPBACK, timeText } from "../base/host_port.ts";
import {
  type DatagramPort,
  type DatagramPortHandler,
  type OpenDatagramPort,
  portOf,
} from "./datagram_port.ts";
import { openSocket, sendDatagram } from "./datagram_socket.ts";
import type { EchoClientEvent } from "./echo_client.ts";

/** The most replies that wait to be sent, to bound the memory. */
const MAX_WAITING = 10_000;

/** An event of an echo server. */
export type EchoServerEvent =
  /** A datagram arrived. `data` is valid until the listener returns. */
  | { readonly kind: "datagram"; readonly from: Deno.NetAddr; readonly data: Uint8Array }
  /** A datagram is not answered: because of `drop`, because too many replies wait, or because it is a reply itself. */
  | { readonly kind: "dropped"; readonly from: Deno.NetAddr }
  /** A reply was passed to the system. */
  | { readonly kind: "answered"; readonly to: Deno.NetAddr; readonly reply: Uint8Array }
  /** A reply could not be sent, or (without `to`) a receive failed. The server continues. */
  | { readonly kind: "failed"; readonly to?: Deno.NetAddr; readonly error: unknown };

/** Where an echo server listens, and the faults it simulates. */
export interface EchoServerOptions {
  /** The address to listen on; {@linkcode LOOPBACK} by default. */
  readonly hostname?: string;
  /** The port; {@linkcode DEFAULT_PORT} by default, and 0 for any free one. */
  readonly port?: number;
  /** The share of datagrams to leave unanswered, 0 to 1; 0 by default. */
  readonly drop?: number;
  /** The delay of each reply in milliseconds; 0 by default. At most 10,000 replies wait. */
  readonly delayMs?: number;
  /** Called for every event. If it throws, the server stops. */
  readonly event?: (event: EchoServerEvent) => void;
  /** Stops the server. */
  readonly signal?: AbortSignal;
  /** Returns numbers from 0 to 1 for `drop`; `Math.random` by default. */
  readonly random?: () => number;
}

/** Counts of an echo server. */
export interface EchoServerCounts {
  /** Datagrams received. */
  readonly datagrams: number;
  /** Bytes received. */
  readonly bytes: number;
  /** Replies passed to the system. */
  readonly answered: number;
  /** Datagrams left unanswered: because of `drop`, because too many replies waited, or because they were replies. */
  readonly dropped: number;
  /** Replies that could not be sent and receives that failed. */
  readonly failed: number;
}

/** A running echo server. */
export interface EchoServer extends AsyncDisposable {
  /** The address that it listens on. */
  readonly addr: Deno.NetAddr;
  /** The counts so far. */
  readonly counts: EchoServerCounts;
  /** Resolves when the server has stopped. Rejects if the listener threw. */
  readonly finished: Promise<void>;
  /** Stops the server. Waiting replies are not sent. */
  close(): Promise<void>;
}

/**
 * Starts an echo server. It replies to every datagram with `Your data was N bytes long`. Neither a datagram nor a
 * failed reply stops it.
 *
 * @param options Where to listen, and the faults to simulate.
 * @throws {Failure} If it cannot listen on the address.
 * @throws The signal's reason, if it is already aborted.
 *
 * @example
 * ```ts
 * import { openEchoClient } from "./echo_client.ts";
 *
 * await using server = openEchoServer({ port: 0 });
 * await using client = await openEchoClient({ port: server.addr.port });
 * const { text } = await client.ask("hello");
 * console.log(text); // Your data was 5 bytes long
 * ```
 */
export function openEchoServer(options: EchoServerOptions = {}): EchoServer {
  options.signal?.throwIfAborted();
  const { hostname = LOOPBACK, port = DEFAULT_PORT } = options;
  return serveEcho(portOf(openSocket(hostname, port)), options);
}

/**
 * Starts an echo server that receives and sends many datagrams with one system call, by the C library: recvmmsg(2) and
 * sendmmsg(2). It answers more datagrams a second, and behaves as the one of {@linkcode openEchoServer} otherwise. It
 * needs Linux and, besides `--allow-net`, `--allow-ffi`, which may be revoked as soon as the server has started.
 *
 * @param options Where to listen, and the faults to simulate.
 * @throws {Failure} `UNSUPPORTED` on a system other than Linux; `NOT_PERMITTED` without a permission; other codes if it
 * cannot listen on the address.
 * @throws The signal's reason, if it is already aborted.
 *
 * @example
 * ```ts ignore
 * await using server = await openBatchEchoServer({ port: 0 });
 * console.log(server.addr.port);
 * ```
 */
export async function openBatchEchoServer(options: EchoServerOptions = {}): Promise<EchoServer> {
  options.signal?.throwIfAborted();
  const { hostname = LOOPBACK, port = DEFAULT_PORT } = options;
  const { openBatchPort } = await import("./batch_socket.ts");
  const open = await openBatchPort(hostname, port);
  return serveEcho(open, options);
}

/**
 * Starts an echo server on an open socket. The server owns the socket from then on.
 *
 * @param open Starts to receive from a socket that nothing else receives from.
 * @param options The faults to simulate. `hostname` and `port` are ignored.
 */
export function serveEcho(open: OpenDatagramPort, options: EchoServerOptions = {}): EchoServer {
  return new Server(open, options);
}

class Server implements EchoServer, DatagramPortHandler {
  readonly finished: Promise<void>;
  readonly counts = { datagrams: 0, bytes: 0, answered: 0, dropped: 0, failed: 0 };
  readonly #port: DatagramPort;
  readonly #drop: number;
  readonly #delayMs: number;
  readonly #random: () => number;
  /** Undefined without a listener, so that no events are created. */
  readonly #tell: ((event: EchoServerEvent) => void) | undefined;
  readonly #delayed = new Set<ReturnType<typeof setTimeout>>();
  #sending = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(open: OpenDatagramPort, options: EchoServerOptions) {
    const { signal } = options;
    this.#drop = options.drop ?? 0;
    this.#delayMs = options.delayMs ?? 0;
    this.#random = options.random ?? Math.random;
    this.#tell = options.event && ((event) => this.#tellOrStop(options.event!, event));
    this.#port = open(this);
    const stop = () => this.#stop();
    signal?.addEventListener("abort", stop);
    this.finished = this.#port.finished.then(() => {
      signal?.removeEventListener("abort", stop);
      if (this.#failure !== undefined) throw this.#failure.error;
    });
    // A caller that does not await `finished` gets the error from close().
    this.finished.catch(() => {});
  }

  get addr(): Deno.NetAddr {
    return this.#port.addr;
  }

  async close(): Promise<void> {
    this.#stop();
    await this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #stop(): void {
    for (const timer of this.#delayed) clearTimeout(timer);
    this.#delayed.clear();
    this.#port.close();
  }

  #tellOrStop(listener: (event: EchoServerEvent) => void, event: EchoServerEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.#failure ??= { error };
      this.#stop();
    }
  }

  datagram(data: Uint8Array, from: Deno.NetAddr): void {
    this.counts.datagrams += 1;
    this.counts.bytes += data.length;
    this.#tell?.({ kind: "datagram", from, data });
    if (this.#failure !== undefined) return;
    const tooMany = this.#sending + this.#delayed.size >= MAX_WAITING;
    if (tooMany || isReply(data) || (this.#drop > 0 && this.#random() < this.#drop)) {
      this.counts.dropped += 1;
      this.#tell?.({ kind: "dropped", from });
    } else if (this.#delayMs > 0) {
      this.#answerLater(lengthReply(data.length), from);
    } else {
      this.#answer(lengthReply(data.length), from);
    }
  }

  #answerLater(reply: Uint8Array, to: Deno.NetAddr): void {
    const timer = setTimeout(() => {
      this.#delayed.delete(timer);
      this.#answer(reply, to);
    }, this.#delayMs);
    this.#delayed.add(timer);
  }

  #answer(reply: Uint8Array, to: Deno.NetAddr): void {
    this.#sending += 1;
    this.#port.send(reply, to);
  }

  sent(to: Deno.NetAddr, reply: Uint8Array): void {
    this.#sending -= 1;
    this.counts.answered += 1;
    this.#tell?.({ kind: "answered", to, reply });
  }

  failed(error: unknown, to?: Deno.NetAddr): void {
    if (to !== undefined) this.#sending -= 1;
    this.counts.failed += 1;
    this.#tell?.({ kind: "failed", error, ...(to === undefined ? {} : { to }) });
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** A cache of replies by length. There are at most 65,536 of them, and they are small. */
const replies: (Uint8Array<ArrayBuffer> | undefined)[] = [];

/**
 * Returns the reply to a datagram: `Your data was 38 bytes long`.
 *
 * @param length The length of the datagram in bytes, 0 to 65,535.
 * @returns UTF-8. Do not change it: every datagram of this length gets the same array.
 */
export function lengthReply(length: number): Uint8Array<ArrayBuffer> {
  return replies[length] ??= encoder.encode(`Your data was ${length} bytes long`);
}

const REPLY = /^Your data was \d{1,5} bytes long$/;
const REPLY_BYTES = { least: 26, most: 30 } as const;

/** Tells whether a datagram is a reply. Two servers that answered replies would answer each other for ever. */
function isReply(data: Uint8Array): boolean {
  const { least, most } = REPLY_BYTES;
  return data.length >= least && data.length <= most && REPLY.test(decoder.decode(data));
}

/** The delay of the server's reply in milliseconds: long enough for the attacker, short enough to watch. */
const SLOW_MS = 500;

/** The attacker's reply. */
export const FORGED_REPLY = "Your data was stolen";

/** What one of the parties sees or does, in order. */
export type ForgeryEvent =
  | {
    readonly party: "server";
    readonly event: EchoServerEvent | { readonly kind: "listening"; readonly addr: Deno.NetAddr };
  }
  | {
    readonly party: "attacker";
    readonly event: {
      readonly kind: "forges";
      readonly from: Deno.NetAddr;
      readonly to: Deno.NetAddr;
    };
  }
  | {
    readonly party: "client";
    readonly event: EchoClientEvent;
    /** The server that the client asks. */
    readonly server: Deno.NetAddr;
  };

/** Options of the demonstration. */
export interface ForgeryOptions {
  /** Whether the client accepts a datagram from any sender. */
  readonly promiscuous: boolean;
  /** The address that all parties use; 127.0.0.1 by default, ::1 for IPv6. */
  readonly hostname?: string;
  /** Called with what each party sees and does. */
  readonly event?: (event: ForgeryEvent) => void;
  /** Ends the demonstration. */
  readonly signal?: AbortSignal;
}

/** The result of the demonstration. */
export interface ForgeryOutcome {
  /** The server that the client asked. */
  readonly server: Deno.NetAddr;
  /** The sender of the reply that the client accepted. */
  readonly believed: Deno.NetAddr;
  /** Whether that was not the server. */
  readonly fooled: boolean;
  /** The number of datagrams that the client rejected. */
  readonly refused: number;
}

/**
 * Runs the demonstration on real sockets. The attacker learns the client's port from the datagram that reaches the
 * server, as an attacker on the path would.
 *
 * @param options The client's mode, and the address to use.
 * @throws {Failure} If a socket cannot be opened or used.
 * @throws The signal's reason, if it aborts.
 *
 * @example
 * ```ts
 * const { fooled } = await playForgery({ promiscuous: true });
 * console.log(fooled); // true
 * ```
 */
export async function playForgery(options: ForgeryOptions): Promise<ForgeryOutcome> {
  const { promiscuous, hostname = "127.0.0.1", event, signal } = options;
  signal?.throwIfAborted();
  const asked = Promise.withResolvers<Deno.NetAddr>();
  const truth = Promise.withResolvers<void>();
  const stop = { ...(signal === undefined ? {} : { signal }) };
  await using server = openEchoServer({
    hostname,
    port: 0,
    delayMs: SLOW_MS,
    ...stop,
    event: (seen) => {
      event?.({ party: "server", event: seen });
      if (seen.kind === "datagram") asked.resolve(seen.from);
    },
  });
  event?.({ party: "server", event: { kind: "listening", addr: server.addr } });
  // Loaded here, since a server alone does not need it.
  const { openEchoClient } = await import("./echo_client.ts");
  await using client = await openEchoClient({
    hostname,
    port: server.addr.port,
    promiscuous,
    retries: 0,
    timeoutMs: SLOW_MS * 20,
    ...stop,
    event: (seen) => {
      event?.({ party: "client", event: seen, server: server.addr });
      // The server's own reply, accepted or late.
      if (seen.kind === "answer" ? seen.from.port === server.addr.port : seen.kind === "late") {
        truth.resolve();
      }
    },
  });
  const forging = asked.promise.then((victim) => forge(victim, event));
  const [answer] = await orAborted(
    Promise.all([client.ask(timeText()), forging, truth.promise]),
    signal,
  );
  return outcome(server, answer.from, client.counts.forged);
}

async function forge(to: Deno.NetAddr, event: ForgeryOptions["event"]): Promise<void> {
  const { from } = await sendDatagram(to.hostname, to.port, FORGED_REPLY);
  event?.({ party: "attacker", event: { kind: "forges", from, to } });
}

function outcome({ addr }: EchoServer, believed: Deno.NetAddr, refused: number): ForgeryOutcome {
  return { server: addr, believed, fooled: believed.port !== addr.port, refused };
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
