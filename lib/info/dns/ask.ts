/**
 * Sends one question to one name server over UDP, TCP, TLS or HTTPS, and returns its reply.
 *
 * @module
 */

import { type Bytes, concat, MalformedError } from "../../base/bytes.ts";
import { callAfter } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { isIPv6, sameAddress } from "../../base/host_port.ts";
import {
  decodeMessage,
  type EdnsOption,
  encodeMessage,
  FLAGS,
  type Message,
  rcodeOf,
} from "./message.ts";
import { comparable, type NameServer, serverText } from "./name.ts";
import { typeNumber } from "./record.ts";

/** The protocol that carries a question. */
export type Transport = "udp" | "tcp" | "tls" | "https";

/** Options of {@linkcode askServer}. */
export interface AskOptions {
  /** The default is UDP, followed by TCP if the reply is truncated. */
  readonly transport?: Transport | undefined;
  /** Whether to set RD, which asks the server to query other servers. True by default. */
  readonly recurse?: boolean | undefined;
  /** Whether to set DO, which requests DNSSEC records (RFC 4035 section 3.2.1). False by default. */
  readonly dnssec?: boolean | undefined;
  /** EDNS options to send. */
  readonly ednsOptions?: readonly EdnsOption[] | undefined;
  /** Certificates of authorities as PEM text, in addition to those of the runtime. */
  readonly caCerts?: readonly string[] | undefined;
  /** The name that the server's certificate must be valid for. The default is its `hostname`. */
  readonly serverName?: string | undefined;
  /** Sockets to reuse for UDP. By default each question gets a new socket. */
  readonly sockets?: SocketPool | undefined;
}

/** A reply and its origin. */
export interface Reply {
  readonly message: Message;
  readonly server: NameServer;
  readonly transport: Transport;
  /** The length of the message in bytes. */
  readonly size: number;
}

/** An encoded question, and the fields that its reply must repeat. */
interface Query {
  readonly bytes: Bytes;
  readonly id: number;
  readonly name: string;
  readonly type: number;
}

/** The largest reply to request over UDP, in bytes. Datagrams of this size are rarely fragmented (RFC 9715). */
const UDP_SIZE = 1232;

/** The largest datagram to receive, in bytes. Some servers send more than requested. */
const MAX_DATAGRAM = 4096;

/** The time before the first retransmission, in milliseconds. It doubles with each one. */
const RESEND_MS = 1000;

/**
 * Sends a question to a name server and returns the reply. A truncated reply over UDP is requested again over TCP
 * (RFC 7766). If the server does not support EDNS, the question is sent again without it (RFC 6891 section 7).
 *
 * @param server The server.
 * @param question A name in the form of `nameText()`, and the name of a type.
 * @param options The transport and the flags.
 * @param signal Aborts the exchange.
 * @throws {Failure} If TLS or HTTP fails.
 * @throws {unknown} The signal's reason, or an error of the network.
 */
export async function askServer(
  server: NameServer,
  question: { readonly name: string; readonly type: string },
  options: AskOptions,
  signal: AbortSignal,
): Promise<Reply> {
  const asking = { server, options, signal };
  const reply = await ask(asking, makeQuery(question, options, true));
  const knowsEdns = reply.message.edns !== undefined;
  if (knowsEdns || !["FORMERR", "NOTIMP"].includes(rcodeOf(reply.message))) return reply;
  return await ask(asking, makeQuery(question, options, false));
}

interface Asking {
  readonly server: NameServer;
  readonly options: AskOptions;
  readonly signal: AbortSignal;
}

async function ask({ server, options, signal }: Asking, query: Query): Promise<Reply> {
  const { transport = "udp" } = options;
  const by = (transport: Transport, received: Received) => ({ ...received, server, transport });
  if (transport === "tls" || transport === "https") {
    const askSecurely = transport === "tls" ? askByTls : askByHttps;
    return by(transport, await askSecurely(server, query, options, signal));
  }
  if (transport === "udp") {
    const received = await askByUdp(server, query, options.sockets, signal);
    if ((received.message.flags & FLAGS.tc) === 0) return by("udp", received);
  }
  const connection = await Deno.connect({ hostname: server.hostname, port: server.port, signal });
  return by("tcp", await askByStream(connection, query, signal));
}

/** A decoded reply and its length in bytes. */
interface Received {
  readonly message: Message;
  readonly size: number;
}

function makeQuery(
  { name, type }: { readonly name: string; readonly type: string },
  { transport, recurse = true, dnssec = false, ednsOptions = [] }: AskOptions,
  edns: boolean,
): Query {
  // With HTTPS the id is 0, so that replies can be cached (RFC 8484 section 4.1).
  const id = transport === "https" ? 0 : crypto.getRandomValues(new Uint16Array(1))[0]!;
  const number = typeNumber(type) ?? 0;
  const bytes = encodeMessage({
    id,
    // AD asks the server to report whether it verified the data (RFC 6840 section 5.7).
    flags: FLAGS.ad | (recurse ? FLAGS.rd : 0),
    question: [{ name, type: number, class: 1 }],
    edns: edns
      ? { udpSize: UDP_SIZE, version: 0, extendedRcode: 0, dnssecOk: dnssec, options: ednsOptions }
      : undefined,
  });
  return { bytes, id, name: comparable(name), type: number };
}

