/**
 * What a member has said, to whom, and who has still to show it: what outlives connections and rooms.
 *
 * The audience of a line is fixed when it is entered: the contacts whose joining had been displayed. Most
 * are sent it together; a contact that was not there when the others were sent it, or whose room ended
 * before it had shown it, is **owed** it, and is sent what it is owed alone and in order.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { SealedText } from "../wire/envelope.ts";
import type { Peer } from "./roster.ts";

/** A line on its way. */
export interface Line extends SealedText {
  /** The message's id. */
  readonly id: string;
  /** The text as it was entered. */
  readonly shown: string;
  /** The one that it is for; undefined for everyone. */
  readonly to: Peer | undefined;
  /** The membership number that was displayed when it was entered; 0 where that was of another room. */
  readonly newest: number;
  /** Whom the policy kept from reading it when it was entered, by their hashes: they never will. */
  readonly leftOut: ReadonlySet<string>;
}

/** A line, and what it waits for. */
export interface Entry {
  readonly line: Line;
  /** The room that {@linkcode Line.newest} is a number of. */
  readonly room: object;
  /** How many frames that carry it, and contacts that are owed it, are not settled. */
  waiting: number;
  /** Whether it went, or is to go, to anybody. */
  heard: boolean;
  /** Whether it has been said that it was sent. */
  sent: boolean;
  /** The names of those in its audience who have left, and are not known to have shown it. */
  missed: Set<string> | undefined;
}

/** Somebody whom this member takes to be there, in the present room or on the way back to it. */
export interface Contact {
  /** As the room lists it that it was last seen in. */
  peer: Peer;
  /** Whether it is in the present room. */
  here: boolean;
  /** Whether it has been told to be away. */
  awayTold: boolean;
  /** Which event its joining was. */
  readonly joining: number;
  /** It is in the audience of the lines after this number; undefined until its joining was displayed. */
  since: number | undefined;
  /** What it is sent alone, in order. */
  readonly owed: Entry[];
  /** Whether it may have shown some of what it is owed. */
  unsure: boolean;
}

/** What has been entered and is not delivered yet. */
export interface Backlog {
  /** How many lines. */
  readonly lines: number;
  /** How many bytes of UTF-8 they have together. */
  readonly bytes: number;
  /** How many of the lines no relay has accepted. */
  readonly unsent: number;
}

/** What came of lines. */
export interface LedgerEvents {
  /** The relay has queued it for everyone who is there. */
  sent(line: Line): void;
  /**
   * Everyone in its audience has shown it, or has left.
   *
   * @param missed The names of those who have left and are not known to have shown it.
   */
  delivered(line: Line, missed: readonly string[]): void;
  /** Nobody was there to receive it, or those who were have left before it was sent to them. */
  unheard(line: Line, missed: readonly string[]): void;
}

/** Lines and contacts. */
export class Ledger {
  /** Lines that have not been sent to anybody, in order. */
  readonly pending: Entry[] = [];
  /** Contacts that are owed something. */
  readonly behind = new Set<Contact>();
  readonly #events: LedgerEvents;
  readonly #contacts = new Map<string, Contact>();
  /** Those who are not in the present room, by their folded names: no two contacts have one. */
  readonly #missing = new Map<string, Contact>();
  readonly #undisplayed = new Set<Contact>();
  #chains = 0;
  #lines = 0;
  #bytes = 0;
  #unsent = 0;

  /** Starts with nobody and nothing. */
  constructor(events: LedgerEvents) {
    this.#events = events;
  }

