/**
 * A TCP connection, within TLS or not, as the chat's core sees it: bytes that come, bytes that go, an end.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { LinkEnd } from "../link.ts";

/** The smallest and the largest buffer that a connection reads into, in bytes. */
const READ_BUFFER = { min: 2 << 10, max: 64 << 10 } as const;
/** The most that small pieces are put together to, in bytes. */
const MAX_WRITE_BYTES = 256 << 10;
/** What keeping a piece costs beside its bytes: many small ones are to count for what they are. */
const PIECE_BYTES = 64;
/** From this size on a piece goes as it is, in bytes: copying it would cost more than a write. */
const LARGE_BYTES = 32 << 10;
const EMPTY: Bytes = new Uint8Array(0);
/** How long an ending connection may take to send what is left, in milliseconds. */
const LINGER_MS = 2_000;

/** What carries bytes: TCP, or TLS over it. */
export type Connection =
  | Deno.TcpConn
  | Pick<Deno.TlsConn, "read" | "write" | "closeWrite" | "close">;

/**
 * Sends bytes in order: at once, or put together behind a write that is under way.
 *
 * A relay sends to a thousand of these at once: a write allocates a promise or two and nothing else.
 */
export class Link {
  readonly #conn: Connection;
  #pending: Bytes[] = [];
  #waiting = 0;
  /** What is being written. */
  #current = EMPTY;
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
    if (!this.#writing) {
      this.#writing = true;
      return this.#write(bytes);
    }
    this.#pending.push(bytes);
    this.#waiting += bytes.length + PIECE_BYTES;
  }

  /** Ends the connection once what was sent has gone, or two seconds later. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#linger = setTimeout(() => this.close(), LINGER_MS);
    if (!this.#writing) this.#finish();
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
    try {
      this.#conn.close();
    } catch {
      // Whatever the system says of it, it is over: the runtime may have closed it before.
    }
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

  #writeNext(): void {
    if (this.#closed) return;
    if (this.#pending.length > 0) return this.#write(this.#take());
    this.#current = EMPTY;
    this.#writing = false;
    if (this.#ending) this.#finish();
  }

  /** Everything was written: TLS has still to send what it holds back, and its own end. */
  #finish(): void {
    if ("setNoDelay" in this.#conn) return this.close();
    Promise.try(() => this.#conn.closeWrite()).catch(() => {}).finally(() => this.close()); // gone, if not by itself
  }

  #write(bytes: Bytes): void {
    this.#current = bytes;
    try {
      this.#conn.write(bytes).then(this.#wrote, this.#failed);
    } catch {
      this.#failed();
    }
  }

  readonly #wrote = (length: number): void => {
    if (length === this.#current.length) this.#writeNext();
    else this.#write(this.#current.subarray(length));
  };

  /** A write that fails means that the other side has gone: reading, which sees the same, reports it. */
  readonly #failed = (): void => this.close();

  /** What the next write takes: one large piece as it is, or small ones put together. */
  #take(): Bytes {
    const pending = this.#pending;
    if (pending.length === 1) {
      this.#waiting = 0;
      return pending.pop()!; // and the array is used again
    }
    let count = 0;
    let length = 0;
    while (count < pending.length && length < MAX_WRITE_BYTES) {
      if (pending[count]!.length >= LARGE_BYTES) break;
      length += pending[count++]!.length;
    }
    if (count === 0) {
      this.#waiting -= pending[0]!.length + PIECE_BYTES;
      return pending.shift()!;
    }
    const bytes = together(pending, count, length);
    this.#pending = pending.slice(count);
    this.#waiting -= length + count * PIECE_BYTES;
    return bytes;
  }

  /**
   * Reads until the connection ends, and says so.
   *
   * The buffer grows with what comes at once and shrinks again, so that a thousand quiet connections are
   * cheap. It is given back at once and not with the garbage: those of a thousand connections that came and went
   * would leave the C library with memory in pieces, which it keeps.
   */
  async read(end: LinkEnd): Promise<void> {
    let buffer = new Uint8Array(READ_BUFFER.min);
    let small = 0;
    try {
      while (!this.#closed) {
        let length: number | null;
        try {
          length = await this.#conn.read(buffer);
        } catch {
          break; // whatever the system says of a connection that cannot be read, it is over
        }
        if (length === null) break;
        const pause = end.receive(buffer.subarray(0, length));
        if (pause !== undefined) await pause;
        small = length * 8 < buffer.length ? small + 1 : 0;
        if (length === buffer.length && length < READ_BUFFER.max) {
          buffer = new Uint8Array(buffer.buffer.transfer(2 * length));
        } else if (small > 16 && buffer.length > READ_BUFFER.min) {
          buffer = new Uint8Array(buffer.buffer.transfer(buffer.length / 2));
          small = 0;
        }
      }
    } finally {
      this.close();
      end.disconnected();
      buffer.buffer.transfer(0);
    }
  }
}

/** What was put together last: what waits for one member of a room mostly waits for the next, too. */
let lastTogether: { readonly pieces: readonly Bytes[]; readonly bytes: Bytes } = {
  pieces: [],
  bytes: new Uint8Array(0),
};

/** The first so many pieces, of so many bytes together, as one. */
function together(pending: readonly Bytes[], count: number, length: number): Bytes {
  const { pieces, bytes: known } = lastTogether;
  if (pieces.length === count && pieces.every((piece, i) => piece === pending[i])) return known;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < count; at += pending[i++]!.length) bytes.set(pending[i]!, at);
  lastTogether = { pieces: pending.slice(0, count), bytes };
  return bytes;
}
