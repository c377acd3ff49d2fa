/**
 * The lines of a member that are not delivered yet, with the recipients of each.
 * The list outlives connections and rooms.
 *
 * The recipients of a line are fixed when it is entered: the contacts whose joining had been displayed. A contact that
 * cannot be sent a sealed frame with the others is **owed** the line, and is sent it alone, in order.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { type Progress, STREAM, type Stream, STREAMS } from "../wire/content.ts";
import { Contact, Entry, type Line, Logs, type Missed } from "./lines.ts";
import type { Peer } from "./roster.ts";

/** The most text that is kept until it is delivered, in bytes. */
export const MAX_KEPT_BYTES = 16 << 20;
/** The most members that have left of which it is kept what they were owed. */
export const MAX_PARTED = 16_384;

/** The state of a line that is not delivered. */
export interface WaitingLine {
  /** The line. */
  readonly line: Line;
  /** Whether the relay has accepted it. */
  readonly sent: boolean;
  /** The number of recipients that have shown it. */
  readonly shown: number;
  /** The number of recipients. */
  readonly recipients: number;
  /** The recipients that have not said yet whether they have shown it. */
  readonly waitingFor: readonly Peer[];
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

/**
 * What becomes of a line: the relay has accepted it for every recipient in the room (`sent`); every recipient has taken
 * it, or is gone (`delivered`); or there was no recipient, or all were gone before the line was sent (`unheard`).
 */
export type LineOutcome = "sent" | "delivered" | "unheard";

/** Receives the outcomes of lines. `missed` are the recipients that are not known to have shown the line. */
export type OutcomeListener = (kind: LineOutcome, line: Line, missed: readonly Missed[]) => void;

const NOBODY: readonly Missed[] = [];

/** Lines and contacts. */
export class Ledger {
  /** The group's lines that have not been sealed, in order. */
  readonly pending: Entry[] = [];
  readonly #tell: OutcomeListener;
  readonly #contacts = new Map<string, Contact>();
  /** The contacts that are not in the present room, by folded name. */
  readonly #missing = new Map<string, Contact>();
  readonly #undisplayed = new Set<Contact>();
  /** The highest numbers that members which have left were owed and had not taken, by their hashes. */
  readonly #parted = new Map<string, Readonly<Record<Stream, number>>>();
  readonly #logs = new Logs();
  /** All lines, in the order in which they were entered. */
  readonly #lines = new Set<Entry>();
  #entered = 0;
  #chains = 0;
  #bytes = 0;
  #held = 0;
  #heldBytes = 0;
  #unsent = 0;

  /** Starts without contacts and lines. */
  constructor(tell: OutcomeListener) {
    this.#tell = tell;
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
    return this.#logs.privateStreams;
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
    return this.#missing.size === 0 ? [] : [...this.#missing.values()];
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
    return this.#logs.of(STREAM.group).last + 1;
  }

  /** Returns the number of the next private line to a contact. */
  nextPrivate(key: string): number {
    return this.#logs.of(STREAM.private, key).last + 1;
  }

  /** Returns the lines of a stream that are for a contact, with numbers above `after` and up to `last`. */
  #linesFor(contact: Contact, stream: Stream, after: number, last = Infinity): Entry[] {
    const lines = this.#logs.of(stream, contact.key).between(after, last);
    return [...lines].filter((entry) => this.isFor(contact, entry));
  }