  /** How much has been entered and is not delivered yet. */
  get backlog(): Backlog {
    return { lines: this.#lines, bytes: this.#bytes, unsent: this.#unsent };
  }

  /** Everybody. */
  contacts(): MapIterator<Contact> {
    return this.#contacts.values();
  }

  /** How many contacts there are. */
  get size(): number {
    return this.#contacts.size;
  }

  /** The contact of a hash, as the key of a map. */
  get(key: string): Contact | undefined {
    return this.#contacts.get(key);
  }

  /** Those who are not in the present room, and may come back. */
  missing(): Contact[] {
    return [...this.#missing.values()];
  }

  /** Of those who are not in the present room, the one of a name, or without one who came first. */
  oneMissing(folded?: string): Contact | undefined {
    if (folded !== undefined) return this.#missing.get(folded);
    const [first] = this.#missing.values();
    return first;
  }

  /** A number for a chain: none is used twice, in whichever room. */
  nextChain(): number {
    return this.#chains++;
  }

  /** Another room begins: who is in it, and has shown what, is still to be seen. */
  changeRoom(): void {
    for (const contact of this.#contacts.values()) {
      contact.here = false;
      this.#missing.set(contact.peer.credential.folded, contact);
    }
    for (const contact of this.behind) {
      contact.owed.sort((a, b) => a.line.number - b.line.number);
      contact.unsure = true;
    }
  }

  /**
   * Somebody joins.
   *
   * @param joining Which event says so, counted from 1.
   */
  add(peer: Peer, joining: number): void {
    const contact: Contact = {
      peer,
      here: true,
      awayTold: false,
      joining,
      since: undefined,
      owed: [],
      unsure: false,
    };
    this.#contacts.set(peer.credential.key, contact);
    this.#undisplayed.add(contact);
  }

  /** A contact is in the room, under another number. */
  meet(contact: Contact, peer: Peer): void {
    contact.peer = peer;
    contact.here = true;
    this.#missing.delete(peer.credential.folded);
  }

  /**
   * Somebody has left: nobody waits for it any longer.
   *
   * @param itself Whether it left itself. Then it has shown what reached it.
   */
  part(key: string, itself: boolean): void {
    const contact = this.#contacts.get(key);
    if (contact === undefined) return;
    for (const entry of this.pending) {
      const { to } = entry.line;
      const isForIt = to === undefined || to.credential.key === key;
      if (isForIt && this.isFor(contact, entry)) this.miss(entry, contact.peer);
    }
    if (!itself || !contact.unsure) {
      for (const entry of contact.owed) this.miss(entry, contact.peer);
    }
    this.#contacts.delete(key);
    if (!contact.here) this.#missing.delete(contact.peer.credential.folded);
    this.#undisplayed.delete(contact);
    this.forgive(contact, Infinity);
  }

  /**
   * Takes a line, to be sent by {@linkcode pending}.
   *
   * @param room The room that its `newest` is a number of.
   * @param displayed How many events have been displayed.
   */
  enter(line: Line, room: object, displayed: number): void {
    this.#display(line.number, displayed);
    const state = { waiting: 1, heard: false, sent: false, missed: undefined };
    this.pending.push({ line, room, ...state });
    this.#lines += 1;
    this.#unsent += 1;
    this.#bytes += line.text.length;
  }

  /** Whose joining has been displayed by now is in the audience from this line on. */
  #display(number: number, displayed: number): void {
    for (const contact of this.#undisplayed) {
      if (contact.joining > displayed) continue;
      contact.since = number - 1;
      this.#undisplayed.delete(contact);
    }
  }

  /** Whether a contact is in the audience of a line that is not to somebody else alone. */
  isFor({ since, peer }: Contact, { line }: Entry): boolean {
    return since !== undefined && since < line.number && !line.leftOut.has(peer.credential.key);
  }

  /** A contact is to be sent a line alone, after what it is owed already. */
  owe(contact: Contact, entry: Entry): void {
    this.await(entry);
    contact.owed.push(entry);
    this.behind.add(contact);
  }

  /** A contact is no longer owed the lines up to a number. */
  forgive(contact: Contact, number: number): void {
    const kept = contact.owed.findIndex(({ line }) => line.number > number);
    const settled = contact.owed.splice(0, kept < 0 ? Infinity : kept);
    if (contact.owed.length === 0) this.behind.delete(contact);
    for (const entry of settled) this.settle(entry);
  }

  /** What a contact is owed is on its way: the first so many lines wait for that instead. */
  take(contact: Contact, count: number): void {
    contact.owed.splice(0, count);
    if (contact.owed.length === 0) this.behind.delete(contact);
  }

  /** Somebody whom a line was for has left, and is not known to have shown it. */
  miss(entry: Entry, peer: Peer): void {
    entry.missed ??= new Set();
    entry.missed.add(peer.credential.name);
  }

  /** A line waits for one more. */
  await(entry: Entry): void {
    entry.waiting += 1;
    entry.heard = true;
  }

  /** The relay has queued a frame that carries a line. */
  accept(entry: Entry): void {
    if (entry.sent) return;
    entry.sent = true;
    this.#unsent -= 1;
    this.#events.sent(entry.line);
  }

  /** A line waits for one fewer. */
  settle(entry: Entry): void {
    entry.waiting -= 1;
    if (entry.waiting > 0) return;
    this.#lines -= 1;
    this.#bytes -= entry.line.text.length;
    const missed = [...entry.missed ?? []];
    if (!entry.heard) {
      this.#unsent -= 1;
      return this.#events.unheard(entry.line, missed);
    }
    this.accept(entry);
    this.#events.delivered(entry.line, missed);
  }
}

/** What waiting to go costs beside a frame's bytes, at most. */
const FRAME_BYTES = 64;

/** Frames, told apart by counting alone. */
export class SentFrames {
  #frames: Bytes[] = [];
  #accepted = 0;
  #keptBytes = 0;

  /** How many have been sent. */
  get sent(): number {
    return this.#accepted + this.#frames.length;
  }

  /** How many of them the relay has accepted. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How many bytes those that are not accepted may take where they wait to go. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Keeps the next one; it is not changed afterwards. */
  push(frame: Bytes): void {
    this.#keptBytes += frame.length + FRAME_BYTES;
    this.#frames.push(frame);
  }

  /**
   * The relay has accepted the first so many.
   *
   * @returns False where that is more than were sent, or fewer than it said before.
   */
  accept(count: number): boolean {
    if (count < this.#accepted || count > this.sent) return false;
    const news = count - this.#accepted;
    for (const { length } of this.#frames.slice(0, news)) this.#keptBytes -= length + FRAME_BYTES;
    if (news > 0) this.#frames = this.#frames.slice(news);
    this.#accepted = count;
    return true;
  }

  /** What has not been accepted, in order. */
  waiting(): readonly Bytes[] {
    return this.#frames;
  }
}
