/**
 * Lines and the contacts that they go to. A line is made of a text that a person enters: checked, addressed and
 * numbered, or refused with the reason. It is kept until every contact has shown it.
 *
 * @module
 */

import { type Bytes, utf8Length } from "../../base/bytes.ts";
import type { OwnCredential } from "../identity/credential.ts";
import { foldName } from "../identity/name.ts";
import {
  MAX_TEXT_BYTES,
  messageIds,
  type NoticeMessage,
  STREAM,
  type Stream,
  STREAMS,
} from "../wire/content.ts";
import type { Peer, Policy } from "./roster.ts";

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
  /** The text as it was entered. */
  readonly text: string;
  /** The length of the text in UTF-8, in bytes. */
  readonly bytes: number;
  /** The recipient of a private line. */
  readonly to: Peer | undefined;
  /** The version of the room that was displayed when it was entered. */
  readonly version: number;
  /** The hashes of the members that the policy kept from reading when it was entered. They never receive it. */
  readonly leftOut: ReadonlySet<string>;
}

/** A recipient that is not known to have shown a line: it left before it said so, or one of the flags says why. */
export interface Missed {
  /** Its name. */
  readonly name: string;
  /** Whether it signed its leaving. */
  readonly signed: boolean;
  /** Whether it withheld the line from its person. */
  readonly withheld?: boolean;
  /** Whether too much was kept for it, and the line was given up. */
  readonly givenUp?: boolean;
}

/** A line, and what it waits for. */
export class Entry {
  /** The number of recipients that have not taken it, and one while it waits to be sealed. */
  waiting = 0;
  /** As {@linkcode waiting}, without the recipients that are stalled. */
  live = 0;
  /** Whether it went to a recipient. */
  heard = false;
  /** Whether it was reported as sent. */
  sent = false;
  /** When the relay had accepted it and a first recipient had received it, in milliseconds; undefined before that. */
  taken: number | undefined;
  /** The recipients that are not known to have shown it, by their hashes. */
  missed: Map<string, Missed> | undefined;
  /** Former recipients, by their hashes: the policy keeps them from reading since. */
  dropped: Set<string> | undefined;

  /**
   * @param line The line.
   * @param order Rises with each line that is entered, over all streams.
   * @param room The room that {@linkcode Line.version} belongs to.
   */
  constructor(readonly line: Line, readonly order: number, readonly room: Bytes) {}

  /** The memory that it costs, in bytes. */
  get size(): number {
    return this.line.bytes + LINE_BYTES;
  }
}

/** The memory that a line costs besides its text, in bytes. */
const LINE_BYTES = 512;

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
  /** The number up to which it was told so. It may not have heard it: what is sent next says it as well. */
  told = 0;
  /** The number up to which lost messages are to be sent again. */
  repair = 0;
  /** The number up to which the last repair sent them. */
  repaired = 0;

  /** Marks what was sent up to a number and was not taken as lost. It is sent again when that is due. */
  lose(number: number = this.sent): void {
    this.repair = Math.min(number, this.sent);
  }

  /** The number before the first message that may be sent again. */
  get base(): number {
    return Math.max(this.through, this.told);
  }

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
    this.flightBytes = this.repaired = 0;
    this.last = this.base;
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

/** A member that is in the room, or may come back to it, as far as this member knows. */
export class Contact {
  /** Whether it is in the present room. */
  here = true;
  /** Whether it was reported as away. */
  awayTold = false;
  /** It is a recipient of the group's lines after this number; undefined until its joining was displayed. */
  since: number | undefined;
  readonly streams: Readonly<Record<Stream, ContactStream>> = {
    [STREAM.group]: new ContactStream(),
    [STREAM.private]: new ContactStream(),
  };
  mode: Mode = "apart";
  /** The number of the first message that the relay left out; 0 if none. */
  behindFrom = 0;
  /** Whether it must answer before it is sent what it is owed, because it may have taken that already. */
  unsure = false;
  /** Whether the pair frame that it is to answer was sent. */
  greeted = false;
  /** Whether it was told that it is given no lines, because its key is not the known one. */
  toldMistrust = false;
  /** Whether it was granted the chain, and has been sent every line since by sealed frames. */
  granted = false;
  /** Since when something has been outstanding without an answer that shows progress, in milliseconds. */
  quietSince: number | undefined;
  /** Whether it is late or silent, so that lines to others do not wait for it. */
  stalled = false;
  /** When it was asked last, in milliseconds. */
  askedAt = -Infinity;
  /** Whether it has not answered since. */
  asking = false;
  /** How many answers in a row have shown no progress. */
  fruitless = 0;
  /** When lost messages were sent again last, in milliseconds. */
  repairedAt = -Infinity;
  /** How many repairs in a row it has not taken. */
  repairs = 0;
  /** The notices that it is to be sent in this room. */
  notices: NoticeMessage[] = [];

