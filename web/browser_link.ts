/// <reference lib="dom" />
/**
 * A link to a relay over a WebSocket of the browser: binary messages carry the protocol's bytes, split anyhow.
 *
 * @module
 */

import type { Bytes } from "../lib/base/bytes.ts";
import { Failure } from "../lib/base/failure.ts";
import { ArrivalQueue, type Link, type LinkReceiver } from "../lib/chat/link.ts";

/** The longest wait for the WebSocket to open, in milliseconds. */
const OPEN_TIMEOUT_MS = 10_000;

/**
 * What may wait to be received, in bytes. A browser cannot pause a WebSocket: a relay that sends more than this before
 * the page has checked it is given up.
 */
const MAX_UNREAD_BYTES = 32 << 20;

/** The code of a WebSocket that closes normally (RFC 6455 section 7.4.1). */
const NORMAL = 1000;

/** One end of a WebSocket that is open. */
export class BrowserLink implements Link {
  readonly #socket: WebSocket;
  readonly #arrived = new ArrivalQueue();

  /** @param socket A WebSocket with `binaryType` `arraybuffer`, before its first message. */
  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }: MessageEvent<unknown>) => this.#push(data);
    socket.onclose = () => this.#arrived.end();
  }

  /** What the browser has not sent yet, in bytes. */
  get waiting(): number {
    return this.#socket.bufferedAmount;
  }

  open(receiver: LinkReceiver): void {
    this.#arrived.open(receiver);
  }

  send(bytes: Bytes): void {
    if (this.#arrived.isClosed || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(bytes);
  }

  /** The browser sends what is waiting before it closes. */
  end(): void {
    this.#socket.close(NORMAL);
  }

  close(): void {
    this.#close();
  }

  /** Closes now; `detail` is the cause in words. */
  #close(detail?: string): void {
    if (this.#arrived.close(detail)) this.#socket.close(NORMAL);
  }

  #push(data: unknown): void {
    if (!(data instanceof ArrayBuffer)) return this.#close("the relay sent text");
    this.#arrived.push(new Uint8Array(data));
    if (this.#arrived.bytes > MAX_UNREAD_BYTES) {
      this.#close("the relay sent more than the page could read");
    }
  }
}

/**
 * Opens a WebSocket to a relay.
 *
 * @param url The address, `ws:` or `wss:`.
 * @param signal Aborted once the link is no longer wanted.
 * @throws {Failure} If it does not open. A browser does not tell a page why.
 */
export async function dialWebSocket(url: URL, signal: AbortSignal): Promise<BrowserLink> {
  const socket = webSocketTo(url);
  socket.binaryType = "arraybuffer";
  const { promise, resolve, reject } = Promise.withResolvers<BrowserLink>();
  const giveUp = (why: string) => {
    reject(noAnswer(url, why));
    socket.close(NORMAL);
  };
  const timer = setTimeout(() => giveUp("no answer within 10 s"), OPEN_TIMEOUT_MS);
  const aborted = () => giveUp("it is no longer wanted");
  signal.addEventListener("abort", aborted, { once: true });
  socket.onopen = () => resolve(new BrowserLink(socket));
  socket.onclose = () => giveUp("the server does not answer, or refuses this page");
  return await promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", aborted);
  });
}

function webSocketTo(url: URL): WebSocket {
  try {
    return new WebSocket(url);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    // A page that came by https may not connect without it (Mixed Content).
    throw noAnswer(url, "the browser lets this page connect by wss only", "enter it with wss://");
  }
}

function noAnswer({ host }: URL, why: string, hint = HINT): Failure {
  return new Failure({ what: `cannot connect to ${host}`, why, code: "NO_ANSWER", hint });
}

const HINT = "check that the server runs and that you are online";
