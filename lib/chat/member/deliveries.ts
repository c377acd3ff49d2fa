/**
 * What a member has said, to whom, and who has still to take it. It outlives connections and rooms.
 *
 * The recipients of a line are fixed when it is entered: the contacts whose joining had been displayed. A contact that
 * cannot be sent a sealed frame with the others is **owed** the line, and is sent it alone, in order.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { type Progress, STREAM, type Stream, STREAMS } from "../wire/content.ts";
import type { Peer } from "./roster.ts";

/** The most text that is kept until it is delivered, in bytes. */
export const MAX_KEPT_BYTES = 16 << 20;
/** The memory that a line costs besides its text, in bytes. */
const LINE_BYTES = 512;

/** A line on its way. */
export interface Line {
  /** The message's id. */
  readonly id: string;
  /** The stream that its number belongs to. */
  readonly stream: Stream;
  /** The number in its stream. */
  readonly number: number;
  /** When it was entered, in milliseconds since 1970. */
  readonly time: number;
  /** The text in UTF-8. */
  readonly text: Bytes;
  /** The text as it was entered. */
  readonly shown: string;
  /** The recipient of a private line. */
  readonly to: Peer | undefined;
  /** The version of the room that was displayed when it was entered. */
  readonly version: number;
  /** The hashes of the members that the policy kept from reading when it was entered. They never will. */
  readonly leftOut: ReadonlySet<string>;
}

/** A recipient that left before it said that it has taken a line. */
export interface Missed {
  /** Its name. */
  readonly name: string;
  /** Whether it signed its leaving. */
  readonly signed: boolean;
}

/** A line, and what it waits for. */
export interface Entry {
  readonly line: Line;
  /** Rises with each line that is entered, over all streams. */
  readonly order: number;
  /** The room that {@linkcode Line.version} belongs to. */
  readonly room: Bytes;
  /** The number of recipients that have not taken it, and one while it waits to be sealed. */
  waiting: number;
  /** As {@linkcode waiting}, without the recipients that are stalled. */
  live: number;
  /** Whether it went to a recipient. */
  heard: boolean;
  /** Whether it was said that it was sent. */
  sent: boolean;
  /** Since when a recipient has taken it and the relay has accepted it, in milliseconds; undefined if nobody took it. */
  taken: number | undefined;
  /** The recipients that are not known to have shown it, by their hashes. */
  missed: Map<string, Missed> | undefined;
  /** Former recipients, by their hashes: the policy keeps them from reading since. */
  dropped: Set<string> | undefined;
}

/** What one contact has been sent of one stream. */
export class ContactStream {
  /** What it has taken, as its receipts say. */
  through = 0;
  /** The highest number that it knows of, as its last receipt says. */
  seen = 0;
  /** The highest number that it has been sent. */
  sent = 0;
  /** The last number that it has been sent in order: the one before the next that is addressed to it. */
  last = 0;
  /** What it is to be sent alone, in ascending order. */
  readonly owed: Entry[] = [];
  /** The frames that it has been sent alone and has not taken: the last number and the bytes of each. */
  readonly flight: { readonly number: number; readonly bytes: number }[] = [];
  /** The bytes of {@linkcode flight}. */
  flightBytes = 0;
  /** The number up to which it is to be told that nothing will come. */
  gone = 0;

  /** Notes that the numbers up to one have been sent. */
  send(number: number): void {
    this.last = number;
    this.sent = Math.max(this.sent, number);
  }

  /** Notes a frame that was sent alone, and its last number. */
  fly(number: number, bytes: number): void {
    this.send(number);
    this.flight.push({ number, bytes });
    this.flightBytes += bytes;
  }

  /** Forgets the frames of which the contact has taken everything. */
  land(): void {
    while (this.flight.length > 0 && this.flight[0]!.number <= this.through) {
      this.flightBytes -= this.flight.shift()!.bytes;
    }
  }

  /** Forgets all frames that were sent alone. What was not taken is sent again. */
  crash(): void {
    this.flight.length = 0;
    this.flightBytes = 0;
    this.last = this.through;
  }
}

/** How a contact is sent the lines of the group. */
export type Mode =
  /** By pair frames. */
  | "apart"
  /** By sealed frames, with the others. */
  | "together"
  /** By pair frames, until it has caught up: the relay leaves out sealed frames for it. */
  | "behind";

