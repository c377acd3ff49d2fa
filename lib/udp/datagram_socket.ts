/**
 * Sockets for datagrams: opening, sending, and receiving several datagrams at a time.
 *
 * @module
 */

import { hostPort, isIPv6 } from "../base/host_port.ts";
import { requireZone, resolveHost } from "../net/resolve_host.ts";
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

/** The most receives in flight by default. More receives gave no higher rate. */
const MOST_IN_FLIGHT = 32;
/** The pause after a failed receive in milliseconds, so that the loop does not spin. */
const PAUSE_MS = 10;

/** Callbacks of a {@linkcode Receiver}. Neither may throw. */
export interface ReceiverHandler {
  /**
   * Called for each datagram.
   *
   * @param data Its bytes, valid until this returns. The buffer is then reused.
   * @param from Its sender.
   */
  datagram(data: Uint8Array, from: Deno.NetAddr): void;
  /** Called for each failed receive. The receiver continues. */
  failed(error: unknown): void;
}

/** A buffer and the datagram in it. Its callbacks are created once, not for each datagram. */
class Slot {
  readonly buffer = new Uint8Array(RECEIVE_BYTES);
  readonly received: (datagram: [Uint8Array, Deno.Addr]) => void;
  readonly failed: (error: unknown) => void;
  data: Uint8Array = this.buffer;
  from: Deno.NetAddr | undefined;

  constructor(received: (slot: Slot) => void, failed: (slot: Slot, error: unknown) => void) {
    this.received = (datagram) => {
      this.data = datagram[0];
      this.from = datagram[1] as Deno.NetAddr;
      received(this);
    };
    this.failed = (error) => failed(this, error);
  }
}

/**
 * Receives datagrams from a socket until it is closed.
 *
 * Receives that complete in the same turn of the event loop form a batch. The batch is handled in order before more is
 * received. The replies to a batch thus go out together, and wake a waiting receiver once instead of once per datagram.
 */
export class Receiver {
  /** Resolves when the socket is closed and every receive has ended. */
  readonly finished: Promise<void>;
  readonly #socket: DatagramSocket;
  readonly #handler: ReceiverHandler;
  readonly #ended = Promise.withResolvers<void>();
  readonly #depth: ReceiveDepth;
  readonly #idle: Slot[] = [];
  readonly #batch: Slot[] = [];
  #inFlight = 0;
  #pausing = 0;
  #closed = false;

  /**
   * Starts to receive. The receiver owns the socket from then on.
   *
   * @param socket The socket.
   * @param handler Called with datagrams and failures.
   * @param mostInFlight The most receives in flight; each needs a buffer of 64 KiB.
   */
  constructor(
    socket: DatagramSocket,
    handler: ReceiverHandler,
    mostInFlight: number = MOST_IN_FLIGHT,
  ) {
    this.#depth = new ReceiveDepth(mostInFlight);
    this.finished = this.#ended.promise;
    this.#socket = socket;
    this.#handler = handler;
    this.#receive();
  }

  /** Closes the socket. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#endIfDone();
  }

  #receive(): void {
    while (!this.#closed && this.#inFlight + this.#pausing < this.#depth.depth) {
      const slot = this.#idle.pop() ?? new Slot(this.#received, this.#failed);
      this.#inFlight += 1;
      this.#socket.receive(slot.buffer).then(slot.received, slot.failed);
    }
  }

  readonly #received = (slot: Slot): void => {
    // Receives that completed in this turn are already in the microtask queue, ahead of the batch's own task.
    if (this.#batch.push(slot) === 1) queueMicrotask(this.#handleBatch);
  };

  readonly #handleBatch = (): void => {
    const batch = this.#batch;
    this.#depth.note(batch.length, this.#inFlight);
    this.#inFlight -= batch.length;
    for (const slot of batch) {
      if (this.#closed) break;
      this.#handler.datagram(slot.data, slot.from!);
    }
    this.#idle.push(...batch);
    batch.length = 0;
    this.#receive();
    this.#endIfDone();
  };

  readonly #failed = (slot: Slot, error: unknown): void => {
    this.#inFlight -= 1;
    this.#idle.push(slot);
    if (this.#closed) return this.#endIfDone();
    this.#handler.failed(error);
    if (isRefusal(error)) return this.#receive();
    this.#pausing += 1;
    setTimeout(() => {
      this.#pausing -= 1;
      this.#receive();
      this.#endIfDone();
    }, PAUSE_MS);
  };

  #endIfDone(): void {
    if (this.#closed && this.#inFlight + this.#pausing === 0) this.#ended.resolve();
  }
}

/** Callbacks of a {@linkcode DatagramPort}. None may throw. */
export interface DatagramPortHandler {
  /**
   * Called for each datagram.
   *
   * @param data Its bytes, valid until this returns.
   * @param from Its sender.
   */
  datagram(data: Uint8Array, from: Deno.NetAddr): void;
  /** Called for each datagram that was passed to the system. */
  sent(to: Deno.NetAddr, data: Uint8Array): void;
  /** Called for each datagram that could not be sent, and, without `to`, for each failed receive. */
  failed(error: unknown, to?: Deno.NetAddr): void;
}

/** Receives datagrams, and sends some back to their senders. */
export interface DatagramPort {
  /** Its own address. */
  readonly addr: Deno.NetAddr;
  /** Resolves when it is closed and every receive has ended. */
  readonly finished: Promise<void>;
  /** Sends a datagram to a sender of another one. The handler hears what becomes of it. */
  send(data: Uint8Array, to: Deno.NetAddr): void;
  /** Closes the socket. */
  close(): void;
}

/** Starts to receive. */
export type OpenDatagramPort = (handler: DatagramPortHandler) => DatagramPort;

/** Returns a function that starts to receive from a socket. The port then owns the socket. */
export function portOf(socket: DatagramSocket): OpenDatagramPort {
  return (handler) => {
    const receiver = new Receiver(socket, handler);
    return {
      addr: socket.addr as Deno.NetAddr,
      finished: receiver.finished,
      send(data, to) {
        const failed = (error: unknown) => handler.failed(error, to);
        socket.send(data, to).then(() => handler.sent(to, data), failed);
      },
      close: () => receiver.close(),
    };
  };
}

/** The number of datagrams in a row that must arrive singly before two receives are tried. */
const PATIENCE = 8;

/**
 * Chooses the number of receives in flight from how many complete together.
 *
 * Under load, more receives in flight are faster: several datagrams are read and answered at once. With one datagram at
 * a time they are slower, because each datagram wakes every waiting receive. So the number doubles if all receives
 * complete together, and halves if at most half of them do.
 */
export class ReceiveDepth {
  readonly #most: number;
  #depth = 1;
  #alone = 0;

  /** @param most The largest number. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The number of receives to keep in flight. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * Records a batch.
   *
   * @param completed The number of receives that completed together.
   * @param inFlight The number that were in flight.
   */
  note(completed: number, inFlight: number): void {
    if (completed < inFlight) {
      this.#alone = 0;
      if (completed * 2 <= inFlight) this.#depth = Math.ceil(inFlight / 2);
    } else if (inFlight === 1 && ++this.#alone < PATIENCE) {
      this.#depth = 1;
    } else {
      this.#depth = Math.min(this.#most, inFlight * 2);
    }
  }
}
