/**
 * What a member sends in one room: lines to sealed frames, keys to those who need them.
 *
 * The sender alone decides who receives: the contacts whose joining it had displayed before the line was
 * entered, who are still there, and whom its policy lets read. The sender alone advances keys: before it
 * seals it compares the recipients with those of its last frame. Everything is sealed one behind the other, so
 * that nobody is sent a line before an older one that it is owed.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { CONTEXT, inContext, sign } from "../identity/signing.ts";
import { audienceDigest } from "../seal/chain.ts";
import {
  CONVERSATION,
  type Conversation,
  encodeProgressBody,
  encodeSigned,
  encodeTexts,
  MESSAGE_OVERHEAD_BYTES,
} from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";
import { OwnAudiences, OwnChains, type OwnChainsOptions } from "./own_chains.ts";
import type { Peer, Policy, Roster } from "./roster.ts";
import { type Contact, type Entry, type Ledger, SentFrames } from "./undelivered.ts";

/** How much text shares a frame, in bytes. */
const MAX_BATCH_BYTES = 64 << 10;

/** Who sends, where, to whom, and with which sources of chance and time. */
export interface OutgoingOptions extends OwnChainsOptions {
  readonly roster: Roster;
  readonly ledger: Ledger;
  readonly policy: Policy;
  /** Sends a frame, where there is a connection. */
  readonly send: (frame: Bytes) => void;
  /** Hears of a peer that no key can be given to: it is left out of what is sealed from now on. */
  readonly unreachable: (peer: Peer) => void;
  /** Hears that the runtime's cryptography failed. */
  readonly failed: (error: unknown) => void;
}

/** Those whom a frame is sealed to. */
interface Recipients {
  readonly holders: ReadonlySet<Peer>;
  /** Whether they are all whom the relay would send it to. */
  readonly everyone: boolean;
}

/** Lines that a frame carried. */
interface Flight {
  /** The number of the frame among those counted. */
  readonly number: number;
  readonly entries: readonly Entry[];
  readonly to: ReadonlySet<Peer>;
}

