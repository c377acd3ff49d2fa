/**
 * A crowd: many connections in one process that cost so little that the relay is what is measured.
 *
 * @module
 */

import type { OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { encodeFrame, FRAME_HEADER_BYTES } from "../../../lib/chat/wire/frame.ts";
import { KIND } from "../../../lib/chat/wire/kinds.ts";
import { sealedFrame } from "../../../tests/chat/raw_frames.ts";
import { CrowdMember } from "./crowd_member.ts";
import { Listener, SharedRoster } from "./listener.ts";
import { connectTo, Poller, receive, sendAll } from "./libc.ts";

/** The ciphertext of a text of 128 bytes: with its head and padding 160, and a tag of 16. */
const CIPHERTEXT_BYTES = 176;
/** How long a member may wait before it acknowledges, in milliseconds. */
const ACK_MS = 1000;
const STALLED_MS = 20_000;
/** More than are ever on their way: a power of two. */
const RING = 64;
/** How many join at the same time. */
const JOINING = 16;

/** What one measurement gave. */
export interface Outcome {
  readonly deliveries: number;
  readonly seconds: number;
}

/** Many members of one room; the first of them sends. */
export class Crowd {
  readonly #port: number;
  readonly #bytes: number;
  readonly #poller = new Poller();
  readonly #members: CrowdMember[] = [];
  readonly #buffer = new Uint8Array(256 << 10);
  readonly #missing = new Int32Array(RING);
  readonly #seen: number[] = [];
  #frames: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #completed = 0;
  #sealed = 0;
  #dueAt = Infinity;
  /** What the members know of the room, if they send receipts. */
  readonly #roster: SharedRoster | undefined;
  readonly #listeners: Listener[] = [];
  #paired = 0;

  /**
   * Starts without members.
   *
   * @param port The relay's.
   * @param bytes The length of a message without credentials, in bytes.
   * @param listens Whether the members send receipts.
   */
  constructor(port: number, bytes: number, listens = false) {
    this.#port = port;
    this.#bytes = bytes;
    this.#roster = listens ? new SharedRoster() : undefined;
  }

  /** Brings members in: with credentials at a parley relay, else as many bare connections. */
  async join(credentials: readonly (OwnCredential | undefined)[]): Promise<void> {
    for (let i = 0; i < credentials.length; i += JOINING) {
      const next = credentials.slice(i, i + JOINING).map((self) => this.#connect(self));
      let joined = false;
      const all = Promise.all(next.map((member) => member.joined)).then(() => joined = true);
      while (!joined) {
        this.turn(1);
        await Promise.race([all, new Promise((resolve) => setTimeout(resolve, 0))]);
      }
    }
    await this.#roster?.begin();
    this.#frames = repeat(this.#message(), RING);
  }

  #connect(self: OwnCredential | undefined): CrowdMember {
    const number = this.#members.length;
    const fd = connectTo(this.#port);
    const listener = this.#roster && new Listener(this.#roster, self!, fd, number === 0);
    if (listener !== undefined) this.#listeners.push(listener);
    const member = new CrowdMember({
      fd,
      port: this.#port,
      self,
      listener,
      sealed: () => this.#see(number),
      paired: () => this.#paired += 1,
    });
    this.#members.push(member);
    this.#seen.push(0);
    this.#poller.add(fd, number);
    return member;
  }

  /** Takes what came within so many milliseconds, and acknowledges what is due. */
  turn(timeoutMs: number): void {
    const ready = this.#poller.wait(timeoutMs);
    for (let i = 0; i < ready; i++) {
      const member = this.#members[this.#poller.ready(i)];
      if (member === undefined) continue; // it has left
      const length = receive(member.fd, this.#buffer);
      if (length === 0) throw new Error("the relay ended a connection");
      if (length < 0) continue;
      member.receive(this.#buffer, length);
      if (member.isAckDue) member.acknowledge();
      else if (member.owesAck) this.#dueAt = Math.min(this.#dueAt, performance.now() + ACK_MS);
    }
    if (performance.now() >= this.#dueAt) this.#acknowledgeAll();
    for (const listener of this.#listeners) listener.tick();
  }

  /**
   * Lets the member that joined last leave.
   *
   * @param speakers How many of the room's other members speak.
   * @returns How long it takes until each of the crowd has been sent a key by each of them, in milliseconds.
   */
  async leave(speakers: number): Promise<number> {
    this.#members.pop()!.leave();
    this.#listeners.pop();
    this.#paired = 0;
    const started = performance.now();
    while (this.#paired < this.#members.length * speakers) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return performance.now() - started;
  }

  #acknowledgeAll(): void {
    for (const member of this.#members) if (member.owesAck) member.acknowledge();
    this.#dueAt = Infinity;
  }

  #see(member: number): void {
    this.#sealed += 1;
    const message = this.#seen[member]!++;
    const missing = --this.#missing[message % RING]!;
    if (missing === 0) this.#completed += 1;
  }

  /**
   * Sends as fast as everybody receives.
   *
   * @param window How many messages may be on their way: sent, and not received by everybody.
   * @param ms How long to send.
   */
  measure(window: number, ms: number): Outcome {
    const before = this.#sealed;
    const started = performance.now();
    let sent = this.#completed;
    let moved = started;
    for (let now = started; now < started + ms || this.#completed < sent;) {
      if (now < started + ms) sent = this.#send(sent, this.#completed + window);
      const completed = this.#completed;
      this.turn(100);
      now = performance.now();
      if (this.#completed > completed) moved = now;
      else if (now > moved + STALLED_MS) throw new Error("the relay delivers nothing");
    }
    return { deliveries: this.#sealed - before, seconds: (performance.now() - started) / 1000 };
  }

  /**
   * A message: at a parley relay the sealed frame of a text of 128 bytes, else as many bytes as are wanted, in the shape
   * of a frame so that the same code counts both. Relays check neither signature nor seal.
   */
  #message(): Uint8Array<ArrayBuffer> {
    const { number } = this.#members[0]!;
    if (number > 0) return sealedFrame({ sender: number, size: CIPHERTEXT_BYTES });
    return encodeFrame(KIND.sealed, new Uint8Array(this.#bytes - FRAME_HEADER_BYTES));
  }

  /** Sends the messages of these numbers, all that are due as one piece. */
  #send(from: number, to: number): number {
    if (from >= to) return from;
    for (let i = from; i < to; i++) this.#missing[i % RING] = this.#members.length - 1;
    const { length } = this.#frames;
    sendAll(this.#members[0]!.fd, this.#frames.subarray(0, (to - from) * length / RING));
    return to;
  }
}

function repeat(bytes: Uint8Array, times: number): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(bytes.length * times);
  for (let i = 0; i < times; i++) all.set(bytes, i * bytes.length);
  return all;
}
