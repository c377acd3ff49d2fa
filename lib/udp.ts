/**
 * UDP datagrams: the tutorial's echo server and client, listening, also to multicast groups, a forged reply, and a load
 * generator.
 *
 * A sender's address in a datagram is visible to everyone on the path and easy to forge. The client accepts a reply
 * only from the address and port that it asked, and reports other datagrams. This keeps out senders that cannot forge
 * the server's address. It is not authentication.
 *
 * The client sends a question again if no reply comes, and gives up at a deadline. On Linux the runtime never reports
 * that nothing listens at a port (`ECONNREFUSED`), because its sockets are not connected. On platforms that report it,
 * the client reports it too and keeps waiting.
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

export {
  DEFAULT_LOAD,
  DEFAULT_PORT,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUT_MS,
  LOOPBACK,
  MAX_IPV4_BYTES,
  MAX_IPV6_BYTES,
  MAX_WINDOW,
} from "./base/host_port.ts";
export { type EchoClient, type EchoClientCounts, openEchoClient } from "./udp/echo_client.ts";
export type { Answer, EchoClientEvent, EchoClientOptions } from "./udp/echo_client.ts";
export {
  type EchoServer,
  type EchoServerCounts,
  type EchoServerEvent,
  type EchoServerOptions,
  type ForgeryEvent,
  type ForgeryOptions,
  type ForgeryOutcome,
  openBatchEchoServer,
  openEchoServer,
  playForgery,
} from "./udp/echo_server.ts";
export { Histogram, type HistogramRow } from "./udp/load.ts";
export { type LoadOptions, type LoadResult, measureLoad } from "./udp/load.ts";
export type { Verdict } from "./udp/echo_client.ts";
export {
  type Datagram,
  type DatagramListener,
  listenDatagrams,
  type ListenOptions,
  sendDatagram,
  type SentDatagram,
} from "./udp/datagram_socket.ts";
export { type MulticastGroup, readGroup } from "./net/resolve_host.ts";