/** Somebody that this member takes to be in the room, or on the way back to it. */
export interface Contact {
  /** As the room lists it, or listed it last. */
  peer: Peer;
  /** Whether it is in the present room. */
  here: boolean;
  /** Whether it was told to be away. */
  awayTold: boolean;
  /** The number of the event that told its joining. */
  readonly joining: number;
  /** It is a recipient of the group's lines after this number; undefined until its joining was displayed. */
  since: number | undefined;
  readonly streams: Readonly<Record<Stream, ContactStream>>;
  mode: Mode;
  /** The number of the first message that the relay left out; 0 if none. */
  behindFrom: number;
  /** Whether it is to answer before it is sent what it is owed: it may have taken it already. */
  unsure: boolean;
  /** Whether the pair frame that it is to answer was sent. */
  greeted: boolean;
  /** Whether it was granted the chain, and has been sent every line since by sealed frames. */
  granted: boolean;
  /** When it joined, in milliseconds; -Infinity if it was in the room before this member. */
  readonly joinedAt: number;
  /** Since when something has been outstanding without an answer that shows progress, in milliseconds. */
  quietSince: number | undefined;
  /** Whether it is so late, or has been quiet for so long, that nobody waits for it. */
  stalled: boolean;
  /** When it was asked last, in milliseconds. */
  askedAt: number;
  /** Whether it has not answered since. */
  asking: boolean;
  /** How many answers in a row have shown no progress. */
  fruitless: number;
  /** The numbers up to which lost messages are to be sent again, by stream. */
  readonly repair: Record<Stream, number>;
  /** When lost messages were sent again last, in milliseconds. */
  repairedAt: number;
}

/** What has been entered and is not delivered. */
export interface Backlog {
  /** The number of lines. */
  readonly lines: number;
  /** The number of lines that recipients who are not stalled have yet to take. */
  readonly held: number;
  /** The text of those lines, in bytes of UTF-8. */
  readonly bytes: number;
  /** The number of lines that the relay has not accepted. */
  readonly unsent: number;
}

/** Receives what became of lines. */
export interface LedgerEvents {
  /** The relay has accepted the line for everyone who is there. */
  sent(line: Line): void;
  /** Every recipient has taken the line, or is gone. `missed` are those not known to have shown it. */
  delivered(line: Line, missed: readonly Missed[]): void;
  /** There was no recipient, or all were gone before the line was sent. */
  unheard(line: Line, missed: readonly Missed[]): void;
}

/** The lines of one stream that are not delivered, by number. */
class EntryLog {
  readonly #entries = new Map<number, Entry>();
  #last = 0;

  /** The number of the newest line. */
  get last(): number {
    return this.#last;
  }

  add(entry: Entry): void {
    this.#last = entry.line.number;
    this.#entries.set(entry.line.number, entry);
  }

  delete(entry: Entry): void {
    this.#entries.delete(entry.line.number);
  }

  /** Returns the lines with numbers above `after` and up to `last`, in order. */
  *between(after: number, last: number): Generator<Entry, void> {
    if (last - after > this.#entries.size) {
      for (const [number, entry] of this.#entries) {
        if (number > after && number <= last) yield entry;
      }
      return;
    }
    for (let number = after + 1; number <= last; number++) {
      const entry = this.#entries.get(number);
      if (entry !== undefined) yield entry;
    }
  }
}

/** The log of a stream in which nothing was said. */
const NO_LINES = new EntryLog();

/** Lines and contacts. */
export class Ledger {
  /** The group's lines that have not been sealed, in order. */
  readonly pending: Entry[] = [];
  readonly #events: LedgerEvents;
  readonly #contacts = new Map<string, Contact>();
  /** The contacts that are not in the present room, by folded name. */
  readonly #missing = new Map<string, Contact>();
  readonly #undisplayed = new Set<Contact>();
  readonly #group = new EntryLog();
  /** By recipient of private lines. They are kept when a contact parts: numbers are never used twice. */
  readonly #private = new Map<string, EntryLog>();
  /** All lines, in the order in which they were entered. */
  readonly #lines = new Set<Entry>();
  #entered = 0;
  #chains = 0;
  #bytes = 0;
  #held = 0;
  #heldBytes = 0;
  #unsent = 0;

  /** Starts with nobody and nothing. */
  constructor(events: LedgerEvents) {
    this.#events = events;
  }

