/**
 * A member's part in one room: who is in it, what it sends, and what the frames that come do.
 *
 * @module
 */

import { type Bytes, mapKey } from "../../base/bytes.ts";
import type { Costs } from "../../base/costs.ts";
import type { InOrder } from "../../base/in_order.ts";
import type { Credential, OwnCredential } from "../identity/credential.ts";
import {
  CLOCK_SKEW_MS,
  makeRenewal,
  NO_RENEWAL,
  RENEWAL_LIFE_MS,
  RENEWAL_RESERVE_MS,
} from "../identity/renewal.ts";
import { type Listing, readJoined, readLeft, readPresence } from "../wire/control.ts";
import { readKeyFrame, readProgressFrame, readSealedFrame } from "../wire/envelope.ts";
import type { Frame } from "../wire/frame.ts";
import { KIND, MAX_ROSTER } from "../wire/kinds.ts";
import type { Acknowledger } from "./acknowledger.ts";
import type { Admitted } from "./connection.ts";
import type { MemberEvent } from "./options.ts";
import { MAX_CONTACTS, type PeerCost, type Shown } from "./peer_inbox.ts";
import { type Candidate, ReceivingSide } from "./receiver.ts";
import { type Peer, Roster } from "./roster.ts";
import { Outgoing, type OutgoingOptions } from "./sender.ts";
import type { MissedSpan } from "./time.ts";

/**
 * How long those who were in the room before may take before they are told to be away, in milliseconds: a relay that
 * was restarted loses everyone at once, and most are back within that.
 */
const AWAY_AFTER_MS = 3_000;

/** Who is in a room, with what it brings from others. */
export interface MembershipOptions extends Omit<OutgoingOptions, "roster" | "unreachable"> {
  readonly costs: Costs<PeerCost>;
  readonly shown: Shown;
  readonly order: InOrder;
  readonly acknowledger: Acknowledger;
  /** Checks a credential, by the newest renewal of it. */
  readonly check: (bytes: Bytes, renewal: Bytes) => Promise<Credential>;
  readonly event: (event: MemberEvent) => void;
  /** Hears of a credential that the relay has taken and that ends too late by this machine's clock. */
  readonly tooLong: (expiresAt: number) => void;
  /** Hears what the relay does that it must not. */
  readonly breach: (detail: string) => void;
}

/** A part in one room. */
export class Membership {
  readonly room: Bytes;
  readonly roster = new Roster();
  readonly outgoing: Outgoing;
  readonly receiving: ReceivingSide;
  readonly #options: MembershipOptions;
  #received = 0;
  /** When those who have not come back from the room before are told to be away, in milliseconds. */
  #awayAt = Infinity;
  /** When they are given up, in milliseconds. */
  #graceEndsAt = Infinity;

  /** Starts before the roster is known. */
  constructor(options: MembershipOptions) {
    this.#options = options;
    this.room = options.room;
    const own = { ...options, roster: this.roster };
    this.receiving = new ReceivingSide(own, options.check, options.event);
    this.outgoing = new Outgoing({
      ...own,
      unreachable: (peer) => this.receiving.unreachable(peer),
    });
  }

  /** How many counted frames have come. */
  get received(): number {
    return this.#received;
  }

  /**
   * Everything that came before has taken effect: this is the room now.
   *
   * @param admitted What the relay has let this member into.
   * @param candidates The listings, checked.
   * @param graceMs How long those of the room before are waited for, in milliseconds; undefined where there was none.
   * @param missed When something was said that may not have come.
   */
  begin(
    { room, number }: Admitted,
    candidates: readonly Candidate[],
    graceMs: number | undefined,
    missed?: MissedSpan,
  ): void {
    const { self, ledger, event, acknowledger, now } = this.#options;
    const again = graceMs !== undefined;
    const news = missed === undefined ? { room } : { room, missed };
    event(again ? { kind: "reconnected", ...news } : { kind: "admitted", self, room });
    ledger.changeRoom();
    this.roster.begin({ number, credential: self, confirmed: true, away: false });
    for (const peer of this.receiving.admitted(candidates)) {
      this.roster.add(peer);
      this.#meet(peer, !again);
    }
    if (!again) event({ kind: "ready" });
    acknowledger.restart();
    acknowledger.began(number);
    this.outgoing.run();
    const missing = ledger.missing();
    for (const { peer } of missing) peer.away = true;
    if (!again || missing.length === 0) return;
    this.#awayAt = now() + Math.min(AWAY_AFTER_MS, graceMs);
    this.#graceEndsAt = now() + graceMs;
  }

