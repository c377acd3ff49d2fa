/// <reference lib="dom" />
/**
 * A link to a relay over a WebSocket of the browser: binary messages carry the protocol's bytes, split anyhow.
 *
 * @module
 */

import type { Bytes } from "../lib/base/bytes.ts";
import { Failure } from "../lib/base/failure.ts";
import type { Link, LinkReceiver } from "../lib/chat/link.ts";

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
  #receiver: LinkReceiver | undefined;
  /** What has come and is not delivered yet. */
  #inbox: Bytes[] = [];
  #inboxBytes = 0;
  #delivering = false;
  /** Whether the socket has closed, so that nothing more comes. */
  #over = false;
  /** Whether this side has closed, so that nothing more is delivered. */
  #closed = false;
  #detail: string | undefined;
  /** Ends the pause that the receiver asked for. */
  #resume: (() => void) | undefined;

  /** @param socket A WebSocket with `binaryType` `arraybuffer`, before its first message. */
  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.onmessage = ({ data }: MessageEvent<unknown>) => this.#push(data);
    socket.onclose = () => {
      this.#over = true;
      this.#wake();
    };
  }

  /** What the browser has not sent yet, in bytes. */
  get waiting(): number {
    return this.#socket.bufferedAmount;
  }

  open(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    this.#wake();
  }

  send(bytes: Bytes): void {
    if (!this.#closed && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(bytes);
  }

  /** The browser sends what is waiting before it closes. */
  end(): void {
    this.#socket.close(NORMAL);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inbox = [];
    this.#inboxBytes = 0;
    this.#socket.close(NORMAL);
    this.#resume?.();
    this.#wake();
  }

  #push(data: unknown): void {
    if (this.#closed) return;
    if (!(data instanceof ArrayBuffer)) return this.#give("the relay sent text");
    if (data.byteLength === 0) return;
    this.#inbox.push(new Uint8Array(data));
    this.#inboxBytes += data.byteLength;
    if (this.#inboxBytes > MAX_UNREAD_BYTES) {
      return this.#give("the relay sent more than the page could read");
    }
    this.#wake();
  }

  /** Gives up the relay. */
  #give(detail: string): void {
    this.#detail = detail;
    this.close();
  }

  #wake(): void {
    if (this.#delivering || this.#receiver === undefined) return;
    this.#delivering = true;
    queueMicrotask(() => this.#deliver(this.#receiver!));
  }

  async #deliver(receiver: LinkReceiver): Promise<void> {
    while (!this.#closed && this.#inbox.length > 0) {
      const pieces = this.#inbox;
      this.#inbox = [];
      for (const bytes of pieces) {
        if (this.#closed) break;
        this.#inboxBytes -= bytes.length;
        const pause = receiver.receive(bytes);
        if (pause !== undefined && !this.#closed) await this.#pausedBy(pause);
      }
    }
    this.#delivering = false;
    if (!this.#closed && !this.#over) return;
    this.#receiver = undefined; // it is told once
    this.close();
    receiver.disconnected(this.#detail);
  }

  #pausedBy(pause: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
      pause.then(resolve);
    });
  }
}

/**
 * Opens a WebSocket to a relay.
 *
 * @param url The address, `ws:` or `wss:`.
 * @param signal Aborted once the link is no longer wanted.
 * @throws {Failure} If it does not open. A browser does not tell a page why.
 */
export function dialWebSocket(url: URL, signal: AbortSignal): Promise<BrowserLink> {
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const { promise, resolve, reject } = Promise.withResolvers<BrowserLink>();
  const giveUp = (why: string) => {
    reject(
      new Failure({ what: `cannot connect to ${url.host}`, why, code: "NO_ANSWER", hint: HINT }),
    );
    socket.close(NORMAL);
  };
  const timer = setTimeout(() => giveUp("no answer within 10 s"), OPEN_TIMEOUT_MS);
  const aborted = () => giveUp("it is no longer wanted");
  signal.addEventListener("abort", aborted, { once: true });
  socket.onopen = () => resolve(new BrowserLink(socket));
  socket.onclose = () => giveUp("the server does not answer, or refuses this page");
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", aborted);
  });
}

const HINT = "check that the server runs and that you are online";
