/**
 * Checks and opens what other members send through the relay: credentials and frames. The member verifies each of them
 * itself and trusts the relay with none.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { CredentialError } from "../identity/credential.ts";
import { checkOf, compareBytes, type Here } from "../wire/history.ts";
import { type NoticeMessage, type Progress, readReceipt, STREAM } from "../wire/content.ts";
import type { Entry, PairFrame, SealedFrame } from "../wire/envelope.ts";
import { faulty, FrameFault, Inbox, type Outcome, OwnReceipts } from "./inbox.ts";
import type { RoomContext } from "./options.ts";
import type { Candidate, Peer } from "./roster.ts";
import type { Outgoing } from "./sender.ts";

/** The effect of a frame. It runs after the effects of the frames before it. */
export type Effect = () => Promise<void> | void;

/** The receiving side of a member in one room. */
export class ReceivingSide {
  readonly #own: RoomContext;
  readonly #outgoing: Outgoing;
  /** Admits a newcomer that waited because an unconfirmed member had its name. */
  readonly #admit: (peer: Peer) => void;
  readonly #inboxes = new Map<Peer, Inbox>();
  /** The receipts that this member sends. */
  readonly receipts: OwnReceipts;
  /** Peers whose last frame was bound to another history than this member's. */
  readonly #differing = new Set<Peer>();
  /** Receipts and asks that came before the joinings that they know of, by kind and sender. */
  readonly #early = new Map<string, EarlyEntry>();

  /** Starts with nothing received. */
  constructor(own: RoomContext, outgoing: Outgoing, admit: (peer: Peer) => void) {
    this.#own = own;
    this.#outgoing = outgoing;
    this.#admit = admit;
    this.receipts = new OwnReceipts(own);
  }

  // The members of the room.

  /**
   * Returns the peer of a candidate, if it can be in the room with those who are there. A newcomer that has the name of
   * an unconfirmed member waits.
   */
  accept({ number, checked }: Candidate): Peer | undefined {
    if (checked instanceof CredentialError) {
      if (checked.expiresAt !== undefined) this.#own.tooLong(checked.expiresAt);
      this.#own.fault(checked.code, undefined, checked.message);
      return undefined;
    }
    const { roster } = this.#own;
    const peer = { number, credential: checked, confirmed: false, away: false };
    const isThere = roster.get(checked.key) !== undefined;
    const holders = [...roster.nameHolders(checked.name)];
    if (holders.length === 0) return peer;
    this.#own.fault("NAME_TAKEN", undefined, `${checked.name}, ${checked.fingerprint}`);
    if (!isThere && holders.every((one) => !one.confirmed)) roster.waiting.set(number, peer);
    return undefined;
  }

