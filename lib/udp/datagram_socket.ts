/**
 * Sockets for datagrams: opening, sending, and receiving several datagrams at a time.
 *
 * @module
 */

import { hostPort, isIPv6 } from "../base/host_port.ts";
import { requireZone, resolveHost } from "../net/resolve_host.ts";
import { toFailure } from "../os/errors.ts";

/**
 * The length of a buffer for receiving, in bytes: what the length field of UDP can say (RFC 768). The runtime's own
 * buffer holds 65,507 and cuts what is longer, which IPv6 allows.
 */
export const RECEIVE_BYTES = 65_535;

/** What is used of a socket for datagrams. */
export type DatagramSocket = Pick<Deno.DatagramConn, "receive" | "send" | "close"> & {
  readonly addr: Deno.Addr;
};

/**
 * Opens a socket at an address of this machine.
 *
 * @param hostname An address, or a name that stands for one.
 * @param port The port; 0 for any free one.
 * @throws {Failure} Where there is no such address, or it is taken.
 */
export function openSocket(hostname: string, port: number): Deno.DatagramConn {
  const what = `cannot listen on ${hostPort({ hostname, port })}`;
  requireZone(hostname, what);
  try {
    return Deno.listenDatagram({ transport: "udp", hostname, port });
  } catch (error) {
    throw toFailure(error, what);
  }
}

/**
 * Opens a socket to send from, at every address of this machine and a port that the system picks.
 *
 * @param to Where it is going to send: an IPv4 or an IPv6 address.
 */
export function openSender(to: Deno.NetAddr): Deno.DatagramConn {
  return openSocket(isIPv6(to.hostname) ? "::" : "0.0.0.0", 0);
}

/**
 * Sends one datagram.
 *
 * @param socket From where.
 * @param data 0 to 65,507 bytes, to an IPv6 address 65,527.
 * @param to An address, not a name.
 * @throws {Failure} `EMSGSIZE` where it is too large for a datagram; where there is no way to the address.
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
 * Whether an error says that nothing listens where a datagram went (ICMP port unreachable).
 *
 * On Linux the runtime's sockets, which are never connected, do not hear of it; Windows and some BSDs report
 * it with the next receive or send.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset;
}

/** A datagram that was sent. */
export interface SentDatagram {
  /** The address that the system gave its socket. */
  readonly from: Deno.NetAddr;
  /** Where it went. */
  readonly to: Deno.NetAddr;
  /** How long it is. */
  readonly bytes: number;
}

/**
 * Sends one datagram from a socket of its own, and waits for nothing.
 *
 * @param hostname A name or an address.
 * @param port The port, 1 to 65,535.
 * @param data Text, which is sent as UTF-8, or bytes.
 * @throws {Failure} Where there is no such host, or the datagram cannot be sent: `EMSGSIZE` where it is too large.
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

/** How many receives are in flight under load where nothing else is said: more gave nothing. */
const MOST_IN_FLIGHT = 32;
/** How long a receive that failed waits before the next, in milliseconds, so that it does not spin. */
const PAUSE_MS = 10;

/** Who hears what a {@linkcode Receiver} receives. Neither function may throw. */
export interface ReceiverHandler {
  /**
   * A datagram came.
   *
   * @param data Its bytes, until this returns: then the buffer takes the next.
   * @param from Its sender.
   */
  datagram(data: Uint8Array, from: Deno.NetAddr): void;
  /** A receive failed, and the next is tried. */
  failed(error: unknown): void;
}

/** A buffer, and what was received into it. Its listeners are made once and not for each datagram. */
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
 * Receives from a socket until it is closed.
 *
 * Receives that complete in the same turn of the event loop are a batch: handled in the order in which they
 * completed, and only then is more received. So the replies to a batch go out one behind the other,
 * which wakes whoever waits for them once and not each time.
 */
export class Receiver {
  /** Fulfilled when the socket is closed and every receive has ended. */
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
   * Starts to receive from a socket, which is its own from now on.
   *
   * @param socket Where to receive.
   * @param handler Who hears of it.
   * @param mostInFlight How many receives are in flight under load; each takes a buffer of 64 KiB.
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
    // What completed with this one is in the queue of microtasks already, before the batch's own.
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

/** So many times in a row one datagram has to have come alone before two receives are tried. */
const PATIENCE = 8;

/**
 * Chooses how many receives are in flight, by how many complete together.
 *
 * Under load many in flight are faster: what is there is taken at once and answered at once. With one
 * datagram at a time they are slower, because each datagram wakes every receive that waits. So the number
 * doubles when all complete together, and halves when half of them or fewer do.
 */
export class ReceiveDepth {
  readonly #most: number;
  #depth = 1;
  #alone = 0;

  /** @param most The largest number. */
  constructor(most: number) {
    this.#most = most;
  }

  /** How many receives should be in flight. */
  get depth(): number {
    return this.#depth;
  }

  /**
   * Takes note of what completed together.
   *
   * @param completed How many receives.
   * @param inFlight Out of how many.
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
