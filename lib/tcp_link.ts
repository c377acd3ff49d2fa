/**
 * A TCP connection, within TLS or not, as the chat's core sees it: bytes that come, bytes that go, an end.
 *
 * @module
 */

import type { LinkEnd } from "./chat/memory_link.ts";
import type { Bytes } from "./rsa.ts";

/** The smallest and the largest buffer that a connection reads into, in bytes. */
const READ_BUFFER = { min: 4 << 10, max: 64 << 10 } as const;
/** The most that goes out as one write, in bytes. */
const MAX_WRITE_BYTES = 256 << 10;
/** What keeping a piece costs beside its bytes: many small ones are to count for what they are. */
const PIECE_BYTES = 64;
/** How long an ending connection may take to send what is left, in milliseconds. */
const LINGER_MS = 2_000;

/** What carries bytes: TCP, or TLS over it. */
export type Connection =
  | Deno.TcpConn
  | Pick<Deno.TlsConn, "read" | "write" | "closeWrite" | "close">;

/** Sends bytes in order. What is sent in one turn, and what waits behind a write, goes as one write. */
export class Link {
  readonly #conn: Connection;
  #pending: Bytes[] = [];
  #waiting = 0;
  #writing = false;
  #ending = false;
  #closed = false;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #resume: (() => void) | undefined;

  /** Takes over a connection. */
  constructor(conn: Connection) {
    this.#conn = conn;
  }

  /** What is kept for the other side to read, in bytes, but for the write in progress. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Sends bytes after those sent before; they are not changed afterwards. */
  send(bytes: Bytes): void {
    if (this.#ending) return;
    this.#pending.push(bytes);
    this.#waiting += bytes.length + PIECE_BYTES;
    if (!this.#writing) this.#write();
  }

  /** Ends the connection once what was sent has gone, or two seconds later. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#linger = setTimeout(() => this.close(), LINGER_MS);
    if (!this.#writing && this.#pending.length === 0) this.#finish();
  }

  /** Ends the connection now. */
  close(): void {
    clearTimeout(this.#linger);
    this.#ending = true;
    if (this.#closed) return;
    this.#closed = true;
    this.#pending = [];
    this.#waiting = 0;
    this.#resume?.();
    this.#conn.close();
  }

  /**
   * Waits for so many milliseconds, or until the connection closes.
   *
   * @returns Undefined where there is nothing to wait for.
   */
  pause(ms: number): Promise<void> | undefined {
    if (ms <= 0 || this.#closed) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #write(): void {
    this.#writing = true;
    // In the next microtask: a turn often sends several frames to one member.
    queueMicrotask(() => this.#drain().catch(() => this.close()));
  }

  /** A write that fails means that the other side has gone: reading, which sees the same, reports it. */
  async #drain(): Promise<void> {
    while (this.#pending.length > 0 && !this.#closed) {
      let bytes = this.#take();
      while (bytes.length > 0) bytes = bytes.subarray(await this.#conn.write(bytes));
    }
    this.#writing = false;
    if (this.#ending) this.#finish();
  }

  /** Everything was written: TLS has still to send what it holds back, and its own end. */
  #finish(): void {
    if ("setNoDelay" in this.#conn) return this.close();
    this.#conn.closeWrite().catch(() => {}).finally(() => this.close()); // gone, if not by itself
  }

  #take(): Bytes {
    const pending = this.#pending;
    if (pending.length === 1) {
      this.#pending = [];
      this.#waiting = 0;
      return pending[0]!;
    }
    let count = 0;
    let length = 0;
    while (count < pending.length && (count === 0 || length < MAX_WRITE_BYTES)) {
      length += pending[count++]!.length;
    }
    const bytes = new Uint8Array(length);
    for (let i = 0, at = 0; i < count; at += pending[i++]!.length) bytes.set(pending[i]!, at);
    this.#pending = pending.slice(count);
    this.#waiting -= length + count * PIECE_BYTES;
    return bytes;
  }

  /**
   * Reads until the connection ends, and says so.
   *
   * The buffer grows with what comes at once and shrinks again, so that a thousand quiet connections are
   * cheap.
   */
  async read(end: LinkEnd): Promise<void> {
    let buffer = new Uint8Array(READ_BUFFER.min);
    let small = 0;
    try {
      while (!this.#closed) {
        const length = await this.#conn.read(buffer);
        if (length === null) break;
        const pause = end.receive(buffer.subarray(0, length));
        if (pause !== undefined) await pause;
        small = length * 8 < buffer.length ? small + 1 : 0;
        if (length === buffer.length && length < READ_BUFFER.max) {
          buffer = new Uint8Array(2 * length);
        } else if (small > 16 && buffer.length > READ_BUFFER.min) {
          buffer = new Uint8Array(buffer.length / 2);
          small = 0;
        }
      }
    } catch (error) {
      if (!isEnd(error)) throw error;
    } finally {
      this.close();
      end.disconnected();
    }
  }
}

/** Whether an error means no more than that the connection is over. */
function isEnd(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.TimedOut ||
    error instanceof Deno.errors.UnexpectedEof ||
    error instanceof Deno.errors.InvalidData || // TLS: a record that was not sealed by the other side
    error instanceof Deno.errors.Interrupted ||
    error instanceof Deno.errors.BadResource;
}
