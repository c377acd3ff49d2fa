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

import type { Bytes } from "./bytes.ts";
import type { OwnCredential } from "./credential.ts";
import {
  CONVERSATION,
  type Conversation,
  encodeProgressBody,
  encodeSigned,
  encodeTexts,
  MESSAGE_OVERHEAD_BYTES,
} from "./envelope.ts";
import type { keyChange } from "./key_change.ts";
import { KIND } from "./kind.ts";
import type { Contact, Entry, Ledger } from "./ledger.ts";
import { KeySender } from "./pairwise.ts";
import type { Policy } from "./policy.ts";
import type { Peer, Roster } from "./roster.ts";
import { audienceDigest, type Random, SendingChain } from "./sender_key.ts";
import { SentFrames } from "./sent_frames.ts";
import { CONTEXT, inContext, sign } from "./signing.ts";
import { encodeAudience } from "./wire.ts";

/** How much text shares a frame, in bytes. */
const MAX_BATCH_BYTES = 64 << 10;
/** The number of the audience of the group, where it is not everyone. */
const GROUP_AUDIENCE = 1;
/** How many audiences of one a member keeps declared at the relay beside it. */
const MAX_PRIVATE_AUDIENCES = 255;

/** Who sends, where, to whom, and with which sources of chance and time. */
export interface OutgoingOptions {
  readonly self: OwnCredential;
  readonly room: Bytes;
  readonly roster: Roster;
  readonly ledger: Ledger;
  readonly policy: Policy;
  readonly keyChange: typeof keyChange;
  readonly random: Random;
  readonly now: () => number;
  /** Sends a frame, where there is a connection. */
  readonly send: (frame: Bytes) => void;
  /** Hears that the runtime's cryptography failed. */
  readonly fail: (error: unknown) => void;
}