  /** When {@linkcode tick} has something to do, in milliseconds. */
  get wakeAt(): number {
    return Math.min(this.#awayAt, this.#graceEndsAt);
  }

  /** Who was in the room before and has not come to this one is away after a while, and has left in the end. */
  tick(): void {
    const { ledger, now, event } = this.#options;
    if (now() >= this.#awayAt) {
      this.#awayAt = Infinity;
      for (const contact of ledger.missing()) {
        if (!contact.awayTold) event({ kind: "away", peer: contact.peer });
        contact.awayTold = true;
      }
    }
    if (now() < this.#graceEndsAt) return;
    this.#graceEndsAt = Infinity;
    for (const { peer } of ledger.missing()) this.part(peer, "LOST");
  }

  /** Somebody is in the room: a newcomer, or a contact who is back. */
  #meet(peer: Peer, present: boolean): void {
    const { ledger, event, acknowledger } = this.#options;
    const { key, folded } = peer.credential;
    const known = ledger.get(key);
    if (known !== undefined) {
      const { awayTold } = known;
      ledger.meet(known, peer);
      known.awayTold = false;
      if (awayTold) event({ kind: "back", peer });
      return;
    }
    // Who had its name in another room does not come back under it.
    const missing = ledger.oneMissing(folded);
    if (missing !== undefined) this.part(missing.peer, "REPLACED");
    this.#makeRoom();
    event({ kind: "joined", peer, present });
    ledger.add(peer, acknowledger.emittedEvents);
  }

  /** Relay after relay may list as many others: of those who are not back, whoever came first is given up. */
  #makeRoom(): void {
    const { ledger } = this.#options;
    if (ledger.size < MAX_CONTACTS) return;
    const first = ledger.oneMissing();
    if (first !== undefined) this.part(first.peer, "LOST");
  }

  /** A contact is one no longer. */
  part(peer: Peer, reason: Extract<MemberEvent, { kind: "left" }>["reason"]): void {
    const { ledger, event } = this.#options;
    event({ kind: "left", peer, reason });
    ledger.part(peer.credential.key, reason === "LEFT");
  }

