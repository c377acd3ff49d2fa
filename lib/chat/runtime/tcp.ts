/**
 * TCP, with TLS or without: a connection as a {@linkcode Link}, and a listener as a source of links.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { Failure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import { requireZone, withZone } from "../../net/resolve_host.ts";
import {
  checkServerOptions,
  startTls,
  type TlsClientOptions,
  tlsFailure,
  type TlsServerOptions,
} from "../../net/tls.ts";
import { TlsServerConn } from "../../net/tls_server.ts";
import { toFailure } from "../../os/errors.ts";
import type { DuplexLink, Link, LinkReceiver } from "../link.ts";
import type { IncomingLink, LinkSource } from "./relay_host.ts";

/** The smallest and the largest read buffer, in bytes. */
const READ_BUFFER = { min: 2 << 10, max: 64 << 10 } as const;
/** After this many reads in a row that fill less than an eighth of the buffer, it shrinks. */
const SMALL_READS = 16;
/** The most bytes that small pieces are joined to for one write. */
const MAX_WRITE_BYTES = 256 << 10;
/** The memory in bytes that a waiting piece takes besides its content. */
const PIECE_BYTES = 64;
/** A piece of this many bytes or more is written by itself: copying it costs more than a write. */
const LARGE_BYTES = 32 << 10;
const EMPTY: Bytes = new Uint8Array(0);

/** A TCP connection, or the methods of a TLS connection that a link uses. */
export type TcpConnection =
  | Deno.TcpConn
  | Pick<Deno.TlsConn, "read" | "write" | "closeWrite" | "close"> & {
    /** Why the TLS handshake failed; empty if it did not. */
    readonly failure?: string;
    /** Called when nothing more is to be written than what was. */
    ending?(): void;
  };

/**
 * Writes bytes at once. Bytes that are sent during a write go out together in the next write.
 *
 * A relay sends to a thousand of these at once, so a write allocates one or two promises and one function, and no more.
 */
export class TcpLink implements DuplexLink {
  readonly #conn: TcpConnection;
  #pending: Bytes[] = [];
  #waiting = 0;
  #writing = false;
  #ending = false;
  #goesOnReading = false;
  #closed = false;
  /** Ends the pause that the receiver asked for. */
  #resume: (() => void) | undefined;

  /** Takes over a connection. */
  constructor(conn: TcpConnection) {
    this.#conn = conn;
  }

