/**
 * Listens for datagrams, also for those that are sent to multicast groups.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { hostPort, isIPv6, LOOPBACK } from "../base/host_port.ts";
import { joinGroup, type MulticastGroup } from "../net/resolve_host.ts";
import { toFailure } from "../os/errors.ts";
import { isRefusal, openSocket, RECEIVE_BYTES } from "./datagram_socket.ts";

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
 * import { sendDatagram } from "./datagram_socket.ts";
 *
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
