/**
 * A member that sits in the same process as its relay: the same bytes as over TCP, without a socket.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { LinkEnd } from "../link.ts";
import type { Relay } from "../relay/relay.ts";

/** Bytes one way, delivered in a later turn: neither side is called from within its own call. */
class Way {
  readonly #deliver: (bytes: Bytes) => Promise<void> | undefined | void;
  readonly #ended: () => void;
  readonly #failed: (error: unknown) => void;
  #queue: Bytes[] = [];
  #running = false;
  #ending = false;

  constructor(
    deliver: (bytes: Bytes) => Promise<void> | undefined | void,
    ended: () => void,
    failed: (error: unknown) => void,
  ) {
    this.#deliver = deliver;
    this.#ended = ended;
    this.#failed = failed;
  }

  send(bytes: Bytes): void {
    if (this.#ending) return;
    this.#queue.push(bytes);
    this.#start();
  }

  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#start();
  }

  #start(): void {
    if (this.#running) return;
    this.#running = true;
    queueMicrotask(() => this.#run().catch(this.#failed));
  }

  async #run(): Promise<void> {
    try {
      while (this.#queue.length > 0) {
        const bytes = this.#queue;
        this.#queue = [];
        for (const piece of bytes) await this.#deliver(piece);
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#running = false;
    if (this.#ending) this.#ended();
  }
}

/**
 * Connects to a relay in the same process.
 *
 * @param relay The relay.
 * @param end The member's end.
 * @returns The way to the relay, and a function that ends the connection.
 */
export function connectThroughMemory(
  relay: Relay,
  end: LinkEnd,
): { send(bytes: Bytes): void; close(): void } {
  /** An end that throws is given no more: the connection is over. */
  const failed = (error: unknown) => {
    relay.failed(error);
    close();
  };
  const close = () => {
    toRelay.end();
    toMember.end();
  };
  const toRelay = new Way(
    (bytes) => void connection.receive(bytes),
    () => connection.disconnected(),
    failed,
  );
  const toMember = new Way((bytes) => end.receive(bytes), () => end.disconnected(), failed);
  const connection = relay.connect({
    send: (bytes) => toMember.send(bytes),
    end: () => toMember.end(),
  });
  return {
    send: (bytes) => toRelay.send(bytes),
    close,
  };
}
