/**
 * Carries TCP connections to a relay by WebSocket, so that raw sockets of tests come in as browsers do.
 *
 * @module
 */

import type { Link } from "../../lib/chat/link.ts";
import { dialWebSocket } from "../../lib/chat/runtime/web.ts";
import { TcpLink } from "../../lib/chat/runtime/tcp.ts";

const HOSTNAME = "127.0.0.1";

/** Accepts TCP connections, and opens a WebSocket for each. */
export class WebBridge implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: HOSTNAME, port: 0 });
  readonly #accepting: Promise<void>;

  /** @param port The relay's port. */
  constructor(port: number) {
    this.#accepting = this.#run(port);
  }

  /** Where to connect. */
  get port(): number {
    return (this.#listener.addr as Deno.NetAddr).port;
  }

  async #run(port: number): Promise<void> {
    const wanted = new AbortController().signal;
    for await (const conn of this.#listener) {
      const near = new TcpLink(conn as Deno.TcpConn);
      const far = await dialWebSocket({ hostname: HOSTNAME, port, path: "/chat" }, wanted);
      carry(near, far);
      carry(far, near);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
  }
}

function carry(from: Link, to: Link): void {
  from.open({
    receive: (bytes) => {
      to.send(bytes.slice());
      return undefined;
    },
    disconnected: () => to.close(),
  });
}
