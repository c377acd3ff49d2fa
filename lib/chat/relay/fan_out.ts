/**
 * What a room writes to its members: the deliveries of its feed, in groups with a turn of the event loop between, and
 * the newest receipt and ask of each pair, in one frame for each recipient.
 *
 * @module
 */

import { type Bytes, concat } from "../../base/bytes.ts";
import type { Link } from "../link.ts";
import type { Feed, Outbox } from "./cursor.ts";
import type { EntryKind, Stay } from "./member.ts";
import { type After, type Later, LOOKUP_BYTES } from "./options.ts";
import { isFor, type Recipients } from "./room.ts";
import { encodeEntries, type Entry } from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";

/** The number of members that are written to in one turn. */
const GROUP = 64;
/** A room of up to this many readers is written to in one turn, because a turn costs as much as tens of writes. */
const WHOLE = 2 * GROUP;
/** The most bytes that are joined for one write. More is sent delivery by delivery. */
const MAX_JOINED_BYTES = 64 << 10;

/** Writes deliveries to the members of a room. */
export class FanOut {
  readonly #feed: Feed;
  readonly #later: Later;
  readonly #broken: (error: unknown, member: number) => void;
  /** The members with a link, in the order in which they got it. */
  readonly #readers = new Map<number, Outbox>();
  /** Readers to which something is addressed alone. They do not wait for their group. */
  readonly #urgent = new Set<number>();
  /** Whether something for more than one member was appended since the last pass started. */
  #isDue = false;
  /** The members that the present pass has not reached; undefined between passes. */
  #pass: MapIterator<Outbox> | undefined;
  #segment: Segment | undefined;

  /**
   * Writes what is appended to a feed.
   *
   * @param later Calls a function in a later turn of the event loop.
   * @param broken Receives what writing to a member throws.
   */
  constructor(feed: Feed, later: Later, broken: (error: unknown, member: number) => void) {
    this.#feed = feed;
    this.#later = later;
    this.#broken = broken;
  }

  /** Gives a member a link, and writes what waits for it. */
  add(outbox: Outbox, link: Link): void {
    // Each object on the way to a socket is a miss of the processor's caches, in a room of a thousand.
    outbox.link = link.sink ?? link;
    this.#readers.set(outbox.member, outbox);
    this.write(outbox);
  }

  /** Takes a member's link away. */
  delete(outbox: Outbox): void {
    outbox.link = undefined;
    this.#readers.delete(outbox.member);
  }

  /** Notes that frames were appended. */
  appended({ one }: Recipients): void {
    if (one === undefined) this.#isDue = true;
    else this.#urgent.add(one);
  }

  /** Writes what was appended. The first group is written at once. */
  flush(): void {
    for (const member of this.#urgent) {
      const outbox = this.#readers.get(member);
      if (outbox !== undefined) this.write(outbox, false);
    }
    this.#urgent.clear();
    if (!this.#isDue || this.#pass !== undefined) return;
    this.#isDue = false;
    this.#pass = this.#readers.values();
    this.#writeGroup();
  }

  #writeGroup(): void {
    let left = GROUP;
    for (const outbox of this.#pass ?? []) {
      this.write(outbox);
      if (--left === 0 && this.#readers.size > WHOLE) {
        return this.#later(() => this.#writeGroup());
      }
    }
    this.#pass = undefined;
    // What came during the pass waits for a turn, so that much of it goes out together.
    if (this.#isDue) this.#later(() => this.flush());
  }

  /**
   * Writes what waits for a member that has a link, as far as it may be sent.
   *
   * @param joined Whether others are likely to be sent the same, so that joining it once is worth while.
   */
  write(outbox: Outbox, joined = true): void {
    try {
      if (!joined || !this.#writeJoined(outbox)) {
        for (const bytes of outbox.take()) outbox.link!.send(bytes);
      }
    } catch (error) {
      this.#broken(error, outbox.member);
    }
  }

  /** Writes everything at once. Returns false if it is too much, or is not in the feed. */
  #writeJoined(outbox: Outbox): boolean {
    const segment = this.#segmentFor(outbox);
    if (segment === undefined) return !outbox.hasWaiting;
    const part = segment.partFor(outbox.member);
    if (part === undefined || !outbox.fits(part.frames, part.bytes.length)) return false;
    outbox.sentAll(part.frames, part.bytes.length);
    if (part.frames > 0) outbox.link!.send(part.bytes);
    return true;
  }

