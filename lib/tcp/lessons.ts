/**
 * Five lessons about TCP on real sockets, and the frames that one of them uses. TCP carries a stream of bytes without
 * message boundaries; each direction of a connection is closed on its own; a reset ends both.
 *
 * @module
 */

import { type Bytes, writeBytes } from "../base/bytes.ts";
import { pause } from "../base/clock.ts";
import { Failure } from "../base/failure.ts";
import { LOOPBACK } from "../base/host_port.ts";
import { errorCode } from "../os/errors.ts";
import { closeQuietly, connect, type Connection } from "./connect.ts";
import { listen } from "./listen.ts";

/** The length prefix of a frame: 32 bits in network byte order (RFC 1700). */
const HEADER_BYTES = 4;

/**
 * Puts a message into a frame: its length in four bytes in network byte order, followed by the message.
 *
 * @param message 0 to 4,294,967,295 bytes.
 */
export function frame(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + message.length);
  new DataView(bytes.buffer).setUint32(0, message.length);
  bytes.set(message, HEADER_BYTES);
  return bytes;
}

/**
 * Splits a stream of frames into messages.
 *
 * @example
 * ```ts
 * const reader = new FrameReader();
 * const bytes = frame(new TextEncoder().encode("hello"));
 * console.log(reader.add(bytes.subarray(0, 6)).length); // 0
 * console.log(new TextDecoder().decode(reader.add(bytes.subarray(6))[0])); // hello
 * ```
 */
export class FrameReader {
  readonly #maxBytes: number;
  #held: Bytes = new Uint8Array(0);

  /**
   * Creates a reader at the start of a stream.
   *
   * @param maxBytes The longest message to accept; 65,536 bytes by default.
   */
  constructor(maxBytes = 65_536) {
    this.#maxBytes = maxBytes;
  }

  /** The number of bytes of an incomplete frame. If it is not 0 at the end of a stream, the stream was cut short. */
  get held(): number {
    return this.#held.length;
  }

