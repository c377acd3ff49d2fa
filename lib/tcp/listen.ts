/**
 * Listeners: TCP, TLS over TCP, and Unix sockets.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { requireZone, withZone } from "../net/resolve_host.ts";
import { HANDSHAKE_TIMEOUT_MS, tlsFailure, type TlsServerOptions } from "../net/tls.ts";
import {
  closeQuietly,
  type Connection,
  type Endpoint,
  endpointFailure,
  endpointOf,
  endpointText,
} from "./connect.ts";

/** Where to listen, and how. */
export interface ListenOptions {
  /** The endpoint to listen on. The port 0 picks a free one. */
  readonly at: Endpoint;
  /** Uses TLS (RFC 8446) on every connection. Not for Unix sockets. */
  readonly tls?: TlsServerOptions;
}

/** Thrown if the TLS handshake of one connection fails. The listener continues. */
export class HandshakeFailure extends Failure {}

/** A stream socket that listens. */
export interface Listener extends Disposable {
  /** The endpoint that it listens on. */
  readonly endpoint: Endpoint;
  /**
   * Waits for a connection. Further connections wait in the system's queue.
   *
   * @throws {HandshakeFailure} If a TLS handshake fails or takes longer than ten seconds. The next call waits for the
   * next connection.
   * @throws {Failure} `ECLOSED` if the listener is closed; other codes of `accept(2)`.
   */
  accept(): Promise<Connection>;
  /** Stops listening, and removes the file of a Unix socket. */
  close(): void;
}

/** The most connections that are in their TLS handshake or wait for `accept()`. */
const MAX_PENDING = 64;

/**
 * Starts to listen on an endpoint.
 *
 * @param options Where to listen, and how.
 * @throws {Failure} If it cannot listen there, or cannot use the certificate or the key.
 */
export function listen({ at, tls }: ListenOptions): Listener {
  const what = `cannot listen on ${endpointText(at)}`;
  try {
    if ("path" in at) {
      return new UnixListener(Deno.listen({ transport: "unix", path: at.path }), at);
    }
    const { hostname, port } = at;
    requireZone(hostname, what);
    if (tls === undefined) {
      const listener = Deno.listen({ hostname, port });
      return new PlainListener(listener, endpointOf(withZone(listener.addr, hostname)));
    }
    const listener = Deno.listenTls({ hostname, port, ...tls });
    return new TlsListener(listener, endpointOf(withZone(listener.addr, hostname)));
  } catch (error) {
    throw tls === undefined ? endpointFailure(error, at, what) : tlsFailure(error, what);
  }
}

class PlainListener implements Listener {
  readonly endpoint: Endpoint;
  readonly #listener: Deno.Listener;

  constructor(listener: Deno.Listener, endpoint: Endpoint) {
    this.#listener = listener;
    this.endpoint = endpoint;
  }

  async accept(): Promise<Connection> {
    try {
      return await this.#listener.accept();
    } catch (error) {
      throw acceptFailure(error, this.endpoint);
    }
  }

  close(): void {
    closeQuietly(this.#listener);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

class UnixListener extends PlainListener {
  #open = true;

  override close(): void {
    super.close();
    if (this.#open && "path" in this.endpoint) removeQuietly(this.endpoint.path);
    this.#open = false;
  }
}

/** The result of a handshake. */
type Handshake = { readonly connection: Connection } | { readonly failure: HandshakeFailure };

/**
 * Runs several handshakes at once, so that a client that sends nothing does not delay the others.
 *
 * The runtime cannot cancel a handshake: a connection that is closed during its handshake stays open until the other
 * side closes it. A handshake that takes too long is therefore reported as failed, counts against the limit, and is
 * closed when it ends.
 */
class TlsListener implements Listener {
  readonly endpoint: Endpoint;
  readonly #listener: Deno.TlsListener;
  readonly #finished: Handshake[] = [];
  #unfinished = 0;
  #accepting = false;
  #closed = false;
  #changed = Promise.withResolvers<void>();
  #broken: Failure | undefined;

  constructor(listener: Deno.TlsListener, endpoint: Endpoint) {
    this.#listener = listener;
    this.endpoint = endpoint;
  }

  async accept(): Promise<Connection> {
    for (;;) {
      void this.#acceptMany();
      const next = this.#finished.shift();
      if (next !== undefined) {
        if ("failure" in next) throw next.failure;
        return next.connection;
      }
      if (this.#broken !== undefined) throw this.#broken;
      await this.#changed.promise;
    }
  }

  async #acceptMany(): Promise<void> {
    if (this.#accepting) return;
    this.#accepting = true;
    while (this.#unfinished + this.#finished.length < MAX_PENDING && this.#broken === undefined) {
      try {
        void this.#shakeHands(await this.#listener.accept());
      } catch (error) {
        this.#broken = acceptFailure(error, this.endpoint);
        this.#notify();
      }
    }
    this.#accepting = false;
  }

  async #shakeHands(connection: Deno.TlsConn): Promise<void> {
    this.#unfinished += 1;
    const what = `cannot serve ${endpointText(endpointOf(connection.remoteAddr))}`;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#finish({ failure: tooSlow(what) });
    }, HANDSHAKE_TIMEOUT_MS);
    try {
      await connection.handshake();
      if (late || this.#closed) closeQuietly(connection);
      else this.#finish({ connection });
    } catch (error) {
      closeQuietly(connection);
      if (!late) {
        this.#finish({
          failure: new HandshakeFailure({ ...tlsFailure(error, what), cause: error }),
        });
      }
    } finally {
      clearTimeout(timer);
      this.#unfinished -= 1;
      if (!this.#closed) void this.#acceptMany();
    }
  }

  #finish(handshake: Handshake): void {
    this.#finished.push(handshake);
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  close(): void {
    this.#closed = true;
    closeQuietly(this.#listener);
    for (const each of this.#finished.splice(0)) {
      if ("connection" in each) each.connection.close();
    }
    this.#broken ??= closedFailure(this.endpoint);
    this.#notify();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function tooSlow(what: string): HandshakeFailure {
  return new HandshakeFailure({
    what,
    why: `no TLS handshake within ${HANDSHAKE_TIMEOUT_MS / 1000} s`,
    code: "TLS_TIMEOUT",
    hint: "check that the other side uses TLS",
  });
}

function acceptFailure(error: unknown, endpoint: Endpoint): Failure {
  const what = `cannot accept a connection at ${endpointText(endpoint)}`;
  if (!(error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted)) {
    return endpointFailure(error, endpoint, what);
  }
  return closedFailure(endpoint);
}

function closedFailure(endpoint: Endpoint): Failure {
  return new Failure({
    what: `cannot accept a connection at ${endpointText(endpoint)}`,
    why: "the listener is closed",
    code: "ECLOSED",
  });
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error; // another program removed it
  }
}