  /** The number of bytes that wait for the write in progress, plus {@linkcode PIECE_BYTES} for each piece. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Starts to read. */
  open(receiver: LinkReceiver): void {
    // A link that is closed already has nothing to wait for, and would end within this call.
    if (this.#closed) queueMicrotask(() => void this.#read(receiver));
    else void this.#read(receiver);
  }

  /** Sends bytes after those sent before. The caller does not change them afterwards. */
  send(bytes: Bytes): void {
    if (this.#ending) return;
    if (!this.#writing) {
      this.#writing = true;
      return this.#write(bytes);
    }
    this.#pending.push(bytes);
    this.#waiting += bytes.length + PIECE_BYTES;
  }

  /** Sends what is waiting, then closes. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if ("ending" in this.#conn) this.#conn.ending?.();
    if (!this.#writing) this.#finish();
  }

  /** Sends what is waiting and then no more. What arrives is still delivered, until {@linkcode close}. */
  endWriting(): void {
    this.#goesOnReading = true;
    this.end();
  }

  /** Closes now and drops what is waiting. */
  close(): void {
    this.#ending = true;
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = [];
    this.#waiting = 0;
    this.#resume?.();
    try {
      this.#conn.close();
    } catch {
      // The runtime may have closed it already.
    }
  }

  #writeNext(): void {
    if (this.#closed) return;
    if (this.#waiting > 0) return this.#write(this.#take());
    this.#writing = false;
    if (this.#ending) this.#finish();
  }

  /** Closes after the last write. TLS still has to send its buffer and its closing alert. */
  #finish(): void {
    if ("setNoDelay" in this.#conn && !this.#goesOnReading) return this.close();
    // If closeWrite() fails, the other side has gone already.
    Promise.try(() => this.#conn.closeWrite()).catch(() => {}).finally(() => {
      if (!this.#goesOnReading) this.close();
    });
  }

  #write(bytes: Bytes): void {
    try {
      // A closure keeps the bytes: to keep them in a field of this older object costs the collector more.
      this.#conn.write(bytes).then((length) => {
        if (length < bytes.length) this.#write(bytes.subarray(length));
        else this.#writeNext();
      }, this.#failed);
    } catch {
      this.#failed();
    }
  }

  /** A write fails if the other side has gone. The reader notices it as well and reports it. */
  readonly #failed = (): void => this.close();

  /** Takes the bytes of the next write: one large piece as it is, or small ones joined. */
  #take(): Bytes {
    const pending = this.#pending;
    if (pending.length === 1) {
      this.#waiting = 0;
      return pending.pop()!; // the array is reused
    }
    let count = 0;
    let length = 0;
    while (count < pending.length && length < MAX_WRITE_BYTES) {
      if (pending[count]!.length >= LARGE_BYTES) break;
      length += pending[count++]!.length;
    }
    if (count === 0) {
      this.#waiting -= pending[0]!.length + PIECE_BYTES;
      return pending.shift()!;
    }
    const bytes = join(pending, count, length);
    this.#pending = pending.slice(count);
    this.#waiting -= length + count * PIECE_BYTES;
    return bytes;
  }

  /**
   * Reads until the connection ends.
   *
   * The buffer doubles when a read fills it and halves after many small reads, so that a thousand quiet connections
   * are cheap. It is freed explicitly: waiting for the garbage collector fragments the C library's heap when a
   * thousand connections come and go, and the C library keeps that memory.
   */
  async #read(receiver: LinkReceiver): Promise<void> {
    let buffer = new Uint8Array(READ_BUFFER.min);
    let small = 0;
    try {
      while (!this.#closed) {
        let length: number | null;
        try {
          length = await this.#conn.read(buffer);
        } catch {
          break; // a connection that cannot be read is over, whatever the error
        }
        if (length === null) break;
        const pause = receiver.receive(buffer.subarray(0, length));
        if (pause !== undefined && !this.#closed) await this.#pausedBy(pause);
        small = length * 8 < buffer.length ? small + 1 : 0;
        if (length === buffer.length && length < READ_BUFFER.max) {
          buffer = new Uint8Array(buffer.buffer.transfer(2 * length));
        } else if (small > SMALL_READS && buffer.length > READ_BUFFER.min) {
          buffer = new Uint8Array(buffer.buffer.transfer(buffer.length / 2));
          small = 0;
        }
      }
    } finally {
      this.close();
      buffer.buffer.transfer(0);
      receiver.disconnected("failure" in this.#conn ? this.#conn.failure : undefined);
    }
  }

  /** Waits for a pause, or for the end of the connection. */
  #pausedBy(pause: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
      pause.then(resolve);
    });
  }
}

/** The last result of {@linkcode join}. The same pieces often wait for the next member of the room as well. */
let lastJoined: { readonly pieces: readonly Bytes[]; readonly bytes: Bytes } = {
  pieces: [],
  bytes: EMPTY,
};

/** Joins the first `count` pieces, `length` bytes in total. */
function join(pending: readonly Bytes[], count: number, length: number): Bytes {
  const { pieces, bytes: known } = lastJoined;
  if (pieces.length === count && pieces.every((piece, i) => piece === pending[i])) return known;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < count; at += pending[i++]!.length) bytes.set(pending[i]!, at);
  lastJoined = { pieces: pending.slice(0, count), bytes };
  return bytes;
}

/** How long to wait for a TCP connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/** Where a member connects to. */
export interface TcpDestination {
  /** A name or an address. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
  /** Uses TLS; the server's certificate must be valid for `hostname`. */
  readonly tls?: TlsClientOptions | undefined;
}

/**
 * Connects over TCP or TLS.
 *
 * @param destination Where to.
 * @param signal Ends the attempt.
 * @throws {Failure} If there is no connection within {@linkcode CONNECT_TIMEOUT_MS}, or a TLS handshake fails.
 * @throws The reason of `signal`, if it is aborted first.
 */
export async function dialTcp(
  { hostname, port, tls }: TcpDestination,
  signal: AbortSignal,
): Promise<TcpConnection> {
  const what = `cannot connect to ${hostPort({ hostname, port })}`;
  const conn = await connect(hostname, port, what, signal);
  // Without a delay a line goes at once; what is sent during its write shares the next one.
  conn.setNoDelay(true);
  if (tls === undefined) return conn;
  return await startTls(conn, hostname, tls, what, signal);
}

