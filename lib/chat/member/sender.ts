/**
 * The sending side of a member in one room: it seals lines into sealed and pair frames, grants keys to recipients that
 * lack them, and sends lost lines again.
 *
 * The sender alone decides the recipients of a line: the contacts whose joining it had displayed before the line was
 * entered, that are still in the room, and that its policy allows to read.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { encodeMember } from "../wire/control.ts";
import {
  encodeTexts,
  type GrantMessage,
  type NoticeMessage,
  type Progress,
  STREAM,
  TEXT_OVERHEAD_BYTES,
} from "../wire/content.ts";
import { KIND } from "../wire/kinds.ts";
import type { Ledger } from "./deliveries.ts";
import type { Contact, Entry } from "./lines.ts";
import { OwnChain, OwnPairs, OwnRoute, Recipients } from "./own_chains.ts";
import { SentFrames } from "./acknowledger.ts";
import { firstOf, PairLines, privateOrder, Silence } from "./contacts.ts";
import type { RoomContext } from "./options.ts";
import type { Peer } from "./roster.ts";

/**
 * How long a relay may accept none of the frames that it was sent, in milliseconds. It is longer than the time after
 * which a relay reports silence, so that such a report comes first.
 */
export const ACCEPT_MS = 60_000;

/** The most notices that wait to be sent to one contact. */
export const MAX_WAITING_NOTICES = 8;

const NOBODY: ReadonlySet<Peer> = new Set();
const MISTRUST: NoticeMessage = {
  kind: "notice",
  notice: "mistrust",
  body: new Uint8Array(0),
};

/** The sending side of a member in one room. */
export class Outgoing {
  readonly #options: RoomContext;
  readonly #ledger: Ledger;
  /** The counted frames. */
  readonly sent = new SentFrames();
  readonly pairs: OwnPairs;
  readonly #chain: OwnChain;
  readonly #route = new OwnRoute();
  /** The contacts that may have to be sent something alone. */
  readonly #wanting = new Set<Contact>();
  readonly lines: PairLines;
  readonly silence: Silence;
  readonly #recipients: Recipients;
  /** The connection may be `cut` before the roster is known. */
  #state: "before" | "cut" | "running" | "paused" | "over" = "before";
  #pumping = false;
  /** Whether a repair was sent after the last line to everyone. */
  #hasRepaired = false;
  /** Since when the relay has accepted nothing while frames wait for it, in milliseconds. */
  #ignoredSince = Infinity;

