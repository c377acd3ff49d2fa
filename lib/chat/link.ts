/**
 * The interface between the chat and what carries its bytes.
 *
 * A {@linkcode Link} is one end of a two-way byte stream: TCP, TLS, WebSocket, memory, or a transport of the calling
 * program. Bytes arrive complete and in order, possibly in other pieces than they were sent in.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";

/** One end of a two-way byte stream. */
export interface Link {
  /** Bytes that {@linkcode send} was given and that are not written yet. 0 if the link cannot know. */
  readonly waiting: number;
  /** For a wrapper: the innermost link that {@linkcode send} hands its bytes to unchanged. */
  readonly sink?: Link | undefined;
  /**
   * Starts to deliver what arrives. Called once; bytes that arrive earlier are kept until then.
   *
   * @param receiver Receives the bytes and the end, in a later turn than this call. It does not throw.
   */
  open(receiver: LinkReceiver): void;
  /** Sends bytes after those sent before. The caller does not change them afterwards. Does nothing once the link ends. */
  send(bytes: Bytes): void;
  /** Sends what is waiting, then closes. */
  end(): void;
  /** Closes now and drops what is waiting. */
  close(): void;
}

/** A link whose two directions end by themselves. */
export interface DuplexLink extends Link {
  /** Sends what is waiting and then no more. What arrives is still delivered, until {@linkcode Link.close}. */
  endWriting(): void;
}

/** Receives what a {@linkcode Link} delivers. */
export interface LinkReceiver {
  /**
   * Receives the next bytes.
   *
   * @param bytes At least one byte. The link may reuse the memory after this call.
   * @returns A promise if the link is to wait for it, or for its own end, before it delivers more.
   */
  receive(bytes: Bytes): Promise<void> | undefined;
  /**
   * The link is closed, by either end. Called once, and nothing is delivered after it.
   *
   * @param detail The cause in words, if the link knows one.
   */
  disconnected(detail?: string): void;
}

/** Sees every byte that travels over one link. */
export type Tap = (direction: "sent" | "received", bytes: Bytes) => void;

/** How long a link that ends may take to send what is waiting, in milliseconds. */
const LINGER_MS = 2_000;

/**
 * Wraps a link for its user: a tap sees the bytes, an exception of the receiver or of the tap closes the link instead
 * of reaching its reader, and a link that ends is closed after 2 s at the latest.
 *
 * @param link The link. The caller uses only the wrapper from here on.
 * @param failed Receives an exception of the receiver or of the tap.
 * @param tap Sees the bytes, if given.
 */
export function guardLink(link: Link, failed: (error: unknown) => void, tap?: Tap): Link {
  return new GuardedLink(link, failed, tap);
}

class GuardedLink implements Link {
  readonly #link: Link;
  readonly #failed: (error: unknown) => void;
  readonly #tap: Tap | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(link: Link, failed: (error: unknown) => void, tap: Tap | undefined) {
    this.#link = link;
    this.#failed = failed;
    this.#tap = tap;
  }

  get waiting(): number {
    return this.#link.waiting;
  }

  get sink(): Link | undefined {
    return this.#tap === undefined ? this.#link.sink ?? this.#link : undefined;
  }

  open(receiver: LinkReceiver): void {
    const fail = (error: unknown) => this.#fail(error);
    this.#link.open({
      receive: (bytes) => {
        if (this.#closed) return undefined;
        try {
          this.#tap?.("received", bytes);
          return receiver.receive(bytes)?.catch(fail);
        } catch (error) {
          fail(error);
          return undefined;
        }
      },
      disconnected: (detail) => {
        this.#closed = true;
        clearTimeout(this.#linger);
        try {
          receiver.disconnected(detail);
        } catch (error) {
          this.#failed(error);
        }
      },
    });
  }

  send(bytes: Bytes): void {
    if (this.#tap !== undefined) {
      try {
        this.#tap("sent", bytes);
      } catch (error) {
        return this.#fail(error);
      }
    }
    this.#link.send(bytes);
  }

  end(): void {
    if (this.#closed) return;
    this.#linger ??= setTimeout(() => this.#link.close(), LINGER_MS);
    this.#link.end();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#linger);
    this.#link.close();
  }

  #fail(error: unknown): void {
    this.#failed(error);
    this.close();
  }
}

/** Makes the two ends of a connection within this process. */
export function memoryLinks(): [Link, Link] {
  const [near, far] = [new ArrivalQueue(), new ArrivalQueue()];
  return [new MemoryLink(near, far), new MemoryLink(far, near)];
}

/** One end of a connection within this process. */
class MemoryLink implements Link {
  readonly #arrived: ArrivalQueue;
  readonly #peers: ArrivalQueue;

  /**
   * @param arrived What has arrived at this end.
   * @param peers What has arrived at the other.
   */
  constructor(arrived: ArrivalQueue, peers: ArrivalQueue) {
    this.#arrived = arrived;
    this.#peers = peers;
  }

  get waiting(): number {
    return this.#peers.bytes;
  }

  open(receiver: LinkReceiver): void {
    this.#arrived.open(receiver);
  }

  send(bytes: Bytes): void {
    if (!this.#arrived.isClosed) this.#peers.push(bytes);
  }

  /** What was sent is with the peer already: nothing is left to flush. */
  end(): void {
    this.close();
  }

  close(): void {
    if (this.#arrived.close()) this.#peers.end();
  }
}

/**
 * What has arrived over a link that cannot be paused, kept until its receiver takes it.
 *
 * It delivers in a microtask, so that no receiver is called from within a call of its own.
 */
export class ArrivalQueue {
  #receiver: LinkReceiver | undefined;
  #pieces: Bytes[] = [];
  #bytes = 0;
  /** Whether nothing more arrives. */
  #ended = false;
  #closed = false;
  #delivering = false;
  #detail: string | undefined;
  /** Ends the pause that the receiver asked for. */
  #resume: (() => void) | undefined;

  /** The number of bytes that the receiver has not taken yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether nothing more is delivered. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Starts to deliver. Called once. */
  open(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#wake();
  }

  /** Adds bytes that have arrived. */
  push(bytes: Bytes): void {
    if (this.#closed || bytes.length === 0) return;
    this.#pieces.push(bytes);
    this.#bytes += bytes.length;
    this.#wake();
  }

  /** Nothing more arrives: the receiver is told of the end after it has taken what is here. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /**
   * Drops what is here, and tells the receiver of the end.
   *
   * @param detail The cause in words, if it is known.
   * @returns Whether this call was the first.
   */
  close(detail?: string): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    this.#detail = detail;
    this.#pieces = [];
    this.#bytes = 0;
    this.#resume?.();
    this.#wake();
    return true;
  }

  #wake(): void {
    if (this.#delivering || this.#receiver === undefined) return;
    this.#delivering = true;
    queueMicrotask(() => this.#deliver(this.#receiver!));
  }

  async #deliver(receiver: LinkReceiver): Promise<void> {
    while (!this.#closed && this.#pieces.length > 0) {
      const pieces = this.#pieces;
      this.#pieces = [];
      for (const bytes of pieces) {
        if (this.#closed) break;
        this.#bytes -= bytes.length;
        const pause = receiver.receive(bytes);
        if (pause !== undefined && !this.#closed) await this.#pausedBy(pause);
      }
    }
    this.#delivering = false;
    if (!this.#closed && !this.#ended) return;
    this.#receiver = undefined; // it is told once
    this.close();
    receiver.disconnected(this.#detail);
  }

  #pausedBy(pause: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
      pause.then(resolve);
    });
  }
}
