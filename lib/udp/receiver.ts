/**
 * Datagrams from a socket, several receives at a time.
 *
 * @module
 */

import { type DatagramSocket, isRefusal, RECEIVE_BYTES } from "./datagram_socket.ts";

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