  /** Starts with nothing sent, and waits for {@linkcode run}. */
  constructor(options: RoomContext) {
    this.#options = options;
    this.#ledger = options.ledger;
    this.pairs = new OwnPairs(options);
    this.#chain = new OwnChain(options);
    this.lines = new PairLines(options, this.#chain);
    this.silence = new Silence(options, this);
    this.#recipients = new Recipients(options, (peer) => this.#mayRead(peer));
  }

  /** Whether the relay has accepted nothing for {@linkcode ACCEPT_MS}. */
  get isIgnored(): boolean {
    return this.#options.now() - this.#ignoredSince >= ACCEPT_MS;
  }

  /** Whether there is a connection to send over. */
  get isRunning(): boolean {
    return this.#state === "running";
  }

  /** Starts sending, if there is a connection: the roster is known. */
  run(): void {
    if (this.#state === "over") return;
    this.#state = this.#state === "cut" ? "paused" : "running";
    this.wake();
  }

  /** Stops sending because the connection is lost. Entered lines wait. */
  pause(): void {
    if (this.#state === "running") this.#state = "paused";
    else if (this.#state === "before") this.#state = "cut";
  }

  /** Resumes on another connection to the same room. Asks for receipts, which may have been lost with the last one. */
  goOn(): void {
    if (this.#state === "cut") this.#state = "before";
    if (this.#state !== "paused") return;
    this.#state = "running";
    this.#noteAccepted();
    const contacts = [...this.#ledger.contacts()];
    this.silence.ask(
      contacts.filter((contact) => contact.here && this.#ledger.isOutstanding(contact)),
    );
    this.wake();
  }

  /** Stops for good: the stay in the room is over. */
  close(): void {
    this.#state = "over";
  }

  /** Sends what waits: one line at once, or together the lines that wait when the frame before has gone. */
  wake(): void {
    if (!this.#pumping && this.#state === "running") {
      this.#pumping = true;
      this.#pump().catch(this.#options.failed);
    }
    // Behind the first frame: setting a timer takes as long as making one.
    this.silence.watch();
  }

  /** Looks for frames that one contact must get alone. */
  want(contact: Contact): void {
    this.#wanting.add(contact);
    this.wake();
  }

  /**
   * Tells the members that a line is withheld from, once each, if the policy allows it.
   *
   * @param keys The members' hashes as map keys.
   */
  leftOut(keys: ReadonlySet<string>): void {
    for (const key of keys) {
      const contact = this.#ledger.get(key);
      if (contact === undefined || contact.toldMistrust) continue;
      contact.toldMistrust = this.notify(contact, MISTRUST);
    }
  }

  /** Forgets a peer that has left. */
  forget(peer: Peer): void {
    this.pairs.delete(peer);
    const contact = this.#ledger.of(peer);
    if (contact === undefined) return;
    this.#wanting.delete(contact);
    this.#recipients.forget(contact);
  }

  /** Sends a counted frame, and the lines that it carries. */
  send(frame: Bytes, lines: readonly Entry[] = []): void {
    if (this.#state === "over") return;
    if (this.#ignoredSince === Infinity) this.#ignoredSince = this.#options.now();
    this.sent.push(frame, lines);
    this.#options.send(frame);
  }

  /** Sends a counted frame that may be omitted. It is omitted if the relay is behind with acknowledging. */
  offer(frame: Bytes): void {
    if (!this.sent.isFull) this.send(frame);
  }

  #noteAccepted(): void {
    this.#ignoredSince = this.sent.keptBytes === 0 ? Infinity : this.#options.now();
  }

  /**
   * Notes that the relay has accepted the first `count` counted frames.
   *
   * @returns False if that is more than were sent, or fewer than it said before.
   */
  accepted(count: number): boolean {
    const { isFull, keptBytes } = this.sent;
    const lines = this.sent.accept(count);
    if (lines === undefined) return false;
    if (this.sent.keptBytes < keptBytes) this.#noteAccepted();
    const now = this.#options.now();
    for (const line of lines) this.#ledger.accept(line, now);
    if (isFull) this.wake();
    return true;
  }

  // Receipts.

  /** Takes the contents of a peer's receipt. */
  receipt(peer: Peer, streams: readonly Progress[]): void {
    const contact = this.#ledger.of(peer);
    if (contact === undefined) return;
    let progress = contact.unsure;
    contact.unsure = false;
    for (const one of streams) {
      if (this.#ledger.receipt(contact, one, this.#options.now())) progress = true;
      // Something between the two is missing.
      if (one.seen > one.through) contact.streams[one.stream].lose(one.seen);
    }
    this.silence.answered(contact, progress);
    this.want(contact);
  }

  /**
   * Sends a contact a notice, before the lines that it is owed.
   *
   * @returns False if the contact is not in this room, the policy keeps notices from it, or too many wait.
   */
  notify(contact: Contact, notice: NoticeMessage): boolean {
    const { notices, here, peer } = contact;
    const isOver = this.#state === "over" || notices.length >= MAX_WAITING_NOTICES;
    if (isOver || !here || !this.#mayNotify(peer, notice)) return false;
    notices.push(notice);
    this.want(contact);
    return true;
  }

  // The pump.

  async #pump(): Promise<void> {
    try {
      while (this.#state === "running" && !this.sent.isFull) {
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
      if (this.#ledger.of(contact.peer) !== contact || !this.lines.canServe(contact)) {
        this.#wanting.delete(contact);
      } else if (!this.#waits(contact)) return contact;
    }
    return undefined;
  }

  /**
   * Whether a line to everyone is to be sent before the next private one of a contact, or before its repair because
   * another one was sent just now.
   */
  #waits(contact: Contact): boolean {
    const [first] = this.#ledger.pending;
    if (first === undefined || contact.notices.length > 0) return false;
    const order = privateOrder(contact);
    if (order < Infinity) return order > first.order;
    return this.#hasRepaired && this.lines.isRepairDue(contact);
  }

  /** Sends a contact a frame of its own. */
  async #serve(contact: Contact): Promise<void> {
    if (contact.notices.length > 0) return await this.#serveNotices(contact);
    if (!this.#mayRead(contact.peer)) {
      this.#wanting.delete(contact);
      return this.lines.dropOwed(contact);
    }
    const lacking = this.pairs.lacking([contact.peer]);
    if (lacking.length > 0) return await this.#prepare(lacking);
    const entries: Entry[] = [];
    this.#hasRepaired ||= this.lines.isRepairDue(contact);
    const messages = contact.unsure ? [] : this.lines.messagesTo(contact, entries);
    if (messages.length === 0 && !contact.unsure) return this.#rejoin(contact);
    contact.greeted = true;
    const frame = await this.pairs.seal(contact.peer, messages);
    if (frame !== undefined) this.send(frame, entries);
  }

  /** Sends a contact the notices that wait, in one frame. They are not sent again. */
  async #serveNotices(contact: Contact): Promise<void> {
    const { peer } = contact;
    contact.notices = contact.notices.filter((one) => this.#mayNotify(peer, one));
    if (contact.notices.length === 0) return;
    const lacking = this.pairs.lacking([peer]);
    if (lacking.length > 0) return await this.#prepare(lacking);
    const frame = await this.pairs.seal(peer, contact.notices.splice(0));
    if (frame !== undefined) this.send(frame);
  }

  /** Sends a contact that has caught up sealed frames again. It is granted the chain before the next one. */
  #rejoin(contact: Contact): void {
    this.#wanting.delete(contact);
    if (!this.lines.canRejoin(contact)) return;
    contact.mode = "apart";
    contact.behindFrom = 0;
    contact.granted = false;
    this.send(encodeMember(KIND.rejoin, contact.peer.number));
  }

  async #sealNext(): Promise<void> {
    const { pending } = this.#ledger;
    const first = pending[0]!;
    const { version, leftOut } = first.line;
    let nextPrivate = Infinity;
    for (const contact of this.#wanting) {
      nextPrivate = Math.min(nextPrivate, privateOrder(contact));
    }
    const entries = firstOf(
      pending,
      TEXT_OVERHEAD_BYTES,
      ({ line, room, order }) =>
        order < nextPrivate && line.version === version && line.leftOut === leftOut &&
        room === first.room,
    );
    const { together, behind, apart, dropped } = this.#recipients.of(first);
    const lacking = this.pairs.lacking(together.map(({ peer }) => peer));
    if (lacking.length > 0) return await this.#prepare(lacking);
    this.#hasRepaired = false;
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
    const grants: { readonly contact: Contact; readonly message: GrantMessage }[] = [];
    for (const [i, contact] of together.entries()) {
      if (contact.granted && !lacking.has(contact.peer)) continue;
      grants.push({ contact, message: this.lines.grant(number, lasts[i]!) });
    }
    if (grants.length > 0) await this.#give(grants);
    const { history } = roster;
    const context = history.at(version) ?? (await history.when(version))!;
    const { route, declaration } = this.#routeTo(version, [...peers, ...kept]);
    if (declaration !== undefined) this.send(declaration);
    const place = { sender: roster.own, route, number, version, context };
    const plaintext = encodeTexts(entries.map(({ line }) => line));
    this.send(await chain.seal(place, plaintext, self.keys.signing.privateKey), entries);
  }

  /** Grants the chain, with a pair frame to each. */
  async #give(
    grants: readonly { readonly contact: Contact; readonly message: GrantMessage }[],
  ): Promise<void> {
    const frames = await Promise.all(grants.map(({ contact, message }) => {
      contact.granted = true;
      return this.pairs.seal(contact.peer, [message]);
    }));
    for (const frame of frames) if (frame !== undefined) this.send(frame);
  }

  #routeTo(version: number, recipients: readonly Peer[]) {
    const { roster } = this.#options;
    const there: Peer[] = [];
    for (const peer of roster.values()) {
      if (peer.number <= version && peer.number !== roster.own) there.push(peer);
    }
    return this.#route.to(recipients, there, this.#chain);
  }

  #mayRead(peer: Peer): boolean {
    return !this.pairs.isUnreachable(peer) && this.#options.policy.obstacle(peer) === undefined;
  }

  #mayNotify(peer: Peer, { notice }: NoticeMessage): boolean {
    const { policy } = this.#options;
    if (this.pairs.isUnreachable(peer)) return false;
    if (notice === "mistrust") return policy.mistrusts?.(peer) === true;
    return policy.mayNotify?.(peer) ?? policy.obstacle(peer) === undefined;
  }

  /** Makes pairwise keys. The caller chooses recipients again afterwards: one may have left, or be unreachable. */
  async #prepare(peers: readonly Peer[]): Promise<void> {
    for (const peer of await this.pairs.prepare(peers)) {
      this.#options.fault("UNREACHABLE", peer, "");
    }
  }
}
