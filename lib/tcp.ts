/**
 * Streams over TCP: the tutorial's echo server and client, connecting and listening with TLS and over Unix sockets,
 * copying bytes in both directions, frames, checks of ports, and five lessons about TCP.
 *
 * A TCP connection carries two streams of bytes, one in each direction, without message boundaries: how the bytes are
 * divided into reads does not depend on how they were written. Each stream is closed on its own (FIN). A reset (RST)
 * ends both.
 *
 * @example
 * ```ts
 * await using server = openEchoServer({ port: 0 });
 * const { bytes } = await askEcho({ port: server.addr.port, texts: ["hello"] });
 * console.log(new TextDecoder().decode(bytes)); // Your data was 5 bytes long
 * ```
 *
 * @module
 */

export { type CheckedPort, type CheckOptions, checkPorts, type PortState } from "./tcp/connect.ts";
export { connect, type ConnectOptions, type ConnectTlsOptions } from "./tcp/connect.ts";
export { type Connection, type Endpoint, endpointText } from "./tcp/connect.ts";
export {
  askEcho,
  type EchoClientEvent,
  type EchoClientOptions,
  type EchoOutcome,
  type EchoServer,
  type EchoServerCounts,
  type EchoServerEvent,
  type EchoServerOptions,
  openEchoServer,
} from "./tcp/echo.ts";
export { exchange, type Exchanged, type ExchangeOptions } from "./tcp/exchange.ts";
export { type Readable, Source } from "./tcp/exchange.ts";
export { frame, FrameReader } from "./tcp/lessons.ts";
export {
  type LessonEvent,
  type LessonName,
  type LessonOptions,
  type LessonOutcome,
  LESSONS,
  playLesson,
} from "./tcp/lessons.ts";
export { HandshakeFailure, listen, type Listener, type ListenOptions } from "./tcp/listen.ts";
export {
  DEFAULT_CHECK,
  DEFAULT_CHUNK_BYTES,
  DEFAULT_CONNECT_MS,
  DEFAULT_PORT,
  DEFAULT_TIMEOUT_MS,
  LOOPBACK,
  MAX_PARALLEL,
} from "./base/host_port.ts";
export { Failure, type FailureOptions } from "./base/failure.ts";
export type { TlsClientOptions, TlsServerOptions } from "./net/tls.ts";
