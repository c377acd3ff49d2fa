/**
 * A member: bytes from the relay and lines from a person in, bytes and events out. A state machine without I/O.
 *
 * The caller passes received bytes to {@linkcode Member.receive}, shows the events in order and says so
 * ({@linkcode Member.displayed}), calls {@linkcode Member.tick} at {@linkcode Member.wakeAt}, and connects again while
 * {@linkcode Member.isAway}. The member outlives its connections and the relay.
 *
 * @module
 */

import { type Bytes, MalformedError, mapKey, secureRandom } from "../../base/bytes.ts";
import { Costs, InOrder, steadyNow } from "../../base/clock.ts";
import { checkCredential, type Credential } from "../identity/credential.ts";
import { RENEWAL_RESERVE_MS } from "../identity/signing.ts";
import { checkNotice, type Notice } from "../wire/content.ts";
import { encodeEmpty, encodeRenew, readCount } from "../wire/control.ts";
import { sequences } from "../seal/pairwise.ts";
import type { Frame } from "../wire/frame.ts";
import { FollowedRooms } from "../wire/history.ts";
import { DEAD_AFTER_MS, type Ending, KIND } from "../wire/kinds.ts";
import { Displayed, Streams } from "./acknowledger.ts";
import { Composer, type Entered } from "./lines.ts";
import { type Admitted, MAY_TRY_AGAIN, MemberConnection } from "./connection.ts";
import { type Backlog, Ledger, type WaitingLine } from "./deliveries.ts";
import {
  type MemberContext,
  type MemberEvent,
  type MemberOptions,
  type MemberOutput,
  PEER_TARIFF,
} from "./options.ts";
import { keyChange } from "./own_chains.ts";
import { Absence, type Moment, Renewer, RosterPace, WrongClock } from "./time.ts";
import { checkListing, EVERYONE, type Peer, Roster } from "./roster.ts";
import { ACCEPT_MS } from "./sender.ts";
import { Membership } from "./stay.ts";

/** How much may wait to be checked before the connection is not read on. */
const WAITING = { items: 1024, bytes: 4 << 20 } as const;

/**
 * The most that may wait to be written, besides frames that the relay has not accepted, in bytes. A relay that does not
 * read more is given up.
 */
export const MAX_UNREAD_BYTES = 1 << 20;

/** A member, in one room after another, over one connection after another. */
export class Member {
  readonly #options: MemberOptions;
  readonly #output: MemberOutput;
  readonly #context: MemberContext;
  readonly #renewer: Renewer;
  /** The time of day. */
  readonly #date: () => number;
  readonly #followed = new FollowedRooms();
  readonly #composer: Composer;
  readonly #absence = new Absence();
  readonly #clock = new WrongClock();
  #state: "away" | "connected" | "ending" | "ended" = "away";
  /** The connection; undefined unless the state is `connected`. */
  #connection: MemberConnection | undefined;
  /** The stay in the room that the relay has admitted this member to. */
  #membership: Membership | undefined;
  /** The stay whose roster was reported as events. It follows `#membership` a moment later. */
  #begun: Membership | undefined;
  /** Whether the relay has said that it no longer knows this stay, so that it is not resumed. */
  #forgotten = false;
  #leaving = false;

  /** Starts before the first connection. */
  constructor(options: MemberOptions, output: MemberOutput) {
    const { self, policy = EVERYONE } = options;
    this.#options = options;
    this.#output = output;
    this.#date = options.now ?? Date.now;
    this.#renewer = new Renewer(self, this.#date);
    const now = options.monotonic ?? options.now ?? steadyNow;
    this.#context = {
      self,
      policy,
      ledger: new Ledger((kind, line, missed) =>
        this.#event(missed.length > 0 ? { kind, line, missed } : { kind, line })
      ),
      displayed: new Displayed(),
      streams: options.streams ?? new Streams(),
      costs: new Costs(PEER_TARIFF),
      order: new InOrder(WAITING, (error) => this.#failed(error)),
      pace: new RosterPace(now),
      nextReceipt: sequences(),
      keyChange: options.keyChange ?? keyChange,
      random: options.random ?? secureRandom,
      now,
      check: (bytes, renewal) => this.#check(bytes, renewal),
      event: (event) => this.#event(event),
      wake: () => output.wake(),
      tooLong: (expiresAt) => this.#refuseClock(expiresAt),
      breach: (detail) => this.#end("BAD_RELAY", detail),
      failed: (error) => this.#failed(error),
    };
    this.#composer = new Composer(this.#context, this.#date);
  }

  /** The members of the room, this one among them. */
  get roster(): Roster {
    return this.#begun?.roster ?? new Roster();
  }

