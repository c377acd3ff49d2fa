/**
 * Receives and sends batches of datagrams in a loop, by a socket of the C library.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { hostPort } from "../base/host_port.ts";
import { resolveHost } from "../net/resolve_host.ts";
import { toFailure } from "../os/errors.ts";
import { isGranted } from "../os/io.ts";
import {
  BATCH,
  BatchSocket,
  decodeAddress,
  encodeAddress,
  IPV4_NAME_BYTES,
  type Library,
  Messages,
  NAME_BYTES,
  openLibrary,
} from "./batch_socket.ts";
import {
  type DatagramPort,
  type DatagramPortHandler,
  type OpenDatagramPort,
  RECEIVE_BYTES,
} from "./datagram_socket.ts";

/** The most batches between two turns of the event loop, in which signals and timers are handled. */
const BATCHES_A_TURN = 32;
/** The largest datagram that is sent. */
const MAX_SENT_BYTES = 64;
/** The pause after a failed call, in milliseconds, so that the loop does not spin. */
const PAUSE_MS = 10;
/** The pause until datagrams are sent for which the system had no room, in milliseconds. */
const ROOM_MS = 1;

/** The sockets that are open: their buffers must not be collected while a call may use them. */
const OPEN = new Set<BatchPort>();

/**
 * Opens a socket of the C library.
 *
 * @param hostname An address, or a name that resolves to one.
 * @param port The port; 0 for any free one.
 * @returns A function that starts to receive.
 * @throws {Failure} `UNSUPPORTED` on a system other than Linux; `NOT_PERMITTED` without `--allow-ffi` or without
 * `--allow-net` for the address; other codes if the address is not usable.
 */
export async function openBatchPort(hostname: string, port: number): Promise<OpenDatagramPort> {
  const what = `cannot listen on ${hostPort({ hostname, port })}`;
  if (Deno.build.os !== "linux") {
    const why = "receiving many datagrams with one call needs Linux";
    throw new Failure({ what, why, code: "UNSUPPORTED" });
  }
  // The runtime does not check what the C library does.
  if (!isGranted({ name: "net", host: hostPort({ hostname, port }) })) {
    const message = `Requires net access to "${hostPort({ hostname, port })}": --allow-net`;
    throw toFailure(new Deno.errors.NotCapable(message), what);
  }
  const { hostname: address } = await resolveHost(hostname, port);
  const socket = openBatchSocket({ transport: "udp", hostname: address, port }, what);
  return (handler) => new BatchPort(socket, handler);
}

function openBatchSocket(at: Deno.NetAddr, what: string): BatchSocket {
  let libc: Library | undefined;
  try {
    libc = openLibrary();
    return new BatchSocket(libc, at);
  } catch (error) {
    libc?.close();
    throw toFailure(error, what);
  }
}

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

/** The calls of a socket that a {@linkcode BatchPort} makes. */
export type BatchCalls = Pick<
  BatchSocket,
  "addr" | "isIPv6" | "receive" | "send" | "readable" | "wake" | "close"
>;

/** Receives and sends until it is closed. */
export class BatchPort implements DatagramPort {
  readonly finished: Promise<void>;
  readonly #socket: BatchCalls;
  readonly #handler: DatagramPortHandler;
  readonly #incoming: Messages;
  readonly #outgoing: Messages;
  #waiting: Waiting[] = [];
  /** Whether a flush follows anyway. */
  #flushing = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** Starts to receive. The port owns the socket from then on. */
  constructor(socket: BatchCalls, handler: DatagramPortHandler) {
    this.#socket = socket;
    this.#handler = handler;
    const nameBytes = socket.isIPv6 ? NAME_BYTES : IPV4_NAME_BYTES;
    this.#incoming = new Messages(RECEIVE_BYTES, nameBytes);
    this.#outgoing = new Messages(MAX_SENT_BYTES, nameBytes);
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
        const count = this.#socket.receive(this.#incoming);
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
      const sender = new Sender(this.#incoming.takeName(i));
      this.#handler.datagram(this.#incoming.data(i), sender);
    }
  }

  /** Sends the datagrams that wait, in order. Those for which the system has no room wait for a moment. */
  #flush(): void {
    this.#flushing = false;
    clearTimeout(this.#retry);
    while (!this.#closed && this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH);
      const done = this.#sendBatch(batch);
      if (done === 0) {
        this.#retry = setTimeout(() => this.#flush(), ROOM_MS);
        return;
      }
      this.#waiting = this.#waiting.slice(done);
    }
  }

  /** Returns how many datagrams of a batch were sent or have failed. */
  #sendBatch(batch: readonly Waiting[]): number {
    for (const [i, { data, to }] of batch.entries()) {
      this.#outgoing.set(i, data, to instanceof Sender ? to.name : encodeAddress(to, 0));
    }
    try {
      const sent = this.#socket.send(this.#outgoing.headers, batch.length);
      for (const { data, to } of batch.slice(0, sent)) this.#handler.sent(to, data);
      return sent;
    } catch (error) {
      // An error concerns the first datagram of a call.
      this.#handler.failed(error, batch[0]!.to);
      return 1;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
