/**
 * The server's side of TLS (RFC 8446).
 *
 * It uses `node:tls`. The runtime's own `Deno.listenTls` cannot abort a stalled handshake (the connection stays open
 * until the other side closes it) and cannot send small writes at once.
 *
 * @module
 */

import { writeBytes } from "../base/bytes.ts";
import { tlsFailure, type TlsServerOptions } from "./tls.ts";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** The fatal alert handshake_failure, in the clear (RFC 8446 section 6). */
const HANDSHAKE_FAILURE = new Uint8Array([21, 3, 3, 0, 2, 2, 40]);
/** The most bytes read at once. */
const READ_BYTES = 16 << 10;
/** The most connections that have ended and still shake hands, to be told why. */
const MAX_ENDING = 64;

/** The number of such connections. */
let ending = 0;

/** The connection after the handshake. */
interface Secured {
  readonly socket: TLSSocket;
  readonly chunks: AsyncIterator<Uint8Array, void>;
}

/**
 * A TLS connection with those methods of `Deno.Conn` that a link uses. The handshake starts at once, and reads and
 * writes wait for it. The owner closes the connection if the handshake takes too long.
 */
export class TlsServerConn {
  readonly #conn: Deno.TcpConn;
  /** Resolves with undefined if the handshake fails. */
  readonly #secured: Promise<Secured | undefined>;
  #socket: TLSSocket | undefined;
  readonly #answersHttp: boolean;
  /** The first byte that came. */
  #first: number | undefined;
  #closed = false;
  #isSecured = false;
  #failure = "";
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * Starts the handshake on an accepted connection.
   *
   * @param conn The connection.
   * @param options The server's certificate and key.
   * @param answersHttp Whether HTTP without TLS is answered in its own words. Anything else gets an alert.
   */
  constructor(conn: Deno.TcpConn, options: TlsServerOptions, answersHttp = false) {
    this.#conn = conn;
    this.#answersHttp = answersHttp;
    this.#secured = this.#shakeHands(options);
  }

  /** Why the handshake failed, in words; empty if it succeeded or is not complete. */
  get failure(): string {
    return this.#failure;
  }

  async #shakeHands({ cert, key }: TlsServerOptions): Promise<Secured | undefined> {
    const [{ createSecureContext, TLSSocket }, stream] = await Promise.all([
      import("node:tls"),
      import("node:stream"),
    ]);
    // A connection that the server refuses is closed in the turn in which it comes.
    if (this.#closed) return undefined;
    const carrier = carrierOf(this.#conn, stream.Duplex, (bytes) => this.#first ??= bytes[0]);
    const secureContext = createSecureContext({ cert, key });
    const socket = new TLSSocket(carrier, { isServer: true, secureContext });
    this.#socket = socket;
    // Reads and writes report errors. Without a listener, the event would end the process.
    socket.on("error", () => {});
    try {
      await handshake(socket, carrier);
      this.#isSecured = true;
      return { socket, chunks: socket[Symbol.asyncIterator]() };
    } catch (error) {
      if (!this.#closed) {
        this.#failure = `the TLS handshake failed: ${tlsFailure(error, "TLS").why}`;
        await this.#conn.write(await this.#refusal()).catch(() => {}); // the client may be gone
      }
      this.close();
      return undefined;
    }
  }

  async #refusal(): Promise<Uint8Array> {
    const first = this.#first ?? 0;
    // `node:tls` does not send an alert over a stream that is not its own socket.
    if (!this.#answersHttp || first < 0x41 || first > 0x5a) return HANDSHAKE_FAILURE;
    const { encodeResponse, HttpError, refusal } = await import("./http.ts");
    const error = new HttpError(400, "this port speaks TLS: the address of a page is https://");
    return encodeResponse(refusal(error), { date: new Date() });
  }

  /** Reads available bytes into the buffer. Returns their number, or null at the end. */
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
      // The connection was reset, or a record failed to authenticate: treat it as the end.
      return undefined;
    }
  }

  /** Writes bytes. The caller must not change them until the promise resolves. */
  async write(bytes: Uint8Array): Promise<number> {
    const secured = await this.#secured;
    if (secured === undefined) throw new Deno.errors.BrokenPipe("there was no handshake");
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    secured.socket.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
    return await promise;
  }

  /** Flushes pending writes and sends TLS's close_notify. */
  async closeWrite(): Promise<void> {
    const secured = await this.#secured;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (secured === undefined) return;
    secured.socket.once("close", () => resolve()).end(() => resolve());
    await promise;
  }

  /**
   * Says that nothing more is to be written. Before the handshake, the connection is closed at once, except a few: an
   * address that is refused would otherwise keep any number of descriptors, and have the server shake hands for each.
   */
  ending(): void {
    if (this.#isSecured || this.#closed) return;
    if (ending >= MAX_ENDING) return this.close();
    ending += 1;
    const ended = () => void (ending -= 1);
    this.#secured.then(ended, ended);
  }

  /** Closes the connection at once. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket?.destroy();
    this.#conn.close();
  }
}

/** Wraps a connection in a Node stream. Destroying the stream does not close the connection. */
function carrierOf(
  conn: Deno.TcpConn,
  stream: typeof Duplex,
  seen: (bytes: Uint8Array) => void,
): Duplex {
  const buffer = new Uint8Array(READ_BYTES);
  const carrier = new stream({
    read: () => {
      conn.read(buffer).then(
        (length) => {
          if (length !== null) seen(buffer.subarray(0, length));
          carrier.push(length === null ? null : buffer.slice(0, length));
        },
        (error) => carrier.destroy(error),
      );
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      writeBytes(conn, chunk).then(() => done(), done);
    },
    final: (done) => {
      conn.closeWrite().then(() => done(), done);
    },
  });
  carrier.on("error", () => {}); // reported by reads and writes, as above
  return carrier;
}

async function handshake(socket: TLSSocket, carrier: Duplex): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const gone = () => reject(new Deno.errors.UnexpectedEof("unexpected end of file"));
  socket.once("secure", resolve).once("error", reject).once("close", gone);
  carrier.once("error", gone).once("end", gone);
  await promise;
}