/** Decodes a reply. Returns undefined if the bytes are malformed or answer another question. */
function readReply(bytes: Bytes, query: Omit<Query, "bytes">): Received | undefined {
  try {
    const message = decodeMessage(bytes);
    return answers(message, query) ? { message, size: bytes.length } : undefined;
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}

function answers(message: Message, { id, name, type }: Omit<Query, "bytes">): boolean {
  if (message.id !== id || (message.flags & FLAGS.qr) === 0) return false;
  const [question, ...more] = message.question;
  // A server that cannot parse the question may omit it (RFC 1035 section 4.1.1).
  if (question === undefined) return rcodeOf(message) !== "NOERROR";
  return more.length === 0 && question.type === type && question.class === 1 &&
    comparable(question.name) === name;
}

/** A UDP socket and its receive buffer. */
export interface OwnSocket {
  /** The socket. */
  readonly socket: Deno.DatagramConn;
  /** The buffer for the next datagram. */
  readonly buffer: Uint8Array<ArrayBuffer>;
  /** The number of questions sent from this socket. */
  uses: number;
}

/** Opens a socket on a random port chosen by the system (RFC 5452). */
function openSocket(isIPv6: boolean): OwnSocket {
  const hostname = isIPv6 ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  return { socket, buffer: new Uint8Array(MAX_DATAGRAM), uses: 0 };
}

/** The most questions sent from one port. It limits what an attacker gains by guessing a port. */
const MAX_USES = 32;

/** A pool of UDP sockets for many questions. Opening a socket takes longer than the rest of a question. */
export class SocketPool implements Disposable {
  readonly #idle = { ipv4: [] as OwnSocket[], ipv6: [] as OwnSocket[] };

  /** Returns a socket that is not in use. */
  take(isIPv6: boolean): OwnSocket {
    return this.#idle[isIPv6 ? "ipv6" : "ipv4"].pop() ?? openSocket(isIPv6);
  }

  /** Returns a socket to the pool. No receive may be pending on it. */
  give(own: OwnSocket, isIPv6: boolean): void {
    if (own.uses < MAX_USES) this.#idle[isIPv6 ? "ipv6" : "ipv4"].push(own);
    else own.socket.close();
  }

  /** Closes the sockets that are not in use. */
  [Symbol.dispose](): void {
    for (const { socket } of [...this.#idle.ipv4, ...this.#idle.ipv6]) socket.close();
  }
}

/** Exchanges a question and its reply over UDP, on a new socket or on one of a pool. */
async function askByUdp(
  server: NameServer,
  query: Query,
  sockets: SocketPool | undefined,
  signal: AbortSignal,
): Promise<Received> {
  signal.throwIfAborted();
  const ipv6 = isIPv6(server.hostname);
  const own = sockets?.take(ipv6) ?? openSocket(ipv6);
  own.uses += 1;
  let isReusable = false;
  try {
    const received = await closedAtAbort(own.socket, signal, () => exchange(own, server, query));
    isReusable = !signal.aborted;
    return received;
  } finally {
    if (isReusable && sockets !== undefined) sockets.give(own, ipv6);
    else if (!signal.aborted) own.socket.close();
  }
}

/**
 * Works with a socket, and closes it if the signal aborts.
 *
 * @param socket A socket that the work does not give to `startTls()`, which would make closing it throw.
 * @throws The signal's reason, if it aborts before the work ends.
 */
async function closedAtAbort<T>(
  socket: { close(): void },
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  const close = () => socket.close();
  if (signal.aborted) close();
  signal.throwIfAborted();
  signal.addEventListener("abort", close, { once: true });
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted(); // the socket was closed
    throw error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

async function exchange(
  { socket, buffer }: OwnSocket,
  { hostname, port }: NameServer,
  query: Query,
): Promise<Received> {
  const to: Deno.NetAddr = { transport: "udp", hostname, port };
  await socket.send(query.bytes, to);
  using _ = new Retransmission(() => socket.send(query.bytes, to));
  for (;;) {
    const [bytes, from] = await socket.receive(buffer);
    // Any host can send to this socket.
    if (!sameAddress(from as Deno.NetAddr, to)) continue;
    // The decoded message keeps a reference to its bytes, and the buffer is reused.
    const received = readReply(bytes.slice(), query);
    if (received !== undefined) return received;
  }
}

/** Sends a datagram again and again until it is disposed, because datagrams can be lost. */
class Retransmission implements Disposable {
  readonly #send: () => Promise<unknown>;
  #waiting: Disposable;

  constructor(send: () => Promise<unknown>) {
    this.#send = send;
    this.#waiting = this.#resendAfter(RESEND_MS);
  }

  #resendAfter(ms: number): Disposable {
    return callAfter(ms, () => {
      // An error here is one that the first datagram has reported, or the socket is closed.
      this.#send().catch(() => undefined);
      this.#waiting = this.#resendAfter(ms * 2);
    });
  }

  [Symbol.dispose](): void {
    this.#waiting[Symbol.dispose]();
  }
}

/**
 * Exchanges a question and its reply over a stream, where 16 bits of length precede each message (RFC 1035 section
 * 4.2.2). Closes the connection.
 */
async function askByStream(
  connection: Deno.Conn,
  { bytes, ...query }: Query,
  signal: AbortSignal,
): Promise<Received> {
  const framed = concat([Uint8Array.of(bytes.length >> 8, bytes.length), bytes]);
  const exchange = async () => {
    for (let sent = 0; sent < framed.length;) sent += await connection.write(framed.subarray(sent));
    for (;;) {
      const [high, low] = await readExactly(connection, 2);
      const received = readReply(await readExactly(connection, high! << 8 | low!), query);
      if (received !== undefined) return received;
    }
  };
  try {
    return await closedAtAbort(connection, signal, exchange);
  } finally {
    if (!signal.aborted) connection.close();
  }
}

async function readExactly(connection: Deno.Conn, length: number): Promise<Bytes> {
  const bytes = new Uint8Array(length);
  for (let have = 0; have < length;) {
    const read = await connection.read(bytes.subarray(have));
    if (read === null) throw new Deno.errors.UnexpectedEof("the name server closed the connection");
    have += read;
  }
  return bytes;
}

/** Exchanges a question and its reply over TLS (RFC 7858). */
async function askByTls(
  server: NameServer,
  query: Query,
  { caCerts = [], serverName }: AskOptions,
  signal: AbortSignal,
): Promise<Received> {
  const { hostname, port } = server;
  const { startTls } = await import("../../net/tls.ts");
  const connection = await Deno.connect({ hostname, port, signal });
  const name = serverName ?? hostname;
  const secured = await startTls(connection, name, { caCerts }, whatFailed(server), signal);
  return await askByStream(secured, query, signal);
}

/** The media type of a DNS message (RFC 8484 section 6). */
const MEDIA_TYPE = "application/dns-message";

/** The most bytes of a DNS message. */
const MAX_MESSAGE = 65_535;

/** Exchanges a question and its reply over HTTPS, as a POST request (RFC 8484). */
async function askByHttps(
  server: NameServer,
  query: Query,
  { caCerts = [] }: AskOptions,
  signal: AbortSignal,
): Promise<Received> {
  using client = Deno.createHttpClient({ caCerts: [...caCerts] });
  const { hostname, port, url = `https://${hostname}:${port}/dns-query` } = server;
  const headers = { "accept": MEDIA_TYPE, "content-type": MEDIA_TYPE };
  const asking = { method: "POST", headers, body: query.bytes, client, signal } as const;
  const response = await fetch(url, { ...asking, redirect: "manual" }).catch(async (error) => {
    signal.throwIfAborted();
    const { tlsFailure } = await import("../../net/tls.ts");
    throw tlsFailure(fetchFault(error), whatFailed(server));
  });
  const received = readReply(await bodyOf(response, server), query);
  if (received !== undefined) return received;
  throw httpFailure(server, "its reply answers another question");
}

/** Returns the error behind a failed `fetch()`. For system errors the runtime reports only the text. */
function fetchFault(error: unknown): unknown {
  const cause = error instanceof Error ? error.cause ?? error : error;
  const refused = cause instanceof Error && /connection refused/i.test(cause.message);
  return refused ? new Deno.errors.ConnectionRefused(cause.message) : cause;
}

async function bodyOf(response: Response, server: NameServer): Promise<Bytes> {
  const type = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (response.status !== 200 || type !== MEDIA_TYPE || response.body === null) {
    await response.body?.cancel();
    const why = response.status === 200
      ? `it sent ${printable(type ?? "no content type")} instead of a DNS message`
      : `it replied with HTTP status ${response.status}`;
    throw httpFailure(server, why);
  }
  const { readStream, TooLargeError } = await import("../../os/files.ts");
  try {
    return await readStream(response.body, MAX_MESSAGE, () => {});
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error;
    throw httpFailure(server, `its reply exceeds ${MAX_MESSAGE} bytes`);
  }
}

function whatFailed(server: NameServer): string {
  return `cannot ask ${serverText(server)}`;
}

function httpFailure(server: NameServer, why: string): Failure {
  const hint = "check the URL; it is usually https://NAME/dns-query";
  return new Failure({ what: whatFailed(server), why, code: "NO_DNS_OVER_HTTPS", hint });
}