  /** A peer has left. */
  forget(peer: Peer): void {
    // Of those that have left, the one that was heard last is to be forgotten last.
    if (this.#inboxes.delete(peer)) this.#own.streams.of(peer.credential.key, () => true);
    this.#differing.delete(peer);
    for (const kind of ["receipt", "ask"]) this.#early.delete(`${kind} ${peer.number}`);
  }

  // Frames.

  /** Returns what a sealed frame does. Its checks start now. */
  sealedEffect(frame: SealedFrame): Effect {
    const { sender, version } = frame.header;
    const early = this.#earlyInbox(sender);
    const context = early && this.#own.roster.history.at(version);
    const begun = context && early?.begin(frame, context);
    return this.#effect(sender, async (inbox) => {
      const known = this.#contextOf(inbox.peer, frame.header);
      const at = known instanceof Promise ? await known : known;
      this.#conclude(inbox, await inbox.openSealed(frame, at, begun));
    });
  }

  /** Returns what a pair frame does. Its signature is verified from now on. */
  pairEffect(frame: PairFrame): Effect {
    const { sender, recipient, version } = frame.header;
    const early = this.#earlyInbox(sender);
    const context = early && this.#own.roster.history.at(version);
    const verified = context && early?.pair.verify(frame, context);
    verified?.catch(() => {}); // the effect awaits it, or starts another one
    return this.#effect(sender, async (inbox) => {
      if (recipient !== this.#own.roster.own) throw new FrameFault("NOT_ADDRESSED");
      const at = await this.#contextOf(inbox.peer, frame.header);
      if (!await (verified ?? inbox.pair.verify(frame, at))) throw new FrameFault("BAD_SIGNATURE");
      this.#conclude(inbox, await inbox.openPair(frame, at));
    });
  }

  /** Returns what `here` does. */
  hereEffect(here: Here): Effect {
    const { member: number, version } = here;
    return async () => {
      const { roster } = this.#own;
      const waiting = roster.waiting.get(number);
      const peer = waiting ?? roster.byNumber(number);
      if (peer === undefined || version < roster.own) return; // refused, left a moment ago, or sent before this member came
      await this.#contain(peer, async () => {
        const context = await this.#contextOf(peer, here);
        if (!await roster.hasSigned(peer, "here", here, context)) {
          throw new FrameFault("BAD_SIGNATURE");
        }
        if (waiting !== undefined) this.#replaceNamesake(waiting);
        // A newcomer that is still refused is not in the room.
        if (roster.byNumber(number) === peer) this.#confirm(peer);
      });
    };
  }

  /** Admits a newcomer that waited and has proved itself, unless a member with its name was confirmed meanwhile. */
  #replaceNamesake(peer: Peer): void {
    const { roster } = this.#own;
    roster.waiting.delete(peer.number);
    const holders = [...roster.nameHolders(peer.credential.name)];
    if (holders.every((one) => !one.confirmed)) this.#admit(peer);
  }

  /** Returns what receipts do. Those whose version is known are opened from now on, all at the same time. */
  receiptsEffect(entries: readonly Entry[]): Effect {
    const opened = entries.map((entry) => this.#openReceipt(entry));
    for (const one of opened) one.catch(() => {}); // the effect awaits it
    return async () => {
      for (const [i, entry] of entries.entries()) {
        await this.#entryEffect("receipt", entry, async (peer) => {
          const receipt = await opened[i] ?? await this.#openReceipt(entry);
          if (receipt === undefined) return;
          this.#confirm(peer);
          this.#outgoing.receipt(peer, receipt);
        });
      }
    };
  }

  /** Opens a receipt; undefined if it is not valid, not new, or of a version that is not known yet. */
  async #openReceipt(entry: Entry): Promise<Progress[] | undefined> {
    const peer = this.#sourceOf(entry);
    if (peer === undefined || entry.version > this.#own.roster.version) return undefined;
    const context = await this.#contextOf(peer, entry);
    const plaintext = await this.#outgoing.pairs.get(peer)?.openReceipt(entry, context);
    return plaintext && await faulty(() => readReceipt(plaintext));
  }

  /** Returns what asks do. */
  asksEffect(entries: readonly Entry[]): Effect {
    return async () => {
      for (const entry of entries) {
        await this.#entryEffect("ask", entry, async (peer) => {
          const inbox = this.#inboxOf(peer);
          const context = await this.#contextOf(peer, entry);
          if (await inbox.pair.openAsk(entry, context) === undefined) return;
          this.#confirm(peer);
          this.receipts.asked(inbox, this.#own.roster.size);
        });
      }
    };
  }

  /** Returns the member that an entry is of; undefined if it is not in the room, or is this member itself. */
  #sourceOf({ member }: Entry): Peer | undefined {
    const { roster } = this.#own;
    return member === roster.own ? undefined : roster.byNumber(member);
  }

  async #entryEffect(
    kind: EarlyEntry["kind"],
    entry: Entry,
    act: (peer: Peer) => Promise<void>,
  ): Promise<void> {
    const { roster } = this.#own;
    const peer = this.#sourceOf(entry);
    if (peer === undefined) return;
    // Entries overtake counted frames.
    if (entry.version > roster.version) {
      // The frame around an entry may be 300 times as large.
      const own = { ...entry, check: entry.check.slice(), box: entry.box.slice() };
      this.#early.set(`${kind} ${entry.member}`, { kind, entry: own });
    } else await this.#contain(peer, () => act(peer));
  }

  /** Handles the receipts and asks that named a version that the room has reached only now. */
  async versionChanged(): Promise<void> {
    // The others stay where they are: a relay can have one wait for each member, and change the roster again and again.
    for (const [key, { kind, entry }] of this.#early) {
      if (entry.version > this.#own.roster.version) continue;
      this.#early.delete(key);
      await (kind === "ask" ? this.asksEffect([entry]) : this.receiptsEffect([entry]))();
    }
  }

  /** Returns the effect of a member's frame. A frame that causes an exception is skipped and reported. */
  #effect(sender: number, act: (inbox: Inbox) => Promise<void>): Effect {
    return () => {
      const { roster } = this.#own;
      const waiting = roster.waiting.get(sender);
      const peer = waiting ?? roster.byNumber(sender);
      if (peer === undefined || sender === roster.own) {
        return this.#own.fault("UNKNOWN_SENDER", undefined, "");
      }
      if (waiting !== undefined) return;
      return this.#contain(peer, () => act(this.#inboxOf(peer)));
    };
  }

  async #contain(peer: Peer, act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (error instanceof FrameFault) this.#own.fault(error.fault, peer, "");
      else if (!(error instanceof PassedOver)) this.#own.fault("FAILED", peer, String(error));
    }
  }

  /** Returns the context of a frame's version, if it is this member's own: at once if it is computed. */
  #contextOf(peer: Peer, { version, check }: AtCheck): Bytes | Promise<Bytes> {
    const { roster } = this.#own;
    const isBefore = roster.isBefore(version, peer);
    const context = isBefore ? undefined : roster.history.when(version);
    if (context === undefined) throw new FrameFault("CONTEXT");
    return context instanceof Promise
      ? context.then((computed) => this.#agreed(peer, computed, check))
      : this.#agreed(peer, context, check);
  }

  #agreed(peer: Peer, context: Bytes, check: Bytes): Bytes {
    if (compareBytes(checkOf(context), check) === 0) {
      this.#differing.delete(peer);
      return context;
    }
    if (!this.#differing.has(peer)) {
      this.#differing.add(peer);
      this.#own.fault("ROSTER_DIFFERS", peer, "");
    }
    throw new PassedOver();
  }

  #earlyInbox(sender: number): Inbox | undefined {
    const peer = this.#own.roster.byNumber(sender);
    return peer && this.#inboxOf(peer);
  }

  #inboxOf(peer: Peer): Inbox {
    const known = this.#inboxes.get(peer);
    if (known !== undefined) return known;
    const inbox = new Inbox(peer, this.#own);
    this.#inboxes.set(peer, inbox);
    return inbox;
  }

  #confirm(peer: Peer): void {
    if (peer.confirmed) return;
    peer.confirmed = true;
    this.#own.event({ kind: "confirmed", peer });
  }

  #conclude(inbox: Inbox, { texts, notices, missing }: Outcome): void {
    const { peer } = inbox;
    const { policy, displayed, roster } = this.#own;
    this.#confirm(peer);
    if (missing > 0) this.#own.fault("GAP", peer, `${missing} missing`);
    const hides = texts.length > 0 && policy.hides(peer);
    if (hides) this.#own.fault("HIDDEN", peer, "");
    for (const text of texts) {
      if (hides) inbox.streams.of(text.stream).withhold(text.number);
      else this.#show(inbox, text);
    }
    this.#notice(peer, notices);
    const { progress } = inbox.streams;
    displayed.then(() => {
      inbox.streams.show(progress);
      if (inbox.pair.hasKey) this.receipts.changed(inbox, roster.size);
    });
  }

  /**
   * Passes on the notices of a peer that is not hidden, as far as its identity may cause them. The others are dropped.
   */
  #notice(peer: Peer, notices: readonly NoticeMessage[]): void {
    if (notices.length === 0 || this.#own.policy.hides(peer)) return;
    const { costs, now, event } = this.#own;
    const account = costs.of(peer.credential.fingerprint, now());
    for (const { notice, body } of notices) {
      if (!account.allow("notice", 1, now())) continue;
      if (notice === "mistrust") this.#own.fault("MISTRUSTED", peer, "");
      else event({ kind: "notice", peer, notice, body });
    }
  }

  #show(
    { peer: from, idOf }: Inbox,
    { stream, number, time, text, late }: Outcome["texts"][number],
  ): void {
    const id = idOf[stream](number);
    const isPrivate = stream === STREAM.private;
    const message = { kind: "message", from, id, text, time, private: isPrivate } as const;
    this.#own.event(late ? { ...message, late } : message);
  }

  // Receipts.

  /** Schedules all receipts again for another connection, because those on the last one may have been lost. */
  repeat(): void {
    for (const inbox of this.#inboxes.values()) {
      if (inbox.pair.hasKey) this.receipts.changed(inbox, this.#own.roster.size);
    }
  }
}

/** The version of the room that a frame names, and the first bytes of its context. */
type AtCheck = Pick<Entry, "version" | "check">;

/** A receipt or an ask of a version that is not known yet. */
interface EarlyEntry {
  readonly kind: "receipt" | "ask";
  readonly entry: Entry;
}

/** Thrown for a frame that is skipped without a report. */
class PassedOver extends Error {}