/** The sending side of a member in one room. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #ledger: Ledger;
  readonly #sent = new SentFrames();
  readonly #chains: OwnChains;
  readonly #audiences: OwnAudiences;
  /** Contacts that have been asked how far they have shown this member's messages. */
  readonly #asked = new Set<Contact>();
  /** Peers that no key can be given to. */
  readonly #unreachable = new WeakSet<Peer>();
  #state: "before" | "running" | "paused" | "over" = "before";
  #pumping = false;
  #digest: { readonly of: ReadonlySet<Peer>; readonly digest: Promise<Bytes> } | undefined;
  #unaccepted: Flight[] = [];
  #undelivered: Flight[] = [];

  /** Starts with nothing sent, and waits for {@linkcode run}. */
  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.#chains = new OwnChains(options, (frame) => this.#send(frame));
    this.#audiences = new OwnAudiences((frame) => this.#send(frame));
  }

  /** How many counted frames have been sent. */
  get counted(): number {
    return this.#sent.sent;
  }

  /** Frames that the relay has not accepted. */
  get waiting(): readonly Bytes[] {
    return this.#sent.waiting();
  }

  /** How many bytes that the relay has not accepted may take where they wait to go. */
  get keptBytes(): number {
    return this.#sent.keptBytes;
  }

  /** The roster is known, and there is a connection: what waits is sealed. */
  run(): void {
    if (this.#state === "over") return;
    this.#state = "running";
    this.wake();
  }

  /** The connection is lost: what is entered waits. */
  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  /** There is another connection to the same room. */
  goOn(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.wake();
  }

  /** The room is over: what somebody in it may not have shown is owed to it. */
  close(): void {
    this.#state = "over";
    for (const { entries, to } of this.#undelivered) {
      const contacts = [...to].flatMap((peer) => this.#contactOf(peer) ?? []);
      for (const entry of entries) {
        for (const contact of contacts) this.#ledger.owe(contact, entry);
        this.#ledger.settle(entry);
      }
    }
    this.#undelivered = [];
    this.#unaccepted = [];
  }

  /** Seals what waits: one line at once, or those together that wait once what is being sealed has gone. */
  wake(): void {
    if (this.#pumping || this.#state !== "running") return;
    this.#pumping = true;
    this.#pump().catch(this.#options.failed);
  }

  /**
   * A peer has left: its keys and its audience are forgotten. What it was sent and not everyone has shown, it is not
   * known to have shown.
   *
   * @param itself Whether it left itself. Then it has shown what reached it, as far as others hold up the answer.
   */
  forget(peer: Peer, itself: boolean): void {
    for (const { entries, to } of this.#undelivered) {
      if (!to.has(peer) || itself && to.size > 1) continue;
      for (const entry of entries) this.#ledger.miss(entry, peer);
    }
    this.#chains.forget(peer);
    this.#audiences.forget(peer);
  }

  /**
   * The relay has queued so many counted frames for every recipient.
   *
   * @returns False where that is more than were sent, or fewer than it said before.
   */
  accepted(count: number): boolean {
    if (!this.#sent.accept(count)) return false;
    this.#unaccepted = settled(
      this.#unaccepted,
      count,
      (entry) => this.#ledger.accept(entry),
    );
    return true;
  }

  /**
   * Of so many counted frames, every recipient has shown each or has left.
   *
   * @returns False where that is more than were sent.
   */
  delivered(count: number): boolean {
    // What is delivered was accepted, in whichever order the relay says so.
    if (count > this.#sent.accepted && !this.accepted(count)) return false;
    this.#undelivered = settled(
      this.#undelivered,
      count,
      (entry) => this.#ledger.settle(entry),
    );
    return true;
  }

  /** A peer has shown this member's messages up to a number: what it lacks is sent to it. */
  answered(peer: Peer, shown: number): void {
    const contact = this.#contactOf(peer);
    if (contact === undefined || !this.#asked.has(contact) || !contact.unsure) return;
    contact.unsure = false;
    this.#ledger.forgive(contact, shown);
    this.wake();
  }

  /** Tells a peer how far its messages have been shown, or asks it how far it has shown this member's. */
  async progress(peer: Peer, asks: boolean, shown: number): Promise<void> {
    const { self, room } = this.#options;
    const { member: recipient } = peer.credential;
    const body = encodeProgressBody({ sender: self.member, recipient, asks, shown });
    const signed = inContext(CONTEXT.progress, room, body);
    const signature = await sign(self.keys.signing.privateKey, signed);
    this.#send(encodeSigned(KIND.progress, body, signature));
  }

  #contactOf(peer: Peer): Contact | undefined {
    const contact = this.#ledger.get(peer.credential.key);
    return contact?.peer === peer ? contact : undefined;
  }

  async #pump(): Promise<void> {
    try {
      while (this.#state === "running") {
        const contact = this.#nextBehind();
        if (contact !== undefined) await this.#catchUp(contact);
        else if (this.#ledger.pending.length > 0) await this.#sealNext();
        else break;
      }
    } finally {
      // Here and not in a later turn, or a line that came in between would wait for the next.
      this.#pumping = false;
    }
  }

  /** A contact in the room that is owed something that it is known to lack. Others are asked. */
  #nextBehind(): Contact | undefined {
    for (const contact of this.#ledger.behind) {
      if (!contact.here) continue;
      if (!contact.unsure) return contact;
      if (this.#asked.has(contact)) continue;
      this.#asked.add(contact);
      this.progress(contact.peer, true, 0).catch(this.#options.failed);
    }
    return undefined;
  }

  /** Sends a contact a frame of what it is owed. */
  async #catchUp(contact: Contact): Promise<void> {
    const { peer, owed } = contact;
    const entries = firstOf(owed, (entry, first) => !entry.line.to === !first.line.to);
    if (!this.#mayRead(peer)) {
      return this.#ledger.forgive(contact, entries.at(-1)!.line.number);
    }
    const fresh = this.#chains.withoutKeys([peer]);
    if (fresh.length > 0) return await this.#prepare(fresh);
    const { to } = entries[0]!.line;
    const conversation = to === undefined ? CONVERSATION.again : CONVERSATION.private;
    const { number } = this.#options.roster;
    const holders = new Set([peer]);
    const frame = await this.#seal(conversation, { holders, everyone: false }, number, entries);
    if (this.#state === "over" || this.#contactOf(peer) !== contact) return;
    this.#ledger.take(contact, entries.length);
    this.#launch(frame, entries, holders);
  }

  async #sealNext(): Promise<void> {
    const { pending } = this.#ledger;
    const [first] = pending;
    const { to, newest, leftOut } = first!.line;
    const entries = firstOf(
      pending,
      ({ line, room }) =>
        line.to === to && line.newest === newest && line.leftOut === leftOut &&
        room === first!.room,
    );
    // A number of another room says nothing here: all are sent it alone.
    const displayed = first!.room === this.#options.room ? newest : 0;
    const recipients = this.#recipients(first!, displayed);
    const fresh = this.#chains.withoutKeys(recipients.holders);
    if (fresh.length > 0) return await this.#prepare(fresh);
    const later = this.#later(first!, recipients.holders);
    const conversation = to === undefined ? CONVERSATION.group : CONVERSATION.private;
    const frame = recipients.holders.size === 0
      ? undefined
      : await this.#seal(conversation, recipients, displayed, entries);
    if (this.#state === "over") return;
    pending.splice(0, entries.length);
    for (const contact of later) {
      // Who has left in the meantime is owed nothing.
      if (this.#contactOf(contact.peer) !== contact) continue;
      for (const entry of entries) this.#ledger.owe(contact, entry);
    }
    if (frame === undefined) return entries.forEach((entry) => this.#ledger.settle(entry));
    for (const entry of entries) entry.heard = true;
    this.#launch(frame, entries, recipients.holders);
  }

  /** Sends a frame. Its lines, which wait for one thing already, wait for it to be delivered. */
  #launch(frame: Bytes, entries: readonly Entry[], to: ReadonlySet<Peer>): void {
    // Noted before it is sent: through memory, the answer may come within the call.
    const flight = { number: this.#sent.sent + 1, entries, to };
    this.#unaccepted.push(flight);
    this.#undelivered.push(flight);
    this.#send(frame);
  }

  #send(frame: Bytes): void {
    if (this.#state === "over") return;
    this.#sent.push(frame);
    this.#options.send(frame);
  }

  async #seal(
    conversation: Conversation,
    recipients: Recipients,
    newest: number,
    entries: readonly Entry[],
  ): Promise<Bytes> {
    const { holders } = recipients;
    // Both before anything is awaited: the digest is of the recipients just chosen.
    const membership = this.#options.roster.number;
    const [chain, digest] = await Promise.all([
      this.#chains.chainFor(conversation, holders),
      this.#digestOf(conversation, holders),
    ]);
    const audience = this.#audienceFor(conversation, recipients);
    const address = { audience, membership, newest, recipients: digest };
    const { privateKey } = this.#options.self.keys.signing;
    return await chain.seal(address, encodeTexts(entries.map(({ line }) => line)), privateKey);
  }

  /** Those in the room who are sent a line together. */
  #recipients(entry: Entry, newest: number): Recipients {
    const { roster, self } = this.#options;
    const { to } = entry.line;
    const contact = to === undefined ? undefined : this.#ledger.get(to.credential.key);
    const there = to === undefined ? roster.values() : contact?.here ? [contact.peer] : [];
    const holders = new Set<Peer>();
    let everyone = true;
    for (const peer of there) {
      const { key } = peer.credential;
      if (peer.number > newest && to === undefined || key === self.key) continue;
      const one = this.#contactOf(peer);
      const inTime = one !== undefined && one.owed.length === 0 && this.#ledger.isFor(one, entry);
      if (inTime && this.#mayRead(peer)) holders.add(peer);
      else everyone = false;
    }
    return { holders, everyone };
  }

  /** Those of a line's audience who are not sent it together with the others. */
  #later(entry: Entry, holders: ReadonlySet<Peer>): Contact[] {
    const { to } = entry.line;
    if (to === undefined && holders.size === this.#ledger.size) return [];
    const contact = to === undefined ? undefined : this.#ledger.get(to.credential.key);
    const all = to === undefined ? [...this.#ledger.contacts()] : contact ? [contact] : [];
    return all.filter((one) =>
      !holders.has(one.peer) && this.#ledger.isFor(one, entry) && this.#mayRead(one.peer)
    );
  }

  /** Whether a peer is given keys, and can be. */
  #mayRead(peer: Peer): boolean {
    return !this.#unreachable.has(peer) && this.#options.policy.obstacle(peer) === undefined;
  }

  /** Makes pairwise keys. Recipients are chosen anew after it: somebody may have left, or cannot be reached. */
  async #prepare(peers: readonly Peer[]): Promise<void> {
    for (const peer of await this.#chains.prepare(peers)) {
      this.#unreachable.add(peer);
      this.#options.unreachable(peer);
    }
  }

  #digestOf(conversation: Conversation, holders: ReadonlySet<Peer>): Promise<Bytes> {
    const { self } = this.#options;
    const last = this.#digest;
    if (last !== undefined && areSame(last.of, holders)) return last.digest;
    const members = [...holders].map((peer) => peer.credential.member);
    const digest = audienceDigest([self.member, ...members]);
    if (conversation === CONVERSATION.group) this.#digest = { of: holders, digest };
    return digest;
  }

  #audienceFor(conversation: Conversation, { holders, everyone }: Recipients): number {
    if (conversation === CONVERSATION.group) return everyone ? 0 : this.#audiences.ofGroup(holders);
    const [peer] = holders;
    return this.#audiences.ofOne(peer!);
  }
}

/** Settles the flights up to a count; returns the others. */
function settled(flights: Flight[], count: number, settle: (entry: Entry) => void): Flight[] {
  const cut = flights.findIndex(({ number }) => number > count);
  const done = cut < 0 ? flights : flights.slice(0, cut);
  for (const { entries } of done) entries.forEach(settle);
  return cut < 0 ? [] : cut === 0 ? flights : flights.slice(cut);
}

/** The entries at the front that fit the first, and into a frame. */
function firstOf(
  entries: readonly Entry[],
  fits: (entry: Entry, first: Entry) => boolean,
): Entry[] {
  let size = 0;
  let count = 0;
  for (const entry of entries) {
    if (!fits(entry, entries[0]!)) break;
    size += entry.line.text.length + MESSAGE_OVERHEAD_BYTES;
    if (count > 0 && size > MAX_BATCH_BYTES) break;
    count += 1;
  }
  return entries.slice(0, count);
}

function areSame(a: ReadonlySet<Peer>, b: ReadonlySet<Peer>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}
