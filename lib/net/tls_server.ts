/**
 * The server's side of TLS around a connection (RFC 8446).
 *
 * `node:tls` does it: the runtime's own `Deno.listenTls` has no way to give up a handshake that does not
 * go on (its connection stays open until the other side closes it) and none to send small writes at once.
 *
 * @module
 */

import { tlsFailure, type TlsServerOptions } from "./tls.ts";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** The fatal alert handshake_failure, in the clear (RFC 8446 section 6). */
const HANDSHAKE_FAILURE = new Uint8Array([21, 3, 3, 0, 2, 2, 40]);
/** The most that is read at once, in bytes. */
const READ_BYTES = 16 << 10;

/** What comes after the handshake. */
interface Secured {
  readonly socket: TLSSocket;
  readonly chunks: AsyncIterator<Uint8Array, void>;
}

/**
 * A connection within TLS, with the methods of `Deno.Conn` that a link uses. Its handshake begins at once,
 * and whatever is read or written waits for it; whoever owns it closes it where that takes too long.
 */
export class TlsServerConn {
  readonly #conn: Deno.TcpConn;
  /** Undefined where the handshake failed. */
  readonly #secured: Promise<Secured | undefined>;
  #socket: TLSSocket | undefined;
  #closed = false;
  #failure = "";
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * Takes over a connection that has come.
   *
   * @param conn The connection.
   * @param options What the server proves itself by.
   */
  constructor(conn: Deno.TcpConn, options: TlsServerOptions) {
    this.#conn = conn;
    this.#secured = this.#shakeHands(options);
  }

  /** Why the handshake failed, in words; empty where it did not, or has yet to. */
  get failure(): string {
    return this.#failure;
  }

  async #shakeHands({ cert, key }: TlsServerOptions): Promise<Secured | undefined> {
    const [{ createSecureContext, TLSSocket }, stream] = await Promise.all([
      import("node:tls"),
      import("node:stream"),
    ]);
    const carrier = carrierOf(this.#conn, stream.Duplex);
    const secureContext = createSecureContext({ cert, key });
    const socket = new TLSSocket(carrier, { isServer: true, secureContext });
    this.#socket = socket;
    // Whoever reads or writes hears of an error; unheard, it would end the process.
    socket.on("error", () => {});
    try {
      await handshake(socket, carrier);
      return { socket, chunks: socket[Symbol.asyncIterator]() };
    } catch (error) {
      if (!this.#closed) {
        this.#failure = `the TLS handshake failed: ${tlsFailure(error, "TLS").why}`;
        // `node:tls` has no time to send an alert over a carrier that is no socket of its own.
        await this.#conn.write(HANDSHAKE_FAILURE).catch(() => {}); // it may be gone
      }
      this.close();
      return undefined;
    }
  }

  /** Reads what has come, at most what there is room for; null at the end. */
  async read(into: Uint8Array): Promise<number | null> {
    if (this.#rest.length === 0) {
      const chunk = await this.#next();
      if (chunk === undefined) return null;
      this.#rest = chunk;
    }
    const length = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, length));
    this.#rest = this.#rest.subarray(length);
    return length;
  }

  async #next(): Promise<Uint8Array | undefined> {
    const secured = await this.#secured;
    try {
      const next = await secured?.chunks.next();
      return next?.done === false ? next.value : undefined;
    } catch {
      // A reset, or a record that the other side did not seal: the connection is over.
      return undefined;
    }
  }

  /** Writes bytes, which are not changed meanwhile. */
  async write(bytes: Uint8Array): Promise<number> {
    const secured = await this.#secured;
    if (secured === undefined) throw new Deno.errors.BrokenPipe("there was no handshake");
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    secured.socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    return await promise;
  }

  /** Sends what is still held back, and TLS's own end. */
  async closeWrite(): Promise<void> {
    const secured = await this.#secured;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (secured === undefined) return;
    secured.socket.once("close", () => resolve()).end(() => resolve());
    await promise;
  }

  /** Ends the connection now. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket?.destroy();
    this.#conn.close();
  }
}

/** A connection as a stream of Node's; ending the stream leaves the connection to its owner. */
function carrierOf(conn: Deno.TcpConn, stream: typeof Duplex): Duplex {
  const buffer = new Uint8Array(READ_BYTES);
  const carrier = new stream({
    read: () => {
      conn.read(buffer).then(
        (length) => carrier.push(length === null ? null : buffer.slice(0, length)),
        (error) => carrier.destroy(error),
      );
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      writeAll(conn, chunk).then(() => done(), done);
    },
    final: (done) => {
      conn.closeWrite().then(() => done(), done);
    },
  });
  carrier.on("error", () => {}); // as with the socket's
  return carrier;
}

async function writeAll(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
}

async function handshake(socket: TLSSocket, carrier: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = () => reject(new Deno.errors.UnexpectedEof("unexpected end of file"));
  socket.once("secure", resolve).once("error", reject).once("close", gone);
  carrier.once("error", gone).once("end", gone);
  await promise;
}