async function connect(
  hostname: string,
  port: number,
  what: string,
  wanted: AbortSignal,
): Promise<Deno.TcpConn> {
  requireZone(hostname, what);
  wanted.throwIfAborted();
  const late = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  try {
    return await Deno.connect({ hostname, port, signal: AbortSignal.any([late, wanted]) });
  } catch (error) {
    wanted.throwIfAborted();
    if (!late.aborted) throw toFailure(error, what);
    const why = `no answer within ${CONNECT_TIMEOUT_MS / 1000} s`;
    throw new Failure({ what, why, code: "ETIMEDOUT", hint: "check the address and any firewall" });
  }
}

/** The first and the longest wait after a connection could not be accepted, in milliseconds. It doubles each time. */
const ACCEPT_RETRY_MS = { first: 5, longest: 1_000 } as const;

/** Where and how to listen. */
export interface TcpListenerOptions {
  /** The address. */
  readonly hostname: string;
  /** The port; 0 for any free one. */
  readonly port: number;
  /** Accepts TLS only. */
  readonly tls?: TlsServerOptions | undefined;
  /** Wraps each accepted link; `isSecure` is whether it is one over TLS. A link for which it throws is closed. */
  readonly wrap?: ((link: DuplexLink, isSecure: boolean) => Link) | undefined;
  /** Receives what `wrap` throws. */
  readonly failed: (error: unknown) => void;
  /** Called with the reason when connections cannot be accepted, and not again until one is accepted. */
  readonly trouble: (failure: Failure) => void;
}

/** A TCP listener. */
export class TcpListener implements LinkSource {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  readonly #listener: Deno.TcpListener;
  readonly #options: TcpListenerOptions;

  /**
   * Starts to listen.
   *
   * @throws {Failure} If it cannot listen there, or cannot use the certificate or its key.
   */
  constructor(options: TcpListenerOptions) {
    this.#options = options;
    this.#listener = listen(options);
    this.addr = withZone(this.#listener.addr as Deno.NetAddr, options.hostname);
  }

  /** Accepts connections until the listener is closed. After a failure it waits a moment and goes on. */
  async run(accept: (incoming: IncomingLink) => void): Promise<void> {
    let retryMs: number = ACCEPT_RETRY_MS.first;
    while (true) {
      let conn: Deno.TcpConn;
      try {
        conn = await this.#listener.accept();
      } catch (error) {
        if (isClosed(error)) return;
        // Out of file descriptors, or the connection ended before it was accepted.
        if (retryMs === ACCEPT_RETRY_MS.first) {
          this.#options.trouble(toFailure(error, "cannot accept connections"));
        }
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        retryMs = Math.min(2 * retryMs, ACCEPT_RETRY_MS.longest);
        continue;
      }
      retryMs = ACCEPT_RETRY_MS.first;
      const link = this.#linkTo(conn);
      if (link !== undefined) accept({ link, from: conn.remoteAddr });
    }
  }

  /** Stops listening. */
  close(): void {
    try {
      this.#listener.close();
    } catch (error) {
      if (!isClosed(error)) throw error;
    }
  }

  #linkTo(conn: Deno.TcpConn): Link | undefined {
    try {
      conn.setNoDelay(true);
    } catch {
      // The connection has ended already. The first read reports that.
    }
    const { tls, wrap } = this.#options;
    const link = new TcpLink(
      tls === undefined ? conn : new TlsServerConn(conn, tls, wrap !== undefined),
    );
    try {
      return wrap === undefined ? link : wrap(link, tls !== undefined);
    } catch (error) {
      this.#options.failed(error);
      link.close();
      return undefined;
    }
  }
}

function listen({ hostname, port, tls }: TcpListenerOptions): Deno.TcpListener {
  const what = `cannot listen on ${hostPort({ hostname, port })}`;
  requireZone(hostname, what);
  try {
    if (tls !== undefined) checkServerOptions(tls);
    return Deno.listen({ hostname, port });
  } catch (error) {
    throw tlsFailure(error, what);
  }
}

/** Whether an error says that the listener is closed. */
function isClosed(error: unknown): boolean {
  return error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}
