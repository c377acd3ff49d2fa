/**
 * What a member of the crowd does besides counting where receipts are measured: it unwraps the key that a speaker gives
 * it, and says what it has taken. It opens no text.
 *
 * @module
 */

import { ByteReader, type Bytes, sha256 } from "../../../lib/base/bytes.ts";
import type { OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { DueReceipts } from "../../../lib/chat/member/acknowledger.ts";
import { PairReceiver, sequences } from "../../../lib/chat/seal/pairwise.ts";
import { encodeReceipt, STREAM } from "../../../lib/chat/wire/content.ts";
import { encodeEntries, type PairFrame, readPair } from "../../../lib/chat/wire/envelope.ts";
import { RosterHistory } from "../../../lib/chat/wire/history.ts";
import { HASH_BYTES, KIND } from "../../../lib/chat/wire/kinds.ts";
import { sendAll } from "./libc.ts";
import type { Keeps } from "./light_reader.ts";

/** The sender and the number of a sealed frame, where they stand in its payload, and how much of it holds both. */
const SENDER_AT = 0;
const NUMBER_AT = 11;
const SEALED_HEAD_BYTES = 17;
/** Whole frames of the other kinds that matter. */
const WHOLE_BYTES = 4096;

/** What a listener has to see of each frame. */
export const KEEPS: Keeps = (kind) => kind === KIND.sealed ? SEALED_HEAD_BYTES : WHOLE_BYTES;

/** The room as all members of the crowd know it. */
export class SharedRoster {
  readonly #hashes = new Map<number, Promise<Bytes>>();
  #start: { room: Bytes; version: number; context: Bytes } | undefined;
  #history: RosterHistory | undefined;

  /** The room's id. */
  get room(): Bytes {
    return this.#start!.room;
  }

  /** The number of members. */
  get size(): number {
    return this.#history!.size;
  }

  /** The newest version and its context. */
  async newest(): Promise<{ version: number; context: Bytes }> {
    const { version, newest } = this.#history!;
    return { version, context: await newest };
  }

  /** The context of a version, once it is known. */
  async context(version: number): Promise<Bytes> {
    const context = await this.#history!.when(version);
    if (context === undefined) throw new Error(`version ${version} of the room is not known`);
    return context;
  }

  /** The hash of the member with a number. */
  async hashOf(number: number): Promise<Bytes> {
    const hash = await this.#hashes.get(number);
    if (hash === undefined) throw new Error(`member ${number} is not known`);
    return hash;
  }

  /** Notes a page of a newcomer's roster: room, version and context. */
  page(payload: Bytes): void {
    const reader = new ByteReader(payload);
    const [room, version, context] = [reader.raw(HASH_BYTES), reader.u32(), reader.raw(HASH_BYTES)];
    if (version > (this.#start?.version ?? -1)) {
      this.#start = { room: room.slice(), version, context: context.slice() };
    }
  }

  /** Notes the number of one of the crowd. */
  admit(number: number, hash: Bytes): void {
    this.#hashes.set(number, Promise.resolve(hash));
  }

  /** Begins the history. All of the crowd are in the room then, and no other member. */
  async begin(): Promise<void> {
    const start = this.#start!;
    const known = await Promise.all(this.#hashes.values());
    const newest = await this.hashOf(start.version + 1);
    const members = known.filter((hash) => hash !== newest);
    this.#history = new RosterHistory({ ...start, members });
    await this.#history.add("joined", newest);
  }

  /** Notes a joining after the beginning. */
  joined(payload: Bytes): void {
    const reader = new ByteReader(payload);
    const version = reader.u32();
    if (this.#history === undefined || version <= this.#history.version) return;
    const hash = sha256(reader.block16().slice());
    this.#hashes.set(version, hash);
    this.#add("joined", hash);
  }

  /** Notes a leaving after the beginning. */
  left(payload: Bytes): void {
    const reader = new ByteReader(payload);
    reader.u32();
    this.#add("left", this.hashOf(reader.u32()));
  }

  /** Events are added in the order in which they came. */
  #adding = Promise.resolve();

  #add(event: "joined" | "left", hash: Promise<Bytes>): void {
    this.#adding = this.#adding.then(async () => void this.#history!.add(event, await hash));
  }

  /** Waits until what came so far is in the history. */
  async settled(): Promise<void> {
    await this.#adding;
  }
}

/** What a listener knows of a speaker. */
interface Heard {
  readonly speaker: number;
  /** The last group message that came. */
  number: number;
  /** Undefined until a key was sent. */
  receiver?: PairReceiver;
}

/** One member that sends receipts. */
export class Listener {
  readonly #roster: SharedRoster;
  readonly #self: OwnCredential;
  readonly #fd: number;
  readonly #isFirst: boolean;
  readonly #speakers = new Map<number, Heard>();
  readonly #due = new DueReceipts<Heard>(() => performance.now());
  readonly #next = sequences();

  /** @param isFirst Whether it is the one that reads for all who comes and goes. */
  constructor(roster: SharedRoster, self: OwnCredential, fd: number, isFirst: boolean) {
    this.#roster = roster;
    this.#self = self;
    this.#fd = fd;
    this.#isFirst = isFirst;
  }

  /** Notes the member's own number. */
  comeIn(number: number): void {
    this.#roster.admit(number, this.#self.member);
  }

  /** Takes a frame. */
  take(kind: number, payload: Bytes): void {
    if (kind === KIND.roster) this.#roster.page(payload);
    else if (kind === KIND.sealed) this.#takeSealed(payload);
    else if (kind === KIND.pair) this.#takePair(payload.slice());
    else if (kind === KIND.ask) {
      for (const heard of this.#speakers.values()) this.#due.asked(heard, this.#roster.size);
    } else if (this.#isFirst && kind === KIND.joined) this.#roster.joined(payload);
    else if (this.#isFirst && kind === KIND.left) this.#roster.left(payload);
  }

  #heard(speaker: number): Heard {
    const known = this.#speakers.get(speaker) ?? { speaker, number: 0 };
    this.#speakers.set(speaker, known);
    return known;
  }

  /** Takes a sealed frame for one message, which it is where its sender says ten lines a second. */
  #takeSealed(payload: Bytes): void {
    const view = new DataView(payload.buffer, payload.byteOffset);
    const heard = this.#heard(view.getUint32(SENDER_AT));
    heard.number = view.getUint16(NUMBER_AT) * 2 ** 32 + view.getUint32(NUMBER_AT + 2);
    this.#due.changed(heard, this.#roster.size);
  }

  #takePair(payload: Bytes): void {
    const frame = readPair(payload);
    const heard = this.#heard(frame.header.sender);
    if (heard.receiver !== undefined) return; // one key serves a whole stay
    this.#unwrap(heard, frame);
  }

  async #unwrap(heard: Heard, frame: PairFrame): Promise<void> {
    await this.#roster.settled();
    const [sender, context] = await Promise.all([
      this.#roster.hashOf(heard.speaker),
      this.#roster.context(frame.header.version),
    ]);
    const pair = { room: this.#roster.room, sender, recipient: this.#self.member };
    const { session, signing } = this.#self.keys;
    // Who signs does not matter here: nothing but this benchmark speaks in the room.
    const receiver = new PairReceiver(pair, session.privateKey, signing.publicKey, this.#next);
    heard.receiver = receiver;
    await receiver.open(frame, context);
    this.#due.changed(heard, this.#roster.size);
  }

  /** Sends the receipts that are due. */
  tick(): void {
    const due = this.#due.due().filter(({ receiver }) => receiver?.hasKey);
    if (due.length > 0) this.#send(due);
  }

  async #send(due: readonly Heard[]): Promise<void> {
    const at = await this.#roster.newest();
    const entries = await Promise.all(due.map(({ speaker, receiver, number }) => {
      const taken = { stream: STREAM.group, through: number, seen: number, withheld: 0 };
      return receiver!.receipt(speaker, at, encodeReceipt([taken]));
    }));
    for (const frame of encodeEntries(KIND.receipt, entries)) sendAll(this.#fd, frame);
  }
}
