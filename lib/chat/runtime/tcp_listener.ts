/**
 * A TCP listener as a source of links, with TLS or without.
 *
 * @module
 */

import type { Failure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import { requireZone, withZone } from "../../net/resolve_host.ts";
import { checkServerOptions, type TlsServerOptions } from "../../net/tls.ts";
import { tlsFailure } from "../../net/tls.ts";
import { TlsServerConn } from "../../net/tls_server.ts";
import { toFailure } from "../../os/errors.ts";
import type { IncomingLink, LinkSource } from "./relay_host.ts";
import { TcpLink } from "./tcp_link.ts";

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
  /** Receives the reason why connections cannot be accepted at present; once, until one is accepted again. */
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
      accept({ link: this.#linkTo(conn), from: conn.remoteAddr });
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

  #linkTo(conn: Deno.TcpConn): TcpLink {
    try {
      conn.setNoDelay(true);
    } catch {
      // The connection has ended already. The first read reports that.
    }
    const { tls } = this.#options;
    return new TcpLink(tls === undefined ? conn : new TlsServerConn(conn, tls));
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
