/**
 * Links within one process: the same bytes as over TCP, without a socket.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Link, LinkReceiver } from "../link.ts";

/** Makes the two ends of a connection within this process. */
export function memoryLinks(): [Link, Link] {
  const near = new MemoryLink();
  const far = new MemoryLink();
  near.connect(far);
  far.connect(near);
  return [near, far];
}

/** One end. It delivers in a microtask, so that no end is called from within its own call. */
class MemoryLink implements Link {
  #peer: MemoryLink | undefined;
  #receiver: LinkReceiver | undefined;
  /** The bytes that this end has not yet received. */
  #inbox: Bytes[] = [];
  #inboxBytes = 0;
  /** Whether the other end has stopped sending. */
  #peerEnded = false;
  #closed = false;
  #delivering = false;
  /** Ends the pause that the receiver asked for. */
  #resume: (() => void) | undefined;

  connect(peer: MemoryLink): void {
    this.#peer = peer;
  }

  get waiting(): number {
    return this.#peer?.inboxBytes ?? 0;
  }

  get inboxBytes(): number {
    return this.#inboxBytes;
  }

  open(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#wake();
  }

  send(bytes: Bytes): void {
    if (!this.#closed) this.#peer?.push(bytes);
  }

  /** What was sent is in the peer's inbox already: nothing is left to flush. */
  end(): void {
    this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox = [];
    this.#inboxBytes = 0;
    this.#resume?.();
    this.#wake();
    this.#peer?.peerEnds();
  }

  push(bytes: Bytes): void {
    if (this.#closed || bytes.length === 0) return;
    this.#inbox.push(bytes);
    this.#inboxBytes += bytes.length;
    this.#wake();
  }

  peerEnds(): void {
    this.#peerEnded = true;
    this.#wake();
  }

  #wake(): void {
    if (this.#delivering || this.#receiver === undefined) return;
    this.#delivering = true;
    queueMicrotask(() => this.#deliver(this.#receiver!));
  }

  async #deliver(receiver: LinkReceiver): Promise<void> {
    while (!this.#closed && this.#inbox.length > 0) {
      const pieces = this.#inbox;
      this.#inbox = [];
      for (const bytes of pieces) {
        if (this.#closed) break;
        this.#inboxBytes -= bytes.length;
        const pause = receiver.receive(bytes);
        if (pause !== undefined && !this.#closed) await this.#pausedBy(pause);
      }
    }
    this.#delivering = false;
    if (this.#closed || this.#peerEnded) this.#finish(receiver);
  }

  #pausedBy(pause: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
      pause.then(resolve);
    });
  }

  #finish(receiver: LinkReceiver): void {
    this.#receiver = undefined; // it is called once
    this.close();
    receiver.disconnected();
  }
}
