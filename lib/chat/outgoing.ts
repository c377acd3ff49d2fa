/**
 * What a member sends: lines to sealed frames, keys to those who need them, and what became of each line.
 *
 * The sender alone decides who receives: those whose joining it had displayed before the line was entered,
 * who are still there, and whom its policy lets read. The sender alone advances keys: before it seals it compares the recipients with
 * those of its last frame.
 *
 * @module
 */

import type { Bytes } from "./bytes.ts";
import type { OwnCredential } from "./credential.ts";
import {
  CONVERSATION,
  type Conversation,
  encodeTexts,
  MESSAGE_OVERHEAD_BYTES,
  type SealedText,
} from "./envelope.ts";
import { KeySender } from "./pairwise.ts";
import type { Policy } from "./policy.ts";
import type { Peer, Roster } from "./roster.ts";
import { audienceDigest, type Random, SendingChain } from "./sender_key.ts";
import { encodeAudience } from "./wire.ts";

/** How much text shares a frame, in bytes. */
const MAX_BATCH_BYTES = 64 << 10;
/** The number of the audience of the group, where it is not everyone. */
const GROUP_AUDIENCE = 1;
/** How many audiences of one a member keeps declared at the relay beside it. */
const MAX_PRIVATE_AUDIENCES = 255;

/** A line on its way. */
export interface Line extends SealedText {
  /** The message's id. */
  readonly id: string;
  /** The text as it was entered. */
  readonly shown: string;
  /** The one that it is for; undefined for everyone. */
  readonly to: Peer | undefined;
  /** The membership number that was displayed when it was entered. */
  readonly newest: number;
  /** Whom the policy kept from reading it when it was entered, by their hashes: they never will. */
  readonly leftOut: ReadonlySet<string>;
}

/** What came of lines. */
export interface OutgoingEvents {
  /** A frame is to be sent; `counted` frames are numbered by both sides. */
  send(frame: Bytes, counted: boolean): void;
  /** The relay has queued it for every recipient. */
  sent(line: Line): void;
  /** Every recipient has shown it, or has left. */
  delivered(line: Line): void;
  /** Nobody was there to receive it. */
  unheard(line: Line): void;
}

/** Who sends, where, and with which sources of chance and time. */
export interface OutgoingOptions {
  readonly self: OwnCredential;
  readonly room: Bytes;
  readonly roster: Roster;
  readonly policy: Policy;
  readonly random: Random;
  readonly now: () => number;
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
  readonly lines: readonly Line[];
}