  /**
   * Starts with nothing sent.
   *
   * @param peer As the room lists it, or listed it last.
   * @param joining The number of the event that reported its joining.
   * @param joinedAt When it joined, in milliseconds; -Infinity if it was in the room before this member.
   */
  constructor(public peer: Peer, readonly joining: number, readonly joinedAt: number) {}

  /** The member's hash as a map key. */
  get key(): string {
    return this.peer.credential.key;
  }

  /** Marks everything that it was sent and has not taken as lost. */
  loseAll(): void {
    for (const stream of STREAMS) this.streams[stream].lose();
  }

  /** Resets the state that belongs to a room that is over. */
  leaveRoom(): void {
    this.here =
      this.greeted =
      this.granted =
      this.asking =
        false;
    this.mode = "apart";
    this.behindFrom = this.fruitless = this.repairs = 0;
    this.quietSince = undefined;
    for (const stream of STREAMS) this.streams[stream].repair = 0;
    this.notices = [];
  }
}

/** The lines of one stream that are not delivered, by number. */
class EntryLog {
  readonly #entries = new Map<number, Entry>();
  #last = 0;

  /** The number of the newest line. */
  get last(): number {
    return this.#last;
  }

  /** Adds the newest line. */
  add(entry: Entry): void {
    this.#last = entry.line.number;
    this.#entries.set(entry.line.number, entry);
  }

  /** Removes a line that is delivered. */
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

/** The log of a stream without lines. */
const NO_LINES = new EntryLog();

/** The lines of all streams that are not delivered. */
export class Logs {
  readonly #group = new EntryLog();
  /** By recipient of private lines. They are kept when a contact parts: numbers are never used twice. */
  readonly #private = new Map<string, EntryLog>();

  /** The number of members that were ever sent a private line. */
  get privateStreams(): number {
    return this.#private.size;
  }

  /** Returns the lines of the group, or the private ones to a member, which is given by its hash as a map key. */
  of(stream: Stream, key = ""): EntryLog {
    if (stream === STREAM.group) return this.#group;
    return this.#private.get(key) ?? NO_LINES;
  }

  /** Adds a line. Only contacts with private lines have a log, because members come and go without end. */
  add(entry: Entry): void {
    const { to } = entry.line;
    if (to === undefined) return this.#group.add(entry);
    const { key } = to.credential;
    const log = this.#private.get(key) ?? new EntryLog();
    this.#private.set(key, log);
    log.add(entry);
  }
}

/** The result of entering a line. */
export type Entered =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly code: RefusalCode; readonly message: string };

/** Why a line is not sent. */
export type RefusalCode =
  | "TEXT_TOO_LARGE"
  | "TEXT_EMPTY"
  | "NOT_JOINED"
  | "NO_SUCH_MEMBER"
  | "EXCLUDED"
  | "TO_SELF";

/** The surroundings in which a line is entered. */
export interface Setting {
  /** Whether the member is, or was, in a room. */
  readonly inRoom: boolean;
  /** The version of the room that has been displayed; 0 if its roster has not been. */
  readonly version: number;
  /** The members that are in the room, as far as this member knows. */
  readonly peers: readonly Peer[];
}

/** A line, or why it is not sent. */
export type Composed = { readonly ok: true; readonly line: Line } | Extract<Entered, { ok: false }>;

const NOBODY = new Set<string>();

