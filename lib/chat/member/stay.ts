/**
 * A member's stay in one room: its roster, its sending side, and the effects of received frames.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import { sign } from "../identity/signing.ts";
import {
  encodeCount,
  encodeEmpty,
  type Left,
  type Listing,
  readBehind,
  readJoined,
  readLeft,
  readMember,
} from "../wire/control.ts";
import { checkOf, encodeHere, encodeLeavePayload, readHere, statementAt } from "../wire/history.ts";
import { STREAMS } from "../wire/content.ts";
import { readEntries, readPair, readSealed } from "../wire/envelope.ts";
import { encodeFrame, type Frame } from "../wire/frame.ts";
import { isCounted, KIND, MAX_ROSTER } from "../wire/kinds.ts";
import { Acknowledger } from "./acknowledger.ts";
import type { Admitted } from "./connection.ts";
import { FaultLog } from "./inbox.ts";
import type { FaultCode, RoomContext } from "./options.ts";
import { type Effect, ReceivingSide } from "./receiver.ts";
import { type Candidate, checkListing, type Peer, Roster } from "./roster.ts";
import { Outgoing } from "./sender.ts";
import type { MissedSpan } from "./time.ts";

/**
 * How long the contacts of the room before may take to come back before they are reported as away, in milliseconds. A
 * relay that was restarted loses everyone at once, and most members are back within that time.
 */
const AWAY_AFTER_MS = 3_000;

/** The most members and contacts that a member knows. */
export const MAX_CONTACTS = 16_384;

/** In rooms up to this size members answer a joining with `here`. */
const SMALL_ROOM = 16;

/** A stay in one room. */
export class Membership {
  readonly room: Bytes;
  readonly roster: Roster;
  readonly outgoing: Outgoing;
  readonly receiving: ReceivingSide;
  readonly #context: RoomContext;
  readonly #acknowledger: Acknowledger;
  readonly #faults = new FaultLog();
  #displayedVersion = 0;
  /** When contacts that have not come back are reported as away, in milliseconds. */
  #awayAt = Infinity;
  /** When these contacts are given up, in milliseconds. */
  #graceEndsAt = Infinity;

  /** Starts before the roster is known. */
  constructor(shared: Omit<RoomContext, "roster" | "fault">) {
    const roster = new Roster();
    const context: RoomContext = {
      ...shared,
      roster,
      fault: (code, peer, detail) => this.#fault(code, peer, detail),
    };
    this.#context = context;
    this.room = context.room;
    this.roster = roster;
    this.#acknowledger = new Acknowledger(context.now);
    this.outgoing = new Outgoing(context);
    this.receiving = new ReceivingSide(context, this.outgoing, (peer) => this.#admit(peer));
  }

  /** Reports a fault, at most as often as {@linkcode FaultLog} allows. */
  #fault(code: FaultCode, peer: Peer | undefined, detail: string): void {
    // Each missing message is reported.
    const count = this.#faults.count(`${code} ${peer?.credential.key ?? ""}`, code === "GAP");
    if (count !== undefined) this.#context.event({ kind: "fault", code, peer, detail, count });
  }

  /** The number of counted frames that were received. */
  get received(): number {
    return this.#acknowledger.received;
  }

  /** The version of the room up to which everything has been shown; 0 before the roster was shown. */
  get displayedVersion(): number {
    return this.#displayedVersion;
  }

  /**
   * Begins the stay, after the effects of all earlier frames.
   *
   * @param admitted The room that the relay has admitted this member to.
   * @param candidates The checked listings.
   * @param graceMs How long to wait for the contacts of the room before, in milliseconds; undefined if there was none.
   * @param missed The time span whose messages this member may have missed.
   */
  begin(
    { room, number, context }: Admitted,
    candidates: readonly Candidate[],
    graceMs: number | undefined,
    missed?: MissedSpan,
  ): void {
    const { self, ledger, event, now } = this.#context;
    const again = graceMs !== undefined;
    const news = missed === undefined ? { room } : { room, missed };
    event(
      again ? { kind: "reconnected", anew: true, ...news } : { kind: "admitted", self, room },
    );
    ledger.changeRoom();
    const listed = new Map(candidates.map((one) => [one.number, one.member]));
    const own = { number, credential: self, confirmed: true, away: false };
    this.roster.begin(room, context, listed, own);
    for (const candidate of candidates) {
      const peer = this.receiving.accept(candidate);
      if (peer === undefined) continue;
      this.roster.add(peer);
      this.#meet(peer, !again);
    }
    if (!again) event({ kind: "ready" });
    this.#display();
    this.#sayHere();
    this.outgoing.run();
    const missing = ledger.missing();
    for (const { peer } of missing) peer.away = true;
    if (!again || missing.length === 0) return;
    this.#awayAt = now() + Math.min(AWAY_AFTER_MS, graceMs);
    this.#graceEndsAt = now() + graceMs;
  }

