/**
 * One connection of a relay: a newcomer at first, and then what the member sends.
 *
 * What is wrong ends this connection with a coded reason and touches no other. An exception that nobody foresaw, the
 * runtime's own included, does no more.
 *
 * @module
 */

import { type Bytes, mapKey } from "../../base/bytes.ts";
import type { Credential } from "../identity/credential.ts";
import type { Link } from "../link.ts";
import {
  encodeBye,
  encodeCount,
  encodeEmpty,
  type Evidence,
  readAudience,
  readCount,
  type Resume,
} from "../wire/control.ts";
import { readKeyFrame, readProgressFrame, sealedAddress } from "../wire/envelope.ts";
import { type Frame, FrameReader } from "../wire/frame.ts";
import {
  DEAD_AFTER_MS,
  KIND,
  memberBound,
  newcomerBound,
  PING_AFTER_MS,
  type Reason,
} from "../wire/kinds.ts";
import { containedLink } from "./boundary.ts";
import { type Audience, SealedRun } from "./fan_out.ts";
import { EndError, endOf, Newcomer, type NewcomerRelay } from "./handshake.ts";
import { type Limits, LOOKUP_BYTES, type Origin } from "./options.ts";
import type { Tally } from "./outbox.ts";
import { Pace, type RoomMember } from "./room_member.ts";

/** How long a connection may take to join, in milliseconds. */
export const JOIN_DEADLINE_MS = 10_000;

/** How often it is said of one member that it is too fast, in milliseconds. */
const SLOWED_EVERY_MS = 60_000;

/** One for all: whoever asks a thousand times and reads no answer keeps a thousand pointers, not frames. */
const PONG: Bytes = encodeEmpty(KIND.pong);

/** One connection of a relay. */
export class RelayConnection {
  /** Where its bytes go. */
  readonly link: Link;
  /** Its other end; undefined where that is in this process. */
  readonly from: Origin | undefined;
  readonly #relay: ConnectionRelay;
  readonly #newcomer: Newcomer;
  readonly #openedAt: number;
  #pace: Pace;
  #isOver = false;
  #reader = new FrameReader(newcomerBound);
  #member: RoomMember | undefined;
  #self: string = "";
  #heardAt: number;
  #pinged = false;
  #slowedSaidAt = -Infinity;
  #run: SealedRun | undefined;
  /** What the present chunk has brought that this member is charged for: frames, bytes, bytes to send on. */
  #frames = 0;
  #bytes = 0;
  #fanout = 0;
  /** How many bytes may wait for the other side to read them. */
  #unread: number;