  /**
   * Adds received bytes.
   *
   * @param bytes The next part of the stream.
   * @returns The messages that it completes.
   * @throws {Failure} `FRAME_TOO_LONG` if the length in a frame exceeds the limit.
   */
  add(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] {
    const all = new Uint8Array(this.#held.length + bytes.length);
    all.set(this.#held);
    all.set(bytes, this.#held.length);
    const messages: Bytes[] = [];
    let at = 0;
    for (let end = this.#endOf(all, at); end <= all.length; end = this.#endOf(all, at)) {
      messages.push(all.slice(at + HEADER_BYTES, end));
      at = end;
    }
    this.#held = all.slice(at);
    return messages;
  }

  /** Returns the end of the frame that starts at an offset, or Infinity if its length has not arrived yet. */
  #endOf(bytes: Bytes, at: number): number {
    if (bytes.length - at < HEADER_BYTES) return Infinity;
    const length = new DataView(bytes.buffer).getUint32(at);
    if (length <= this.#maxBytes) return at + HEADER_BYTES + length;
    throw new Failure({
      what: `cannot read a frame of ${length} bytes`,
      why: `the limit is ${this.#maxBytes} bytes`,
      code: "FRAME_TOO_LONG",
    });
  }
}

/** The lessons, in order. */
export const LESSONS = ["joined", "split", "framed", "half-close", "reset"] as const;

/** One of {@linkcode LESSONS}. */
export type LessonName = typeof LESSONS[number];

/** An event at one of the two sides, in order of time. */
export interface LessonEvent {
  /** The side. */
  readonly party: "client" | "server";
  /**
   * The side writes bytes; reads bytes; completes a message; closes its sending side; reads the end of the stream;
   * resets the connection; fails to read.
   */
  readonly kind: "writes" | "reads" | "message" | "ends" | "sees-end" | "resets" | "fails";
  /** The bytes written or read, or the message; empty for other events. */
  readonly data: Uint8Array;
  /** The error code of a failed read, `ECONNRESET`; undefined for other events. */
  readonly code?: string;
}

/** Where and how fast to play a lesson. */
export interface LessonOptions {
  /** A loopback address; {@linkcode LOOPBACK} by default, `::1` for IPv6. */
  readonly hostname?: string;
  /** The pause between two steps in milliseconds; 250 by default. */
  readonly paceMs?: number;
  /** Called for every event. */
  readonly event?: (event: LessonEvent) => void;
  /** Ends the lesson. */
  readonly signal?: AbortSignal;
}

/** The result of a lesson. */
export interface LessonOutcome {
  /** The lesson. */
  readonly name: LessonName;
  /** The client's writes. */
  readonly writes: number;
  /** The server's reads that returned data. */
  readonly reads: number;
  /** The messages that the server received in frames. */
  readonly messages: number;
  /** Whether the lesson showed what it is meant to show. */
  readonly asExpected: boolean;
}

/** Longer than one small read, and short enough for a row of 40 columns. */
const LONG_TEXT = "abcdefghijklmnopqrst";
/** The buffer size of a small read, in bytes. */
const SMALL_READ = 16;
const LARGE_READ = 65_536;
const EMPTY = new Uint8Array(0);

/**
 * Plays a lesson.
 *
 * @param name The lesson.
 * @param options Where and how fast to play it.
 * @throws {Failure} If a socket cannot be opened or used.
 * @throws The signal's reason, if it is aborted.
 *
 * @example
 * ```ts
 * const { writes, reads } = await playLesson("joined", { paceMs: 50 });
 * console.log(writes, reads); // 2 1
 * ```
 */
export async function playLesson(
  name: LessonName,
  options: LessonOptions = {},
): Promise<LessonOutcome> {
  const { signal, hostname = LOOPBACK } = options;
  signal?.throwIfAborted();
  await using pair = name === "reset" ? await resettingPair(hostname) : await plainPair(hostname);
  const close = () => pair.close();
  signal?.addEventListener("abort", close);
  const stage = new Stage(pair, options);
  try {
    const asExpected = await PLAYS[name](stage);
    return { name, asExpected, ...stage.counts };
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    signal?.removeEventListener("abort", close);
  }
}

const PLAYS: Readonly<Record<LessonName, (stage: Stage) => Promise<boolean>>> = {
  async joined(stage) {
    await stage.writes("client", text("one"));
    await stage.writes("client", text("two"));
    await stage.pace();
    return await stage.reads("server", LARGE_READ) === "onetwo";
  },

  async split(stage) {
    await stage.writes("client", text(LONG_TEXT));
    await stage.pace();
    const first = await stage.reads("server", SMALL_READ);
    const second = await stage.reads("server", SMALL_READ);
    return [first, second].join("|") === "abcdefghijklmnop|qrst";
  },

  async framed(stage) {
    const messages = ["one", "two", LONG_TEXT];
    for (const message of messages) await stage.writes("client", frame(text(message)));
    await stage.ends("client");
    await stage.pace();
    const taken = await stage.takesFrames();
    return taken.join() === messages.join();
  },

  async "half-close"(stage) {
    await stage.writes("client", text("how long am I?"));
    await stage.ends("client");
    await stage.pace();
    const question = await stage.reads("server", LARGE_READ);
    const ended = await stage.seesEnd("server");
    await stage.pace();
    await stage.writes("server", text(`${question?.length} bytes`));
    await stage.ends("server");
    await stage.pace();
    const answer = await stage.reads("client", LARGE_READ);
    return ended && answer === "14 bytes" && await stage.seesEnd("client");
  },

  async reset(stage) {
    await stage.writes("client", text("hello"));
    await stage.pace();
    stage.resets();
    return await stage.fails("client");
  },
};

/** The two sides of a connection. */
interface Pair extends AsyncDisposable {
  readonly client: Connection;
  /** Undefined if the server only resets the connection. */
  readonly server: Connection | undefined;
  /** Resets the connection from the server's side. */
  reset(): void;
  /** Closes both sides. */
  close(): void;
}

/** The actions of a lesson. Each one reports its event. */
class Stage {
  readonly #pair: Pair;
  readonly #options: LessonOptions;
  readonly #counts = { writes: 0, reads: 0, messages: 0 };

  constructor(pair: Pair, options: LessonOptions) {
    this.#pair = pair;
    this.#options = options;
  }

  get counts(): { readonly writes: number; readonly reads: number; readonly messages: number } {
    return this.#counts;
  }

  async pace(): Promise<void> {
    await pause(this.#options.paceMs ?? 250, this.#options.signal);
    this.#options.signal?.throwIfAborted();
  }

  async writes(party: LessonEvent["party"], data: Uint8Array): Promise<void> {
    await writeBytes(this.#side(party), data);
    if (party === "client") this.#counts.writes += 1;
    this.#tell(party, "writes", data);
  }

  /** Reads once and returns the text, or undefined at the end. */
  async reads(party: LessonEvent["party"], size: number): Promise<string | undefined> {
    const data = await this.#read(party, size);
    return data === undefined ? undefined : new TextDecoder().decode(data);
  }

  async #read(party: LessonEvent["party"], size: number): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(size);
    const length = await this.#side(party).read(buffer);
    if (length === null) return undefined;
    const data = buffer.subarray(0, length);
    if (party === "server") this.#counts.reads += 1;
    this.#tell(party, "reads", data);
    return data;
  }

  /** Reads frames with small reads to the end of the stream, and returns the messages. */
  async takesFrames(): Promise<string[]> {
    const reader = new FrameReader();
    const taken: string[] = [];
    for (;;) {
      const data = await this.#read("server", SMALL_READ);
      if (data === undefined) return taken;
      for (const message of reader.add(data)) {
        this.#counts.messages += 1;
        this.#tell("server", "message", message);
        taken.push(new TextDecoder().decode(message));
      }
    }
  }

  async ends(party: LessonEvent["party"]): Promise<void> {
    await this.#side(party).closeWrite();
    this.#tell(party, "ends");
  }

  async seesEnd(party: LessonEvent["party"]): Promise<boolean> {
    const length = await this.#side(party).read(new Uint8Array(SMALL_READ));
    if (length === null) this.#tell(party, "sees-end");
    return length === null;
  }

  resets(): void {
    this.#pair.reset();
    this.#tell("server", "resets");
  }

  /** Reads, and returns whether that fails because of a reset. */
  async fails(party: LessonEvent["party"]): Promise<boolean> {
    try {
      await this.#side(party).read(new Uint8Array(SMALL_READ));
      return false;
    } catch (error) {
      const code = errorCode(error);
      if (code !== "ECONNRESET") throw error;
      this.#options.event?.({ party, kind: "fails", data: EMPTY, code });
      return true;
    }
  }

  #tell(party: LessonEvent["party"], kind: LessonEvent["kind"], data: Uint8Array = EMPTY): void {
    this.#options.event?.({ party, kind, data });
  }

  #side(party: LessonEvent["party"]): Connection {
    return party === "server" ? this.#pair.server ?? this.#pair.client : this.#pair.client;
  }
}

async function plainPair(hostname: string): Promise<Pair> {
  using listener = listen({ at: { hostname, port: 0 } });
  const [client, server] = await Promise.all([
    connect({ to: listener.endpoint }),
    listener.accept(),
  ]);
  const close = () => [client, server].forEach(closeQuietly);
  return {
    client,
    server,
    reset: close,
    close,
    [Symbol.asyncDispose]: () => Promise.resolve(close()),
  };
}

/** Uses `node:net`, because the runtime's own sockets always send FIN before they close. */
async function resettingPair(hostname: string): Promise<Pair> {
  const { createServer } = await import("node:net");
  const accepted = Promise.withResolvers<{ resetAndDestroy(): unknown; destroy(): unknown }>();
  const listening = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.on("error", () => {}); // without a listener it would end the process
    accepted.resolve(socket);
  });
  server.on("error", listening.reject).listen(0, hostname, listening.resolve);
  await listening.promise;
  const closed = Promise.withResolvers<void>();
  server.once("close", closed.resolve);
  const { port } = server.address() as { readonly port: number };
  const client = await connect({ to: { hostname, port } });
  const socket = await accepted.promise;
  const close = () => {
    closeQuietly(client);
    socket.destroy();
    server.close();
  };
  return {
    client,
    server: undefined,
    reset: () => void socket.resetAndDestroy(),
    close,
    [Symbol.asyncDispose]: async () => {
      close();
      await closed.promise;
    },
  };
}

function text(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(value);
}
