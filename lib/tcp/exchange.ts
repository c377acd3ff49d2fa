/**
 * Copies bytes in both directions over a connection until it ends, as netcat does.
 *
 * @module
 */

import { writeBytes } from "../base/bytes.ts";
import { Failure } from "../base/failure.ts";
import { errorCode, toFailure } from "../os/errors.ts";
import { closeQuietly, type Connection, endpointOf, endpointText } from "./connect.ts";

/** The most bytes that are read from a connection at once. */
const READ_BYTES = 256 << 10;

/** A stream of bytes, such as standard input or a connection. */
export interface Readable {
  /** Reads bytes into the buffer. Returns their number, or null at the end. */
  read(into: Uint8Array): Promise<number | null>;
}

/**
 * A stream in chunks, from which several connections take, one after the other. It reads one chunk ahead. A chunk that
 * no connection has taken is kept for the next one, because a read of standard input cannot be undone.
 */
export class Source {
  readonly #from: Readable;
  #buffer: Uint8Array;
  #spare: Uint8Array;
  #next: Promise<Uint8Array | null> | undefined;

  /**
   * Creates a source. It reads nothing before the first call of {@linkcode Source.peek}.
   *
   * @param from The stream.
   * @param chunkBytes The most bytes of a chunk.
   */
  constructor(from: Readable, chunkBytes: number) {
    this.#from = from;
    this.#buffer = new Uint8Array(chunkBytes);
    this.#spare = new Uint8Array(chunkBytes);
  }

  /** Returns the next chunk, or null at the end. Returns the same chunk until {@linkcode Source.take} is called. */
  peek(): Promise<Uint8Array | null> {
    return this.#next ??= this.#read();
  }

  /** Takes the chunk and starts to read the next one. The bytes of the chunk are valid until the next call. */
  take(): void {
    [this.#buffer, this.#spare] = [this.#spare, this.#buffer];
    this.#next = this.#read();
    this.#next.catch(() => {}); // peek() reports it
  }

  async #read(): Promise<Uint8Array | null> {
    const buffer = this.#buffer;
    const length = await this.#from.read(buffer);
    return length === null ? null : buffer.subarray(0, length);
  }
}

/** The two streams of an exchange, and its time limits. */
export interface ExchangeOptions {
  /** The bytes to send. Its end closes the sending side of the connection (FIN; with TLS, close_notify first). */
  readonly input: Source;
  /** Changes each chunk before it is sent. */
  readonly encode?: (chunk: Uint8Array) => Uint8Array;
  /** Called with the bytes that were sent. */
  readonly sent?: (bytes: Uint8Array) => Promise<void> | void;
  /** Called with the bytes that arrived. They are valid until its promise resolves; the next call follows that. */
  readonly received: (bytes: Uint8Array) => Promise<void> | void;
  /**
   * How long input may pause after the other side has closed its sending side, in milliseconds. Input that arrives
   * without such a pause is still sent, because the other side may continue to read. 500 by default; with 0 nothing
   * more is sent.
   */
  readonly pauseMs?: number;
  /** Ends the exchange if nothing is sent or received for this many milliseconds; never by default. */
  readonly idleMs?: number;
  /** Ends the exchange. */
  readonly signal?: AbortSignal;
}

/** How an exchange ended. */
export interface Exchanged {
  /** Bytes passed to the system. */
  readonly sent: number;
  /** Bytes received. */
  readonly received: number;
  /** Whether the input reached its end. If not, the other side closed first. */
  readonly inputEnded: boolean;
  /**
   * Whether a TLS connection ended without close_notify (RFC 8446 section 6.1). Some programs never send it, such as
   * ncat. With any other program, an attacker on the path may have cut the stream.
   */
  readonly cutShort: boolean;
  /**
   * Why the connection broke: `ECONNRESET`, `EPIPE` (the other side no longer reads) or `IDLE`. Undefined if both
   * sides closed it.
   */
  readonly failure: Failure | undefined;
}

/**
 * Exchanges bytes over a connection, and closes it.
 *
 * When the input ends, it closes the sending side and continues to receive. When the other side closes its sending
 * side, it receives the rest, and the exchange ends.
 *
 * @param connection The connection. It is consumed.
 * @param options The two streams, and the time limits.
 * @throws The errors of `input`, `sent` and `received`; the signal's reason, if it is aborted.
 */
export async function exchange(
  connection: Connection,
  options: ExchangeOptions,
): Promise<Exchanged> {
  options.signal?.throwIfAborted();
  return await new Exchange(connection, options).run();
}

class Exchange {
  readonly #connection: Connection;
  readonly #options: ExchangeOptions;
  readonly #what: string;
  /** Ends the exchange at once. */
  readonly #over = Promise.withResolvers<void>();
  #sent = 0;
  #received = 0;
  #inputEnded = false;
  #cutShort = false;
  #failure: Failure | undefined;
  #idle: IdleClock | undefined;
  /** Whether the other side has closed its sending side. */
  #ended = false;
  /** Ends a wait for input when the other side closes its sending side. */
  #wake: () => void = () => {};
  #isOver = false;

  constructor(connection: Connection, options: ExchangeOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#what = `connection to ${endpointText(endpointOf(connection.remoteAddr))}`;
  }

