/**
 * One connection of a relay: first a handshake, then the frames of a member.
 *
 * A fault or an unexpected exception ends this connection with a reason, and affects no other.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Link } from "../link.ts";
import {
  encodeBye,
  encodeCount,
  encodeEmpty,
  readCount,
  readMember,
  readRoute,
  type Resume,
} from "../wire/control.ts";
import { readHere, readLeavePayload } from "../wire/history.ts";
import { readPair, readSealedAddress, type SealedAddress } from "../wire/envelope.ts";
import { type Frame, FrameReader } from "../wire/frame.ts";
import {
  DEAD_AFTER_MS,
  KIND,
  memberBound,
  newcomerBound,
  PING_AFTER_MS,
  type Reason,
} from "../wire/kinds.ts";
import { Pace } from "./admission_control.ts";
import { EndError, endOf, Handshake } from "./handshake.ts";
import type { RelayContext, Stay, StayConnection } from "./member.ts";
import type { CountedFrame, Origin } from "./options.ts";

/** How long a connection may take to join, in milliseconds. */
export const JOIN_DEADLINE_MS = 10_000;
/** How often a member is reported as too fast, in milliseconds. */
const SLOWED_EVERY_MS = 60_000;
/** The most unsent bytes of a connection: what a member is sent beyond its last `ack`, and 2 MiB that is not counted. */
const MAX_UNSENT_BYTES = 6 << 20;
/** One object for all pongs: a member that reads no answer costs a pointer for each. */
const PONG: Bytes = encodeEmpty(KIND.pong);

/** One connection of a relay. */
export class RelayConnection implements StayConnection {
  readonly #relay: RelayContext;
  /** Undefined once the connection is a member's. */
  #handshake: Handshake | undefined;
  readonly #openedAt: number;
  /** How fast it may send. */
  pace: Pace;
  isOver = false;
  #reader = new FrameReader(newcomerBound);
  #stay: Stay | undefined;
  heardAt: number;
  isPinged = false;
  /** Whether it has asked to join, rather than to resume. */
  #joins = false;
  #slowedSaidAt = -Infinity;
  #run: SealedRun | undefined;
  /** What the present chunk is charged for. */
  #spent = { frames: 0, bytes: 0, fanout: 0 };
  #maxUnsent = MAX_UNSENT_BYTES;