  /** Returns the members of the room, and those who may come back to it. */
  peers(): Peer[] {
    const peers = [...this.roster.values()];
    const missing = this.#context.ledger.missing();
    return missing.length === 0 ? peers : [...peers, ...missing.map(({ peer }) => peer)];
  }

  /** The lines that were entered and are not delivered. */
  get backlog(): Backlog {
    return this.#context.ledger.backlog;
  }

  /** Returns the first `most` lines that are not delivered, each with the recipients that have not shown it. */
  waiting(most: number): WaitingLine[] {
    return this.#context.ledger.waiting(most);
  }

  /** Resolves when there is room to receive more; undefined if there is room now. */
  get full(): Promise<void> | undefined {
    return this.#context.order.full;
  }

  /** Resolves when everything received so far has been checked. */
  get settled(): Promise<void> {
    return this.#context.order.settled;
  }

  /** Whether the member wants a connection: {@linkcode connected}. */
  get isAway(): boolean {
    return this.#state === "away";
  }

  /** Whether the member is in the room over a connection. */
  get isIn(): boolean {
    return this.#connection?.isIn ?? false;
  }

  /** When {@linkcode tick} has something to do, in milliseconds of the monotonic clock. */
  get wakeAt(): number {
    if (this.#isOver) return Infinity;
    return Math.min(
      this.#begun?.wakeAt ?? Infinity,
      this.#connection?.wakeAt ?? Infinity,
      this.#context.pace.dueAt,
      this.#context.now() + this.#renewer.dueIn,
    );
  }

  /** There is a connection. The member speaks first. */
  connected(): void {
    if (this.#state !== "away") return;
    this.#state = "connected";
    this.#connection = new MemberConnection(this.#options, {
      now: this.#context.now,
      renewal: () => this.#renewer.current(),
      send: (bytes) => this.#output.send(bytes),
      stay: () => this.#stay(),
      forgotten: () => this.#forgotten = true,
      admitted: (admitted, graceMs) => this.#comeIn(admitted, graceMs),
      resumed: (count) => this.#goOn(count),
      take: (frame) => this.#take(frame),
      bye: (reason, graceMs) => this.#bye(reason, graceMs),
      silent: (detail) => this.#lose("NO_ANSWER", detail),
      broken: (reason, detail) => this.#end(reason, detail),
      failed: (error) => this.#failed(error),
    });
    this.#connection.greet();
  }

  get #moment(): Moment {
    return { date: this.#date(), steady: this.#context.now() };
  }

