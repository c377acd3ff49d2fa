/**
 * What a member sends in one room: lines to sealed and pair frames, keys to those who need them, and again what was lost.
 *
 * The sender alone decides who receives: the contacts whose joining it had displayed before the line was entered, who
 * are still there, and whom its policy lets read.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Costs } from "../../base/clock.ts";
import { encodeMember } from "../wire/control.ts";
import {
  encodeTexts,
  type GrantMessage,
  LINE_OVERHEAD_BYTES,
  type LineMessage,
  type PairMessage,
  type Progress,
  STREAM,
  type Stream,
  STREAMS,
  TEXT_OVERHEAD_BYTES,
} from "../wire/content.ts";
import { encodeEntries, type Entry as WireEntry } from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";
import type { Ledger } from "./deliveries.ts";
import type { Contact, Entry } from "./lines.ts";
import { OwnChain, type OwnKeysOptions, OwnPairs, OwnRoute, Recipients } from "./own_chains.ts";
import { receiptInterval, SentFrames } from "./acknowledger.ts";
import type { PeerCost } from "./inbox.ts";
import type { Peer, Policy } from "./roster.ts";

/** The most text that shares a frame, and that a contact is sent alone before it answers, in bytes. */
const MAX_BATCH_BYTES = 64 << 10;
/** The shortest time between two repairs for one contact, in milliseconds. */
const REPAIR_MS = 1000;
/**
 * How long a relay may accept none of the frames that it was sent, in milliseconds. It is longer than the time after
 * which a relay says that it has heard nothing, so that this is told first.
 */
export const ACCEPT_MS = 60_000;
/** How often contacts are looked at for silence, in milliseconds. */
const LOOK_MS = 1000;
/** How long a contact may be silent besides three intervals between receipts, in milliseconds. */
const QUIET_MS = 5000;
/** How much longer a contact may take than another, besides three intervals between receipts, in milliseconds. */
const LATE_MS = 2000;
/** How often a contact that the relay says is away is asked, in milliseconds. */
const AWAY_MS = 30_000;

const NOBODY: ReadonlySet<Peer> = new Set();
/** The route of a frame that everyone is to receive. */
const EVERYONE_THERE: ReturnType<OwnRoute["for"]> = { route: 0 };

/** Who sends, where, to whom. */
export interface OutgoingOptions extends OwnKeysOptions {
  readonly ledger: Ledger;
  readonly policy: Policy;
  /** What peers are charged for, by identity. It outlives rooms. */
  readonly costs: Costs<PeerCost>;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Sends a frame if there is a connection. */
  readonly send: (frame: Bytes) => void;
  /** Receives a peer that no pairwise key can be made for. It is left out. */
  readonly unreachable: (peer: Peer) => void;
  /** Receives an error of the runtime's cryptography. */
  readonly failed: (error: unknown) => void;
  /** {@linkcode Outgoing.wakeAt} is earlier than it was. */
  readonly wake: () => void;
}

/** A frame that carries lines, and its number among the counted frames. */
interface Flight {
  readonly count: number;
  readonly entries: readonly Entry[];
}

/** The sending side of a member in one room. */
export class Outgoing {
  readonly #options: OutgoingOptions;
  readonly #ledger: Ledger;
  readonly #sent = new SentFrames();
  readonly #pairs: OwnPairs;
  readonly #chain: OwnChain;
  readonly #route = new OwnRoute();
  /** The contacts that may have to be sent something alone. */
  readonly #wanting = new Set<Contact>();
  readonly #recipients: Recipients;
  #state: "before" | "running" | "paused" | "over" = "before";
  #pumping = false;
  #unaccepted: Flight[] = [];
  /** Since when the relay has accepted nothing while frames wait for it, in milliseconds. */
  #ignoredSince = Infinity;
  #lookAt = Infinity;

  /** Starts with nothing sent, and waits for {@linkcode run}. */
  constructor(options: OutgoingOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.#pairs = new OwnPairs(options);
    this.#chain = new OwnChain(options);
    this.#recipients = new Recipients({ ...options, mayRead: (peer) => this.#mayRead(peer) });
  }

  /** The number of counted frames that have been sent. */
  get counted(): number {
    return this.#sent.sent;
  }

  /** The frames that the relay has not accepted. */
  get waiting(): readonly Bytes[] {
    return this.#sent.waiting();
  }

