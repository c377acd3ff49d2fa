/**
 * A TCP connection to a relay that sends whatever a test wants, and reads only when it is told to.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import type { OwnCredential } from "../../lib/chat/identity/credential.ts";
import { readBye } from "../../lib/chat/wire/control.ts";
import { type Frame, FrameReader } from "../../lib/chat/wire/frame.ts";
import { BOUND, encodeGreeting, KIND, type Reason } from "../../lib/chat/wire/kinds.ts";
import { concatBytes, provenJoin } from "./raw_frames.ts";

const HOSTNAME = "127.0.0.1";

/** A connection. */
export class RawSocket implements Disposable {
  readonly #conn: Deno.TcpConn;
  readonly #reader = new FrameReader(() => BOUND.frame);
  readonly #buffer = new Uint8Array(64 << 10);
  readonly #frames: Frame[] = [];
  readonly #port: number;

  private constructor(conn: Deno.TcpConn, port: number) {
    this.#conn = conn;
    this.#port = port;
  }

  /** Connects, and says nothing. */
  static async dial(port: number): Promise<RawSocket> {
    return new RawSocket(await Deno.connect({ hostname: HOSTNAME, port }), port);
  }

  /** Sends bytes whole. */
  async send(bytes: Bytes): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#conn.write(rest));
  }

  /** Reads the next frame; undefined at the connection's end. */
  async read(): Promise<Frame | undefined> {
    while (this.#frames.length === 0) {
      const length = await this.#conn.read(this.#buffer).catch((error) => {
        if (error instanceof Deno.errors.ConnectionReset) return null;
        throw error;
      });
      if (length === null) return undefined;
      for (const { kind, payload, bytes } of this.#reader.push(this.#buffer.slice(0, length))) {
        this.#frames.push({ kind, payload: payload.slice(), bytes: bytes.slice() });
      }
    }
    return this.#frames.shift();
  }

  /** Reads to the relay's last word; undefined where there is none. */
  async bye(): Promise<Reason | undefined> {
    for (let frame = await this.read(); frame !== undefined; frame = await this.read()) {
      if (frame.kind === KIND.bye) return readBye(frame.payload);
    }
    return undefined;
  }

  /**
   * Greets, and answers the challenge.
   *
   * @param otherNonce Makes the proof for this nonce instead.
   */
  async answer(self: OwnCredential, otherNonce?: Bytes): Promise<void> {
    const greeting = encodeGreeting("");
    await this.send(greeting);
    const frame = await this.read();
    if (frame?.kind !== KIND.challenge) throw new Error("no challenge came");
    const challenge = frame.payload.slice();
    // The nonce stands behind the version.
    if (otherNonce !== undefined) challenge.set(otherNonce, 1);
    const dialled = { host: HOSTNAME, port: this.#port };
    await this.send(await provenJoin(self, concatBytes(greeting, challenge), dialled));
  }

  /** Joins; gives the reason where the relay refuses. */
  async join(self: OwnCredential): Promise<Reason | undefined> {
    await this.answer(self);
    for (let frame = await this.read(); frame !== undefined; frame = await this.read()) {
      if (frame.kind === KIND.bye) return readBye(frame.payload);
      if (frame.kind === KIND.roster) return undefined;
    }
    throw new Error("the relay closed the connection without a word");
  }

  close(): void {
    this.#conn.close();
  }

  [Symbol.dispose](): void {
    try {
      this.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error; // closed before
    }
  }
}
