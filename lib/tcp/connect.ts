/**
 * Stream sockets: their endpoints, connecting, and checks of which ports accept connections.
 *
 * @module
 */

import {
  DEFAULT_CHECK,
  DEFAULT_CONNECT_MS,
  type HostPort,
  hostPort,
  MAX_PARALLEL,
} from "../base/host_port.ts";
import { Failure } from "../base/failure.ts";
import { printable } from "../base/printable.ts";
import { lookUpHost, requireZone } from "../net/resolve_host.ts";
import { startTls, type TlsClientOptions } from "../net/tls.ts";
import { errorCode, failedPortState, fileFailure, toFailure } from "../os/errors.ts";

/** A host and a port, or the path of a Unix socket (`unix(7)`). */
export type Endpoint =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };

/**
 * Formats an endpoint: `127.0.0.1:1060`, `[::1]:1060` or `unix:/run/x.sock`. Control characters are made visible.
 */
export function endpointText(endpoint: Endpoint): string {
  return printable("path" in endpoint ? `unix:${endpoint.path}` : hostPort(endpoint));
}

/** Formats an endpoint for people. A client of a Unix socket usually has no path. */
export function shownEndpoint(endpoint: Endpoint): string {
  return "path" in endpoint && endpoint.path === "" ? "a client" : endpointText(endpoint);
}

/**
 * Returns the address of a socket as an endpoint. The path of a Unix client that has bound no path is empty.
 *
 * @param addr `localAddr` or `remoteAddr` of a connection, or `addr` of a listener.
 */
export function endpointOf(addr: Deno.Addr): Endpoint {
  if ("hostname" in addr) return { hostname: addr.hostname, port: addr.port };
  return { path: "path" in addr ? addr.path ?? "" : "" };
}

/**
 * Turns an error of an endpoint into a {@linkcode Failure}.
 *
 * @param error What was thrown.
 * @param what What was tried.
 */
export function endpointFailure(error: unknown, endpoint: Endpoint, what: string): Failure {
  if (!("path" in endpoint)) return toFailure(error, what);
  if (!(error instanceof Deno.errors.AddrInUse)) return fileFailure(error, what);
  return new Failure({
    what,
    why: "a file with that name already exists",
    code: "EADDRINUSE",
    hint: "remove the file if no program listens there any longer",
    cause: error,
  });
}

/** A connected stream socket: TCP, TLS over TCP, or Unix. */
export type Connection = Pick<
  Deno.Conn,
  "read" | "write" | "closeWrite" | "close" | "localAddr" | "remoteAddr"
>;

