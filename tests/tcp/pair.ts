/**
 * Two ends of a connection over the loopback, for tests.
 *
 * @module
 */

import { createServer, type Socket } from "node:net";
import type { Connection, Readable } from "../../lib/tcp.ts";

/** Both ends of a connection; both are closed when it is disposed. */
export interface Pair extends Disposable {
  readonly near: Connection;
  readonly far: Deno.TcpConn;
}

/** Connects two ends. */
export async function connectPair(): Promise<Pair> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [near, far] = await Promise.all([
    Deno.connect({ port: listener.addr.port, hostname: "127.0.0.1" }),
    listener.accept(),
  ]);
  return { near, far, [Symbol.dispose]: () => [near, far].forEach(closeQuietly) };
}

function closeQuietly(connection: { close(): void }): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** A server whose only connection a test can reset (RST), which the runtime's own sockets cannot. */
export interface Resetter extends AsyncDisposable {
  readonly port: number;
  readonly socket: Promise<Socket>;
}

/** Listens. */
export async function openResetter(): Promise<Resetter> {
  const accepted = Promise.withResolvers<Socket>();
  const listening = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on("error", () => {}); // unheard, it would end the process
    accepted.resolve(socket);
  });
  server.listen(0, "127.0.0.1", listening.resolve);
  await listening.promise;
  const closed = new Promise<void>((resolve) => server.once("close", () => resolve()));
  return {
    port: (server.address() as { port: number }).port,
    socket: accepted.promise,
    [Symbol.asyncDispose]: async () => {
      server.close();
      (await accepted.promise).destroy();
      await closed;
    },
  };
}

/** A stream that gives what is written to it, and ends when it is told to. */
export class TestInput implements Readable {
  readonly #pipe = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  readonly #writer = this.#pipe.writable.getWriter();
  readonly #reader = this.#pipe.readable.getReader();
  #rest = new Uint8Array(0);

  /** Gives text or bytes. */
  async write(data: string | Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#writer.write(typeof data === "string" ? new TextEncoder().encode(data) : data);
  }

  /** Ends. */
  async end(): Promise<void> {
    await this.#writer.close();
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return null;
      this.#rest = value;
    }
    const length = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, length));
    this.#rest = this.#rest.subarray(length);
    return length;
  }
}

/** Everything that a connection brings until it ends, as text. */
export async function readText(connection: Readable): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, length), { stream: true });
  }
}

/** The SHA-256 of bytes, in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

/** Bytes that look like nothing, so that nothing of them can be mistaken for another part. */
export function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}
