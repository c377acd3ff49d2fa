/**
 * Sockets for datagrams.
 *
 * @module
 */

import { hostPort, isIPv6 } from "../base/host_port.ts";
import { requireZone } from "../net/link_local.ts";
import { resolveHost } from "../net/resolve_host.ts";
import { toFailure } from "../os/errors.ts";

/**
 * The length of a buffer for receiving, in bytes: what the length field of UDP can say (RFC 768). The runtime's own
 * buffer holds 65,507 and cuts what is longer, which IPv6 allows.
 */
export const RECEIVE_BYTES = 65_535;

/** The most that one datagram carries over IPv4: 65,535 less the headers of IP and UDP, in bytes. */
export const MAX_IPV4_BYTES = 65_507;

/** The most that one datagram carries over IPv6 without jumbograms, in bytes. */
export const MAX_IPV6_BYTES = 65_527;

/** What is used of a socket for datagrams. */
export type DatagramSocket = Pick<Deno.DatagramConn, "receive" | "send" | "close"> & {
  readonly addr: Deno.Addr;
};

/**
 * Opens a socket at an address of this machine.
 *
 * @param hostname An address, or a name that stands for one.
 * @param port The port; 0 for any free one.
 * @throws {Failure} Where there is no such address, or it is taken.
 */
export function openSocket(hostname: string, port: number): Deno.DatagramConn {
  const what = `cannot listen on ${hostPort({ hostname, port })}`;
  requireZone(hostname, what);
  try {
    return Deno.listenDatagram({ transport: "udp", hostname, port });
  } catch (error) {
    throw toFailure(error, what);
  }
}

/**
 * Opens a socket to send from, at every address of this machine and a port that the system picks.
 *
 * @param to Where it is going to send: an IPv4 or an IPv6 address.
 */
export function openSender(to: Deno.NetAddr): Deno.DatagramConn {
  return openSocket(isIPv6(to.hostname) ? "::" : "0.0.0.0", 0);
}

/**
 * Sends one datagram.
 *
 * @param socket From where.
 * @param data 0 to 65,507 bytes, to an IPv6 address 65,527.
 * @param to An address, not a name.
 * @throws {Failure} `EMSGSIZE` where it is too large for a datagram; where there is no way to the address.
 */
export async function sendFrom(
  socket: DatagramSocket,
  data: Uint8Array,
  to: Deno.NetAddr,
): Promise<void> {
  try {
    await socket.send(data, to);
  } catch (error) {
    throw toFailure(error, `cannot send ${data.length} bytes to ${hostPort(to)}`);
  }
}

/**
 * Whether an error says that nothing listens where a datagram went (ICMP port unreachable).
 *
 * On Linux the runtime's sockets, which are never connected, do not hear of it; Windows and some BSDs report
 * it with the next receive or send.
 */
export function isRefusal(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.ConnectionReset;
}

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