/** The sending side of a member. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #events: OutgoingEvents;
  readonly #pending: Line[] = [];
  readonly #keySenders = new Map<Peer, KeySender>();
  readonly #private = new Map<Peer, Sending>();
  readonly #audiences = new Map<Peer, number>();
  #group: Sending | undefined;
  #chains = 0;
  #counted = 0;
  #pumping: Promise<void> | undefined;
  #digest: { readonly of: ReadonlySet<Peer>; readonly digest: Promise<Bytes> } | undefined;
  /** Those whom the audience of the group names at the relay. */
  #declared: ReadonlySet<Peer> = new Set();
  #unaccepted: Flight[] = [];
  #undelivered: Flight[] = [];
  #backlog = 0;
  #backlogBytes = 0;

  /** Starts with nothing sent. */
  constructor(options: OutgoingOptions, events: OutgoingEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** How much text has been entered and is not delivered yet, in bytes. */
  get backlogBytes(): number {
    return this.#backlogBytes;
  }

  /** How many lines have been entered and are not delivered yet. */
  get backlog(): number {
    return this.#backlog;
  }

  /**
   * Takes a line. It is sealed at once, or with others that wait once what is being sealed has gone.
   *
   * @returns A promise of the sealing in progress; it fails where the runtime's cryptography does.
   */
  enter(line: Line): Promise<void> {
    this.#pending.push(line);
    this.#backlog += 1;
    this.#backlogBytes += line.text.length;
    this.#pumping ??= this.#pump();
    return this.#pumping;
  }

  /** A peer has left: its keys are forgotten. */
  forget(peer: Peer): void {
    this.#keySenders.delete(peer);
    this.#private.delete(peer);
    this.#audiences.delete(peer);
  }

  /**
   * The relay has queued so many counted frames for every recipient.
   *
   * @returns False where that is more than were sent, or fewer than it said before.
   */
  accepted(count: number): boolean {
    if (count > this.#counted) return false;
    this.#unaccepted = this.#settle(this.#unaccepted, count, (line) => this.#events.sent(line));
    return true;
  }

  /**
   * Of so many counted frames, every recipient has shown each or has left.
   *
   * @returns False where that is more than were sent.
   */
  delivered(count: number): boolean {
    if (count > this.#counted) return false;
    // What is delivered was accepted, in whichever order the relay says so.
    this.accepted(count);
    this.#undelivered = this.#settle(this.#undelivered, count, (line) => {
      this.#done(line);
      this.#events.delivered(line);
    });
    return true;
  }

  #done(line: Line): void {
    this.#backlog -= 1;
    this.#backlogBytes -= line.text.length;
  }

  #settle(flights: Flight[], count: number, say: (line: Line) => void): Flight[] {
    const cut = flights.findIndex(({ number }) => number > count);
    const done = cut < 0 ? flights : flights.slice(0, cut);
    for (const { lines } of done) lines.forEach(say);
    return cut < 0 ? [] : cut === 0 ? flights : flights.slice(cut);
  }

  async #pump(): Promise<void> {
    try {
      while (this.#pending.length > 0) await this.#sealNext();
    } finally {
      // Here and not in a later turn, or a line that came in between would wait for the next.
      this.#pumping = undefined;
    }
  }

  async #sealNext(): Promise<void> {
    const lines = this.#takeBatch();
    const { to, newest } = lines[0]!;
    const { holders, everyone } = this.#recipients(lines[0]!);
    if (holders.size === 0) {
      for (const line of lines) {
        this.#done(line);
        this.#events.unheard(line);
      }
      return;
    }
    // Both before anything is awaited: the digest is of the recipients just chosen.
    const membership = this.#options.roster.number;
    const recipients = this.#digestOf(to, holders);
    const { chain } = await this.#chainFor(to, holders);
    const audience = to !== undefined
      ? this.#audienceOf(to)
      : everyone
      ? 0
      : this.#declareGroup(holders);
    const address = { audience, membership, newest, recipients: await recipients };
    const { privateKey } = this.#options.self.keys.signing;
    const frame = await chain.seal(address, encodeTexts(lines), privateKey);
    // Noted before it is sent: through memory, the answer may come within the call.
    const flight = { number: this.#counted + 1, lines };
    this.#unaccepted.push(flight);
    this.#undelivered.push(flight);
    this.#send(frame);
  }

  #send(frame: Bytes): void {
    this.#counted += 1;
    this.#events.send(frame, true);
  }

  /** The lines that wait at the front and go to the same people. */
  #takeBatch(): Line[] {
    const { to, newest, leftOut } = this.#pending[0]!;
    let size = 0;
    let count = 0;
    for (const line of this.#pending) {
      if (line.to !== to || line.newest !== newest || line.leftOut !== leftOut) break;
      size += line.text.length + MESSAGE_OVERHEAD_BYTES;
      if (count > 0 && size > MAX_BATCH_BYTES) break;
      count += 1;
    }
    return this.#pending.splice(0, count);
  }

  #recipients({ to, newest, leftOut }: Line): Recipients {
    const { roster, self, policy } = this.#options;
    const isIn = to !== undefined && roster.get(to.credential.key) === to;
    const there = to === undefined ? roster.values() : isIn ? [to] : [];
    const holders = new Set<Peer>();
    let everyone = true;
    for (const peer of there) {
      const { key } = peer.credential;
      if (peer.number > newest || key === self.key) continue;
      if (!leftOut.has(key) && policy.obstacle(peer) === undefined) holders.add(peer);
      else everyone = false;
    }
    return { holders, everyone };
  }

  #digestOf(to: Peer | undefined, holders: ReadonlySet<Peer>): Promise<Bytes> {
    const { self } = this.#options;
    const last = this.#digest;
    if (last !== undefined && areSame(last.of, holders)) return last.digest;
    const members = [...holders].map((peer) => peer.credential.member);
    const digest = audienceDigest([self.member, ...members]);
    if (to === undefined) this.#digest = { of: holders, digest };
    return digest;
  }

  /** The chain for a set of recipients, whose key each of them has been given. */
  async #chainFor(to: Peer | undefined, holders: ReadonlySet<Peer>): Promise<Sending> {
    const now = this.#options.now();
    const last = to === undefined ? this.#group : this.#private.get(to);
    if (last === undefined || !last.holders.isSubsetOf(holders)) {
      const chain = await this.#startChain(to, now);
      const sending = { chain, holders };
      await this.#give(chain, holders);
      if (to === undefined) this.#group = sending;
      else this.#private.set(to, sending);
      return sending;
    }
    const fresh = holders.difference(last.holders);
    if (fresh.size > 0 || last.chain.isWorn(now)) await last.chain.advance(now);
    last.holders = holders;
    await this.#give(last.chain, fresh);
    return last;
  }

  #startChain(to: Peer | undefined, now: number): Promise<SendingChain> {
    const { room, self, random } = this.#options;
    const conversation: Conversation = to === undefined ? CONVERSATION.group : CONVERSATION.private;
    const scope = { room, sender: self.member, conversation, chain: this.#chains++ };
    return SendingChain.start(scope, random, now);
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

  /** Declares the audience of the group, where it is not the one that is declared. */
  #declareGroup(holders: ReadonlySet<Peer>): number {
    if (!areSame(this.#declared, holders)) {
      const members = [...holders].map((peer) => peer.credential.member);
      this.#events.send(encodeAudience(GROUP_AUDIENCE, members), false);
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
    this.#events.send(encodeAudience(free, [peer.credential.member]), false);
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

function areSame(a: ReadonlySet<Peer>, b: ReadonlySet<Peer>): boolean {
  return a.size === b.size && a.isSubsetOf(b);
}