  /** What has been entered and is not delivered. */
  get backlog(): Backlog {
    const { size: lines } = this.#lines;
    return { lines, held: this.#held, bytes: this.#heldBytes, unsent: this.#unsent };
  }

  /** Returns all contacts. */
  contacts(): MapIterator<Contact> {
    return this.#contacts.values();
  }

  /** The number of members that were ever sent a private line. */
  get privateStreams(): number {
    return this.#private.size;
  }

  /** The number of contacts. */
  get size(): number {
    return this.#contacts.size;
  }

  /** Returns the contact with a hash, given as a map key. */
  get(key: string): Contact | undefined {
    return this.#contacts.get(key);
  }

  /** Returns whether the joining of the contact with a hash, given as a map key, has been displayed. */
  isDisplayed(key: string, displayed: number): boolean {
    return (this.#contacts.get(key)?.joining ?? Infinity) <= displayed;
  }

  /** Returns the contact that a peer of the present room is; undefined if it is none. */
  of(peer: Peer): Contact | undefined {
    const contact = this.#contacts.get(peer.credential.key);
    return contact?.peer === peer ? contact : undefined;
  }

  /** Returns the contacts that are not in the present room and may come back. */
  missing(): Contact[] {
    return [...this.#missing.values()];
  }

  /** Returns the missing contact with a folded name, or the first missing one. */
  oneMissing(folded?: string): Contact | undefined {
    if (folded !== undefined) return this.#missing.get(folded);
    return this.#missing.values().next().value;
  }

  /** Returns a number for a chain. No number is used twice, in any room. */
  nextChain(): number {
    return this.#chains++;
  }

  /** The number of the next line to the group. */
  get nextNumber(): number {
    return this.#group.last + 1;
  }

  /** Returns the number of the next private line to a contact. */
  nextPrivate(key: string): number {
    return this.#logOf(STREAM.private, key).last + 1;
  }

  #logOf(stream: Stream, key: string): EntryLog {
    if (stream === STREAM.group) return this.#group;
    return this.#private.get(key) ?? NO_LINES;
  }

  /** Another room begins. Who is in it, and has taken what, is still to be seen. */
  changeRoom(): void {
    for (const contact of this.#contacts.values()) {
      contact.here = false;
      this.#missing.set(contact.peer.credential.folded, contact);
      contact.mode = "apart";
      contact.behindFrom = 0;
      contact.greeted = contact.granted = contact.asking = false;
      contact.quietSince = undefined;
      contact.fruitless = 0;
      for (const stream of STREAMS) {
        contact.repair[stream] = 0;
        this.#oweAgain(contact, stream, 0);
      }
      contact.unsure = STREAMS.some((stream) => contact.streams[stream].owed.length > 0);
    }
  }

  /** What a contact was sent from a number on, and has not taken, is owed to it again. */
  #oweAgain(contact: Contact, stream: Stream, from: number): void {
    const state = contact.streams[stream];
    const { owed, sent } = state;
    state.crash();
    const after = Math.max(state.through, from - 1);
    const again = [...this.#logOf(stream, contact.peer.credential.key).between(after, sent)]
      .filter((entry) => this.isFor(contact, entry));
    // What is owed since an earlier room, and was not sent in the last one, is owed once.
    const all = new Set([...again, ...owed]);
    owed.splice(0, owed.length, ...[...all].sort((a, b) => a.line.number - b.line.number));
  }

  /** The relay leaves out sealed frames for a contact, from a number on. */
  fallBehind(contact: Contact, number: number): void {
    if (contact.mode !== "together") return;
    contact.mode = "behind";
    contact.behindFrom = number;
    this.#oweAgain(contact, STREAM.group, number);
  }

  /**
   * Adds a peer that joined.
   *
   * @param peer The peer.
   * @param joining The number of the event that tells it.
   * @param joinedAt When it joined, in milliseconds; -Infinity if it was in the room before this member.
   */
  add(peer: Peer, joining: number, joinedAt: number): Contact {
    const contact: Contact = {
      peer,
      here: true,
      awayTold: false,
      joining,
      since: undefined,
      streams: { [STREAM.group]: new ContactStream(), [STREAM.private]: new ContactStream() },
      mode: "apart",
      behindFrom: 0,
      unsure: false,
      greeted: false,
      granted: false,
      joinedAt,
      quietSince: undefined,
      stalled: false,
      askedAt: -Infinity,
      asking: false,
      fruitless: 0,
      repair: { [STREAM.group]: 0, [STREAM.private]: 0 },
      repairedAt: -Infinity,
    };
    this.#contacts.set(peer.credential.key, contact);
    this.#undisplayed.add(contact);
    return contact;
  }

  /** A contact is in the present room. */
  meet(contact: Contact, peer: Peer): void {
    contact.peer = peer;
    contact.here = true;
    this.#missing.delete(peer.credential.folded);
  }

  /** A contact has left. Nobody waits for it any longer. */
  part(key: string, signed: boolean): void {
    const contact = this.#contacts.get(key);
    if (contact === undefined) return;
    for (const stream of STREAMS) {
      const { through } = contact.streams[stream];
      for (const entry of [...this.#logOf(stream, key).between(through, Infinity)]) {
        if (!this.isFor(contact, entry)) continue;
        this.#miss(entry, contact, signed);
        this.#settle(entry, contact);
      }
    }
    this.#contacts.delete(key);
    if (!contact.here) this.#missing.delete(contact.peer.credential.folded);
    this.#undisplayed.delete(contact);
  }

  /**
   * Takes a line to the group, to be sealed, or a private one, which its recipient is owed.
   *
   * @param line The line.
   * @param room The room that its version belongs to.
   * @param displayed The number of events that were displayed.
   */
  enter(line: Line, room: Bytes, displayed: number): void {
    this.#display(displayed);
    const entry: Entry = {
      line,
      order: this.#entered++,
      room,
      waiting: 0,
      live: 0,
      heard: false,
      sent: false,
      taken: undefined,
      missed: undefined,
      dropped: undefined,
    };
    for (const contact of this.#recipientsOf(line)) {
      if (!this.isFor(contact, entry)) continue;
      entry.waiting += 1;
      if (!contact.stalled) entry.live += 1;
    }
    this.#log(entry);
    this.#lines.add(entry);
    this.#unsent += 1;
    this.#bytes += sizeOf(entry);
    if (line.to === undefined) {
      entry.waiting += 1;
      entry.live += 1;
      this.pending.push(entry);
    } else this.owe(this.get(line.to.credential.key)!, entry);
    if (entry.live > 0) this.#hold(entry, 1);
    this.#giveUpOldest();
  }

  /** Only whoever was sent a private line has a log: members come and go without end. */
  #log(entry: Entry): void {
    const { to } = entry.line;
    if (to === undefined) return this.#group.add(entry);
    const { key } = to.credential;
    const log = this.#private.get(key) ?? new EntryLog();
    this.#private.set(key, log);
    log.add(entry);
  }

  #recipientsOf({ to }: Line): Iterable<Contact> {
    if (to === undefined) return this.#contacts.values();
    return [this.get(to.credential.key)].filter((contact) => contact !== undefined);
  }

  /** The contacts whose joining has been displayed are recipients from the next line on. */
  #display(displayed: number): void {
    for (const contact of this.#undisplayed) {
      if (contact.joining > displayed) continue;
      contact.since = this.#group.last;
      this.#undisplayed.delete(contact);
    }
  }