  async run(): Promise<Exchanged> {
    const { idleMs, signal } = this.#options;
    const aborted = () => this.#over.reject(signal!.reason);
    signal?.addEventListener("abort", aborted);
    if (idleMs !== undefined) this.#idle = new IdleClock(idleMs, () => this.#idled(idleMs));
    const work = Promise.all([this.#receive(), this.#send()]);
    try {
      await Promise.race([work, this.#over.promise]);
    } finally {
      this.#isOver = true;
      this.#idle?.stop();
      signal?.removeEventListener("abort", aborted);
      closeQuietly(this.#connection);
      work.catch(() => {}); // closing the connection ends it with an error
    }
    return {
      sent: this.#sent,
      received: this.#received,
      inputEnded: this.#inputEnded,
      cutShort: this.#cutShort,
      failure: this.#failure,
    };
  }

  /** Reads into one of two buffers while the caller handles the other. */
  async #receive(): Promise<void> {
    let [buffer, other] = [new Uint8Array(READ_BYTES), new Uint8Array(READ_BYTES)];
    let reading = this.#read(buffer);
    for (;;) {
      const length = await reading;
      if (length === null || this.#isOver) break;
      this.#received += length;
      reading = this.#read(other);
      this.#idle?.pause();
      await this.#options.received(buffer.subarray(0, length));
      this.#idle?.resume();
      [buffer, other] = [other, buffer];
    }
    this.#ended = true;
    this.#wake();
  }

  /** Returns null at the end, and if the connection broke. */
  async #read(into: Uint8Array): Promise<number | null> {
    try {
      const length = await this.#connection.read(into);
      this.#idle?.touch();
      return length;
    } catch (error) {
      this.#broke(error);
      return null;
    }
  }

  async #send(): Promise<void> {
    for (;;) {
      const chunk = await this.#nextChunk();
      if (chunk === undefined || this.#isOver) return;
      if (chunk === null) return await this.#endSending();
      this.#options.input.take();
      const bytes = this.#options.encode?.(chunk) ?? chunk;
      if (!await this.#write(bytes)) return;
      await this.#options.sent?.(bytes);
    }
  }

  /** Returns the next chunk, null at its end, or undefined if the other side has closed and the input pauses. */
  async #nextChunk(): Promise<Uint8Array | null | undefined> {
    const next = this.#options.input.peek();
    const chunk = this.#ended ? undefined : await this.#untilEnded(next);
    const { pauseMs = 500 } = this.#options;
    if (chunk !== undefined || this.#failure !== undefined || pauseMs === 0) return chunk;
    // This wait has a limit of its own, and the other side is not idle: it has closed.
    this.#idle?.pause();
    const last = await within(next, pauseMs);
    this.#idle?.resume();
    return last;
  }

  /** Promise.race() with a promise that lives as long as the connection would keep every chunk in memory. */
  #untilEnded<T>(next: Promise<T>): Promise<T | undefined> {
    const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
    this.#wake = () => resolve(undefined);
    next.then(resolve, reject);
    return promise;
  }

  async #write(bytes: Uint8Array): Promise<boolean> {
    try {
      await writeBytes({ write: (rest) => this.#writeSome(rest) }, bytes);
      return true;
    } catch (error) {
      this.#broke(error);
      return false;
    }
  }

  async #writeSome(bytes: Uint8Array): Promise<number> {
    const length = await this.#connection.write(bytes);
    this.#sent += length;
    this.#idle?.touch();
    return length;
  }

  async #endSending(): Promise<void> {
    this.#inputEnded = true;
    try {
      await this.#connection.closeWrite();
    } catch (error) {
      // If the other side has closed, nothing is lost. If it has reset the connection, the read reports that.
      if (!this.#ended && errorCode(error) !== "ENOTCONN") this.#broke(error);
    }
  }

  /** Keeps the first reason. Bytes that arrived before it are still received. */
  #broke(error: unknown): void {
    if (this.#isOver) return;
    if (error instanceof Deno.errors.UnexpectedEof) this.#cutShort = true;
    else this.#failure ??= toFailure(error, this.#what);
  }

  #idled(idleMs: number): void {
    this.#failure ??= new Failure({
      what: this.#what,
      why: `nothing was sent or received for ${idleMs} ms`,
      code: "IDLE",
    });
    this.#over.resolve();
  }
}

/** Calls back after a time without activity. */
class IdleClock {
  readonly #ms: number;
  readonly #idled: () => void;
  #timer: ReturnType<typeof setTimeout>;
  #last = performance.now();
  #paused = false;

  constructor(ms: number, idled: () => void) {
    this.#ms = ms;
    this.#idled = idled;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  /** Records activity. */
  touch(): void {
    this.#last = performance.now();
  }

  /** Stops the clock while the caller handles data: that time is not the connection's. */
  pause(): void {
    this.#paused = true;
  }

  /** Starts the clock again. */
  resume(): void {
    this.#paused = false;
    this.touch();
  }

  /** Stops the clock for good. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    const left = this.#paused ? this.#ms : this.#last + this.#ms - performance.now();
    if (left <= 0) this.#idled();
    else this.#timer = setTimeout(() => this.#look(), left);
  }
}

/** Returns the value of a promise, or undefined if it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

const NEWLINE = 10;
const RETURN = 13;

/** Returns a function that ends each line with CR LF instead of LF. It remembers the last byte of each chunk. */
export function crlfEncoder(): (chunk: Uint8Array) => Uint8Array {
  let last = 0;
  return (chunk) => {
    const feeds = chunk.reduce((sum, byte) => sum + (byte === NEWLINE ? 1 : 0), 0);
    const bytes = new Uint8Array(chunk.length + feeds);
    let at = 0;
    for (const byte of chunk) {
      if (byte === NEWLINE && last !== RETURN) bytes[at++] = RETURN;
      bytes[at++] = byte;
      last = byte;
    }
    return bytes.subarray(0, at);
  };
}
