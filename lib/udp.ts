/**
 * Datagrams: the tutorial's echo server and client, the forged reply, and load.
 *
 * A datagram carries a sender's address that anybody can see and anybody near can forge. The client takes a
 * reply only from the very address and port that it asked, and says what else came. That keeps out whoever cannot
 * forge the server's address; it does not authenticate.
 *
 * Lost datagrams are sent again, and a deadline ends the waiting: on Linux the runtime never reports
 * that nothing listens at a port (`ECONNREFUSED`), because its sockets are not connected. Where another platform
 * reports it, the client says so and waits on.
 *
 * @example
 * ```ts
 * await using server = openEchoServer({ port: 0 });
 * await using client = await openEchoClient({ port: server.addr.port });
 * console.log((await client.ask("hello")).text); // Your data was 5 bytes long
 * ```
 *
 * @module
 */

export * from "./udp/defaults.ts";
export { LOOPBACK } from "./base/host_port.ts";
export { type EchoClient, type EchoClientCounts, openEchoClient } from "./udp/echo_client.ts";
export type { Answer, EchoClientEvent, EchoClientOptions } from "./udp/echo_client.ts";
export {
  type EchoServer,
  type EchoServerCounts,
  type EchoServerEvent,
  type EchoServerOptions,
  openEchoServer,
} from "./udp/echo_server.ts";
export {
  type ForgeryEvent,
  type ForgeryOptions,
  type ForgeryOutcome,
  playForgery,
} from "./udp/forgery.ts";
export { Histogram, type HistogramRow } from "./udp/load.ts";
export { type LoadOptions, type LoadResult, measureLoad } from "./udp/load.ts";
export type { Verdict } from "./udp/echo_client.ts";
export { sendDatagram, type SentDatagram } from "./udp/datagram_socket.ts";
