/**
 * A member that sits in the same process as its relay: the same bytes as over TCP, without a socket.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import { Member, type MemberOptions, type MemberOutput } from "./member.ts";
import type { Relay } from "./relay.ts";

/** Bytes one way, delivered in a later turn: neither side is called from within its own call. */
class Way {
  readonly #deliver: (bytes: Bytes) => Promise<void> | undefined | void;
  readonly #ended: () => void;
  #queue: Bytes[] = [];
  #running = false;
  #ending = false;

  constructor(deliver: (bytes: Bytes) => Promise<void> | undefined | void, ended: () => void) {
    this.#deliver = deliver;
    this.#ended = ended;
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
    queueMicrotask(() => this.#run());
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      const bytes = this.#queue;
      this.#queue = [];
      for (const piece of bytes) await this.#deliver(piece);
    }
    this.#running = false;
    if (this.#ending) this.#ended();
  }
}

/**
 * Joins a relay through memory.
 *
 * @param relay The relay.
 * @param options Who joins.
 * @param output Where its events go.
 * @returns The member, and a function that ends the connection.
 */
export function joinThroughMemory(
  relay: Relay,
  options: MemberOptions,
  output: Omit<MemberOutput, "send">,
): { readonly member: Member; close(): void } {
  const toRelay = new Way((bytes) => connection.receive(bytes), () => connection.disconnected());
  const toMember = new Way((bytes) => {
    member.receive(bytes);
    return member.full;
  }, () => member.disconnected());
  const connection = relay.connect({
    send: (bytes) => toMember.send(bytes),
    end: () => toMember.end(),
  });
  const member = new Member(options, { ...output, send: (bytes) => toRelay.send(bytes) });
  member.start();
  return { member, close: () => toRelay.end() };
}