  /** Receives bytes. The memory may be reused afterwards. */
  receive(chunk: Bytes): void {
    this.#absence.heard(this.#moment);
    this.#connection?.receive(chunk);
    const unread = (this.#output.waiting ?? 0) - (this.#membership?.outgoing.sent.keptBytes ?? 0);
    if (unread > MAX_UNREAD_BYTES) this.#lose("NO_ANSWER", "it does not read what it is answered");
  }

  /** The connection has ended. */
  disconnected(): void {
    this.#lose("RELAY_GONE", "");
  }

  /** Handles a lost connection: a member that was in the room waits for another one, and any other member ends. */
  #lose(reason: Ending, detail: string): void {
    if (this.#state !== "connected") return;
    const comesBack = this.#options.comesBack ?? true;
    if (this.#membership === undefined || this.#leaving || !comesBack) {
      // The events before the end are shown first.
      return this.#endInOrder(this.#leaving ? "LEFT" : reason, detail);
    }
    const isFirst = !this.#absence.isOn;
    this.#become("away");
    this.#absence.lost(this.#moment);
    this.#membership.outgoing.pause();
    this.#output.drop();
    if (!isFirst) return;
    this.#context.order.add(0, () => this.#event({ kind: "disconnected", reason, detail }));
  }

  /**
   * Takes a line that a person entered.
   *
   * @param text 1 byte to 64 KiB of UTF-8.
   * @param to The name of the recipient of a private line; undefined for everyone.
   * @returns The message's id, or why it is not sent.
   */
  enter(text: string, to?: string): Entered {
    const { ledger, displayed } = this.#context;
    const begun = this.#isOver ? undefined : this.#begun;
    const composed = this.#composer.compose(text, to, {
      inRoom: begun !== undefined,
      version: begun?.displayedVersion ?? 0,
      peers: this.peers(),
    });
    if (!composed.ok) return composed;
    const { line } = composed;
    ledger.enter(line, begun!.room, displayed.shown);
    if (line.to === undefined) begun!.outgoing.leftOut(line.leftOut);
    const contact = line.to && ledger.get(line.to.credential.key);
    if (contact === undefined) begun!.outgoing.wake();
    else begun!.outgoing.want(contact);
    return { ok: true, id: line.id };
  }

  /**
   * Sends a notice to one peer of the present room, under the pairwise key. The peer's program receives it as an event
   * `notice`. It has neither number nor receipt. It comes once at most and in order, after a lost connection too. It is
   * lost if this stay or the peer's ends first, or if the relay leaves it out for a peer that does not read: the caller
   * then sends it again, for example after `joined` or `reconnected`. A peer handles 16 notices of one identity, and
   * one more each second.
   *
   * @param peer The peer, also as an earlier room listed it.
   * @param notice What it is about.
   * @param body At most `MAX_NOTICE_BYTES`. It is not changed afterwards.
   * @returns Whether it is sent. It is not if the peer is not in the room, the policy keeps notices from it, no key can
   *   be given to it, or eight wait for it already.
   * @throws {MalformedError} If the body is too long.
   */
  sendNotice(peer: Peer, notice: Notice, body: Bytes): boolean {
    checkNotice(body);
    const contact = this.#isOver ? undefined : this.#context.ledger.get(peer.credential.key);
    if (this.#begun === undefined || contact === undefined) return false;
    return this.#begun.outgoing.notify(contact, { kind: "notice", notice, body });
  }

  /**
   * Notes that the first `events` events have been shown. Only members whose joining was shown receive what is entered
   * from now on, and receipts are sent only for what was shown.
   */
  displayed(events: number): void {
    const { displayed } = this.#context;
    const wasFull = displayed.isFull;
    displayed.show(events);
    this.#begun?.sendReceipts();
    if (wasFull) this.#output.wake(); // to acknowledge what waited for this
  }

  /** Leaves the room. The relay answers by ending the connection. */
  leave(): void {
    if (this.isIn) {
      if (this.#leaving) return;
      this.#leaving = true;
      this.#context.pace.end();
      this.#membership!.leave().then((frame) => this.#sendIn(frame))
        .catch((error) => this.#failed(error));
    } else if (!this.#isOver) {
      // The relay may have admitted this member without its knowledge.
      if (this.#connection?.isChallenged) this.#output.send(encodeEmpty(KIND.leave));
      this.#end("LEFT", "");
    }
  }

  /** Ends without telling the relay. */
  close(): void {
    this.#endInOrder("LEFT", "");
  }

  /** Sends what is due, and ends what has timed out. Call it at {@linkcode wakeAt}. */
  tick(): void {
    if (this.#isOver) return;
    this.#context.pace.tick();
    this.#begun?.tick();
    if (this.#renewer.dueIn === 0) this.#renew();
    this.#connection?.tick();
    if (this.isIn && this.#membership!.outgoing.isIgnored) {
      this.#lose("NO_ANSWER", `it has accepted nothing for ${ACCEPT_MS / 1000} s`);
    }
  }

  /** Sends the newest renewal, if there is one. */
  #renew(): void {
    this.#renewer.current().then((renewal) => {
      if (renewal.length > 0) this.#sendIn(encodeRenew(renewal));
    }).catch((error) => this.#failed(error));
  }

  get #isOver(): boolean {
    return this.#state === "ending" || this.#state === "ended";
  }

  /** Sends a frame that is valid only after admission. */
  #sendIn(bytes: Bytes): void {
    if (this.isIn) this.#output.send(bytes);
  }

  #event(event: MemberEvent): void {
    if (this.#state === "ended") return;
    this.#context.displayed.emit(event.kind === "message" ? event.text.length : 0);
    try {
      this.#output.event(event);
    } catch (error) {
      // The caller that shows events has failed, not the received frame.
      this.#output.fail(error);
    }
  }

  /** Ends this member after an exception that no input explains. */
  #failed(error: unknown): void {
    this.#end("FAILED", String(error));
  }

  /** Ends this member after the events of all earlier frames. */
  #endInOrder(reason: Ending, detail: string): void {
    if (this.#isOver) return;
    this.#become("ending");
    this.#context.order.add(0, () => this.#end(reason, detail));
  }

  #end(reason: Ending, detail: string): void {
    if (this.#state === "ended") return;
    this.#event({ kind: "ended", reason, detail });
    this.#become("ended");
    this.#begun?.outgoing.pause();
  }

  /** Ends the use of the connection. */
  #become(state: "away" | "ending" | "ended"): void {
    this.#state = state;
    if (state !== "away") this.#context.pace.end();
    this.#connection?.over();
    this.#connection = undefined;
  }

  /** Takes a frame that is valid only after admission. */
  #take(frame: Frame): void {
    const membership = this.#membership!;
    if (frame.kind !== KIND.accepted) membership.take(frame);
    else if (!membership.outgoing.accepted(readCount(frame.payload))) {
      throw new MalformedError("the relay counts other frames than were sent");
    }
  }

  #bye(reason: Ending, graceMs: number): void {
    if (MAY_TRY_AGAIN.has(reason)) return this.#lose(reason, "");
    this.#endInOrder(reason, this.#nameDetail(reason, graceMs));
  }

  /** Returns until when at the latest the relay keeps a name that it has refused to this member. */
  #nameDetail(reason: Ending, graceMs: number): string {
    const at = (ms: number) =>
      new Date(this.#date() + ms).toTimeString().slice(0, "HH:MM:SS".length);
    // A member that is away has been so for some time.
    if (reason === "NAME_AWAY") return `away until ${at(graceMs)} at the latest`;
    // The relay has not noticed yet that a connection is dead.
    return reason === "NAME_TAKEN"
      ? `if it is your own from a run that was cut off, it is free by ${
        at(DEAD_AFTER_MS + graceMs)
      }`
      : "";
  }

  /** The room and the counts with which this member resumes its stay; undefined if it is to join anew. */
  #stay() {
    const membership = this.#membership;
    if (membership === undefined || this.#forgotten) return undefined;
    const { room, received, outgoing } = membership;
    return { room, received, sent: outgoing.sent.count };
  }

  /** The relay has resumed the stay, and has `count` counted frames of this member. */
  #goOn(count: number): void {
    const membership = this.#membership;
    if (membership === undefined || !membership.outgoing.accepted(count)) {
      throw new MalformedError(
        "the relay resumes a stay that it did not have, or acknowledges frames that were not sent",
      );
    }
    this.#absence.resumed();
    this.#isBack();
    membership.goOn();
    const { room } = membership;
    this.#context.order.add(0, () => this.#event({ kind: "reconnected", room }));
  }

  #isBack(): void {
    this.#connection!.enter();
    // The renewal may have been lost, or was made while this member was joining.
    this.#renew();
    this.#output.wake();
  }

  #comeIn(admitted: Admitted, graceMs: number): void {
    const last = this.#membership;
    const again = last !== undefined;
    // A room that has forgotten this member has told the others that it left. Others waited for it, from about when its
    // connection was lost.
    const isForgotten = last !== undefined && mapKey(last.room) === mapKey(admitted.room);
    const missed = this.#absence.ended(this.#moment, isForgotten ? 0 : graceMs);
    const membership: Membership = new Membership({
      ...this.#context,
      room: admitted.room,
      send: (frame) => {
        if (this.#membership === membership) this.#sendIn(frame);
      },
    });
    this.#membership = membership;
    this.#forgotten = false;
    this.#isBack();
    const { check, order } = this.#context;
    const candidates = admitted.listings.map((listing) => checkListing(listing, check));
    order.add(0, async () => {
      const checked = await Promise.all(candidates);
      // Only now: changes of the last stay may have waited.
      if (!this.#follows(admitted)) return;
      // Another room may have begun meanwhile; it begins after this one.
      this.#begun?.outgoing.close();
      this.#begun = membership;
      const wait = Math.min(graceMs, RENEWAL_RESERVE_MS);
      membership.begin(admitted, checked, again ? wait : undefined, missed);
      this.#output.wake();
    });
  }

  /** Ends this member if a relay shows an earlier state of a room that it has been in. */
  #follows({ room, version, number }: Admitted): boolean {
    const last = this.#begun;
    if (last !== undefined) this.#followed.note(last.room, last.roster.version);
    const goesOn = this.#followed.goesOn(room, version);
    if (goesOn) this.#followed.note(room, number);
    else this.#end("BAD_RELAY", "the relay shows an earlier state of the room");
    return goesOn;
  }

  /** Reports once a credential that ends too late: the clock that made it is ahead of this machine's. */
  #compareClocks({ expiresAt, key }: Credential): void {
    const detail = this.#clock.hint(expiresAt, this.#date());
    if (detail === undefined) return;
    this.#context.order.add(0, () => {
      const peer = this.roster.get(key);
      if (peer === undefined) return;
      this.#event({ kind: "fault", code: "CLOCK_BEHIND", peer, detail, count: 1 });
    });
  }

  /** Leaves if this machine's clock is too far behind: no credential would be valid, and nothing would be shown. */
  #refuseClock(expiresAt: number): void {
    const detail = this.#clock.proof(expiresAt, this.#date());
    if (detail === undefined) return;
    this.#sendIn(encodeEmpty(KIND.leave));
    this.#end("CLOCK_BEHIND", detail);
  }

  async #check(bytes: Bytes, renewal: Bytes): Promise<Credential> {
    const check = this.#options.check ?? checkCredential;
    const credential = await check(bytes, this.#date(), renewal);
    this.#compareClocks(credential);
    return credential;
  }
}
