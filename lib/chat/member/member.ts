/**
 * A member: bytes of the relay and lines of a person in, bytes and events out. A state machine without I/O.
 *
 * Whoever stands around it passes on what the connection brings ({@linkcode Member.receive}), shows the
 * events in order and says so ({@linkcode Member.displayed}), calls {@linkcode Member.tick} once the
 * time that {@linkcode Member.wakeAt} names has come, and makes another connection while
 * {@linkcode Member.isAway}. The member outlives its connections, and the relay.
 *
 * @module
 */

import { type Bytes, MalformedError, mapKey, secureRandom } from "../../base/bytes.ts";
import { steadyNow } from "../../base/clock.ts";
import { Costs } from "../../base/costs.ts";
import { InOrder } from "../../base/in_order.ts";
import { checkCredential, type Credential, type OwnCredential } from "../identity/credential.ts";
import { RENEWAL_RESERVE_MS } from "../identity/renewal.ts";
import { encodeCount, encodeEmpty, encodeRenew, readCount } from "../wire/control.ts";
import type { Frame } from "../wire/frame.ts";
import { type Ending, isCounted, KIND } from "../wire/kinds.ts";
import { Acknowledger } from "./acknowledger.ts";
import { Composer } from "./compose.ts";
import { type Admitted, MemberConnection } from "./connection.ts";
import type { Entered, MemberEvent, MemberOptions, MemberOutput } from "./options.ts";
import { keyChange } from "./own_chains.ts";
import { MAX_UNREAD_BYTES, PEER_TARIFF, type PeerCost, Shown } from "./peer_inbox.ts";
import { EVERYONE, type Peer, type Policy, Roster } from "./roster.ts";
import { Membership, Renewer } from "./stay.ts";
import { Absence, WrongClock } from "./time.ts";
import { type Backlog, Ledger } from "./undelivered.ts";

/** How much may wait to be checked before the connection is not read on. */
const WAITING = { items: 1024, bytes: 4 << 20 } as const;

/** The endings of a connection after which a member that was in the room tries another. */
const MAY_TRY_AGAIN: ReadonlySet<Ending> = new Set<Ending>([
  "LOST",
  "SILENT",
  "SHUTDOWN",
  "JOIN_TIMEOUT",
  "TOO_MANY_PENDING",
  "TOO_MANY_JOINS",
  "TOO_MANY_FROM_ADDRESS",
]);

const MISCOUNTED = "the relay counts other frames than were sent";

/** A member, in one room after another, over one connection after another. */
export class Member {
  readonly #self: OwnCredential;
  readonly #options: MemberOptions;
  readonly #policy: Policy;
  readonly #renewer: Renewer;
  /** For what elapses. */
  readonly #now: () => number;
  /** The time of day, for people and credentials. */
  readonly #date: () => number;
  readonly #output: MemberOutput;
  readonly #acknowledger: Acknowledger;
  readonly #order: InOrder;
  readonly #ledger: Ledger;
  readonly #shown: Shown;
  readonly #composer: Composer;
  readonly #absence = new Absence();
  readonly #costs = new Costs<PeerCost>(PEER_TARIFF);
  readonly #clock = new WrongClock();
  #state: "away" | "connected" | "ending" | "ended" = "away";
  /** The connection that there is; none unless it is connected. */
  #connection: MemberConnection | undefined;
  /** The room that the relay has let this member into. */
  #membership: Membership | undefined;
  /** The room whose roster has been told; the same one a moment later. */
  #begun: Membership | undefined;
  /** Whether the relay has said that it no longer knows this stay: it is not resumed, then or later. */
  #forgotten = false;
  #leaving = false;
  #lost = false;
  #repeated = 0;

