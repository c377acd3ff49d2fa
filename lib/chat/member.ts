/**
 * A member: bytes of the relay and lines of a person in, bytes and events out. A state machine without I/O.
 *
 * Whoever stands around it passes on what the connection brings ({@linkcode Member.receive}), shows the
 * events in order and says so ({@linkcode Member.displayed}), and calls {@linkcode Member.tick} once the
 * time that {@linkcode Member.wakeAt} names has come.
 *
 * @module
 */

import { Acknowledger } from "./acknowledger.ts";
import { Admission, type Admitted, answerChallenge } from "./admission.ts";
import { type Bytes, MalformedError, mapKey, utf8 } from "./bytes.ts";
import { steadyNow } from "./clock.ts";
import { checkCredential, type Credential, type OwnCredential } from "./credential.ts";
import { MAX_TEXT_BYTES, readKeyFrame, readSealedFrame } from "./envelope.ts";
import { type Frame, FrameError, FrameReader } from "./frame.ts";
import { InOrder } from "./in_order.ts";
import { encodeGreeting, isCounted, KIND, relayBound } from "./kind.ts";
import type { Entered, MemberEvent, RefusalCode } from "./member_event.ts";
import { messageIds } from "./message_id.ts";
import { foldName } from "./name.ts";
import { Outgoing } from "./outgoing.ts";
import { EVERYONE, type Policy } from "./policy.ts";
import type { Ending } from "./reason.ts";
import { type Candidate, ReceivingSide } from "./receiving_side.ts";
import { Roster } from "./roster.ts";
import { type Random, secureRandom } from "./sender_key.ts";
import {
  encodeCount,
  encodeEmpty,
  type Listing,
  readBye,
  readCount,
  readJoined,
  readLeft,
} from "./wire.ts";

/** How long joining may take, in milliseconds. */
export const JOIN_TIMEOUT_MS = 10_000;
/** After how long without a word the other side is given up, in milliseconds. */
export const DEAD_AFTER_MS = 45_000;
/** How much may wait to be checked before the connection is not read on. */
const WAITING = { items: 1024, bytes: 4 << 20 } as const;

/** Where a member's bytes and events go. */
export interface MemberOutput {
  /** Bytes for the relay; they are not changed afterwards. */
  send(bytes: Bytes): void;
  /** Something to show. Events come in order, and are counted from 1. */
  event(event: MemberEvent): void;
  /** {@linkcode Member.wakeAt} is earlier than it was. */
  wake(): void;
  /** The runtime failed in a way that no input explains. */
  fail(error: unknown): void;
}

/** Who joins, and how. */
export interface MemberOptions {
  readonly self: OwnCredential;
  /** What was dialled, as the person gave it. */
  readonly dialled: { readonly host: string; readonly port: number };
  /** Whom it lets read and be read; everyone by default. */
  readonly policy?: Policy;
  /** The time in milliseconds since 1970. */
  readonly now?: () => number;
  /** The time by a clock that never jumps, for deadlines; `now` where only that is given. */
  readonly monotonic?: () => number;
  /** Where keys come from; the runtime's secure source by default. */
  readonly random?: Random;
  /** Checks credentials; many members in one process may share the work. */
  readonly check?: (bytes: Bytes, now: number) => Promise<Credential>;
}

/** A member of one room, over one connection. */
export class Member {
  readonly #self: OwnCredential;
  readonly #dialled: MemberOptions["dialled"];
  readonly #policy: Policy;
  /** For what elapses. */
  readonly #now: () => number;
  /** The time of day, for people and credentials. */
  readonly #date: () => number;
  readonly #random: Random;
  readonly #check: (bytes: Bytes) => Promise<Credential>;
  readonly #output: MemberOutput;
  readonly #reader = new FrameReader(relayBound);
  readonly #roster = new Roster();
  readonly #acknowledger: Acknowledger;
  readonly #order: InOrder;
  readonly #idOf: (number: number) => string;
  #state: "joining" | "in" | "ended" = "joining";
  #admission = new Admission();
  #outgoing: Outgoing | undefined;
  #receiving: ReceivingSide | undefined;
  #entered = 0;
  #leftOut: ReadonlySet<string> = new Set();
  #heardAt: number;