  #setAway(peer: Peer, away: boolean): void {
    if (peer.away === away) return;
    peer.away = away;
    const contact = this.#options.ledger.get(peer.credential.key);
    if (contact !== undefined) contact.awayTold = away;
    this.#options.event({ kind: away ? "away" : "back", peer });
  }

  /** Takes a frame whose place in the stream the relay counts. Its bytes are copied: checking takes time. */
  take({ kind, payload, bytes }: Frame): void {
    const { order, acknowledger } = this.#options;
    const effect = this.#effectOf(kind, payload.slice());
    this.#received += 1;
    order.add(bytes.length, async () => {
      await effect();
      const urgent = kind === KIND.sealed;
      acknowledger.processed(this.roster.number, bytes.length, urgent, this.roster.size);
    });
  }

  #effectOf(kind: number, payload: Bytes): () => Promise<void> | void {
    switch (kind) {
      case KIND.joined:
        return this.#joinedEffect(readJoined(payload));
      case KIND.left:
        return this.#leftEffect(payload);
      case KIND.away:
      case KIND.back:
        return this.#presenceEffect(readPresence(payload), kind === KIND.away);
      case KIND.progress:
        return this.receiving.progressEffect(readProgressFrame(payload), (from, frame) => {
          if (frame.asks) this.#answer(from);
          else this.outgoing.answered(from, frame.shown);
        });
      case KIND.key:
        return this.receiving.keyEffect(readKeyFrame(payload));
      default:
        return this.receiving.sealedEffect(readSealedFrame(payload));
    }
  }

  /** Tells a peer how far its messages have been shown, once they have. */
  #answer(peer: Peer): void {
    const { shown, acknowledger, failed } = this.#options;
    const { number } = shown.of(peer.credential.key);
    acknowledger.afterShown(() => this.outgoing.progress(peer, false, number).catch(failed));
  }

  #joinedEffect(listing: Listing): () => Promise<void> {
    const candidate = this.receiving.candidate(listing);
    return async () => {
      this.#expectNumber(listing.number);
      if (this.roster.size >= MAX_ROSTER) {
        return this.#options.breach(`the room has more than ${MAX_ROSTER} members`);
      }
      const [peer] = this.receiving.admitted([await candidate]);
      if (peer === undefined) return this.roster.skip(listing.number);
      this.roster.join(peer);
      this.#meet(peer, false);
      this.outgoing.wake();
    };
  }

  #leftEffect(payload: Bytes): () => void {
    const { number, member, reason } = readLeft(payload);
    return () => {
      this.#expectNumber(number);
      const peer = this.roster.get(mapKey(member));
      if (peer === undefined) return this.roster.skip(number);
      this.roster.leave(number, peer);
      this.outgoing.forget(peer, reason === "LEFT");
      this.receiving.forget(peer);
      this.part(peer, reason);
    };
  }

  #presenceEffect(member: Bytes, away: boolean): () => void {
    return () => {
      const peer = this.roster.get(mapKey(member));
      if (peer !== undefined) this.#setAway(peer, away);
    };
  }

  /** Joinings and leavings are numbered one by one: a relay that leaves one out is told at once. */
  #expectNumber(number: number): void {
    if (number === this.roster.number + 1) return;
    this.#options.breach(`membership ${number} came after ${this.roster.number}`);
  }
}

/** Keeps a credential good for as long as its member stays. */
export class Renewer {
  readonly #self: OwnCredential;
  /** The time of day: credentials are dated. */
  readonly #date: () => number;
  #dueAt: number;
  #newest: Bytes = NO_RENEWAL;
  /** The newest, once it is made. */
  #making: Promise<Bytes> = Promise.resolve(NO_RENEWAL);

  /**
   * Starts with a credential that has just been made.
   *
   * @param date The time in milliseconds since 1970.
   */
  constructor(self: OwnCredential, date: () => number) {
    this.#self = self;
    this.#date = date;
    const now = date();
    const { expiresAt } = self;
    const half = (now + expiresAt) / 2;
    // Whoever is away cannot renew: a credential that can have the reserve has it.
    const early = expiresAt - RENEWAL_RESERVE_MS;
    this.#dueAt = early > now ? Math.min(half, early) : half;
  }

  /** In how many milliseconds {@linkcode renew} is to be called. */
  get dueIn(): number {
    const left = this.#dueAt - this.#date();
    // The clock has been put back, and what was made by it ends later than anybody takes it for.
    return left > RENEWAL_RESERVE_MS + CLOCK_SKEW_MS ? 0 : Math.max(0, left);
  }

  /** The newest renewal; {@linkcode NO_RENEWAL} where none was needed yet. */
  get newest(): Bytes {
    return this.#newest;
  }

  /** Makes a renewal, which is the {@linkcode newest} once the promise resolves. */
  renew(): Promise<Bytes> {
    const { keys, member } = this.#self;
    const expiresAt = this.#date() + RENEWAL_LIFE_MS;
    this.#dueAt = expiresAt - RENEWAL_RESERVE_MS;
    this.#making = makeRenewal(keys.identity.privateKey, member, expiresAt).then((renewal) =>
      this.#newest = renewal
    );
    return this.#making;
  }

  /** A renewal that holds, made first where it is due; {@linkcode NO_RENEWAL} where none is needed yet. */
  async current(): Promise<Bytes> {
    return await (this.dueIn === 0 ? this.renew() : this.#making);
  }
}