  /** Starts before the first connection. */
  constructor(options: MemberOptions, output: MemberOutput) {
    this.#self = options.self;
    this.#options = options;
    this.#now = options.monotonic ?? options.now ?? steadyNow;
    this.#date = options.now ?? Date.now;
    this.#policy = options.policy ?? EVERYONE;
    this.#renewer = new Renewer(this.#self, this.#date);
    this.#shown = options.shown ?? new Shown();
    this.#output = output;
    this.#composer = new Composer(this.#self, this.#policy, this.#date);
    this.#order = new InOrder(WAITING, (error) => this.#failed(error));
    this.#ledger = new Ledger({
      sent: (line) => this.#event({ kind: "sent", line }),
      delivered: (line, missed) =>
        this.#event({ kind: "delivered", line, ...missed.length > 0 ? { missed } : {} }),
      unheard: (line, missed) =>
        this.#event({ kind: "unheard", line, ...missed.length > 0 ? { missed } : {} }),
    });
    this.#acknowledger = new Acknowledger({
      now: this.#now,
      send: (count) => {
        // Between two rooms it is the last one's count, which the next one's relay has no use for.
        if (this.#begun === this.#membership) this.#sendIn(encodeCount(KIND.ack, count));
      },
      wake: () => output.wake(),
    });
  }

  /** Who is in the room, this member among them. */
  get roster(): Roster {
    return this.#begun?.roster ?? new Roster();
  }

  /** Everybody whom this member takes to be there: the room's roster, and those who may come back to it. */
  peers(): Peer[] {
    return [...this.roster.values(), ...this.#ledger.missing().map(({ peer }) => peer)];
  }

  /** How many frames came twice and were dropped. */
  get repeated(): number {
    return this.#repeated + (this.#begun?.receiving.repeated ?? 0);
  }

  /** What has been entered and is not delivered yet. */
  get backlog(): Backlog {
    return this.#ledger.backlog;
  }

  /** A promise of room for more of what the connection brings, or undefined where there is room. */
  get full(): Promise<void> | undefined {
    return this.#order.full;
  }

  /** A promise that everything received so far has been checked. */
  get settled(): Promise<void> {
    return this.#order.settled;
  }

  /** Whether another connection is wanted: {@linkcode connected}. */
  get isAway(): boolean {
    return this.#state === "away";
  }

  /** Whether the relay has this member in its room, and a connection to it. */
  get isIn(): boolean {
    return this.#connection?.isIn ?? false;
  }

  /** When {@linkcode tick} has something to do, in milliseconds since 1970. */
  get wakeAt(): number {
    if (this.#isOver) return Infinity;
    return Math.min(
      this.#acknowledger.dueAt ?? Infinity,
      this.#begun?.wakeAt ?? Infinity,
      this.#connection?.wakeAt ?? Infinity,
      this.#now() + this.#renewer.dueIn,
    );
  }

  /** There is a connection: this member speaks first. */
  connected(): void {
    if (this.#state !== "away") return;
    this.#state = "connected";
    this.#connection = this.#connectionOf();
    this.#connection.greet();
  }

  #connectionOf(): MemberConnection {
    const { dialled } = this.#options;
    const renewal = () => this.#renewer.current();
    return new MemberConnection({ self: this.#self, dialled, renewal, now: this.#now }, {
      send: (bytes) => this.#output.send(bytes),
      progressIn: (room) => this.#progressIn(room),
      forgotten: () => this.#forgotten = true,
      admitted: (admitted, graceMs) => this.#comeIn(admitted, graceMs),
      resumed: (count) => this.#goOn(count),
      take: (frame) => this.#take(frame),
      bye: (reason, graceMs) => this.#bye(reason, graceMs),
      silent: (detail) => this.#lose("NO_ANSWER", detail),
      broken: (reason, detail) => this.#end(reason, detail),
      failed: (error) => this.#failed(error),
    });
  }

  /** Takes what the connection brought. The bytes may be used again afterwards. */
  receive(chunk: Bytes): void {
    this.#absence.heard(this.#date());
    this.#connection?.receive(chunk);
    const unread = (this.#output.waiting ?? 0) - (this.#membership?.outgoing.keptBytes ?? 0);
    if (unread > MAX_UNREAD_BYTES) this.#lose("NO_ANSWER", "it does not read what it is answered");
  }

  /** The connection has ended. */
  disconnected(): void {
    this.#lose("RELAY_GONE", "");
  }

  /** The connection is lost: whoever was in the room wants another, and nobody else. */
  #lose(reason: Ending, detail: string): void {
    if (this.#state !== "connected") return;
    const comesBack = this.#options.comesBack ?? true;
    if (this.#membership === undefined || this.#leaving || !comesBack) {
      // What came before the end is shown before the end is.
      return this.#endInOrder(this.#leaving ? "LEFT" : reason, detail);
    }
    this.#become("away");
    this.#absence.lost(this.#date());
    this.#membership.outgoing.pause();
    this.#output.drop();
    if (this.#lost) return;
    this.#lost = true;
    this.#order.add(0, () => this.#event({ kind: "disconnected", reason, detail }));
  }

  /**
   * Takes a line that a person entered.
   *
   * @param text What to say, 1 byte to 64 KiB of UTF-8.
   * @param to The name of the one to say it to; everyone without.
   * @returns The message's id, or why it is not sent.
   */
  enter(text: string, to?: string): Entered {
    const begun = this.#isOver ? undefined : this.#begun;
    const { displayedMembership: newest, displayedEvents } = this.#acknowledger;
    const setting = { inRoom: begun !== undefined, newest, peers: this.peers() };
    const composed = this.#composer.compose(text, to, setting);
    if (!composed.ok) return composed;
    this.#ledger.enter(composed.line, begun!.room, displayedEvents);
    begun!.outgoing.wake();
    return { ok: true, id: composed.line.id };
  }

  /**
   * The first so many events have been shown. Only who is known to have been shown receives what is
   * entered from here on, and only what was shown is acknowledged.
   */
  displayed(events: number): void {
    this.#acknowledger.displayed(events, this.roster.size);
  }

  /** Leaves the room; the relay answers by ending the connection. Who is not in it is gone at once. */
  leave(): void {
    if (this.isIn) {
      this.#leaving = true;
      this.#acknowledger.hurry();
      this.#output.send(encodeEmpty(KIND.leave));
    } else if (!this.#isOver) {
      // The relay may have let it in, and this member has not heard of it: it is not to wait for it.
      if (this.#connection?.isChallenged) this.#output.send(encodeEmpty(KIND.leave));
      this.#end("LEFT", "");
    }
  }

  /** Ends without a word. */
  close(): void {
    this.#endInOrder("LEFT", "");
  }

  /** Does what is due. */
  tick(): void {
    if (this.#isOver) return;
    this.#acknowledger.tick();
    this.#begun?.tick();
    if (this.#renewer.dueIn === 0) this.#renew();
    this.#connection?.tick();
  }

  #renew(): void {
    this.#renewer.renew().then((renewal) => this.#sendIn(encodeRenew(renewal)))
      .catch((error) => this.#failed(error));
  }

  get #isOver(): boolean {
    return this.#state === "ending" || this.#state === "ended";
  }

  /** Sends what has its place in the room only. */
  #sendIn(bytes: Bytes): void {
    if (this.isIn) this.#output.send(bytes);
  }

  #event(event: MemberEvent): void {
    if (this.#state === "ended") return;
    this.#acknowledger.emitted();
    try {
      this.#output.event(event);
    } catch (error) {
      // Who shows what happens has failed, not what came.
      this.#output.fail(error);
    }
  }

  /** An exception that no input explains ends this member, and nothing else. */
  #failed(error: unknown): void {
    this.#end("FAILED", String(error));
  }

  /** Ends once everything that came before has been told. */
  #endInOrder(reason: Ending, detail: string): void {
    if (this.#isOver) return;
    this.#become("ending");
    this.#order.add(0, () => this.#end(reason, detail));
  }

  #end(reason: Ending, detail: string): void {
    if (this.#state === "ended") return;
    this.#event({ kind: "ended", reason, detail });
    this.#become("ended");
    this.#begun?.outgoing.pause();
  }

  /** It has no connection any longer. */
  #become(state: "away" | "ending" | "ended"): void {
    this.#state = state;
    this.#connection?.over();
    this.#connection = undefined;
  }

  /** Takes a frame that has its place in the room only. */
  #take(frame: Frame): void {
    if (isCounted(frame.kind)) this.#membership!.take(frame);
    else if (frame.kind === KIND.accepted) this.#accepted(readCount(frame.payload));
    else if (frame.kind === KIND.delivered) this.#delivered(readCount(frame.payload));
    else throw new MalformedError("a frame came out of its place");
  }

  #bye(reason: Ending, graceMs: number): void {
    if (MAY_TRY_AGAIN.has(reason)) return this.#lose(reason, "");
    // Whoever is away has been so for some time: the relay waits for it until then at the latest.
    const until = new Date(this.#date() + graceMs).toTimeString().slice(0, "HH:MM:SS".length);
    this.#endInOrder(reason, reason === "NAME_AWAY" ? `away until ${until} at the latest` : "");
  }

  #accepted(count: number): void {
    if (!this.#membership!.outgoing.accepted(count)) throw new MalformedError(MISCOUNTED);
  }

  /** What is delivered because somebody has left is told after the leaving, which may still be checked. */
  #delivered(count: number): void {
    const { outgoing } = this.#membership!;
    if (count > outgoing.counted) throw new MalformedError(MISCOUNTED);
    if (this.#order.idle) outgoing.delivered(count);
    else this.#order.add(0, () => void outgoing.delivered(count));
  }

  /** How far this member has come in a room, where that is the one that it was in. */
  #progressIn(room: Bytes) {
    const membership = this.#membership;
    if (membership === undefined || this.#forgotten) return undefined;
    if (mapKey(room) !== mapKey(membership.room)) return undefined;
    return { received: membership.received, sent: membership.outgoing.counted };
  }

  /** The relay goes on with this member, from which it has so many counted frames. */
  #goOn(count: number): void {
    const membership = this.#membership;
    if (membership === undefined || !membership.outgoing.accepted(count)) {
      throw new MalformedError("the relay goes on with what never was");
    }
    this.#isBack();
    for (const frame of membership.outgoing.waiting) this.#output.send(frame);
    this.#acknowledger.repeat();
    this.#absence.resumed();
    membership.outgoing.goOn();
    const { room } = membership;
    this.#order.add(0, () => this.#event({ kind: "reconnected", room }));
  }

  #isBack(): void {
    this.#connection!.enter();
    this.#lost = false;
    // Said again: it may not have come, or was made while this member was coming. A relay that has it does nothing.
    const { newest } = this.#renewer;
    if (newest.length > 0) this.#output.send(encodeRenew(newest));
    this.#output.wake();
  }

  #comeIn(admitted: Admitted, graceMs: number): void {
    const last = this.#membership;
    const again = last !== undefined;
    // A room that has forgotten this member has told the others that it left. Those who meet it in another room have
    // waited for it, from about when it was lost.
    const isForgotten = last !== undefined && mapKey(last.room) === mapKey(admitted.room);
    const missed = this.#absence.ended(this.#date(), isForgotten ? 0 : graceMs);
    const membership = this.#membershipOf(admitted.room);
    this.#membership = membership;
    this.#forgotten = false;
    this.#isBack();
    const candidates = admitted.listings.map((listing) => membership.receiving.candidate(listing));
    this.#order.add(0, async () => {
      const checked = await Promise.all(candidates);
      // Another room may have begun to come in the meantime; it begins after this one.
      this.#begun?.outgoing.close();
      this.#repeated = this.repeated;
      this.#begun = membership;
      const wait = Math.min(graceMs, RENEWAL_RESERVE_MS);
      membership.begin(admitted, checked, again ? wait : undefined, missed);
      this.#output.wake();
    });
  }

  /** A credential that ends late comes of a clock that is ahead of this one, whichever is right: that is said once. */
  #compareClocks({ expiresAt, key }: Credential): void {
    const detail = this.#clock.hint(expiresAt, this.#date());
    if (detail === undefined) return;
    this.#order.add(0, () => {
      const peer = this.roster.get(key);
      if (peer === undefined) return;
      this.#event({ kind: "fault", code: "CLOCK_BEHIND", peer, detail, count: 1 });
    });
  }

  /** With a clock that is too far behind nobody's credential holds here: nothing would be shown, so it leaves. */
  #refuseClock(expiresAt: number): void {
    const detail = this.#clock.proof(expiresAt, this.#date());
    if (detail === undefined) return;
    if (this.isIn) this.#output.send(encodeEmpty(KIND.leave));
    this.#end("CLOCK_BEHIND", detail);
  }

  #membershipOf(room: Bytes): Membership {
    const membership: Membership = new Membership({
      self: this.#self,
      room,
      ledger: this.#ledger,
      shown: this.#shown,
      policy: this.#policy,
      keyChange: this.#options.keyChange ?? keyChange,
      random: this.#options.random ?? secureRandom,
      check: async (bytes, renewal) => {
        const check = this.#options.check ?? checkCredential;
        const credential = await check(bytes, this.#date(), renewal);
        this.#compareClocks(credential);
        return credential;
      },
      tooLong: (expiresAt) => this.#refuseClock(expiresAt),
      order: this.#order,
      acknowledger: this.#acknowledger,
      costs: this.#costs,
      now: this.#now,
      send: (frame) => {
        if (this.#membership === membership) this.#sendIn(frame);
      },
      event: (event) => this.#event(event),
      breach: (detail) => this.#end("BAD_RELAY", detail),
      failed: (error) => this.#failed(error),
    });
    return membership;
  }
}