  #hold(entry: Entry, sign: 1 | -1): void {
    this.#held += sign;
    this.#heldBytes += sign * entry.line.text.length;
  }

  /** Gives up the oldest line while too much is kept, for those that have not taken it. */
  #giveUpOldest(): void {
    if (this.#bytes <= MAX_KEPT_BYTES) return;
    for (const entry of this.#lines) {
      if (this.#bytes <= MAX_KEPT_BYTES) return;
      const { stream, number } = entry.line;
      for (const contact of [...this.#recipientsOf(entry.line)]) {
        const state = contact.streams[stream];
        if (!this.isFor(contact, entry) || number <= state.through) continue;
        this.#miss(entry, contact, false);
        this.drop(contact, entry);
        state.gone = number;
      }
      const at = this.pending.indexOf(entry);
      if (at >= 0) {
        this.pending.splice(at, 1);
        this.sealed(entry);
      }
    }
  }

  /** Returns whether a contact is a recipient of a line. */
  isFor({ since, peer }: Contact, { line, dropped }: Entry): boolean {
    const { key } = peer.credential;
    if (line.to !== undefined) return line.to.credential.key === key && !dropped?.has(key);
    return since !== undefined && since < line.number && !line.leftOut.has(key) &&
      !dropped?.has(key);
  }

  /** A contact is to be sent a line alone, after what it is owed already. */
  owe(contact: Contact, entry: Entry): void {
    contact.streams[entry.line.stream].owed.push(entry);
  }

  /** A contact is no longer a recipient of a line. */
  drop(contact: Contact, entry: Entry): void {
    const { owed } = contact.streams[entry.line.stream];
    const at = owed.indexOf(entry);
    if (at >= 0) owed.splice(at, 1);
    this.#settle(entry, contact);
    (entry.dropped ??= new Set()).add(contact.peer.credential.key);
  }

  #miss(entry: Entry, { peer: { credential } }: Contact, signed: boolean): void {
    (entry.missed ??= new Map()).set(credential.key, { name: credential.name, signed });
  }

  /**
   * A contact has taken what was sent to it up to a number.
   *
   * @param now The time in milliseconds.
   * @returns Whether that is progress.
   */
  receipt(contact: Contact, { stream, through, seen, withheld }: Progress, now: number): boolean {
    const state = contact.streams[stream];
    state.seen = seen;
    // Nobody can have taken what it was not sent.
    const taken = Math.min(through, state.sent);
    if (taken <= state.through) return false;
    const log = this.#logOf(stream, contact.peer.credential.key);
    const entries = [...log.between(state.through, taken)];
    state.through = taken;
    state.last = Math.max(state.last, taken);
    state.land();
    while (state.owed.length > 0 && state.owed[0]!.line.number <= taken) state.owed.shift();
    for (const entry of entries) {
      if (!this.isFor(contact, entry)) continue;
      entry.taken ??= now;
      // Which of the earlier ones its person was shown is not said.
      if (entry.line.number <= withheld) this.#miss(entry, contact, false);
      this.#settle(entry, contact);
    }
    return true;
  }

  /** Returns what a contact was sent of a stream, up to a number, and has not taken. */
  outstanding(contact: Contact, stream: Stream, last: number): Entry[] {
    const { through, sent } = contact.streams[stream];
    const log = this.#logOf(stream, contact.peer.credential.key);
    return [...log.between(through, Math.min(sent, last))]
      .filter((entry) => this.isFor(contact, entry));
  }

  /** Returns whether a contact was sent something that it has not taken. */
  isOutstanding(contact: Contact): boolean {
    return STREAMS.some((stream) => {
      const { through, sent } = contact.streams[stream];
      return sent > through;
    });
  }

  /** Returns whether a contact has not taken a line to the group that another one took before a time. */
  isLate(contact: Contact, before: number): boolean {
    const { through } = contact.streams[STREAM.group];
    const first = this.#group.between(through, this.#group.last)
      .find((entry) => this.isFor(contact, entry));
    return first !== undefined && first.sent && (first.taken ?? Infinity) < before;
  }

  /** Nobody waits for a contact, or it is waited for again. */
  stall(contact: Contact, stalled: boolean): void {
    if (contact.stalled === stalled) return;
    contact.stalled = stalled;
    for (const stream of STREAMS) {
      const { through } = contact.streams[stream];
      for (
        const entry of this.#logOf(stream, contact.peer.credential.key).between(through, Infinity)
      ) {
        if (this.isFor(contact, entry)) this.#live(entry, stalled ? -1 : 1);
      }
    }
  }

  #live(entry: Entry, by: 1 | -1): void {
    const before = entry.live;
    entry.live += by;
    if (before === 0) this.#hold(entry, 1);
    else if (entry.live === 0) this.#hold(entry, -1);
  }

  /** The relay has accepted a frame that carries a line. `now` is the time in milliseconds. */
  accept(entry: Entry, now: number): void {
    if (entry.sent) return;
    if (entry.taken !== undefined) entry.taken = now;
    entry.sent = true;
    this.#unsent -= 1;
    this.#events.sent(entry.line);
  }

  /** A line to the group has been sealed, or there was nobody to seal it to. */
  sealed(entry: Entry): void {
    this.#settleOne(entry, true);
  }

  #settle(entry: Entry, contact: Contact): void {
    this.#settleOne(entry, !contact.stalled);
  }

  #settleOne(entry: Entry, isLive: boolean): void {
    entry.waiting -= 1;
    if (isLive) this.#live(entry, -1);
    if (entry.waiting > 0) return;
    const { line } = entry;
    this.#lines.delete(entry);
    this.#bytes -= sizeOf(entry);
    this.#logOf(line.stream, line.to?.credential.key ?? "").delete(entry);
    const missed = [...entry.missed?.values() ?? []];
    if (!entry.heard) {
      this.#unsent -= 1;
      return this.#events.unheard(line, missed);
    }
    this.accept(entry, 0);
    this.#events.delivered(line, missed);
  }
}

function sizeOf({ line }: Entry): number {
  return line.text.length + LINE_BYTES;
}
