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
import { ContainedLink, type CountedFrame, type Origin } from "./options.ts";
import { EndError, endOf, Handshake } from "./handshake.ts";
import {
  type Newcomer,
  Pace,
  type RelayContext,
  type Stay,
  type StayConnection,
} from "./member.ts";

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
  /** Sends to the other end. Never throws. */
  readonly link: Link;
  /** The other end; undefined if it is in this process. */
  readonly from: Origin | undefined;
  readonly #relay: RelayContext;
  /** Undefined once the connection is a member's. */
  #handshake: Handshake | undefined;
  readonly #openedAt: number;
  /** How fast it may send. */
  pace: Pace;
  isReady = false;
  /** Whether it has ended. */
  isOver = false;
  #reader = new FrameReader(newcomerBound);
  #stay: Stay | undefined;
  /** When it was last heard, by the monotonic clock; later than now while it is not read. */
  heardAt: number;
  /** Whether a ping waits for an answer. */
  isPinged = false;
  /** Whether it has asked to join, rather than to resume. */
  #joins = false;
  #slowedSaidAt = -Infinity;
  #run: SealedRun | undefined;
  /** What the present chunk is charged for. */
  #frames = 0;
  #fanout = 0;
  #maxUnsent = MAX_UNSENT_BYTES;

  /** Starts before the first byte. */
  constructor(relay: RelayContext, link: Link, from: Origin | undefined) {
    this.#relay = relay;
    this.from = from;
    this.link = new ContainedLink(link, (error) => {
      relay.failed(error);
      relay.broken(this);
    });
    this.#handshake = new Handshake(relay, {
      send: (bytes) => this.link.send(bytes),
      joins: (newcomer, roomName) => this.#join(newcomer, roomName),
      resumes: (stay, resume) => this.#resume(stay, resume),
    });
    this.#openedAt = relay.monotonic();
    this.heardAt = this.#openedAt;
    this.pace = new Pace(relay.limits, this.#openedAt);
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
    this.#frames = 0;
    this.#fanout = 0;
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
    this.#relay.endBroken();
    if (this.link.waiting > this.#maxUnsent) this.end("LOST", "it reads nothing");
    const spent = { frames: this.#frames, bytes: chunk.length, fanout: this.#fanout };
    const pause = this.pace.spend(spent, now);
    this.#relay.tally.receivedBytes += chunk.length;
    if (pause > 0) this.#slow(pause, now);
    // A member that is not read cannot be heard.
    this.heardAt = now + pause;
    return pause;
  }

  /** Charges the member for bytes that the relay sends on for it. */
  charge(bytes: number): void {
    this.#fanout += bytes;
  }

  /** Allows as many unsent bytes more as wait now: the roster was sent, which is not counted. */
  allowUnread(): void {
    this.#maxUnsent = MAX_UNSENT_BYTES + this.link.waiting;
  }

  /**
   * Notes that the link has closed.
   *
   * @param detail The cause, if the link knows it.
   */
  disconnected(detail = ""): void {
    try {
      this.#finish("LOST", detail);
      this.#stay?.room.flush();
      this.#relay.endBroken();
    } catch (error) {
      this.#abandon(error);
    }
  }

  /** Ends the connection with a reason. */
  end(reason: Reason, detail = ""): void {
    if (this.isOver) return;
    try {
      this.link.send(encodeBye(reason));
      this.#finish(reason, detail);
    } catch (error) {
      this.#abandon(error);
    }
    this.link.end();
  }

  /** Ends the connection with the reason that follows from an error. */
  endBy(error: unknown): void {
    this.end(...endOf(error, (unexpected) => this.#relay.failed(unexpected)));
  }

  /** Forgets the connection after ending it has failed. */
  #abandon(error: unknown): void {
    this.#relay.failed(error);
    this.#stop();
    this.#relay.forget(this);
  }

  /** Ends a connection whose member has another one. */
  giveUp(): void {
    if (this.isOver) return;
    this.link.send(encodeBye("REPLACED"));
    this.#stop();
    this.#relay.tally.disconnected("REPLACED");
    this.#relay.forget(this);
    this.link.end();
  }

  /** Checks deadlines. */
  tick(now: number): void {
    if (this.isOver) return;
    if (this.#stay === undefined) {
      if (now - this.#openedAt >= JOIN_DEADLINE_MS) this.end("JOIN_TIMEOUT");
    } else if (now - this.heardAt >= DEAD_AFTER_MS) this.end("SILENT");
    else if (now - this.heardAt >= PING_AFTER_MS) this.ping();
  }

  /** Sends a ping, unless one waits for an answer. */
  ping(): void {
    if (this.isPinged) return;
    this.isPinged = true;
    this.link.send(encodeEmpty(KIND.ping));
  }

  #slow(ms: number, now: number): void {
    this.#relay.tally.slowedMs += ms;
    if (this.#stay === undefined || now < this.#slowedSaidAt + SLOWED_EVERY_MS) return;
    this.#slowedSaidAt = now;
    this.#relay.tell({ kind: "slowed", credential: this.#stay.credential, ms });
  }

  #finish(reason: Reason, detail: string): void {
    if (this.isOver) return;
    this.#stop();
    this.#relay.tally.disconnected(reason);
    this.#relay.forget(this);
    if (this.#stay !== undefined) this.#stay.room.disconnected(this.#stay, this, reason);
    else this.#relay.tell({ kind: "refused", reason, detail, from: this.from });
  }

  #stop(): void {
    this.isOver = true;
    this.#handshake?.stop();
  }

  // The handshake.

  #answer(frame: Frame): void {
    const resuming = this.#handshake!.answer(frame);
    if (resuming !== undefined) return this.#await(resuming);
    const obstacle = this.#relay.ask(this);
    if (obstacle !== undefined) throw new EndError(obstacle);
  }

  /** Checks the join, when its turn has come. */
  check(): void {
    this.#await(this.#handshake!.checkJoin().finally(() => this.#relay.checked(this)));
  }

  /** Ends the connection if a check fails. */
  #await(checking: Promise<void>): void {
    checking.catch((error) => this.endBy(error)).then(() => {
      this.#stay?.room.flush();
      this.#relay.endBroken();
    }).catch((error) => this.#relay.failed(error));
  }

  #join(newcomer: Newcomer, roomName: string): void {
    const { credential } = newcomer;
    const obstacle = this.#relay.admit(credential, this.from);
    if (obstacle !== undefined) throw new EndError(obstacle, credential.name);
    this.#joins = true;
    this.#relay.roomToJoin(roomName).join(this, newcomer);
  }

  #resume(stay: Stay, { received, sent }: Resume): void {
    const { pace, member } = stay;
    if (
      sent < member.received || received < stay.outbox.acknowledged || received > stay.outbox.sent
    ) {
      throw new EndError("BAD_FRAME", "the counts are not those of this member");
    }
    if (!pace.resume(this.#relay.monotonic())) {
      throw new EndError("TOO_MANY_JOINS", "it has sent too much to be read yet");
    }
    this.link.send(encodeCount(KIND.resumed, member.received));
    stay.room.resume(stay, this, received);
  }

  /** Notes that the connection is a member's. */
  entered(stay: Stay): void {
    this.#relay.checked(this);
    this.#handshake?.stop();
    this.#handshake = undefined;
    this.#reader = new FrameReader(memberBound);
    this.#stay = stay;
    this.pace = stay.pace;
    if (this.#joins) this.#relay.tally.joined(this.#relay.monotonic() - this.#openedAt);
  }

  // What a member sends.

  #take(frame: Frame): void {
    if (this.isOver) return;
    this.#frames += 1;
    const stay = this.#stay;
    if (stay === undefined) return this.#answer(frame);
    if (frame.kind === KIND.sealed) return this.#takeSealed(stay, frame);
    // The sealed frames before it come first. They may end the connection.
    this.#flushRun();
    if (this.isOver) return;
    const counted = this.#counted(stay, frame);
    if (counted !== undefined) stay.room.take(stay, counted);
    else this.#takeUncounted(stay, frame);
  }

  #counted(stay: Stay, { kind, payload, bytes }: Frame): CountedFrame | undefined {
    switch (kind) {
      case KIND.pair: {
        const { sender, recipient } = readPair(payload).header;
        this.#requireSender(stay, sender);
        return { kind: "pair", recipient, bytes: bytes.slice() };
      }
      case KIND.here:
        this.#requireSender(stay, readHere(payload).member);
        return { kind: "here", bytes: bytes.slice() };
      case KIND.route:
        return { kind: "route", ...readRoute(payload) };
      case KIND.rejoin:
        return { kind: "rejoin", recipient: readMember(payload) };
      default:
        return undefined;
    }
  }

  #takeUncounted(stay: Stay, { kind, payload }: Frame): void {
    switch (kind) {
      case KIND.ack:
        return this.#acknowledge(stay, readCount(payload));
      case KIND.receipt:
      case KIND.ask:
        return this.charge(stay.room.takeReceipts(stay, kind, payload));
      case KIND.renew:
        return stay.room.renew(stay, payload.slice());
      case KIND.ping:
        return this.link.send(PONG);
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
    if (count > before) this.#frames -= 1;
  }

  #requireSender(stay: Stay, sender: number): void {
    if (sender !== stay.number) throw new EndError("NOT_YOURS");
  }

  /** Adds a sealed frame to the ones before it if it is adjacent and goes the same way. */
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
  readonly #buffer: ArrayBuffer;
  readonly #from: number;
  #to: number;
  #frames = 1;

  constructor(address: SealedAddress, bytes: Bytes) {
    this.#address = address;
    this.#buffer = bytes.buffer;
    this.#from = bytes.byteOffset;
    this.#to = bytes.byteOffset + bytes.length;
  }

  /** Adds a frame. Returns false if it is not adjacent, or goes another way. */
  add({ route, version }: SealedAddress, bytes: Bytes): boolean {
    const follows = this.#buffer === bytes.buffer && this.#to === bytes.byteOffset &&
      this.#address.route === route && this.#address.version === version;
    if (!follows) return false;
    this.#to += bytes.length;
    this.#frames += 1;
    return true;
  }

  /** Returns the frames with one copy of their bytes: the buffer is reused. */
  finish(): CountedFrame {
    const { route, version, number } = this.#address;
    const bytes = new Uint8Array(this.#buffer.slice(this.#from, this.#to));
    return { kind: "sealed", route, version, number, frames: this.#frames, bytes };
  }
}