  /** Starts before the connection's first byte. */
  constructor(relay: ConnectionRelay, link: Link, from: Origin | undefined) {
    this.#relay = relay;
    this.link = containedLink(link, (error) => {
      relay.failed(error);
      relay.broken(this);
    });
    this.from = from;
    this.#newcomer = new Newcomer(relay, {
      send: (bytes) => this.link.send(bytes),
      join: (credential, evidence) => this.#comeIn(credential, evidence),
      resume: (member, counts) => this.#goOn(member, counts),
    });
    this.#openedAt = relay.monotonic();
    this.#heardAt = this.#openedAt;
    this.#pace = new Pace(relay.limits, this.#openedAt);
    this.#unread = relay.queueBytes;
  }

  /** The member behind it, once it is in. */
  get member(): RoomMember | undefined {
    return this.#member;
  }

  /**
   * Takes what the connection brought. The bytes may be used again afterwards.
   *
   * @returns For how many milliseconds nothing more should be read of it: it speaks too fast.
   */
  receive(chunk: Bytes): number {
    if (this.#isOver) return 0;
    try {
      return this.#receive(chunk);
    } catch (error) {
      this.#endBy(error);
      return 0;
    }
  }

  #receive(chunk: Bytes): number {
    const now = this.#relay.monotonic();
    this.#pinged = false;
    this.#frames = 0;
    this.#bytes = chunk.length;
    this.#fanout = 0;
    if (this.#member !== undefined) this.#member.isPressing = false;
    try {
      for (const frame of this.#reader.push(this.#newcomer.greet(chunk))) this.#take(frame);
      this.#flushRun();
    } catch (error) {
      this.#flushRun();
      this.#endBy(error);
    }
    this.#relay.flush();
    // What nobody counts, such as the answer to a ping, must not pile up either.
    if (this.link.waiting > this.#unread) this.end("QUEUE_FULL");
    const pressing = this.#member?.isPressing ?? false;
    const spent = { frames: this.#frames, bytes: this.#bytes, fanout: this.#fanout, pressing };
    const pause = this.#pace.spend(spent, now);
    this.#relay.tally.receivedBytes += chunk.length;
    if (pause > 0) this.#slow(pause, now);
    // Whoever is not read cannot be heard.
    this.#heardAt = now + pause;
    return pause;
  }

  /**
   * The connection has ended.
   *
   * @param detail Why, where the way to it knows.
   */
  disconnected(detail = ""): void {
    try {
      this.#finish("LOST", detail);
      this.#relay.flush();
    } catch (error) {
      this.#abandon(error);
    }
  }

  /** Ends the connection with a reason. */
  end(reason: Reason, detail = ""): void {
    if (this.#isOver) return;
    try {
      this.link.send(encodeBye(reason));
      this.#finish(reason, detail);
    } catch (error) {
      this.#abandon(error);
    }
    this.link.end();
  }

  #endBy(error: unknown): void {
    this.end(...endOf(error, (unexpected) => this.#relay.failed(unexpected)));
  }

  /** Even to end it in order has failed. */
  #abandon(error: unknown): void {
    this.#relay.failed(error);
    this.#stop();
    this.#relay.forget(this);
  }

  /** Its member has another connection: this one is over, and that is all. */
  giveUp(): void {
    if (this.#isOver) return;
    this.link.send(encodeBye("REPLACED"));
    this.#stop();
    this.#relay.tally.disconnected("REPLACED");
    this.#relay.forget(this);
    this.link.end();
  }

  /** Looks after what time brings. */
  tick(): void {
    if (this.#isOver) return;
    try {
      this.#lookAfter(this.#relay.monotonic());
    } catch (error) {
      this.#endBy(error);
    }
  }

  #lookAfter(now: number): void {
    if (this.#member === undefined) {
      if (now - this.#openedAt >= JOIN_DEADLINE_MS) this.end("JOIN_TIMEOUT");
    } else if (now - this.#heardAt >= DEAD_AFTER_MS) this.end("SILENT");
    else if (now - this.#heardAt >= PING_AFTER_MS && !this.#pinged) {
      this.#pinged = true;
      this.link.send(encodeEmpty(KIND.ping));
    }
  }

  #slow(ms: number, now: number): void {
    this.#relay.tally.slowedMs += ms;
    if (this.#member === undefined || now < this.#slowedSaidAt + SLOWED_EVERY_MS) return;
    this.#slowedSaidAt = now;
    this.#relay.slowed(this.#member, ms);
  }

  #finish(reason: Reason, detail: string): void {
    if (this.#isOver) return;
    this.#stop();
    this.#relay.tally.disconnected(reason);
    this.#relay.forget(this);
    if (this.#member === undefined) this.#relay.refused(reason, detail, this.from);
    else this.#relay.disconnected(this.#member, this, reason);
  }

  #stop(): void {
    this.#isOver = true;
    this.#newcomer.over();
  }

  #take(frame: Frame): void {
    if (this.#isOver) return;
    this.#frames += 1;
    const member = this.#member;
    if (member === undefined) return this.#ask(frame);
    if (frame.kind === KIND.sealed) return this.#takeSealed(member, frame);
    // Whatever it is, the sealed frames before it go first; that may end this member as well.
    this.#flushRun();
    if (this.#isOver) return;
    switch (frame.kind) {
      case KIND.ack:
        return this.#acknowledge(member, readCount(frame.payload));
      case KIND.key:
        return this.#forward(member, readKeyFrame(frame.payload).header, frame);
      case KIND.progress:
        return this.#progress(member, frame);
      case KIND.audience:
        return this.#declare(member, frame.payload);
      case KIND.renew:
        return this.#relay.renew(member, frame.payload.slice());
      case KIND.ping:
        return this.link.send(PONG);
      case KIND.pong:
        return;
      case KIND.leave:
        return this.end("LEFT");
      default:
        throw new EndError("OUT_OF_ORDER", `a frame of kind ${frame.kind}`);
    }
  }

  #ask(frame: Frame): void {
    const resuming = this.#newcomer.answer(frame);
    if (resuming !== undefined) return this.#await(resuming);
    const obstacle = this.#relay.ask(this);
    if (obstacle !== undefined) throw new EndError(obstacle);
  }

  /** Checks what it answered to the challenge: its turn has come. */
  check(): void {
    this.#await(this.#newcomer.checkJoin().finally(() => this.#relay.checked(this)));
  }

  /** Ends the connection where a check fails. */
  #await(checking: Promise<void>): void {
    checking.catch((error) => {
      this.#endBy(error);
      this.#relay.flush();
    }).catch((error) => this.#relay.failed(error));
  }

  #goOn(member: RoomMember, { received, sent }: Resume): void {
    const { outbox, receivedFrames } = member;
    if (received < outbox.acknowledged || received > outbox.sent || sent < receivedFrames) {
      throw new EndError("BAD_FRAME", "the counts are not those of this member");
    }
    const pace = member.pace ?? this.#pace;
    if (!pace.resume(this.#relay.monotonic())) {
      throw new EndError("TOO_MANY_JOINS", "it has sent too much to be read yet");
    }
    this.#pace = pace;
    // It has seen the roster, or it would join again.
    member.roster = undefined;
    this.link.send(encodeCount(KIND.resumed, receivedFrames));
    this.#relay.resume(member, received, this);
    this.#isIn(member);
  }

  #comeIn(credential: Credential, evidence: Evidence): void {
    const haste = this.from === undefined ? undefined : this.#relay.haste(credential.fingerprint);
    const admitted = haste ?? this.#relay.admit(credential, evidence, this);
    if (typeof admitted === "string") throw new EndError(admitted, credential.name);
    admitted.pace = this.#pace;
    this.#isIn(admitted);
    this.#relay.tally.joined(this.#relay.monotonic() - this.#openedAt);
  }

  #isIn(member: RoomMember): void {
    this.#relay.checked(this);
    // What it was sent was too much at once, and nobody waits for it any longer.
    if (this.#isOver) return this.#relay.flush();
    this.#newcomer.over();
    this.#reader = new FrameReader(memberBound);
    this.#self = member.credential.key;
    this.#member = member;
    // The roster is not counted, and what is sent again was: both may wait as well.
    this.#unread += this.link.waiting;
    this.#relay.flush();
  }

  #acknowledge(member: RoomMember, count: number): void {
    const before = member.outbox.acknowledged;
    if (!member.acknowledge(count)) {
      throw new EndError("BAD_FRAME", "more was acknowledged than was sent");
    }
    // There are no more of these than of what others sent: they are not its own haste.
    if (count > before) this.#frames -= 1;
  }

  #forward(
    member: RoomMember,
    { sender, recipient }: { readonly sender: Bytes; readonly recipient: Bytes },
    frame: Frame,
  ): void {
    if (mapKey(sender) !== this.#self) throw new EndError("NOT_YOURS");
    this.#relay.forwardTo(member, recipient, frame.bytes.slice());
    this.#fanout += frame.bytes.length;
  }

  /** Who asks is charged for the answer as well, and who answers is not. */
  #progress(member: RoomMember, frame: Frame): void {
    const progress = readProgressFrame(frame.payload);
    this.#forward(member, progress, frame);
    const { length } = frame.bytes;
    if (progress.asks) {
      this.#relay.member(progress.recipient)?.asked();
      this.#frames += 1;
      this.#fanout += length;
    } else if (member.answered()) {
      this.#frames -= 1;
      this.#bytes -= length;
      this.#fanout -= length;
    }
  }

  #declare(member: RoomMember, payload: Bytes): void {
    const { id, members } = readAudience(payload);
    if (id === 0) throw new EndError("BAD_FRAME", "audience 0 is everyone");
    this.#fanout += members.length * LOOKUP_BYTES;
    const isThere = (key: string) => this.#relay.isThere(key);
    if (!member.declare(id, members, isThere)) throw new EndError("TOO_MANY_AUDIENCES");
    member.received(1);
  }

  /** Adds a sealed frame to the run before it where it lies behind it and goes the same way. */
  #takeSealed(member: RoomMember, { payload, bytes }: Frame): void {
    const address = sealedAddress(payload);
    if (address.sender !== this.#self) throw new EndError("NOT_YOURS");
    const { audience } = address;
    if (audience !== 0 && member.audience(audience) === undefined) {
      throw new EndError("BAD_FRAME", `audience ${audience} was not declared`);
    }
    if (this.#run?.add(address, bytes)) return;
    this.#flushRun();
    this.#run = new SealedRun(address, bytes);
  }

  #flushRun(): void {
    const run = this.#run;
    const member = this.#member;
    this.#run = undefined;
    // A run before this one may have ended this member: what it said after that is not said.
    if (run === undefined || member === undefined || this.#isOver) return;
    const { audience, newest } = run.address;
    const members = audience === 0 ? undefined : member.audience(audience);
    const to = members === undefined ? { newest } : { members };
    this.#fanout += this.#relay.forward(member, run.frames, run.copy(), to);
  }
}

/** What a connection needs of the relay. */
export interface ConnectionRelay extends NewcomerRelay {
  /** Milliseconds of a clock that never jumps, for deadlines. */
  readonly monotonic: () => number;
  /** How fast a connection may speak. */
  readonly limits: Limits;
  /** How many bytes may be on their way to one member. */
  readonly queueBytes: number;
  /** Counts what comes. */
  readonly tally: Tally;
  /** A connection asks to join; answers why it cannot, and else lets it check once its turn has come. */
  ask(connection: RelayConnection): Reason | undefined;
  /** Its join has been checked, or need not be. */
  checked(connection: RelayConnection): void;
  /** Why an identity cannot come in again so soon. */
  haste(identity: string): Reason | undefined;
  /** Lets a newcomer in, or answers why not. */
  admit(
    credential: Credential,
    evidence: Evidence,
    connection: RelayConnection,
  ): RoomMember | Reason;
  /** Goes on with a member that has received so many counted frames. */
  resume(member: RoomMember, received: number, connection: RelayConnection): void;
  /** Whether a member, by its hash as the key of a map, is in the room. */
  isThere(key: string): boolean;
  /** Forwards sealed frames; answers how many bytes that costs. */
  forward(sender: RoomMember, frames: number, bytes: Bytes, to: Audience): number;
  /** Forwards a frame that is for one member. */
  forwardTo(sender: RoomMember, recipient: Bytes, bytes: Bytes): void;
  /** A member's credential goes on to hold: newcomers are told. */
  renew(member: RoomMember, renewal: Bytes): void;
  /** Tells members how far what they sent has come. */
  flush(): void;
  /** A connection has ended. */
  forget(connection: RelayConnection): void;
  /** A member's connection has ended. */
  disconnected(member: RoomMember, connection: RelayConnection, reason: Reason): void;
  /** A connection has ended that never was a member's. */
  refused(reason: Reason, detail: string, from: Origin | undefined): void;
  /** A member is too fast: it is not read for so many milliseconds. */
  slowed(member: RoomMember, ms: number): void;
  /** Counts and reports an exception that no input explains. */
  failed(error: unknown): void;
  /** A connection's link has failed. */
  broken(connection: RelayConnection): void;
}