/** A chain of one's own, and who has its key. */
interface Sending {
  readonly chain: SendingChain;
  holders: ReadonlySet<Peer>;
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
  readonly #keySenders = new Map<Peer, KeySender>();
  /** The chains to one peer alone. */
  readonly #alone = {
    [CONVERSATION.private]: new Map<Peer, Sending>(),
    [CONVERSATION.again]: new Map<Peer, Sending>(),
  } as const;
  readonly #audiences = new Map<Peer, number>();
  /** Contacts that have been asked how far they have shown this member's messages. */
  readonly #asked = new Set<Contact>();
  #state: "before" | "running" | "paused" | "over" = "before";
  #group: Sending | undefined;
  #pumping = false;
  #digest: { readonly of: ReadonlySet<Peer>; readonly digest: Promise<Bytes> } | undefined;
  /** Those whom the audience of the group names at the relay. */
  #declared: ReadonlySet<Peer> = new Set();
  #unaccepted: Flight[] = [];
  #undelivered: Flight[] = [];

  /** Starts with nothing sent, and waits for {@linkcode run}. */
  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
  }

  /** How many counted frames have been sent. */
  get counted(): number {
    return this.#sent.sent;
  }

  /** Frames that the relay has not accepted. */
  get waiting(): readonly Bytes[] {
    return this.#sent.waiting();
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
    this.#pump().catch(this.#options.fail);
  }

  /** A peer has left: its keys are forgotten. */
  forget(peer: Peer): void {
    this.#keySenders.delete(peer);
    this.#alone[CONVERSATION.private].delete(peer);
    this.#alone[CONVERSATION.again].delete(peer);
    this.#audiences.delete(peer);
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
      this.progress(contact.peer, true, 0).catch(this.#options.fail);
    }
    return undefined;
  }

  /** Sends a contact a frame of what it is owed. */
  async #catchUp(contact: Contact): Promise<void> {
    const { peer, owed } = contact;
    const entries = firstOf(owed, (entry, first) => !entry.line.to === !first.line.to);
    if (this.#options.policy.obstacle(peer) !== undefined) {
      return this.#ledger.forgive(contact, entries.at(-1)!.line.number);
    }
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
    const digest = this.#digestOf(conversation, holders);
    const { chain } = await this.#chainFor(conversation, holders);
    const audience = this.#audienceFor(conversation, recipients);
    const address = { audience, membership, newest, recipients: await digest };
    const { privateKey } = this.#options.self.keys.signing;
    return await chain.seal(address, encodeTexts(entries.map(({ line }) => line)), privateKey);
  }

  /** Those in the room who are sent a line together. */
  #recipients(entry: Entry, newest: number): Recipients {
    const { roster, self, policy } = this.#options;
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
      if (inTime && policy.obstacle(peer) === undefined) holders.add(peer);
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
      !holders.has(one.peer) && this.#ledger.isFor(one, entry) &&
      this.#options.policy.obstacle(one.peer) === undefined
    );
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

  /** The chain for a set of recipients, whose key each of them has been given. */
  async #chainFor(conversation: Conversation, holders: ReadonlySet<Peer>): Promise<Sending> {
    const now = this.#options.now();
    const [peer] = holders;
    const last = conversation === CONVERSATION.group
      ? this.#group
      : this.#alone[conversation].get(peer!);
    const change = last === undefined
      ? "chain"
      : this.#options.keyChange(last.holders, holders, last.chain.isWorn(now));
    if (last === undefined || change === "chain") {
      const chain = await this.#startChain(conversation, now);
      const sending = { chain, holders };
      await this.#give(chain, holders);
      if (conversation === CONVERSATION.group) this.#group = sending;
      else this.#alone[conversation].set(peer!, sending);
      return sending;
    }
    const fresh = holders.difference(last.holders);
    if (change === "step") await last.chain.advance(now);
    last.holders = holders;
    await this.#give(last.chain, fresh);
    return last;
  }

  #startChain(conversation: Conversation, now: number): Promise<SendingChain> {
    const { room, self, random } = this.#options;
    const chain = this.#ledger.nextChain();
    return SendingChain.start({ room, sender: self.member, conversation, chain }, random, now);
  }

  /** Gives the present key of a chain to each of some peers. */
  async #give({ scope, grant }: SendingChain, peers: ReadonlySet<Peer>): Promise<void> {
    const { privateKey } = this.#options.self.keys.signing;
    const { conversation, chain } = scope;
    const { key, ...rest } = grant;
    const position = { conversation, chain, ...rest };
    const frames = await Promise.all(
      [...peers].map((peer) => this.#keySender(peer).give(position, key, privateKey)),
    );
    for (const frame of frames) this.#send(frame);
  }

  #keySender(peer: Peer): KeySender {
    const known = this.#keySenders.get(peer);
    if (known !== undefined) return known;
    const { room, self, random } = this.#options;
    const sender = new KeySender(room, self.member, peer.credential, random);
    this.#keySenders.set(peer, sender);
    return sender;
  }

  #audienceFor(conversation: Conversation, { holders, everyone }: Recipients): number {
    if (conversation === CONVERSATION.group) return everyone ? 0 : this.#declareGroup(holders);
    const [peer] = holders;
    return this.#audienceOf(peer!);
  }

  /** Declares the audience of the group, where it is not the one that is declared. */
  #declareGroup(holders: ReadonlySet<Peer>): number {
    if (!areSame(this.#declared, holders)) {
      const members = [...holders].map((peer) => peer.credential.member);
      this.#send(encodeAudience(GROUP_AUDIENCE, members));
      this.#declared = holders;
    }
    return GROUP_AUDIENCE;
  }

  /** The number under which an audience of one is declared; the one not used for longest gives way. */
  #audienceOf(peer: Peer): number {
    const known = this.#audiences.get(peer);
    if (known !== undefined) {
      this.#audiences.delete(peer);
      this.#audiences.set(peer, known);
      return known;
    }
    const free = this.#freeAudience();
    this.#audiences.set(peer, free);
    this.#send(encodeAudience(free, [peer.credential.member]));
    return free;
  }

  #freeAudience(): number {
    if (this.#audiences.size >= MAX_PRIVATE_AUDIENCES) {
      const [oldest, number] = this.#audiences.entries().next().value!;
      this.#audiences.delete(oldest);
      return number;
    }
    const taken = new Set(this.#audiences.values());
    let number = GROUP_AUDIENCE + 1;
    while (taken.has(number)) number += 1;
    return number;
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