  /**
   * Starts before the first byte.
   *
   * @param from The other end; undefined if it is in this process.
   */
  constructor(relay: RelayContext, readonly link: Link, readonly from: Origin | undefined) {
    this.#relay = relay;
    this.#handshake = new Handshake(relay, (bytes) => this.send(bytes));
    this.#openedAt = relay.monotonic();
    this.heardAt = this.#openedAt;
    this.pace = new Pace(relay.limits, this.#openedAt);
  }

  get waiting(): number {
    try {
      return this.link.waiting;
    } catch (error) {
      this.broken(error);
      return 0;
    }
  }

  send(bytes: Bytes): void {
    try {
      this.link.send(bytes);
    } catch (error) {
      this.broken(error);
    }
  }

  broken(error: unknown): void {
    this.#relay.failed(error);
    this.#relay.later(() => {
      this.end("LOST", "its link has failed");
      this.#stay?.room.flush();
    });
  }

  /**
   * Takes received bytes, which may be reused afterwards.
   *
   * @returns For how many milliseconds nothing more should be read: the member sends too fast.
   */
  receive(chunk: Bytes): number {
    if (this.isOver) return 0;
    try {
      return this.#receive(chunk);
    } catch (error) {
      this.endBy(error);
      return 0;
    }
  }

  #receive(chunk: Bytes): number {
    const now = this.#relay.monotonic();
    const answers = this.isPinged;
    this.isPinged = false;
    this.#spent = { frames: 0, bytes: chunk.length, fanout: 0 };
    try {
      for (const frame of this.#reader.push(this.#handshake?.greet(chunk) ?? chunk)) {
        this.#take(frame);
      }
      this.#flushRun();
    } catch (error) {
      this.#flushRun();
      this.endBy(error);
    }
    if (answers) this.#stay?.room.answered();
    this.#stay?.room.flush(this.#stay);
    if (this.waiting > this.#maxUnsent) this.end("LOST", "it reads nothing");
    const pause = this.pace.spend(this.#spent, now);
    this.#relay.tally.receivedBytes += chunk.length;
    if (pause > 0) this.#slow(pause, now);
    // A member that is not read cannot be heard.
    this.heardAt = now + pause;
    return pause;
  }

  charge(bytes: number): void {
    this.#spent.fanout += bytes;
  }

  sendRoster(pages: readonly Bytes[]): void {
    for (const piece of pages) this.send(piece);
    this.#maxUnsent = MAX_UNSENT_BYTES + this.waiting;
  }

  /**
   * Notes that the link has closed.
   *
   * @param detail The cause, if the link knows it.
   */
  disconnected(detail = ""): void {
    this.#relay.contain(() => {
      this.#finish("LOST", detail);
      this.#stay?.room.flush();
    });
  }

  /** Ends the connection with a reason. */
  end(reason: Reason, detail = ""): void {
    if (this.isOver) return;
    this.send(encodeBye(reason));
    this.#relay.contain(() => this.#finish(reason, detail));
    this.#relay.contain(() => this.link.end());
  }

  /** Ends the connection with the reason that follows from an error. */
  endBy(error: unknown): void {
    this.end(...endOf(error, this.#relay.failed));
  }

  /** Checks deadlines. Never throws. */
  tick(now: number): void {
    if (this.isOver) return;
    if (this.#stay === undefined) {
      if (now - this.#openedAt >= JOIN_DEADLINE_MS) this.end("JOIN_TIMEOUT");
    } else if (now - this.heardAt >= DEAD_AFTER_MS) this.end("SILENT");
    else if (now - this.heardAt >= PING_AFTER_MS) this.ping();
  }

  ping(): void {
    if (this.isPinged) return;
    this.isPinged = true;
    this.send(encodeEmpty(KIND.ping));
  }

  #slow(ms: number, now: number): void {
    this.#relay.tally.slowedMs += ms;
    if (this.#stay === undefined || now < this.#slowedSaidAt + SLOWED_EVERY_MS) return;
    this.#slowedSaidAt = now;
    this.#relay.tell({ kind: "slowed", credential: this.#stay.credential, ms });
  }

  #finish(reason: Reason, detail: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#relay.tally.disconnected(reason);
    this.#relay.forget(this);
    if (this.#stay !== undefined) this.#stay.room.disconnected(this.#stay, this, reason);
    else this.#relay.tell({ kind: "refused", reason, detail, from: this.from });
  }

  // The handshake.

  #answer(frame: Frame): void {
    const handshake = this.#handshake!;
    const resume = handshake.answer(frame);
    if (resume !== undefined) {
      return this.#await(handshake.checkResume(resume, (stay) => this.#resume(stay, resume)));
    }
    this.#relay.ask(this);
  }

  /** Checks the join, when its turn has come. */
  check(): void {
    this.#await(this.#join().finally(() => this.#relay.checked(this)));
  }

  /** Ends the connection if a check fails. */
  #await(checking: Promise<void>): void {
    checking.catch((error) => this.endBy(error))
      .then(() => this.#stay?.room.flush())
      .catch(this.#relay.failed);
  }

  async #join(): Promise<void> {
    const handshake = this.#handshake!;
    const newcomer = await handshake.checkJoin();
    if (this.isOver) return;
    const room = this.#relay.roomToJoin(handshake.roomName, newcomer.credential, this.from);
    this.#joins = true;
    room.join(this, newcomer);
  }

  #resume(stay: Stay, { received, sent }: Resume): void {
    if (this.isOver) return;
    const { pace, member, outbox } = stay;
    if (sent < member.received || !outbox.covers(received)) {
      throw new EndError("BAD_FRAME", "the counts are not those of this member");
    }
    if (!pace.resume(this.#relay.monotonic())) {
      throw new EndError("TOO_MANY_JOINS", "it has sent too much to be read yet");
    }
    this.send(encodeCount(KIND.resumed, member.received));
    stay.room.resume(stay, this, received);
  }

  entered(stay: Stay): void {
    this.#relay.checked(this);
    this.#handshake = undefined;
    this.#reader = new FrameReader(memberBound);
    this.#stay = stay;
    this.pace = stay.pace;
    if (this.#joins) this.#relay.tally.joined(this.#relay.monotonic() - this.#openedAt);
  }

  // What a member sends.

  #take(frame: Frame): void {
    if (this.isOver) return;
    this.#spent.frames += 1;
    const stay = this.#stay;
    if (stay === undefined) return this.#answer(frame);
    if (frame.kind === KIND.sealed) return this.#takeSealed(stay, frame);
    // The sealed frames before it come first. They may end the connection.
    this.#flushRun();
    if (!this.isOver) this.#takeOther(stay, frame);
  }

  #takeOther(stay: Stay, { kind, payload, bytes }: Frame): void {
    const { room } = stay;
    switch (kind) {
      case KIND.pair: {
        const { sender, recipient } = readPair(payload).header;
        this.#requireSender(stay, sender);
        return room.take(stay, { kind: "pair", recipient, bytes: bytes.slice() });
      }
      case KIND.here:
        this.#requireSender(stay, readHere(payload).member);
        return room.take(stay, { kind: "here", bytes: bytes.slice() });
      case KIND.route:
        return room.take(stay, { kind: "route", ...readRoute(payload) });
      case KIND.rejoin:
        return room.take(stay, { kind: "rejoin", recipient: readMember(payload) });
      case KIND.ack:
        return this.#acknowledge(stay, readCount(payload));
      case KIND.receipt:
      case KIND.ask:
        return this.charge(room.takeReceipts(stay, kind, payload));
      case KIND.renew:
        return room.renew(stay, payload.slice());
      case KIND.ping:
        return this.send(PONG);
      case KIND.pong:
        return;
      case KIND.leave:
        readLeavePayload(payload);
        stay.statement = payload.slice();
        return this.end("LEFT");
      default:
        throw new EndError("OUT_OF_ORDER", `a frame of kind ${kind}`);
    }
  }

  #acknowledge(stay: Stay, count: number): void {
    const before = stay.outbox.acknowledged;
    if (!stay.room.acknowledge(stay, count)) {
      throw new EndError("BAD_FRAME", "it acknowledged a count that cannot be");
    }
    // Others cause acknowledgements of new frames.
    if (count > before) this.#spent.frames -= 1;
  }

  #requireSender(stay: Stay, sender: number): void {
    if (sender !== stay.number) throw new EndError("NOT_YOURS");
  }

  /** Adds a sealed frame to the ones right before it if it goes the same way. */
  #takeSealed(stay: Stay, { payload, bytes }: Frame): void {
    const address = readSealedAddress(payload);
    this.#requireSender(stay, address.sender);
    if (this.#run?.add(address, bytes)) return;
    this.#flushRun();
    this.#run = new SealedRun(address, bytes);
  }

  #flushRun(): void {
    const run = this.#run;
    this.#run = undefined;
    const stay = this.#stay;
    if (run !== undefined && stay !== undefined && !this.isOver) {
      stay.room.take(stay, run.finish());
    }
  }
}

/** Adjacent sealed frames in the buffer in which they arrived. */
class SealedRun {
  readonly #address: SealedAddress;
  readonly #first: Bytes;
  #length: number;
  #frames = 1;

  constructor(address: SealedAddress, first: Bytes) {
    this.#address = address;
    this.#first = first;
    this.#length = first.length;
  }

  /** Adds the frame that follows at once. Returns false if it goes another way. */
  add({ route, version }: SealedAddress, { length }: Bytes): boolean {
    if (this.#address.route !== route || this.#address.version !== version) return false;
    this.#length += length;
    this.#frames += 1;
    return true;
  }

  /** Returns the frames with one copy of their bytes: the buffer is reused. */
  finish(): CountedFrame {
    const { route, version, number } = this.#address;
    const { buffer, byteOffset } = this.#first;
    const bytes = new Uint8Array(buffer.slice(byteOffset, byteOffset + this.#length));
    return { kind: "sealed", route, version, number, frames: this.#frames, bytes };
  }
}