  /** Returns what waits for a member; undefined if it is not in the feed, or nothing waits. */
  #segmentFor(outbox: Outbox): Segment | undefined {
    const { end } = this.#feed;
    // Mostly all members are at the same delivery.
    if (this.#segment?.end === end && outbox.isAt(this.#segment.from)) return this.#segment;
    const from = outbox.sharedFrom;
    if (from === undefined || !outbox.hasWaiting) return undefined;
    if (this.#segment?.from !== from || this.#segment.end !== end) {
      this.#segment = new Segment(this.#feed, from, end);
    }
    return this.#segment;
  }
}

/** A part of a segment that is for a member. */
interface Part {
  readonly frames: number;
  readonly bytes: Bytes;
}

const NOTHING: Part = { frames: 0, bytes: new Uint8Array(0) };

/** Adjacent deliveries to the same recipients. */
interface Run {
  readonly to: Recipients;
  frames: number;
  readonly pieces: Bytes[];
}

function join(runs: readonly Run[]): Part {
  const all: Bytes[] = [];
  let count = 0;
  for (const { frames, pieces } of runs) {
    all.push(...pieces);
    count += frames;
  }
  return { frames: count, bytes: all.length === 1 ? all[0]! : concat(all) };
}

/** The deliveries from one index to another, joined once for all members that are to have the same of them. */
class Segment {
  readonly #runs: Run[] = [];
  readonly #isLarge: boolean;
  readonly #parts = new Map<string, Part>();
  #whole: Part | undefined;

  constructor(feed: Feed, readonly from: number, readonly end: number) {
    let bytes = 0;
    for (let i = from; i < end && bytes <= MAX_JOINED_BYTES; i++) {
      const delivery = feed.at(i);
      const last = this.#runs.at(-1);
      bytes += delivery.bytes.length;
      if (last?.to === delivery.to) {
        last.frames += delivery.frames;
        last.pieces.push(delivery.bytes);
      } else {
        this.#runs.push({ to: delivery.to, frames: delivery.frames, pieces: [delivery.bytes] });
      }
    }
    this.#isLarge = bytes > MAX_JOINED_BYTES;
  }

  /** Returns what is for a member; undefined if it is too large to be joined. */
  partFor(member: number): Part | undefined {
    if (this.#isLarge) return undefined;
    const runs = this.#runs;
    // Mostly one member speaks, and all others are to have the same.
    if (runs.length === 1) return isFor(runs[0]!.to, member) ? this.#whole ??= join(runs) : NOTHING;
    let key = "";
    for (const { to } of runs) key += isFor(to, member) ? "1" : "0";
    const known = this.#parts.get(key);
    if (known !== undefined) return known;
    const part = join(runs.filter((_, i) => key[i] === "1"));
    this.#parts.set(key, part);
    return part;
  }
}

/** How long a member may wait to be told what was accepted, in milliseconds. */
const ACCEPTED_MS = 20;

/**
 * Tells members what was accepted. A write of its own, and its reading, cost as much as the message: it waits a moment
 * for a receipt that goes to the same member.
 */
export class Acceptances {
  readonly #after: After | undefined;
  #owed = new Set<Stay>();
  #timer: Disposable | undefined;

  /** @param after Calls a function after some time; without it, members are told at once. */
  constructor(after: After | undefined) {
    this.#after = after;
  }

