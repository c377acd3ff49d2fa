/**
 * The chat over WebSocket (RFC 6455): one end of a WebSocket over a link, and the links of members.
 *
 * The binary messages of a WebSocket carry the protocol's bytes. The ends of these messages have no meaning.
 *
 * @module
 */

import { type Bytes, concat, writeBytes } from "../../base/bytes.ts";
import { pause, steadyNow, TokenBucket } from "../../base/clock.ts";
import { Failure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import {
  encodeUpgrade,
  HeadReader,
  HttpError,
  readResponse,
  type ResponseHead,
} from "../../net/http.ts";
import { HANDSHAKE_TIMEOUT_MS } from "../../net/tls.ts";
import { acceptFor, type Closed, makeKey, type Side, WebSocketCodec } from "../../net/websocket.ts";
import { toFailure } from "../../os/errors.ts";
import type { DuplexLink, Link, LinkReceiver } from "../link.ts";
import type { Dial } from "./session.ts";
import { dialTcp, type TcpConnection, type TcpDestination, TcpLink } from "./tcp.ts";

/** How long a WebSocket that has ended may take to close its connection, in milliseconds. */
const LINGER_MS = 2_000;
/** The rate at which frames of a WebSocket are read. A peer that sends more is read more slowly. */
const FRAME_RATE = { perSecond: 4_000, burst: 8_000 } as const;
/** While more bytes wait to be sent, only the newest ping is answered (RFC 6455 section 5.5.3). */
const MAX_WAITING_FOR_PONGS = 64 << 10;

/** The last message that a server framed: a relay sends the same bytes to many members. */
let lastSent: { readonly bytes: Bytes; readonly frame: Bytes } | undefined;

/** One end of a WebSocket after the opening handshake, over a link. */
export class WebSocketEnd {
  readonly #link: DuplexLink;
  readonly #side: Side;
  readonly #codec: WebSocketCodec;
  readonly #frames = new TokenBucket(FRAME_RATE, steadyNow());
  readonly #over = new AbortController();
  /** The pong for the newest ping that could not be answered yet. */
  #owed: Bytes | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;

  /** Wraps a link. The caller opens the link and passes received bytes to {@linkcode receive}. */
  constructor(link: DuplexLink, side: Side) {
    this.#link = link;
    this.#side = side;
    this.#codec = new WebSocketCodec(side);
  }

  /** The peer's breach of the protocol; undefined if there is none. */
  fault: string | undefined;

  /** Sends one binary message. */
  send(bytes: Bytes): void {
    this.#payPong();
    if (this.#side === "client" || this.#codec.hasSentClose) {
      return this.#sendFrame(this.#codec.send(bytes));
    }
    if (lastSent?.bytes !== bytes) lastSent = { bytes, frame: this.#codec.send(bytes) };
    this.#sendFrame(lastSent.frame);
  }

  /** Sends a close frame. The connection ends at the peer's close frame, or when the caller closes the link. */
  end(): void {
    this.#sendFrame(this.#codec.close());
  }

  /** Takes received bytes, and passes the payloads of the messages to the receiver. */
  receive(chunk: Bytes, receiver: LinkReceiver): Promise<void> | undefined {
    if (this.#over.signal.aborted || this.#linger !== undefined) return undefined;
    const { data, pongs, frames, closed } = this.#codec.receive(chunk);
    const isWanted = data.length > 0 && !this.#codec.hasSentClose;
    const paused = isWanted ? receiver.receive(data) : undefined;
    this.#answer(pongs);
    if (closed !== undefined) this.#finish(closed);
    const ms = this.#frames.spend(frames, steadyNow());
    if (ms <= 0) return paused;
    return Promise.all([paused, pause(ms, this.#over.signal)]).then(() => {});
  }

  /** Notes that the link has closed. */
  disconnected(): void {
    clearTimeout(this.#linger);
    this.#over.abort();
  }

  #answer(pongs: readonly Bytes[]): void {
    this.#payPong();
    if (this.#link.waiting > MAX_WAITING_FOR_PONGS) this.#owed = pongs.at(-1) ?? this.#owed;
    else for (const pong of pongs) this.#sendFrame(pong);
  }

  #payPong(): void {
    if (this.#owed === undefined || this.#link.waiting > MAX_WAITING_FOR_PONGS) return;
    const pong = this.#owed;
    this.#owed = undefined;
    this.#sendFrame(pong);
  }

  /** Answers a close frame, or a fault. After a fault, more may be under way that would cut the answer off. */
  #finish({ code, reason, isFault }: Closed): void {
    this.#sendFrame(this.#codec.close(code, isFault ? reason : ""));
    if (!isFault) return this.#link.end();
    this.fault = `WebSocket: ${reason}`;
    this.#link.endWriting();
    this.#linger = setTimeout(() => this.#link.close(), LINGER_MS);
  }

  #sendFrame(frame: Bytes): void {
    if (frame.length > 0) this.#link.send(frame);
  }
}

/** A member's end of a WebSocket. */
class WebSocketLink implements Link {
  readonly #link: TcpLink;
  readonly #socket: WebSocketEnd;
  /** The bytes received together with the response to the opening handshake. */
  readonly #first: Bytes;

  constructor(link: TcpLink, first: Bytes) {
    this.#link = link;
    this.#socket = new WebSocketEnd(link, "client");
    this.#first = first;
  }

  get waiting(): number {
    return this.#link.waiting;
  }

  open(receiver: LinkReceiver): void {
    const receive = (bytes: Bytes) => this.#socket.receive(bytes, receiver);
    let before = this.#first.length === 0 ? undefined : Promise.resolve().then(async () => {
      await receive(this.#first);
      before = undefined;
    });
    this.#link.open({
      receive: (bytes) => before === undefined ? receive(bytes) : before.then(() => receive(bytes)),
      disconnected: (detail) => {
        this.#socket.disconnected();
        receiver.disconnected(detail ?? this.#socket.fault);
      },
    });
  }

  send(bytes: Bytes): void {
    this.#socket.send(bytes);
  }

  end(): void {
    this.#socket.end();
  }

  close(): void {
    this.#link.close();
  }
}

/** The address of a WebSocket. */
export interface WebSocketDestination extends TcpDestination {
  /** Its path, in URL form. */
  readonly path: string;
}

/** Makes a {@linkcode Dial} for one WebSocket. */
export function webDial(destination: WebSocketDestination): Dial {
  return (signal) => dialWebSocket(destination, signal);
}

/** The most bytes of a refusal's content that are read. */
const MAX_REFUSAL_BYTES = 1 << 10;

/**
 * Opens a WebSocket.
 *
 * It sends no `Origin`: that is for browsers, which say on whose behalf they act.
 *
 * @param destination Where it is.
 * @param signal Ends the attempt.
 * @throws {Failure} If there is no connection, or the server does not open a WebSocket within 10 s.
 * @throws The reason of `signal`, if it is aborted first.
 */
export async function dialWebSocket(
  destination: WebSocketDestination,
  signal: AbortSignal,
): Promise<Link> {
  const { hostname, port, path, tls } = destination;
  const scheme = tls === undefined ? "ws" : "wss";
  const what = `cannot open ${scheme}://${hostPort({ hostname, port })}${printable(path)}`;
  const conn = await dialTcp(destination, signal);
  if (signal.aborted) conn.close();
  signal.throwIfAborted();
  const late = AbortSignal.timeout(HANDSHAKE_TIMEOUT_MS);
  const cut = () => conn.close();
  const stop = AbortSignal.any([late, signal]);
  stop.addEventListener("abort", cut, { once: true });
  try {
    const rest = await shakeHands(conn, destination, what);
    stop.throwIfAborted();
    return new WebSocketLink(new TcpLink(conn), rest);
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) conn.close();
    if (error instanceof Failure) throw error;
    if (!late.aborted) throw toFailure(error, what);
    const why = `no answer within ${HANDSHAKE_TIMEOUT_MS / 1000} s`;
    throw new Failure({ what, why, code: "ETIMEDOUT", hint: NOT_WEB_HINT });
  } finally {
    stop.removeEventListener("abort", cut);
  }
}

const NOT_WEB_HINT = "check the address, and whether the relay serves WebSocket";

/** Makes the opening handshake. Returns the bytes received after the response. */
async function shakeHands(
  conn: TcpConnection,
  { hostname, port, path, tls }: WebSocketDestination,
  what: string,
): Promise<Bytes> {
  const key = makeKey();
  const scheme = tls === undefined ? "http" : "https";
  const bare = hostPort({ hostname: hostname.replace(/%.*$/s, ""), port });
  const host = URL.parse(`${scheme}://${bare}`)?.host ?? bare;
  await writeBytes(conn, encodeUpgrade(host, path, key));
  const { head, rest } = await readHead(conn, what);
  const accept = head.fields.only("sec-websocket-accept");
  const isOpen = head.status === 101 && accept === await acceptFor(key) &&
    head.fields.lists("upgrade", "websocket") && head.fields.lists("connection", "upgrade") &&
    head.fields.all("sec-websocket-extensions").length === 0 &&
    head.fields.all("sec-websocket-protocol").length === 0;
  if (!isOpen) throw refused(head, await readText(conn, head, rest), what);
  return rest;
}

async function readHead(
  conn: TcpConnection,
  what: string,
): Promise<{ readonly head: ResponseHead; readonly rest: Bytes }> {
  const reader = new HeadReader();
  try {
    for (let bytes = await readSome(conn); bytes !== null; bytes = await readSome(conn)) {
      const whole = reader.push(bytes);
      if (whole !== undefined) return { head: readResponse(whole.head), rest: whole.rest };
    }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    throw new Failure({ what, why: "the other side does not speak HTTP", ...NOT_HTTP });
  }
  const why = "the other side closed the connection without an answer";
  throw new Failure({ what, why, ...NOT_HTTP });
}

const NOT_HTTP = { code: "NOT_HTTP", hint: NOT_WEB_HINT } as const;

/** Reads the first line of a refusal's text; empty if it has none. */
async function readText(
  conn: TcpConnection,
  { fields }: ResponseHead,
  rest: Bytes,
): Promise<string> {
  if (!fields.only("content-type")?.startsWith("text/plain")) return "";
  const length = Math.min(Number(fields.only("content-length") ?? 0), MAX_REFUSAL_BYTES);
  let text = rest;
  while (text.length < length) {
    const bytes = await readSome(conn);
    if (bytes === null) break;
    text = concat([text, bytes]);
  }
  const [line = ""] = new TextDecoder().decode(text.subarray(0, length)).split("\n", 1);
  return printable(line);
}

function refused({ status, reason, fields }: ResponseHead, text: string, what: string): Failure {
  const code = "WEBSOCKET_REFUSED";
  if (status === 101) {
    const why = "the server's answer does not open a WebSocket";
    return new Failure({ what, why, code, hint: NOT_WEB_HINT });
  }
  const place = fields.only("location");
  const hint = place === undefined ? undefined : `the server names ${printable(place)} instead`;
  const said = printable(`${status} ${reason}`.trim()) + (text === "" ? "" : `: ${text}`);
  return new Failure({
    what,
    why: `the server answered ${said}`,
    code,
    hint: hint ?? NOT_WEB_HINT,
  });
}

async function readSome(conn: TcpConnection): Promise<Bytes | null> {
  const buffer = new Uint8Array(2 << 10);
  const length = await conn.read(buffer);
  return length === null ? null : buffer.subarray(0, length);
}
