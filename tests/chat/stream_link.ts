/**
 * A link over a pair of web streams: what a transport that the program does not know looks like.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { IncomingLink, Link, LinkReceiver, LinkSource } from "../../lib/tcp_chat.ts";

/** Carries bytes over two streams. */
export class StreamLink implements Link {
  readonly #readable: ReadableStreamDefaultReader<Bytes>;
  readonly #writable: WritableStreamDefaultWriter<Bytes>;
  #waiting = 0;

  constructor(readable: ReadableStream<Bytes>, writable: WritableStream<Bytes>) {
    this.#readable = readable.getReader();
    this.#writable = writable.getWriter();
  }

  get waiting(): number {
    return this.#waiting;
  }

  open(receiver: LinkReceiver): void {
    this.#read(receiver).catch(() => {}).finally(() => {
      this.close();
      receiver.disconnected();
    });
  }

  async #read(receiver: LinkReceiver): Promise<void> {
    while (true) {
      const { done, value } = await this.#readable.read();
      if (done) return;
      await receiver.receive(value);
    }
  }

  send(bytes: Bytes): void {
    this.#waiting += bytes.length;
    this.#writable.write(bytes).then(() => this.#waiting -= bytes.length, () => {});
  }

  end(): void {
    // Once it has closed or failed there is nothing left to read.
    this.#writable.close().catch(() => {}).finally(() => this.close());
  }

  close(): void {
    this.#writable.abort().catch(() => {}); // it may have ended
    this.#readable.cancel().catch(() => {});
  }
}

/** Delivers every byte by itself. */
function bytewise(): TransformStream<Bytes, Bytes> {
  return new TransformStream({
    transform(bytes, controller) {
      for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
    },
  });
}

/** Makes connections over streams, and is the source of their other ends. */
export class StreamNetwork implements LinkSource {
  readonly #ended = Promise.withResolvers<void>();
  #accept: ((incoming: IncomingLink) => void) | undefined;
  /** The members' ends. */
  readonly links: StreamLink[] = [];

  run(accept: (incoming: IncomingLink) => void): Promise<void> {
    this.#accept = accept;
    return this.#ended.promise;
  }

  close(): void {
    this.#accept = undefined;
    this.#ended.resolve();
  }

  /** Connects to the relay. */
  readonly dial = (): Promise<Link> => {
    if (this.#accept === undefined) throw new Error("no relay runs");
    const [up, down] = [bytewise(), bytewise()];
    const link = new StreamLink(down.readable, up.writable);
    this.links.push(link);
    this.#accept({
      link: new StreamLink(up.readable, down.writable),
      from: { hostname: "192.0.2.1", port: this.links.length },
    });
    return Promise.resolve(link);
  };
}