  /** Returns the lines that are for a contact, and that it has not taken. */
  #untaken(contact: Contact): Entry[] {
    return STREAMS.flatMap((stream) =>
      this.#linesFor(contact, stream, contact.streams[stream].through)
    );
  }

  /** Starts another room. Its members, and what each has received, become known later. */
  changeRoom(): void {
    for (const contact of this.#contacts.values()) {
      this.#missing.set(contact.peer.credential.folded, contact);
      contact.leaveRoom();
      for (const stream of STREAMS) this.#oweAgain(contact, stream, 0);
      contact.unsure = STREAMS.some((stream) => contact.streams[stream].owed.length > 0);
    }
  }

  /** Owes a contact again the lines that it was sent from a number on and has not taken. */
  #oweAgain(contact: Contact, stream: Stream, from: number): void {
    const state = contact.streams[stream];
    const { owed, sent } = state;
    state.crash();
    const again = this.#linesFor(contact, stream, Math.max(state.through, from - 1), sent);
    // What is owed since an earlier room, and was not sent in the last one, is owed once.
    const all = new Set([...again, ...owed]);
    owed.splice(0, owed.length, ...[...all].sort((a, b) => a.line.number - b.line.number));
  }

  /**
   * The relay leaves out sealed frames for a contact, from a number on. The contact may be served alone by now: until
   * it rejoins, the relay leaves out what is sealed to it later as well.
   */
  fallBehind(contact: Contact, number: number): void {
    if (contact.mode === "behind") return;
    contact.mode = "behind";
    contact.behindFrom = number;
    this.#oweAgain(contact, STREAM.group, number);
  }

  /**
   * Adds a peer that joined. If it had left, it is to be told up to which number it was owed what will not come: a relay
   * could otherwise hide a line by a leaving.
   *
   * @param peer The peer.
   * @param joining The number of the event that tells it.
   * @param joinedAt When it joined, in milliseconds; -Infinity if it was in the room before this member.
   */
  add(peer: Peer, joining: number, joinedAt: number): Contact {
    const contact = new Contact(peer, joining, joinedAt);
    const owed = this.#parted.get(contact.key);
    this.#parted.delete(contact.key);
    for (const stream of STREAMS) contact.streams[stream].gone = owed?.[stream] ?? 0;
    this.#contacts.set(contact.key, contact);
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
    // Who leaves by itself knows that it misses what is said.
    if (!signed) this.#noteOwed(contact);
    for (const entry of this.#untaken(contact)) {
      this.#miss(entry, contact, { signed });
      this.#settle(entry, contact);
    }
    this.#contacts.delete(key);
    if (!contact.here) this.#missing.delete(contact.peer.credential.folded);
    this.#undisplayed.delete(contact);
  }

  /** Notes up to which numbers a contact that leaves was owed something that it has not taken. */
  #noteOwed(contact: Contact): void {
    const owedOf = (stream: Stream) => {
      const { through, sent, gone } = contact.streams[stream];
      const last = this.#linesFor(contact, stream, through).at(-1);
      const owed = Math.max(sent, gone, last?.line.number ?? 0);
      return owed > through ? owed : 0;
    };
    const owed = { [STREAM.group]: owedOf(STREAM.group), [STREAM.private]: owedOf(STREAM.private) };
    if (STREAMS.every((stream) => owed[stream] === 0)) return;
    this.#parted.set(contact.key, owed);
    if (this.#parted.size <= MAX_PARTED) return;
    const [oldest] = this.#parted.keys();
    this.#parted.delete(oldest!);
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
    const entry = new Entry(line, this.#entered++, room);
    for (const { stalled } of this.#recipientsOf(entry)) {
      entry.waiting += 1;
      if (!stalled) entry.live += 1;
    }
    this.#logs.add(entry);
    this.#lines.add(entry);
    this.#unsent += 1;
    this.#bytes += entry.size;
    if (line.to === undefined) {
      entry.waiting += 1;
      entry.live += 1;
      this.pending.push(entry);
    } else this.owe(this.get(line.to.credential.key)!, entry);
    if (entry.live > 0) this.#hold(entry, 1);
    this.#giveUpOldest();
  }

  #recipientsOf(entry: Entry): Contact[] {
    const { to } = entry.line;
    const known = to === undefined ? this.#contacts.values() : [this.get(to.credential.key)];
    const recipients: Contact[] = [];
    for (const contact of known) {
      if (contact !== undefined && this.isFor(contact, entry)) recipients.push(contact);
    }
    return recipients;
  }

  /** The contacts whose joining has been displayed are recipients from the next line on. */
  #display(displayed: number): void {
    for (const contact of this.#undisplayed) {
      if (contact.joining > displayed) continue;
      contact.since = this.nextNumber - 1;
      this.#undisplayed.delete(contact);
    }
  }

  #hold(entry: Entry, sign: 1 | -1): void {
    this.#held += sign;
    this.#heldBytes += sign * entry.line.bytes;
  }

  /** Gives up the oldest line while too much is kept, for those that have not taken it. */
  #giveUpOldest(): void {
    if (this.#bytes <= MAX_KEPT_BYTES) return;
    for (const entry of this.#lines) {
      if (this.#bytes <= MAX_KEPT_BYTES) return;
      const { stream, number } = entry.line;
      for (const contact of this.#recipientsOf(entry)) {
        const state = contact.streams[stream];
        if (number <= state.through) continue;
        this.#miss(entry, contact, { givenUp: true });
        this.drop(contact, entry);
        state.gone = number;
      }
      const at = this.pending.indexOf(entry);
      if (at < 0) continue;
      this.pending.splice(at, 1);
      this.sealed(entry);
    }
  }

  /** Returns whether a contact is a recipient of a line. */
  isFor({ since, key }: Contact, { line, dropped }: Entry): boolean {
    if (dropped?.has(key)) return false;
    if (line.to !== undefined) return line.to.credential.key === key;
    return since !== undefined && since < line.number && !line.leftOut.has(key);
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
    (entry.dropped ??= new Set()).add(contact.key);
  }

  #miss(
    entry: Entry,
    { key, peer: { credential: { name } } }: Contact,
    why: Omit<Missed, "name" | "signed"> & { readonly signed?: boolean },
  ): void {
    (entry.missed ??= new Map()).set(key, { name, signed: false, ...why });
  }

  /** Returns the first `most` lines that are not delivered, each with the recipients that have not shown it. */
  waiting(most: number): WaitingLine[] {
    return [...this.#lines.values().take(most)].map((entry) => {
      const { line, sent, missed } = entry;
      const recipients = this.#recipientsOf(entry);
      const waiting = recipients.filter(({ streams }) =>
        streams[line.stream].through < line.number
      );
      const took = recipients.length - waiting.length;
      const withheld = recipients.filter(({ key }) => missed?.has(key)).length;
      return {
        line,
        sent,
        shown: took - withheld,
        recipients: recipients.length - withheld + (missed?.size ?? 0),
        waitingFor: waiting.map(({ peer }) => peer),
      };
    });
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
    // It has forgotten this member's stream: it is to be told once more that what it took does not come.
    if (taken < state.through) state.told = Math.max(state.told, state.through);
    if (taken <= state.through) return false;
    const entries = this.#linesFor(contact, stream, state.through, taken);
    state.through = taken;
    state.last = Math.max(state.last, taken);
    state.land();
    while (state.owed.length > 0 && state.owed[0]!.line.number <= taken) state.owed.shift();
    for (const entry of entries) {
      entry.taken ??= now;
      // Which of the earlier ones its person was shown is not said.
      if (entry.line.number <= withheld) this.#miss(entry, contact, { withheld: true });
      this.#settle(entry, contact);
    }
    return true;
  }

  /** Returns what a contact was sent of a stream, up to a number, and has not taken. */
  outstanding(contact: Contact, stream: Stream, last: number): Entry[] {
    const { through, sent } = contact.streams[stream];
    return this.#linesFor(contact, stream, through, Math.min(sent, last));
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
    const group = this.#logs.of(STREAM.group);
    const first = group.between(through, group.last)
      .find((entry) => this.isFor(contact, entry));
    return first !== undefined && first.sent && (first.taken ?? Infinity) < before;
  }

  /** Nobody waits for a contact, or it is waited for again. */
  stall(contact: Contact, stalled: boolean): void {
    if (contact.stalled === stalled) return;
    contact.stalled = stalled;
    for (const entry of this.#untaken(contact)) this.#live(entry, stalled ? -1 : 1);
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
    this.#tell("sent", entry.line, []);
  }

  /** Records that a line to the group was sealed, or had no recipient to seal it to. */
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
    this.#bytes -= entry.size;
    this.#logs.of(line.stream, line.to?.credential.key).delete(entry);
    const missed = entry.missed === undefined ? NOBODY : [...entry.missed.values()];
    if (!entry.heard) {
      this.#unsent -= 1;
      return this.#tell("unheard", line, missed);
    }
    this.accept(entry, 0);
    this.#tell("delivered", line, missed);
  }
}
