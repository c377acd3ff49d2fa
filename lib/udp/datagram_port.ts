/**
 * Ports that receive datagrams and send some back to their senders: over a socket of the runtime, which receives several
 * datagrams at a time, or over one of the C library, which receives and sends them in batches.
 *
 * @module
 */

import { pause } from "../base/clock.ts";
import { decodeAddress, encodeAddress } from "../base/host_port.ts";
import { type DatagramSocket, isRefusal, RECEIVE_BYTES } from "./datagram_socket.ts";

/** The most receives in flight by default. More receives gave no higher rate. */
const MOST_IN_FLIGHT = 32;
/** The pause after a failed receive or call in milliseconds, so that the loop does not spin. */
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

/** The most datagrams of one call. */
export const BATCH = 64;
/** The most batches between two turns of the event loop, in which signals and timers are handled. */
const BATCHES_A_TURN = 32;
/** The pause until datagrams are sent for which the system had no room, in milliseconds. */
const ROOM_MS = 1;

/** The sockets that are open: their buffers must not be collected while a call may use them. */
const OPEN = new Set<BatchPort>();

/** The address of a sender as the system wrote it. It is decoded when it is asked for. */
class Sender implements Deno.NetAddr {
  readonly transport = "udp";
  readonly name: Uint8Array;

  constructor(name: Uint8Array) {
    this.name = name;
  }

  get hostname(): string {
    return decodeAddress(this.name).hostname;
  }

  get port(): number {
    return decodeAddress(this.name).port;
  }
}

/** A datagram that waits to be sent. */
interface Waiting {
  readonly data: Uint8Array;
  readonly to: Deno.NetAddr;
}

/** A socket that receives and sends up to {@linkcode BATCH} datagrams with one call. */
export interface BatchCalls {
  readonly addr: Deno.NetAddr;
  /** Receives datagrams that have arrived. Returns their number; 0 if there are none. */
  receive(): number;
  /** Returns a received datagram. It is valid until the next call of `receive`. */
  data(index: number): Uint8Array;
  /** Returns a copy of its sender's address. Call it once for each datagram. */
  takeName(index: number): Uint8Array;
  /** Stores a datagram to send, and its receiver's address. */
  set(index: number, data: Uint8Array, name: Uint8Array): void;
  /** Sends the first `count` stored datagrams. Returns how many; 0 if the system has no room for more now. */
  send(count: number): number;
  /** Waits for a datagram or for {@linkcode BatchCalls.wake}. */
  readable(): Promise<void>;
  /** Ends {@linkcode BatchCalls.readable}, now and from now on. */
  wake(): void;
  /** Closes the socket. No call may be under way. */
  close(): void;
}

/** Receives and sends batches of datagrams, each with one call, until it is closed. */
export class BatchPort implements DatagramPort {
  readonly finished: Promise<void>;
  readonly #socket: BatchCalls;
  readonly #handler: DatagramPortHandler;
  readonly #waiting: Waiting[] = [];
  /** Whether a flush follows anyway. */
  #flushing = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Starts to receive. The port owns the socket from then on. */
  constructor(socket: BatchCalls, handler: DatagramPortHandler) {
    this.#socket = socket;
    this.#handler = handler;
    OPEN.add(this);
    this.finished = this.#run();
  }

  get addr(): Deno.NetAddr {
    return this.#socket.addr;
  }

  send(data: Uint8Array, to: Deno.NetAddr): void {
    if (this.#closed) return;
    this.#waiting.push({ data, to });
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => this.#flush());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#socket.wake();
  }

  async #run(): Promise<void> {
    // The caller gets this object before the first datagram is handled.
    await this.#socket.readable();
    while (!this.#closed) {
      const good = this.#receiveSome();
      if (!good) await pause(PAUSE_MS);
      else if (this.#waiting.length > 0) await pause(ROOM_MS);
      else await this.#socket.readable();
    }
    this.#socket.close();
    OPEN.delete(this);
  }

  /** Receives and answers batches. Returns false if the system refused to receive, which may last. */
  #receiveSome(): boolean {
    try {
      // While the system has no room for replies, nothing more is received.
      for (let i = 0; i < BATCHES_A_TURN && !this.#closed && this.#waiting.length === 0; i++) {
        const count = this.#socket.receive();
        if (count === 0) return true;
        this.#handle(count);
        this.#flush();
      }
      return true;
    } catch (error) {
      this.#handler.failed(error);
      return false;
    }
  }

  #handle(count: number): void {
    this.#flushing = true;
    for (let i = 0; i < count && !this.#closed; i++) {
      const sender = new Sender(this.#socket.takeName(i));
      this.#handler.datagram(this.#socket.data(i), sender);
    }
  }

  /** Sends the datagrams that wait, in order. Those for which the system has no room wait for a moment. */
  #flush(): void {
    this.#flushing = false;
    clearTimeout(this.#retry);
    let done = 0;
    while (!this.#closed && done < this.#waiting.length) {
      const count = this.#sendBatch(done, Math.min(BATCH, this.#waiting.length - done));
      if (count === 0) {
        this.#retry = setTimeout(() => this.#flush(), ROOM_MS);
        break;
      }
      done += count;
    }
    if (done > 0) this.#waiting.splice(0, done);
  }

  /** Returns how many datagrams, from the first one on, were sent or have failed. */
  #sendBatch(first: number, count: number): number {
    for (let i = 0; i < count; i++) {
      const { data, to } = this.#waiting[first + i]!;
      this.#socket.set(i, data, to instanceof Sender ? to.name : encodeAddress(to, 0));
    }
    try {
      const sent = this.#socket.send(count);
      for (let i = 0; i < sent; i++) {
        const { data, to } = this.#waiting[first + i]!;
        this.#handler.sent(to, data);
      }
      return sent;
    } catch (error) {
      // An error concerns the first datagram of a call.
      this.#handler.failed(error, this.#waiting[first]!.to);
      return 1;
    }
  }
}