  /** Frames of a member may have been accepted. */
  add(stay: Stay): void {
    if (!stay.owesAccepted) return;
    this.#owed.add(stay);
    if (this.#after === undefined) this.#tell();
    else this.#timer ??= this.#after(ACCEPTED_MS, () => this.#tell());
  }

  /** Forgets a member whose connection has ended. */
  delete(stay: Stay): void {
    this.#owed.delete(stay);
    if (this.#owed.size === 0) this.#stop();
  }

  #tell(): void {
    this.#stop();
    for (const stay of this.#owed) {
      const frame = stay.takeAccepted();
      if (frame !== undefined) stay.connection!.send(frame);
    }
    this.#owed.clear();
  }

  #stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}

/** The most entries that wait. Beyond that they are forwarded at once. */
const MAX_ENTRIES = 16_384;
/** Entries for a member with more unsent bytes than this are dropped: newer ones replace them. */
const MAX_UNSENT_BYTES = 256 << 10;

/** An entry that waits, and its kind. */
interface Waiting {
  readonly kind: EntryKind;
  readonly entry: Entry;
}

/** Splits and joins the receipts and asks of a room. */
export class Receipts {
  readonly #recipient: (number: number) => Stay | undefined;
  readonly #later: Later;
  /** The newest entries, by recipient, then by kind and sender. */
  readonly #waiting = new Map<number, Map<string, Waiting>>();
  #entries = 0;

  /**
   * @param recipient Returns the member with a number, if it has a connection.
   * @param later Calls a function in a later turn of the event loop.
   */
  constructor(recipient: (number: number) => Stay | undefined, later: Later) {
    this.#recipient = recipient;
    this.#later = later;
  }

  /**
   * Takes the entries of one frame.
   *
   * @param sender The number of the member that sent them.
   * @returns What they cost the sender, in bytes sent on.
   */
  take(sender: number, kind: EntryKind, entries: readonly Entry[]): number {
    const isFirst = this.#entries === 0;
    let cost = 0;
    for (const entry of entries) {
      const isHere = entry.member !== sender && this.#recipient(entry.member) !== undefined;
      cost += isHere ? entry.box.length : LOOKUP_BYTES;
      if (isHere) this.#keep(sender, kind, entry);
    }
    if (this.#entries > MAX_ENTRIES) this.flush();
    else if (isFirst && this.#entries > 0) this.#later(() => this.flush());
    return cost;
  }

  /** Keeps an entry in place of an earlier one of its kind and pair. Its bytes are views of a buffer that is reused. */
  #keep(sender: number, kind: EntryKind, entry: Entry): void {
    const waiting = this.#waiting.get(entry.member) ?? new Map<string, Waiting>();
    this.#waiting.set(entry.member, waiting);
    const key = `${kind} ${sender}`;
    if (!waiting.has(key)) this.#entries += 1;
    const own = { member: sender, check: entry.check.slice(), box: entry.box.slice() };
    waiting.set(key, { kind, entry: { ...entry, ...own } });
  }

  /** Forwards what waits. */
  flush(): void {
    this.#entries = 0;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [number, entries] of waiting) {
      const recipient = this.#recipient(number);
      if (recipient !== undefined) forward(recipient, [...entries.values()]);
    }
  }
}

/** Writes entries to their recipient, unless it reads too slowly for them. */
function forward(recipient: Stay, entries: readonly Waiting[]): void {
  const connection = recipient.connection!;
  if (connection.waiting > MAX_UNSENT_BYTES) return;
  for (const kind of [KIND.receipt, KIND.ask] as const) {
    const ofKind = entries.filter((one) => one.kind === kind);
    const [first, ...others] = encodeEntries(kind, ofKind.map(({ entry }) => entry));
    const accepted = first && recipient.takeAccepted();
    // One write, which wakes the member once.
    if (first !== undefined) connection.send(accepted ? concat([accepted, first]) : first);
    for (const frame of others) connection.send(frame);
  }
}
