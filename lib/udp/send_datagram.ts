/**
 * One datagram, and nothing else.
 *
 * @module
 */

import { openSender, sendFrom } from "./datagram_socket.ts";
import { resolveHost } from "./resolve.ts";

/** A datagram that was sent. */
export interface SentDatagram {
  /** The address that the system gave its socket. */
  readonly from: Deno.NetAddr;
  /** Where it went. */
  readonly to: Deno.NetAddr;
  /** How long it is. */
  readonly bytes: number;
}

/**
 * Sends one datagram from a socket of its own, and waits for nothing.
 *
 * @param hostname A name or an address.
 * @param port The port, 1 to 65,535.
 * @param data Text, which is sent as UTF-8, or bytes.
 * @throws {Failure} Where there is no such host, or the datagram cannot be sent: `EMSGSIZE` where it is too large.
 *
 * @example
 * ```ts
 * import { openEchoServer } from "./echo_server.ts";
 *
 * await using server = openEchoServer({ port: 0 });
 * await sendDatagram("127.0.0.1", server.addr.port, "hello");
 * ```
 */
export async function sendDatagram(
  hostname: string,
  port: number,
  data: string | Uint8Array,
): Promise<SentDatagram> {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const to = await resolveHost(hostname, port);
  const socket = openSender(to);
  try {
    await sendFrom(socket, bytes, to);
    return { from: socket.addr as Deno.NetAddr, to, bytes: bytes.length };
  } finally {
    socket.close();
  }
}