  /** Sends `here`, which shows the others that this member is really there. */
  #sayHere(): void {
    const say = async () => {
      const { version, context, signature } = await this.#sign("here");
      const check = checkOf(context);
      this.outgoing.offer(encodeHere({ member: this.roster.own, version, check, signature }));
    };
    say().catch(this.#context.failed);
  }

  /** Signs a statement at the newest version. */
  async #sign(use: "leave" | "here") {
    const { self, room } = this.#context;
    const { version, history } = this.roster;
    const context = await history.newest;
    const statement = statementAt(use, { room, member: self.member, version, context });
    const signature = await sign(self.keys.signing.privateKey, statement);
    return { version, context, signature };
  }

  /** Notes the present version as displayed once the events so far are displayed. */
  #display(): void {
    const { version } = this.roster;
    this.#context.displayed.then(() => this.#displayedVersion = version);
  }

  /** When {@linkcode tick} has something to do, in milliseconds. */
  get wakeAt(): number {
    const { receipts } = this.receiving;
    const { silence } = this.outgoing;
    const awaited = Math.min(this.#awayAt, this.#graceEndsAt);
    const acknowledged = this.#context.displayed.isFull ? Infinity : this.#acknowledger.dueAt;
    return Math.min(awaited, acknowledged, receipts.dueAt, silence.wakeAt);
  }

  /** Sends what is due, and removes members of the earlier room that do not come back. */
  tick(): void {
    const { ledger, now, event, failed } = this.#context;
    this.#acknowledge();
    this.receiving.receipts.tick().catch(failed);
    this.outgoing.silence.tick();
    if (now() >= this.#awayAt) {
      this.#awayAt = Infinity;
      for (const contact of ledger.missing()) {
        if (!contact.awayTold) event({ kind: "away", peer: contact.peer });
        contact.awayTold = true;
      }
    }
    if (now() < this.#graceEndsAt) return;
    this.#graceEndsAt = Infinity;
    for (const { peer } of ledger.missing()) this.part(peer, "LOST", false);
  }

  /** Sends the receipts that are due, or asks for a call of {@linkcode tick} when they are. */
  sendReceipts(): void {
    const { now, wake, failed } = this.#context;
    const { receipts } = this.receiving;
    if (receipts.dueAt === Infinity) return;
    if (receipts.dueAt > now()) wake();
    else receipts.tick().catch(failed);
  }

  #acknowledge(): void {
    if (this.#context.displayed.isFull) return;
    const count = this.#acknowledger.due();
    if (count !== undefined) this.#context.send(encodeCount(KIND.ack, count));
  }

  /** Continues on another connection to the same room. */
  goOn(): void {
    const { send } = this.#context;
    for (const frame of this.outgoing.sent.waiting()) send(frame);
    send(encodeCount(KIND.ack, this.#acknowledger.acknowledge()));
    this.receiving.repeat();
    this.sendReceipts();
    this.outgoing.goOn();
  }

  /** Sends receipts, and returns the `leave` frame. */
  async leave(): Promise<Bytes> {
    // Before the roster is checked there is no history to sign.
    if (this.roster.own === 0) return encodeEmpty(KIND.leave);
    await this.receiving.receipts.hurry();
    const { version, signature } = await this.#sign("leave");
    return encodeFrame(KIND.leave, encodeLeavePayload({ version, signature }));
  }

  // The members of the room.

  /** Adds a peer that is in the room: a newcomer, or a contact that is back. */
  #meet(peer: Peer, present: boolean): void {
    const { ledger, event, displayed, now } = this.#context;
    const { key, folded } = peer.credential;
    const known = ledger.get(key);
    if (known !== undefined) {
      const { awayTold } = known;
      ledger.meet(known, peer);
      known.awayTold = false;
      if (awayTold) event({ kind: "back", peer });
      return this.outgoing.want(known);
    }
    // A contact whose name is taken does not come back under it.
    const missing = ledger.oneMissing(folded);
    if (missing !== undefined) this.part(missing.peer, "REPLACED", false);
    this.#makeRoom();
    event({ kind: "joined", peer, present });
    const contact = ledger.add(peer, displayed.emitted, present ? -Infinity : now());
    this.outgoing.silence.meet(contact);
    if (STREAMS.some((stream) => contact.streams[stream].gone > 0)) this.outgoing.want(contact);
  }

  /** Gives up the oldest contact that is not back, if relays have listed too many. */
  #makeRoom(): void {
    const { ledger } = this.#context;
    if (ledger.size < MAX_CONTACTS) return;
    const first = ledger.oneMissing();
    if (first !== undefined) this.part(first.peer, "LOST", false);
  }

  /** A contact has left. */
  part(peer: Peer, reason: Left["reason"], signed: boolean): void {
    const { ledger, event } = this.#context;
    event({ kind: "left", peer, reason, signed });
    ledger.part(peer.credential.key, signed);
  }

  /** Admits a newcomer that has proved itself. The unconfirmed members with its name count as left. */
  #admit(peer: Peer): void {
    for (const one of this.roster.nameHolders(peer.credential.name)) {
      this.#remove(one, "REPLACED", false);
    }
    this.roster.add(peer);
    this.#meet(peer, false);
  }

  #remove(peer: Peer, reason: Left["reason"], signed: boolean): void {
    this.roster.remove(peer);
    this.outgoing.forget(peer);
    this.receiving.forget(peer);
    this.part(peer, reason, signed);
  }

  // Frames.

  /** Takes a frame. Its bytes are copied, because checking takes time. */
  take({ kind, payload, bytes }: Frame): void {
    const effect = this.#effectOf(kind, payload.slice());
    const counted = isCounted(kind);
    if (counted) {
      this.#acknowledger.count(bytes.length);
      this.#acknowledge();
      // What is not shown would otherwise take as much memory as a relay likes.
      if (this.#acknowledger.isOverrun) {
        throw new MalformedError("the relay sends more than it may before an acknowledgement");
      }
    }
    this.#context.order.add(bytes.length, async () => {
      await effect();
      this.sendReceipts();
    });
    if (counted) this.#context.wake();
  }

  #effectOf(kind: number, payload: Bytes): Effect {
    switch (kind) {
      case KIND.joined:
        return this.#joinedEffect(readJoined(payload));
      case KIND.left:
        return this.#leftEffect(readLeft(payload));
      case KIND.away:
      case KIND.back:
        return this.#presenceEffect(readMember(payload), kind === KIND.away);
      case KIND.here:
        return this.receiving.hereEffect(readHere(payload));
      case KIND.behind:
        return this.#behindEffect(payload);
      case KIND.pair:
        return this.receiving.pairEffect(readPair(payload));
      case KIND.sealed:
        return this.receiving.sealedEffect(readSealed(payload));
      case KIND.receipt:
        return this.receiving.receiptsEffect(readEntries(payload));
      case KIND.ask:
        return this.receiving.asksEffect(readEntries(payload));
      default:
        throw new MalformedError("a frame came at a time at which it is not valid");
    }
  }

  #joinedEffect(listing: Listing): Effect {
    const checking = checkListing(listing, this.#context.check);
    return async () => {
      const candidate = await checking;
      if (!this.#isNext(candidate.number)) return;
      if (this.roster.history.size >= MAX_ROSTER) {
        return this.#context.breach(`the room has more than ${MAX_ROSTER} members`);
      }
      await this.#payForChange();
      this.roster.joined(candidate.number, candidate.member);
      const peer = this.receiving.accept(candidate);
      if (peer !== undefined) {
        this.roster.add(peer);
        this.#meet(peer, false);
        if (this.roster.size <= SMALL_ROOM) this.#sayHere();
        this.outgoing.wake();
      }
      await this.#followChange();
    };
  }

  #leftEffect({ version, member, reason, statement }: Left): Effect {
    return async () => {
      if (!this.#isNext(version)) return;
      const peer = this.roster.byNumber(member);
      // A member whose leaving is reported has no connection any more.
      if (member === this.roster.own) {
        return this.#context.breach("the relay says that this member has left");
      }
      const signed = peer !== undefined && reason === "LEFT" &&
        await this.roster.isLeaving(peer, statement);
      await this.#payForChange();
      if (!this.roster.left(member)) return this.#context.breach(`member ${member} left twice`);
      if (peer !== undefined) this.#remove(peer, reason, signed);
      await this.#followChange();
    };
  }

  #presenceEffect(member: number, away: boolean): Effect {
    return () => {
      const { ledger, event } = this.#context;
      const peer = this.roster.byNumber(member);
      if (peer === undefined || peer.away === away || member === this.roster.own) return;
      peer.away = away;
      const contact = ledger.get(peer.credential.key);
      if (contact !== undefined) contact.awayTold = away;
      event({ kind: away ? "away" : "back", peer });
    };
  }

  #behindEffect(payload: Bytes): Effect {
    const { member, number } = readBehind(payload);
    return () => {
      const peer = this.roster.byNumber(member);
      const contact = peer && this.#context.ledger.of(peer);
      if (contact === undefined) return;
      this.#context.ledger.fallBehind(contact, number);
      this.outgoing.want(contact);
    };
  }

  /**
   * Ends the effect of a change. It waits for the context: as many changes are being hashed as effects run, one. What is
   * entered meanwhile belongs to the new version, which is displayed already.
   */
  async #followChange(): Promise<void> {
    this.#display();
    await this.roster.history.newest;
    await this.receiving.versionChanged();
  }

  /** Waits until the relay may have all members hashed once more. */
  async #payForChange(): Promise<void> {
    const wait = this.#context.pace.change(this.roster.history.size);
    if (wait === undefined) return;
    this.#context.wake();
    await wait;
  }

  /** Whether a version is the next one. A skipped version is reported at once. */
  #isNext(version: number): boolean {
    if (version === this.roster.version + 1) return true;
    this.#context.breach(`version ${version} of the room came after ${this.roster.version}`);
    return false;
  }
}
