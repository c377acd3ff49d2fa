/**
 * Sockets for datagrams: opening, sending, and listening, also for what is sent to multicast groups.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { hostPort, isIPv6, LOOPBACK } from "../base/host_port.ts";
import { joinGroup, type MulticastGroup, requireZone, resolveHost } from "../net/resolve_host.ts";
import { toFailure } from "../os/errors.ts";

/**
 * The length of a receive buffer in bytes: the largest value of UDP's length field (RFC 768). The runtime's own buffer
 * has 65,507 bytes and would truncate larger datagrams, which IPv6 allows.
 */
export const RECEIVE_BYTES = 65_535;

/** The methods of a datagram socket that are used. */
export type DatagramSocket = Pick<Deno.DatagramConn, "receive" | "send" | "close"> & {
  readonly addr: Deno.Addr;
};

/**
 * Opens a socket at an address of this machine.
 *
 * @param hostname An address, or a name that resolves to one.
 * @param port The port; 0 for any free one.
 * @param options What the runtime sets on the socket.
 * @throws {Failure} If this machine does not have the address, or it is in use.
 */
export function openSocket(
  hostname: string,
  port: number,
  options: Pick<Deno.UdpListenOptions, "reuseAddress" | "loopback"> = {},
): Deno.DatagramConn {
  const what = `cannot listen on ${hostPort({ hostname, port })}`;
  requireZone(hostname, what);
  try {
    return Deno.listenDatagram({ transport: "udp", hostname, port, ...options });
  } catch (error) {
    throw toFailure(error, what);
  }
}

/**
 * Opens a socket for sending, on all addresses of this machine and a port that the system picks.
 *
 * @param to The receiver: an IPv4 or IPv6 address.
 */
export function openSender(to: Deno.NetAddr): Deno.DatagramConn {
  // Members of a multicast group on this machine receive it too, which is the system's default but not the runtime's.
  return openSocket(isIPv6(to.hostname) ? "::" : "0.0.0.0", 0, { loopback: true });
}

/**
 * Sends one datagram.
 *
 * @param socket The socket.
 * @param data At most 65,507 bytes over IPv4, or 65,527 over IPv6.
 * @param to The receiver: an address, not a name.
 * @throws {Failure} `EMSGSIZE` if the data is too large for a datagram; other codes if the address is unreachable.
 */
export async function sendFrom(
  socket: DatagramSocket,
  data: Uint8Array,
  to: Deno.NetAddr,
): Promise<void> {
  try {
    await socket.send(data, to);
  } catch (error) {
    throw toFailure(error, `cannot send ${data.length} bytes to ${hostPort(to)}`);
  }
}

/**
 * Tells whether an error means that nothing listens at the port a datagram was sent to (ICMP port unreachable).
 *
 * On Linux the runtime's sockets do not report it, because they are not connected. Windows and some BSDs report it at
 * the next receive or send.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset;
}

/** A datagram that was sent. */
export interface SentDatagram {
  /** The address and port that the system assigned to the socket. */
  readonly from: Deno.NetAddr;
  /** The receiver's address. */
  readonly to: Deno.NetAddr;
  /** The length of the payload in bytes. */
  readonly bytes: number;
}

/**
 * Sends one datagram from a new socket, and does not wait for a reply.
 *
 * @param hostname A name or an address.
 * @param port The port, 1 to 65,535.
 * @param data Bytes, or text to send as UTF-8.
 * @throws {Failure} If the host does not exist, or the datagram cannot be sent; `EMSGSIZE` if it is too large.
 *
 * @example
 * ```ts
 * import { openEchoServer } from "./echo_server.ts";
 *
 * await using server = openEchoServer({ port: 0 });
 * await sendDatagram("127.0.0.1", server.addr.port, "hello");
 * ```
 */
export async function sendDatagram(
  hostname: string,
  port: number,
  data: string | Uint8Array,
): Promise<SentDatagram> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const to = await resolveHost(hostname, port);
  const socket = openSender(to);
  try {
    await sendFrom(socket, bytes, to);
    return { from: socket.addr as Deno.NetAddr, to, bytes: bytes.length };
  } finally {
    socket.close();
  }
}

/** Where to listen. */
export interface ListenOptions {
  /**
   * The address to listen on. By default {@linkcode LOOPBACK}; with groups, every address of this machine, because a
   * socket on one address does not receive what is sent to a group.
   */
  readonly hostname?: string;
  /** The port; 0 for any free one. */
  readonly port: number;
  /** The multicast groups to join, all of IPv4 or all of IPv6. Other sockets that do so may have the same port. */
  readonly groups?: readonly MulticastGroup[];
  /** How long to wait for a datagram, in milliseconds; without limit by default. */
  readonly idleMs?: number;
  /** Ends the listening. */
  readonly signal?: AbortSignal;
}