/** The sender, its policy, the lines that it has entered, and how many events its person was shown. */
interface Speaker {
  readonly self: OwnCredential;
  readonly policy: Policy;
  readonly ledger: {
    /** The number of the next line to the group. */
    readonly nextNumber: number;
    /** Returns the number of the next private line to a member, given by its hash as a map key. */
    nextPrivate(key: string): number;
    /** Returns whether a person who was shown the first `displayed` events was shown the joining of a member. */
    isDisplayed(key: string, displayed: number): boolean;
  };
  readonly displayed: { readonly shown: number };
}

/** Makes the lines of one member. */
export class Composer {
  readonly #context: Speaker;
  /** The time of day, for people. */
  readonly #date: () => number;
  /** Makes the ids of lines to the group. */
  readonly #idOf: (number: number) => string;
  /** Whether a roster has been displayed, in this room or an earlier one. */
  #seated = false;
  #leftOut: ReadonlySet<string> = NOBODY;

  /**
   * Starts with nothing entered.
   *
   * @param context What its lines depend on.
   * @param date The time in milliseconds since 1970.
   */
  constructor(context: Speaker, date: () => number) {
    this.#context = context;
    this.#date = date;
    this.#idOf = messageIds(context.self.member);
  }

  /**
   * Makes a line of what a person entered.
   *
   * @param text 1 byte to 64 KiB of UTF-8.
   * @param to The name of the recipient of a private line; undefined for the group.
   * @param setting The surroundings.
   */
  compose(text: string, to: string | undefined, setting: Setting): Composed {
    const bytes = utf8Length(text);
    if (bytes === 0) return refusal("TEXT_EMPTY", "there is no text to send");
    if (bytes > MAX_TEXT_BYTES) {
      const bound = `at most ${MAX_TEXT_BYTES} bytes (64 KiB) of UTF-8, not ${bytes}`;
      return refusal("TEXT_TOO_LARGE", `a message has ${bound}`);
    }
    const { inRoom, version, peers } = setting;
    this.#seated ||= version > 0;
    if (!inRoom || !this.#seated) {
      return refusal("NOT_JOINED", "this member is not in the room");
    }
    const peer = to === undefined ? undefined : byName(peers, foldName(to));
    const { self, policy, ledger, displayed } = this.#context;
    if (peer?.credential.key === self.key) {
      return refusal("TO_SELF", "a private message goes to somebody else");
    }
    // Somebody else may have taken the name a moment before Enter.
    const isThere = peer !== undefined &&
      ledger.isDisplayed(peer.credential.key, displayed.shown);
    if (to !== undefined && !isThere) {
      return refusal("NO_SUCH_MEMBER", `nobody here is called ${to}`);
    }
    const obstacle = peer === undefined ? undefined : policy.obstacle(peer);
    if (obstacle !== undefined) return refusal("EXCLUDED", `${to} ${obstacle}`);
    return { ok: true, line: this.#line(text, bytes, peer, setting) };
  }

  #line(text: string, bytes: number, to: Peer | undefined, setting: Setting): Line {
    const { version, peers } = setting;
    const { self, ledger } = this.#context;
    const number = to === undefined ? ledger.nextNumber : ledger.nextPrivate(to.credential.key);
    const idOf = to ? messageIds(self.member, to.credential.member) : this.#idOf;
    return {
      id: idOf(number),
      stream: to === undefined ? STREAM.group : STREAM.private,
      number,
      time: this.#date(),
      text,
      bytes,
      to,
      version,
      leftOut: this.#leftOutOf(peers),
    };
  }

  /** Returns the members that the policy keeps from reading now: the same set as long as they are the same. */
  #leftOutOf(peers: readonly Peer[]): ReadonlySet<string> {
    let keys = NOBODY;
    for (const peer of peers) {
      if (this.#context.policy.obstacle(peer) === undefined) continue;
      if (keys === NOBODY) keys = new Set();
      keys.add(peer.credential.key);
    }
    const isSame = keys === this.#leftOut ||
      keys.size === this.#leftOut.size && keys.isSubsetOf(this.#leftOut);
    if (!isSame) this.#leftOut = keys;
    return this.#leftOut;
  }
}

function byName(peers: readonly Peer[], folded: string): Peer | undefined {
  return peers.find(({ credential }) => credential.folded === folded);
}

function refusal(code: RefusalCode, message: string): Composed {
  return { ok: false, code, message };
}