/** Closes a connection or a listener, which may be closed already. */
export function closeQuietly(resource: { close(): void }): void {
  try {
    resource.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** How a client starts TLS on a connection. */
export interface ConnectTlsOptions extends TlsClientOptions {
  /** The name that the server's certificate must be valid for; the host name by default. */
  readonly serverName?: string;
}

/** Where to connect, and how. */
export interface ConnectOptions {
  /** The endpoint to connect to. */
  readonly to: Endpoint;
  /** The time limit of a TCP connection in milliseconds, for all addresses together; {@linkcode DEFAULT_CONNECT_MS} by default. */
  readonly timeoutMs?: number;
  /** Starts TLS (RFC 8446). The handshake has a time limit of its own, ten seconds. Not for Unix sockets. */
  readonly tls?: ConnectTlsOptions;
  /** Cancels the attempt. */
  readonly signal?: AbortSignal;
}

/**
 * Connects to an endpoint. It tries every address of a host name: the next one when the previous one has failed or has
 * not answered within 250 ms (RFC 8305). `remoteAddr` of the connection is the address that answered first.
 *
 * @param options Where to connect, and how.
 * @throws {Failure} `ECONNREFUSED`, `ETIMEDOUT`, `ENOTFOUND` and other codes of `connect(2)` and `getaddrinfo(3)`;
 * `TLS_…` if the handshake fails.
 * @throws The signal's reason, if it is aborted.
 *
 * @example
 * ```ts
 * import { listen } from "./listen.ts";
 *
 * using listener = listen({ at: { hostname: "127.0.0.1", port: 0 } });
 * const connection = await connect({ to: listener.endpoint });
 * console.log(connection.remoteAddr);
 * connection.close();
 * (await listener.accept()).close();
 * ```
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { to, signal } = options;
  signal?.throwIfAborted();
  const what = `cannot connect to ${endpointText(to)}`;
  try {
    return "path" in to
      ? await Deno.connect({ transport: "unix", path: to.path })
      : await connectTcp(to, options, what);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw endpointFailure(error, to, what);
  }
}

async function connectTcp(
  { hostname, port }: HostPort,
  { timeoutMs = DEFAULT_CONNECT_MS, tls, signal }: ConnectOptions,
  what: string,
): Promise<Connection> {
  requireZone(hostname, what);
  const deadline = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? deadline : AbortSignal.any([signal, deadline]);
  const connection = await Deno.connect({ hostname, port, signal: either });
  if (tls === undefined) return connection;
  const { serverName = hostname, ...trusted } = tls;
  const named = serverName === hostname
    ? what
    : `${what} as ${hostPort({ hostname: serverName, port })}`;
  return await startTls(connection, serverName, trusted, named, signal);
}

/**
 * The state of a port: it accepts connections; the host refuses them (RST, RFC 9293 section 3.5.2); nothing answers in
 * time, as behind a firewall that drops packets; no route leads to the host.
 */
export type PortState = "open" | "refused" | "timeout" | "unreachable";

/** The result for one port. */
export interface CheckedPort {
  /** The port. */
  readonly port: number;
  /** Its state. */
  readonly state: PortState;
  /** The address that gave this answer; null if none answered. */
  readonly address: string | null;
  /** The time until the answer, in milliseconds; null if none came. */
  readonly time_ms: number | null;
  /** The code of the error if the host is unreachable, such as `ENETUNREACH`; otherwise null. */
  readonly error: string | null;
}

/** The ports to check, and how. */
export interface CheckOptions {
  /** A host name or an address. A port is open if it is open at one address of the host. */
  readonly hostname: string;
  /** The ports, each from 1 to 65,535. */
  readonly ports: readonly number[];
  /** The time limit of each answer in milliseconds; {@linkcode DEFAULT_CHECK} has the default. */
  readonly timeoutMs?: number;
  /** The number of simultaneous attempts, at most {@linkcode MAX_PARALLEL}; {@linkcode DEFAULT_CHECK} has the default. */
  readonly parallel?: number;
  /** Stops the check. */
  readonly signal?: AbortSignal;
}

/** The number of addresses of a host that are tried. */
const MAX_ADDRESSES = 8;

/**
 * Checks ports: connects to each one and closes the connection at once. The host name is looked up once.
 *
 * @param options The ports to check, and how.
 * @returns One result for each port, in the given order.
 * @throws {Failure} If there is no such host, or this process cannot connect at all.
 * @throws The signal's reason, if it is aborted.
 *
 * @example
 * ```ts
 * for await (const { port, state } of checkPorts({ hostname: "127.0.0.1", ports: [1, 2] })) {
 *   console.log(port, state);
 * }
 * ```
 */
export async function* checkPorts(options: CheckOptions): AsyncGenerator<CheckedPort, void> {
  const { timeoutMs, parallel } = { ...DEFAULT_CHECK, ...options };
  const { hostname, ports, signal } = options;
  signal?.throwIfAborted();
  const addresses = await addressesOf(hostname);
  using stop = new Stop(signal);
  const results = ports.map(() => Promise.withResolvers<CheckedPort>());
  for (const { promise } of results) promise.catch(() => {}); // the loop below throws the first one
  // Not Promise.race(): each port would leave a reaction with one promise, which lives as long as the check.
  stop.signal.addEventListener("abort", () => {
    for (const { reject } of results) reject(stop.signal.reason);
  });
  let next = 0;
  const work = async () => {
    for (let i = next++; i < ports.length && !stop.signal.aborted; i = next++) {
      const { resolve, reject } = results[i]!;
      await checkPort(addresses, ports[i]!, timeoutMs, stop.signal).then(resolve, reject);
    }
  };
  // Each port takes one socket for each address.
  const workers = Math.max(1, Math.floor(Math.min(parallel, MAX_PARALLEL) / addresses.length));
  for (let i = 0; i < Math.min(workers, ports.length); i++) void work();
  for (const { promise } of results) yield await promise;
}

async function addressesOf(hostname: string): Promise<string[]> {
  requireZone(hostname, `cannot check ${printable(hostname)}`);
  try {
    const found = await lookUpHost(hostname);
    return found.slice(0, MAX_ADDRESSES).map(({ address }) => address);
  } catch (error) {
    throw toFailure(error, `cannot find ${printable(hostname)}`);
  }
}

/** The states, those that tell most first. */
const STATES: readonly PortState[] = ["open", "refused", "timeout", "unreachable"];

/** Checks a port at every address, and returns the answer that tells most. */
async function checkPort(
  addresses: readonly string[],
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckedPort> {
  const answers = await Promise.all(
    addresses.map((address) => checkAddress(address, port, timeoutMs, signal)),
  );
  return answers.reduce((best, each) =>
    STATES.indexOf(each.state) < STATES.indexOf(best.state) ? each : best
  );
}

async function checkAddress(
  address: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<CheckedPort> {
  const deadline = AbortSignal.timeout(timeoutMs);
  const start = performance.now();
  const taken = () => Math.round((performance.now() - start) * 1000) / 1000;
  try {
    const either = AbortSignal.any([signal, deadline]);
    const connection = await Deno.connect({ hostname: address, port, signal: either });
    const time_ms = taken();
    connection.close();
    return { port, state: "open", address, time_ms, error: null };
  } catch (error) {
    const time_ms = taken();
    if (signal.aborted) throw signal.reason;
    const state = deadline.aborted ? "timeout" : failedPortState(error);
    if (state === undefined) throw toFailure(error, `cannot check ${address}, port ${port}`);
    if (state === "refused") return { port, state, address, time_ms, error: null };
    const code = state === "unreachable" ? errorCode(error) ?? null : null;
    return { port, state, address: null, time_ms: null, error: code };
  }
}

/** Stops the attempts of a check when its caller does, or leaves the loop. */
class Stop implements Disposable {
  readonly signal: AbortSignal;
  readonly #own = new AbortController();

  constructor(outer: AbortSignal | undefined) {
    this.signal = outer === undefined
      ? this.#own.signal
      : AbortSignal.any([outer, this.#own.signal]);
  }

  [Symbol.dispose](): void {
    this.#own.abort(new Failure({ what: "the check", why: "it has ended", code: "ECLOSED" }));
  }
}