/** A datagram that was received. */
export interface Datagram {
  /** Its payload, valid until the next datagram is received. */
  readonly data: Uint8Array;
  /** Its sender. */
  readonly from: Deno.NetAddr;
}

/**
 * Receives the datagrams that are sent to this machine, one after the other. While the caller handles one, the system
 * keeps those that follow, up to the size of its buffer.
 *
 * @example
 * ```ts
 * await using listener = await listenDatagrams({ port: 0 });
 * await sendDatagram("127.0.0.1", listener.addr.port, "hello");
 * for await (const { data } of listener) {
 *   console.log(new TextDecoder().decode(data)); // hello
 *   break;
 * }
 * ```
 */
export interface DatagramListener extends AsyncIterable<Datagram>, AsyncDisposable {
  /** The address that it listens on. */
  readonly addr: Deno.NetAddr;
  /**
   * Iterates over the datagrams until the listener is closed. Call it once.
   *
   * @throws {Failure} `IDLE` if none arrives for `idleMs`; system errors.
   * @throws The signal's reason, if it aborts.
   */
  [Symbol.asyncIterator](): AsyncIterator<Datagram, void>;
  /** Stops listening. */
  close(): void;
}

/**
 * Listens for datagrams.
 *
 * @param options Where to listen.
 * @throws {Failure} If this machine does not have the address, it is in use, or a group cannot be joined.
 */
export async function listenDatagrams(options: ListenOptions): Promise<DatagramListener> {
  const { port, groups = [] } = options;
  const [group] = groups;
  const everywhere = isIPv6(group?.address ?? "") ? "::" : "0.0.0.0";
  const { hostname = group === undefined ? LOOPBACK : everywhere } = options;
  const shared = group === undefined ? {} : { reuseAddress: true, loopback: true };
  const listener = new Listener(openSocket(hostname, port, shared), options);
  try {
    await listener.join(groups);
    return listener;
  } catch (error) {
    listener.close();
    throw error;
  }
}

class Listener implements DatagramListener {
  readonly addr: Deno.NetAddr;
  readonly #socket: Deno.DatagramConn;
  readonly #options: ListenOptions;
  readonly #abort = () => this.close();
  #idle = false;
  #closed = false;

  constructor(socket: Deno.DatagramConn, options: ListenOptions) {
    this.#socket = socket;
    this.#options = options;
    this.addr = socket.addr as Deno.NetAddr;
    options.signal?.addEventListener("abort", this.#abort);
  }

  /** Joins each group once: the system refuses a second time. */
  async join(groups: readonly MulticastGroup[]): Promise<void> {
    const each = new Map(groups.map((group) => [`${group.address}%${group.network}`, group]));
    for (const group of each.values()) await joinGroup(this.#socket, group);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram, void> {
    const buffer = new Uint8Array(RECEIVE_BYTES);
    for (;;) {
      const datagram = await this.#receive(buffer);
      if (datagram !== undefined) yield datagram;
      else if (this.#closed) return this.#throwReason();
    }
  }

  /** Receives a datagram. Undefined if the socket was closed, or if an earlier datagram was refused. */
  async #receive(buffer: Uint8Array): Promise<Datagram | undefined> {
    const timer = this.#startWaiting();
    try {
      const [data, from] = await this.#socket.receive(buffer);
      return { data, from: from as Deno.NetAddr };
    } catch (error) {
      if (this.#closed || isRefusal(error)) return undefined;
      throw toFailure(error, `cannot receive at ${hostPort(this.addr)}`);
    } finally {
      clearTimeout(timer);
    }
  }

  #startWaiting(): ReturnType<typeof setTimeout> | undefined {
    const { idleMs } = this.#options;
    if (idleMs === undefined) return undefined;
    return setTimeout(() => {
      this.#idle = true;
      this.close();
    }, idleMs);
  }

  #throwReason(): void {
    this.#options.signal?.throwIfAborted();
    if (!this.#idle) return;
    const what = `listening on ${hostPort(this.addr)}`;
    const why = `no datagram arrived for ${this.#options.idleMs} ms`;
    throw new Failure({ what, why, code: "IDLE" });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#socket.close();
  }

  // deno-lint-ignore require-await -- AsyncDisposable, as the other sockets of this module
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