  /** Starts before the connection's first byte. */
  constructor(options: MemberOptions, output: MemberOutput) {
    this.#self = options.self;
    this.#dialled = options.dialled;
    this.#policy = options.policy ?? EVERYONE;
    this.#now = options.monotonic ?? options.now ?? steadyNow;
    this.#date = options.now ?? Date.now;
    this.#random = options.random ?? secureRandom;
    const check = options.check ?? checkCredential;
    this.#check = (bytes) => check(bytes, this.#date());
    this.#output = output;
    this.#heardAt = this.#now();
    this.#idOf = messageIds(this.#self.member);
    this.#order = new InOrder(WAITING, (error) => output.fail(error));
    this.#acknowledger = new Acknowledger({
      now: this.#now,
      send: (count) => this.#send(encodeCount(KIND.ack, count)),
      wake: () => output.wake(),
    });
  }

  /** Who is in the room, this member among them. */
  get roster(): Roster {
    return this.#roster;
  }

  /** How many frames came twice and were dropped. */
  get repeated(): number {
    return this.#receiving?.repeated ?? 0;
  }

  /** How much text has been entered and is not delivered yet. */
  get backlog(): { readonly lines: number; readonly bytes: number } {
    const outgoing = this.#outgoing;
    return { lines: outgoing?.backlog ?? 0, bytes: outgoing?.backlogBytes ?? 0 };
  }

  /** A promise of room for more of what the connection brings, or undefined where there is room. */
  get full(): Promise<void> | undefined {
    return this.#order.full;
  }

  /** A promise that everything received so far has been checked. */
  get settled(): Promise<void> {
    return this.#order.settled;
  }

  /** When {@linkcode tick} has something to do, in milliseconds since 1970. */
  get wakeAt(): number {
    const silent = this.#heardAt + (this.#state === "joining" ? JOIN_TIMEOUT_MS : DEAD_AFTER_MS);
    return Math.min(silent, this.#acknowledger.dueAt ?? Infinity);
  }

  /** Speaks first. */
  start(): void {
    this.#send(encodeGreeting());
  }

  /** Takes what the connection brought. The bytes may be used again afterwards. */
  receive(chunk: Bytes): void {
    if (this.#state === "ended") return;
    if (this.#state === "in") this.#heardAt = this.#now();
    try {
      for (const frame of this.#reader.push(chunk)) this.#take(frame);
    } catch (error) {
      if (!(error instanceof FrameError || error instanceof MalformedError)) throw error;
      const foreign = this.#state === "joining" && !this.#admission.challenged;
      if (foreign && isTlsAlert(chunk)) this.#end("TLS_SPOKEN", "");
      else this.#end(foreign ? "NOT_A_RELAY" : "BAD_RELAY", error.message);
    }
  }

  /** The connection has ended. */
  disconnected(): void {
    // What came before the end is shown before the end is.
    this.#order.add(0, () => this.#end("RELAY_GONE", ""));
  }

  /**
   * Takes a line that a person entered.
   *
   * @param text What to say, 1 byte to 64 KiB of UTF-8.
   * @param to The name of the one to say it to; everyone without.
   * @returns The message's id, or why it is not sent.
   */
  enter(text: string, to?: string): Entered {
    const bytes = utf8(text);
    if (bytes.length === 0) return refusal("TEXT_EMPTY", "there is no text to send");
    if (bytes.length > MAX_TEXT_BYTES) {
      const bound = `at most ${MAX_TEXT_BYTES} bytes (64 KiB) of UTF-8, not ${bytes.length}`;
      return refusal("TEXT_TOO_LARGE", `a message has ${bound}`);
    }
    const newest = this.#acknowledger.displayedMembership;
    if (this.#outgoing === undefined || this.#state !== "in" || newest === 0) {
      return refusal("NOT_JOINED", "this member is not in the room");
    }
    const peer = to === undefined ? undefined : this.#roster.byName(foldName(to));
    if (to !== undefined && peer === undefined) {
      return refusal("NO_SUCH_MEMBER", `nobody here is called ${to}`);
    }
    if (peer?.credential.key === this.#self.key) {
      return refusal("TO_SELF", "a private message goes to somebody else");
    }
    const obstacle = peer === undefined ? undefined : this.#policy.obstacle(peer);
    if (obstacle !== undefined) return refusal("EXCLUDED", `${to} ${obstacle}`);
    const number = ++this.#entered;
    const id = this.#idOf(number);
    this.#outgoing.enter({
      id,
      number,
      time: this.#date(),
      text: bytes,
      shown: text,
      to: peer,
      newest,
      leftOut: this.#leftOutNow(),
    })
      .catch((error) => this.#output.fail(error));
    return { ok: true, id };
  }

  /** Whom the policy keeps from reading now: the same set while it is the same people. */
  #leftOutNow(): ReadonlySet<string> {
    const peers = [...this.#roster.values()];
    const keys = new Set(
      peers.filter((peer) => this.#policy.obstacle(peer) !== undefined)
        .map(({ credential }) => credential.key),
    );
    const isSame = keys.size === this.#leftOut.size && keys.isSubsetOf(this.#leftOut);
    if (!isSame) this.#leftOut = keys;
    return this.#leftOut;
  }

  /**
   * The first so many events have been shown. Only who is known to have been shown receives what is
   * entered from here on, and only what was shown is acknowledged.
   */
  displayed(events: number): void {
    this.#acknowledger.displayed(events, this.#roster.size);
  }

  /** Leaves the room; the relay answers by ending the connection. Who is not in yet is gone at once. */
  leave(): void {
    if (this.#state === "in") this.#send(encodeEmpty(KIND.leave));
    else this.#end("LEFT", "");
  }

  /** Does what is due. */
  tick(): void {
    if (this.#state === "ended") return;
    this.#acknowledger.tick();
    const silent = this.#now() - this.#heardAt;
    if (this.#state === "joining" && silent >= JOIN_TIMEOUT_MS) {
      this.#end("NO_ANSWER", `${JOIN_TIMEOUT_MS / 1000} s have passed`);
    } else if (silent >= DEAD_AFTER_MS) {
      this.#end("NO_ANSWER", `nothing has come for ${DEAD_AFTER_MS / 1000} s`);
    }
  }

  #send(bytes: Bytes): void {
    if (this.#state !== "ended") this.#output.send(bytes);
  }

  #event(event: MemberEvent): void {
    if (this.#state === "ended") return;
    this.#acknowledger.emitted();
    this.#output.event(event);
  }

  #end(reason: Ending, detail: string): void {
    if (this.#state === "ended") return;
    this.#event({ kind: "ended", reason, detail });
    this.#state = "ended";
  }

  #take(frame: Frame): void {
    if (this.#state === "ended") return;
    if (frame.kind === KIND.bye) {
      const reason = readBye(frame.payload);
      this.#order.add(0, () => this.#end(reason, ""));
    } else if (frame.kind === KIND.ping) this.#send(encodeEmpty(KIND.pong));
    else if (this.#state === "joining") this.#join(frame);
    else if (isCounted(frame.kind)) this.#takeCounted(frame);
    else if (frame.kind === KIND.accepted) this.#count(frame, (n) => this.#outgoing!.accepted(n));
    else if (frame.kind === KIND.delivered) this.#count(frame, (n) => this.#outgoing!.delivered(n));
    else if (frame.kind !== KIND.pong) throw new MalformedError("a frame came out of its place");
  }

  #count(frame: Frame, take: (count: number) => boolean): void {
    if (!take(readCount(frame.payload))) {
      throw new MalformedError("more is said to have arrived than was sent");
    }
  }

  #join(frame: Frame): void {
    const step = this.#admission.take(frame);
    if (step === undefined) return;
    if ("listings" in step) return this.#comeIn(step);
    answerChallenge(this.#self, this.#dialled, step.room, step.nonce).then(
      (answer) => this.#send(answer),
      (error) => this.#output.fail(error),
    );
  }

  #comeIn(admitted: Admitted): void {
    const { room, listings } = admitted;
    this.#state = "in";
    this.#heardAt = this.#now();
    const own = {
      self: this.#self,
      room,
      roster: this.#roster,
      policy: this.#policy,
      random: this.#random,
      now: this.#now,
    };
    this.#outgoing = new Outgoing(own, {
      send: (frame) => this.#send(frame),
      sent: (line) => this.#event({ kind: "sent", line }),
      delivered: (line) => this.#event({ kind: "delivered", line }),
      unheard: (line) => this.#event({ kind: "unheard", line }),
    });
    const receiving = new ReceivingSide(own, this.#check, (event) => this.#event(event));
    this.#receiving = receiving;
    const candidates = listings.map((listing) => receiving.candidate(listing));
    this.#order.add(0, async () => this.#begin(admitted, await Promise.all(candidates)));
  }

  #begin({ room, number }: Admitted, candidates: readonly Candidate[]): void {
    this.#event({ kind: "admitted", self: this.#self, room });
    this.#roster.begin({ number, credential: this.#self, confirmed: true });
    for (const peer of this.#receiving!.admitted(candidates)) {
      this.#roster.add(peer);
      this.#event({ kind: "joined", peer, present: true });
    }
    this.#event({ kind: "ready" });
    this.#acknowledger.began(number);
  }

  /** Takes a frame whose place in the stream the relay counts. Its bytes are copied: checking takes time. */
  #takeCounted({ kind, payload, bytes }: Frame): void {
    const copy = payload.slice();
    const effect = kind === KIND.joined
      ? this.#joinedEffect(readJoined(copy))
      : kind === KIND.left
      ? this.#leftEffect(copy)
      : kind === KIND.key
      ? this.#receiving!.keyEffect(readKeyFrame(copy))
      : this.#receiving!.sealedEffect(readSealedFrame(copy));
    this.#order.add(bytes.length, async () => {
      await effect();
      const urgent = kind === KIND.sealed;
      this.#acknowledger.processed(this.#roster.number, bytes.length, urgent, this.#roster.size);
    });
  }

  #joinedEffect(listing: Listing): () => Promise<void> {
    const receiving = this.#receiving!;
    const candidate = receiving.candidate(listing);
    return async () => {
      this.#expectNumber(listing.number);
      const [peer] = receiving.admitted([await candidate]);
      if (peer === undefined) return this.#roster.skip(listing.number);
      this.#roster.join(peer);
      this.#event({ kind: "joined", peer, present: false });
    };
  }

  #leftEffect(payload: Bytes): () => void {
    const { number, member, reason } = readLeft(payload);
    return () => {
      this.#expectNumber(number);
      const peer = this.#roster.get(mapKey(member));
      if (peer === undefined) return this.#roster.skip(number);
      this.#roster.leave(number, peer);
      this.#outgoing!.forget(peer);
      this.#receiving!.forget(peer);
      this.#event({ kind: "left", peer, reason });
    };
  }

  /** Joinings and leavings are numbered one by one: a relay that leaves one out is told at once. */
  #expectNumber(number: number): void {
    if (number === this.#roster.number + 1) return;
    const detail = `membership ${number} came after ${this.#roster.number}`;
    this.#end("BAD_RELAY", detail);
  }
}

/** Whether bytes start a TLS record that carries an alert (RFC 8446 section 5.1). */
function isTlsAlert(bytes: Bytes): boolean {
  return bytes[0] === 21 && bytes[1] === 3;
}

function refusal(code: RefusalCode, message: string): Entered {
  return { ok: false, code, message };
}