  /** The memory that those frames take at most while they wait to be written, in bytes. */
  get keptBytes(): number {
    return this.#sent.keptBytes;
  }

  /** Whether the relay has accepted nothing for so long that it is of no use. */
  get isIgnored(): boolean {
    return this.#options.now() - this.#ignoredSince >= ACCEPT_MS;
  }

  /** When {@linkcode tick} has something to do, in milliseconds. */
  get wakeAt(): number {
    return this.#lookAt;
  }

  /** The roster is known and there is a connection. */
  run(): void {
    if (this.#state === "over") return;
    this.#state = "running";
    this.wake();
  }

  /** The connection is lost. What is entered waits. */
  pause(): void {
    if (this.#state === "running") this.#state = "paused";
  }

  /** There is another connection to the same room. Receipts may have been lost with the last one. */
  goOn(): void {
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#noteAccepted();
    const contacts = [...this.#ledger.contacts()];
    this.#ask(contacts.filter((contact) => contact.here && this.#ledger.isOutstanding(contact)));
    this.wake();
  }

  /** The room is over. */
  close(): void {
    this.#state = "over";
    this.#unaccepted = [];
  }

  /** Sends what waits: one line at once, or together the lines that wait when the frame before has gone. */
  wake(): void {
    this.#watch();
    if (this.#pumping || this.#state !== "running") return;
    this.#pumping = true;
    this.#pump().catch(this.#options.failed);
  }

  /** A contact may have to be sent something alone. */
  want(contact: Contact): void {
    this.#wanting.add(contact);
    this.wake();
  }

  /** A peer has left. */
  forget(peer: Peer): void {
    this.#pairs.forget(peer);
    const contact = this.#ledger.of(peer);
    if (contact === undefined) return;
    this.#wanting.delete(contact);
    this.#recipients.forget(contact);
  }

  /** Sends a counted frame. */
  send(frame: Bytes): void {
    if (this.#state === "over") return;
    if (this.#ignoredSince === Infinity) this.#ignoredSince = this.#options.now();
    this.#sent.push(frame);
    this.#options.send(frame);
  }

  /** Sends a counted frame that others can do without, unless the relay accepts too little. */
  offer(frame: Bytes): void {
    if (!this.#sent.isFull) this.send(frame);
  }

  #noteAccepted(): void {
    this.#ignoredSince = this.#sent.keptBytes === 0 ? Infinity : this.#options.now();
  }

  /**
   * The relay has accepted the first `count` counted frames.
   *
   * @returns False if that is more than were sent, or fewer than it said before.
   */
  accepted(count: number): boolean {
    const { isFull, keptBytes } = this.#sent;
    if (!this.#sent.accept(count)) return false;
    if (this.#sent.keptBytes < keptBytes) this.#noteAccepted();
    const cut = this.#unaccepted.findIndex((flight) => flight.count > count);
    const done = cut < 0 ? this.#unaccepted : this.#unaccepted.slice(0, cut);
    if (done.length > 0) this.#unaccepted = cut < 0 ? [] : this.#unaccepted.slice(cut);
    const now = this.#options.now();
    for (const { entries } of done) entries.forEach((entry) => this.#ledger.accept(entry, now));
    if (isFull) this.wake();
    return true;
  }

  // Receipts.

  /** Opens a receipt of a peer; undefined if it is not valid or not new. */
  async openReceipt(peer: Peer, entry: WireEntry, context: Bytes): Promise<Bytes | undefined> {
    return await this.#pairs.of(peer)?.openReceipt(entry, context);
  }

  /** A peer has said what it has taken. */
  receipt(peer: Peer, streams: readonly Progress[]): void {
    const contact = this.#ledger.of(peer);
    if (contact === undefined) return;
    let progress = contact.unsure;
    contact.unsure = false;
    for (const one of streams) {
      if (this.#ledger.receipt(contact, one, this.#options.now())) progress = true;
      // Something between the two is missing.
      if (one.seen > one.through) this.#repair(contact, one.stream, one.seen);
    }
    this.#answered(contact, progress);
    this.want(contact);
  }

  #answered(contact: Contact, progress: boolean): void {
    const isOutstanding = this.#ledger.isOutstanding(contact);
    if (progress || !isOutstanding) {
      contact.fruitless = 0;
      contact.quietSince = isOutstanding ? this.#options.now() : undefined;
      if (contact.stalled && !this.#isLate(contact) && this.#mayWaitFor(contact)) {
        this.#ledger.stall(contact, false);
      }
    } else if (contact.asking && ++contact.fruitless >= 2) {
      contact.fruitless = 0;
      for (const stream of STREAMS) this.#repair(contact, stream, contact.streams[stream].sent);
    }
    contact.asking = false;
  }

  /** What a contact was sent up to a number, and has not taken, is lost. It is sent again when that is due. */
  #repair(contact: Contact, stream: Stream, number: number): void {
    contact.repair[stream] = Math.min(number, contact.streams[stream].sent);
  }

  #isRepairDue(contact: Contact): boolean {
    return STREAMS.some((stream) => contact.repair[stream] > 0) &&
      this.#options.now() - contact.repairedAt >= REPAIR_MS;
  }

  // Silence.

  #watch(): void {
    if (this.#lookAt < Infinity || this.#ledger.backlog.lines === 0) return;
    this.#lookAt = this.#options.now() + LOOK_MS;
    this.#options.wake();
  }

  /** Looks for contacts that are late or silent: nobody waits for them, and the silent ones are asked. */
  tick(): void {
    const { now } = this.#options;
    if (now() < this.#lookAt) return;
    this.#lookAt = Infinity;
    const patience = QUIET_MS + this.#allowance;
    const silent: Contact[] = [];
    for (const contact of this.#ledger.contacts()) {
      if (this.#isRepairDue(contact)) this.want(contact);
      if (this.#isLate(contact)) this.#ledger.stall(contact, true);
      if (!this.#isQuiet(contact, patience)) continue;
      this.#ledger.stall(contact, true);
      // The relay may be wrong about who is away: one that answers is not.
      const pace = contact.peer.away && contact.fruitless === 0 ? AWAY_MS : patience;
      if (contact.here && now() - contact.askedAt >= pace) silent.push(contact);
    }
    this.#ask(silent);
    this.#watch();
  }

  /** Somebody is a contact from now on. An identity that has made others wait too often is not waited for. */
  meet(contact: Contact): void {
    this.#ledger.stall(contact, !this.#mayWaitFor(contact));
  }

  /** How much later than others a receipt may come, because receipts are collected, in milliseconds. */
  get #allowance(): number {
    return 3 * receiptInterval(this.#options.roster.size);
  }

  /** Whether a contact takes longer than another one, so that waiting for it would make that one wait. */
  #isLate(contact: Contact): boolean {
    return this.#ledger.isLate(contact, this.#options.now() - LATE_MS - this.#allowance);
  }

  /** Whether lines to others may wait for a contact once more. Each time is charged. */
  #mayWaitFor({ peer: { credential } }: Contact): boolean {
    const now = this.#options.now();
    return this.#ledger.size < 2 ||
      this.#options.costs.of(credential.fingerprint, now).allow("wait", 1, now);
  }

  #isQuiet(contact: Contact, patience: number): boolean {
    const awaits = contact.unsure || this.#ledger.isOutstanding(contact) ||
      STREAMS.some((stream) => contact.streams[stream].owed.length > 0);
    if (!awaits) {
      contact.quietSince = undefined;
      return false;
    }
    contact.quietSince ??= this.#options.now();
    return this.#options.now() - contact.quietSince >= patience;
  }

  /** Asks contacts what they have taken. Those that may not have the pairwise key cannot answer: all of it is lost. */
  #ask(contacts: readonly Contact[]): void {
    if (contacts.length === 0 || this.#state !== "running") return;
    const { proven = [], unproven = [] } = Object.groupBy(
      contacts,
      ({ peer }) => this.#pairs.of(peer)?.isProven ? "proven" : "unproven",
    );
    for (const contact of unproven) {
      contact.askedAt = this.#options.now();
      contact.greeted = false;
      for (const stream of STREAMS) this.#repair(contact, stream, contact.streams[stream].sent);
      this.want(contact);
    }
    if (proven.length > 0) this.#askAll(proven).catch(this.#options.failed);
  }

  async #askAll(contacts: readonly Contact[]): Promise<void> {
    const { roster, now, send } = this.#options;
    const { version } = roster;
    const context = await roster.history.newest;
    const asks = contacts.map(async (contact) => {
      const pair = this.#pairs.of(contact.peer);
      contact.askedAt = now();
      if (pair === undefined) return [];
      // A contact that has not shown that it has the key may not have got it.
      if (!pair.isProven) return await this.#giveKey(contact);
      contact.asking = true;
      return [await pair.ask(contact.peer.number, { version, context }, new Uint8Array(0))];
    });
    const entries = (await Promise.all(asks)).flat();
    if (this.#state === "running") encodeEntries(KIND.ask, entries).forEach(send);
  }

  /** Sends a pair frame without messages, which carries the wrapped key. */
  async #giveKey({ peer }: Contact): Promise<[]> {
    const frame = await this.#pairs.seal(peer, []);
    if (frame !== undefined) this.offer(frame);
    return [];
  }

  // The pump.

  async #pump(): Promise<void> {
    try {
      while (this.#state === "running" && !this.#sent.isFull) {
        const contact = this.#nextAlone();
        if (contact !== undefined) await this.#serve(contact);
        else if (this.#ledger.pending.length > 0) await this.#sealNext();
        else break;
      }
    } finally {
      // Here and not in a later turn, or a line that came in between would wait for the next one.
      this.#pumping = false;
    }
  }

  /** Returns a contact that can be sent something alone now. A private line overtakes no earlier one to everyone. */
  #nextAlone(): Contact | undefined {
    for (const contact of this.#wanting) {
      if (this.#ledger.of(contact.peer) !== contact || !this.#canServe(contact)) {
        this.#wanting.delete(contact);
      } else if (!this.#waits(contact)) return contact;
    }
    return undefined;
  }

  /** Whether a line to everyone is to be sent before the next private one of a contact. */
  #waits(contact: Contact): boolean {
    const [first] = this.#ledger.pending;
    const order = privateOrder(contact);
    return first !== undefined && order < Infinity && order > first.order;
  }

  #canServe(contact: Contact): boolean {
    if (!contact.here) return false;
    if (contact.unsure) return !contact.greeted;
    return STREAMS.some((stream) =>
      contact.streams[stream].gone > 0 || this.#canSend(contact, stream)
    ) || this.#isRepairDue(contact) || this.#canRejoin(contact);
  }

  /** Whether a contact is owed something of a stream, and reads what it was sent alone. */
  #canSend(contact: Contact, stream: Stream): boolean {
    const { owed, flightBytes } = contact.streams[stream];
    if (owed.length === 0 || flightBytes >= MAX_BATCH_BYTES) return false;
    return stream === STREAM.private || this.#hasReached(contact);
  }

  /** Whether a contact has taken what came before that which the relay left out. */
  #hasReached(contact: Contact): boolean {
    const { behindFrom } = contact;
    return behindFrom === 0 ||
      this.#ledger.outstanding(contact, STREAM.group, behindFrom - 1).length === 0;
  }

  /** Whether a contact has caught up with what the relay left out. */
  #canRejoin(contact: Contact): boolean {
    const { owed, through, sent } = contact.streams[STREAM.group];
    return contact.mode === "behind" && owed.length === 0 && through >= sent;
  }

  /** Sends a contact a frame of its own. */
  async #serve(contact: Contact): Promise<void> {
    if (!this.#mayRead(contact.peer)) return this.#dropOwed(contact);
    const lacking = this.#pairs.lacking([contact.peer]);
    if (lacking.length > 0) return await this.#prepare(lacking);
    const entries: Entry[] = [];
    const messages = contact.unsure ? [] : this.#messagesTo(contact, entries);
    if (messages.length === 0 && !contact.unsure) return this.#rejoin(contact);
    contact.greeted = true;
    const frame = await this.#pairs.seal(contact.peer, messages);
    if (frame === undefined) return;
    this.#launch(frame, entries);
  }

  #messagesTo(contact: Contact, entries: Entry[]): PairMessage[] {
    const repairs = this.#isRepairDue(contact) ? STREAMS : [];
    const again = repairs.flatMap((stream) => this.#repairOf(contact, stream));
    const owed = STREAMS.flatMap((stream) => this.#owedTo(contact, stream))
      .sort((one, other) => one.entry.order - other.entry.order);
    entries.push(...owed.map(({ entry }) => entry));
    return [...goneMessages(contact), ...again, ...owed.map(({ message }) => message)];
  }

  /** A contact that has caught up is sent sealed frames again. It is granted the chain before the next one. */
  #rejoin(contact: Contact): void {
    this.#wanting.delete(contact);
    if (!this.#canRejoin(contact)) return;
    contact.mode = "apart";
    contact.behindFrom = 0;
    contact.granted = false;
    this.send(encodeMember(KIND.rejoin, contact.peer.number));
  }

  /** Sends a frame that carries lines. */
  #launch(frame: Bytes, entries: readonly Entry[]): void {
    if (this.#state === "over") return;
    // Noted before it is sent: through memory, the answer may come within the call.
    if (entries.length > 0) this.#unaccepted.push({ count: this.#sent.sent + 1, entries });
    this.send(frame);
  }

  /** The policy keeps a contact from reading: neither what it is owed nor what was lost is sent. */
  #dropOwed(contact: Contact): void {
    this.#wanting.delete(contact);
    for (const stream of STREAMS) {
      const lost = this.#ledger.outstanding(contact, stream, contact.repair[stream]);
      contact.repair[stream] = 0;
      const dropped = new Set([...lost, ...contact.streams[stream].owed]);
      for (const entry of dropped) this.#ledger.drop(contact, entry);
    }
  }

  /** Takes what was lost, up to a frame's worth, and the chain's key, which may have been lost too. */
  #repairOf(contact: Contact, stream: Stream): PairMessage[] {
    const { owed, sent, through } = contact.streams[stream];
    // What is owed was not lost: the relay left it out.
    const last = Math.min(contact.repair[stream], (owed[0]?.line.number ?? Infinity) - 1);
    contact.repair[stream] = 0;
    if (last <= through) return [];
    contact.repairedAt = this.#options.now();
    let before = through;
    const outstanding = this.#ledger.outstanding(contact, stream, last);
    const lost = firstOf(outstanding, LINE_OVERHEAD_BYTES);
    const lines: PairMessage[] = lost.map((entry) => {
      const line = lineMessage(entry, before);
      before = line.number;
      return line;
    });
    // What the contact knows to be missing, and the policy has kept from it since, will not come.
    const known = Math.min(last, contact.streams[stream].seen);
    const isAll = lost.length === outstanding.length;
    if (isAll && before < known) lines.push({ kind: "gone", stream, number: known });
    const isHolder = stream === STREAM.group && contact.mode !== "behind" &&
      this.#chain.isHolder(contact.peer);
    return isHolder ? [...lines, this.#grant(sent + 1, sent)] : lines;
  }

  /** Takes what a contact is owed of a stream, up to a frame's worth. */
  #owedTo(
    contact: Contact,
    stream: Stream,
  ): { readonly entry: Entry; readonly message: PairMessage }[] {
    if (!this.#canSend(contact, stream)) return [];
    const state = contact.streams[stream];
    const end = this.#ledger.pending[0]?.order ?? Infinity;
    const now = firstOf(state.owed, LINE_OVERHEAD_BYTES, ({ order }) => order < end);
    const taken = state.owed.splice(0, now.length);
    if (stream === STREAM.group) contact.granted = false;
    return taken.map((entry) => {
      entry.heard = true;
      const message = lineMessage(entry, state.last);
      state.fly(message.number, message.text.length + LINE_OVERHEAD_BYTES);
      return { entry, message };
    });
  }

  #grant(next: number, last: number): GrantMessage {
    return { kind: "grant", ...this.#chain.present!, next, last: Math.min(last, next - 1) };
  }

  async #sealNext(): Promise<void> {
    const { pending } = this.#ledger;
    const first = pending[0]!;
    const { version, leftOut } = first.line;
    const nextPrivate = Math.min(...this.#wanting.values().map(privateOrder));
    const entries = firstOf(
      pending,
      TEXT_OVERHEAD_BYTES,
      ({ line, room, order }) =>
        order < nextPrivate && line.version === version && line.leftOut === leftOut &&
        room === first.room,
    );
    const { together, behind, apart, dropped } = this.#recipients.of(first);
    const lacking = this.#pairs.lacking(together.map(({ peer }) => peer));
    if (lacking.length > 0) return await this.#prepare(lacking);
    // All of it before anything is awaited: if the room ends meanwhile, everyone is owed what it was to be sent.
    pending.splice(0, entries.length);
    for (const contact of dropped) for (const entry of entries) this.#ledger.drop(contact, entry);
    for (const contact of [...behind, ...apart]) {
      for (const entry of entries) this.#ledger.owe(contact, entry);
      this.#wanting.add(contact);
    }
    if (together.length > 0) await this.#seal(entries, together, behind);
    for (const entry of entries) this.#ledger.sealed(entry);
  }

  async #seal(
    entries: readonly Entry[],
    together: readonly Contact[],
    behind: readonly Contact[],
  ): Promise<void> {
    const { roster, self } = this.#options;
    const { version, number } = entries[0]!.line;
    // Nothing is awaited that need not be: the runtime would do other work before it encrypts.
    const lasts = together.map(({ streams }) => streams[STREAM.group].last);
    for (const { streams } of together) streams[STREAM.group].send(entries.at(-1)!.line.number);
    for (const entry of entries) entry.heard = true;
    const peers = together.map(({ peer }) => peer);
    const kept = behind.map(({ peer }) => peer);
    const unchanged = this.#chain.unchanged(peers, kept);
    const { chain, lacking } = unchanged !== undefined
      ? { chain: unchanged, lacking: NOBODY }
      : await this.#chain.for(new Set(peers), new Set(kept));
    const grants = together.flatMap((contact, i) =>
      contact.granted && !lacking.has(contact.peer)
        ? []
        : [{ contact, message: this.#grant(number, lasts[i]!) }]
    );
    if (grants.length > 0) await this.#give(grants);
    const { history } = roster;
    const context = history.at(version) ?? (await history.when(version))!;
    const { route, declaration } = this.#routeTo(version, [...peers, ...kept]);
    if (declaration !== undefined) this.send(declaration);
    const sender = roster.get(self.key)!.number;
    const place = { sender, route, number, version, context };
    const plaintext = encodeTexts(entries.map(({ line }) => line));
    this.#launch(await chain.seal(place, plaintext, self.keys.signing.privateKey), entries);
  }

  /** Grants the chain, with a pair frame to each. */
  async #give(
    grants: readonly { readonly contact: Contact; readonly message: GrantMessage }[],
  ): Promise<void> {
    const frames = await Promise.all(grants.map(({ contact, message }) => {
      contact.granted = true;
      return this.#pairs.seal(contact.peer, [message]);
    }));
    for (const frame of frames) if (frame !== undefined) this.send(frame);
  }

  #routeTo(version: number, recipients: readonly Peer[]) {
    const { roster, self } = this.#options;
    const there = [...roster.values()]
      .filter(({ number, credential }) => number <= version && credential.key !== self.key);
    // Only recipients hold the chain's key.
    if (there.every((peer) => this.#chain.isHolder(peer))) return EVERYONE_THERE;
    const meant = new Set(recipients);
    const numbers = there.map(({ number }) => number);
    const those = there.filter((peer) => meant.has(peer)).map(({ number }) => number);
    return this.#route.for(numbers, new Set(those));
  }

  #mayRead(peer: Peer): boolean {
    return !this.#pairs.isUnreachable(peer) && this.#options.policy.obstacle(peer) === undefined;
  }

  /** Makes pairwise keys. Recipients are chosen anew after it: somebody may have left, or be unreachable. */
  async #prepare(peers: readonly Peer[]): Promise<void> {
    for (const peer of await this.#pairs.prepare(peers)) this.#options.unreachable(peer);
  }
}

/** Returns the place of a contact's next private line among all that was entered. */
function privateOrder({ streams }: Contact): number {
  return streams[STREAM.private].owed[0]?.order ?? Infinity;
}

/** Takes what a contact is to be told will not come. */
function goneMessages({ streams }: Contact): PairMessage[] {
  return STREAMS.flatMap((stream) => {
    const state = streams[stream];
    const number = state.gone;
    if (number === 0) return [];
    state.gone = 0;
    if (number > state.last) state.send(number);
    return [{ kind: "gone" as const, stream, number }];
  });
}

function lineMessage({ line }: Entry, last: number): LineMessage {
  const { stream, number, time, text } = line;
  return { kind: "line", stream, number, last, time, text };
}

/** Returns the first of some lines that share a frame: one at least. */
function firstOf(
  entries: readonly Entry[],
  overhead: number,
  fits: (entry: Entry) => boolean = () => true,
): Entry[] {
  let bytes = 0;
  const end = entries.findIndex((entry, i) => {
    bytes += entry.line.text.length + overhead;
    return i > 0 && (bytes > MAX_BATCH_BYTES || !fits(entry));
  });
  return entries.slice(0, end < 0 ? entries.length : end);
}
