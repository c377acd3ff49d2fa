/**
 * What a member sends to one contact alone: lines that the contact is owed, lines that were lost, and which lines will
 * not come.
 *
 * Also watches for contacts that are late or silent. Lines do not wait for them, and the silent ones are asked for
 * receipts.
 *
 * @module
 */

import { type Rate, TokenBucket } from "../../base/clock.ts";
import {
  type GrantMessage,
  LINE_OVERHEAD_BYTES,
  type LineMessage,
  type PairMessage,
  STREAM,
  type Stream,
  STREAMS,
} from "../wire/content.ts";
import { encodeEntries } from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";
import { receiptInterval } from "./acknowledger.ts";
import type { Ledger } from "./deliveries.ts";
import type { Contact, Entry } from "./lines.ts";
import type { RoomContext } from "./options.ts";
import type { OwnChain, OwnPairs } from "./own_chains.ts";

/** The most text that shares a frame, and that a contact is sent alone before it answers, in bytes. */
const MAX_BATCH_BYTES = 64 << 10;
/** The most lines of one stream that are put into a frame at a time. A pair frame has four such parts at most. */
export const MAX_BATCH_LINES = 1024;
/** The shortest time between two repairs for one contact, in milliseconds. It doubles with each that is not taken. */
const REPAIR_MS = 1000;
/** The longest time between two repairs for one contact, in milliseconds. */
const MAX_REPAIR_MS = 30_000;
/** How much is sent again to all contacts together, in bytes. What they say is lost costs them nothing. */
export const REPAIRS: Rate = { perSecond: 512 << 10, burst: 4 << 20 };
/** What a repair costs besides its text, in bytes. */
const REPAIR_BYTES = 256;

/** The lines that contacts are sent alone. */
export class PairLines {
  readonly #ledger: Ledger;
  readonly #chain: OwnChain;
  readonly #now: () => number;
  readonly #budget: TokenBucket;

  /** Starts with nothing lost. */
  constructor({ ledger, now }: RoomContext, chain: OwnChain) {
    this.#ledger = ledger;
    this.#chain = chain;
    this.#now = now;
    this.#budget = new TokenBucket(REPAIRS, now());
  }

  /** Whether something that was lost is to be sent again now. */
  isRepairDue(contact: Contact): boolean {
    if (STREAMS.every((stream) => contact.streams[stream].repair === 0)) return false;
    const now = this.#now();
    const pauseMs = REPAIR_MS * 2 ** Math.max(0, contact.repairs - 1);
    return now - contact.repairedAt >= Math.min(pauseMs, MAX_REPAIR_MS) &&
      this.#budget.spent(now) < REPAIRS.burst;
  }

  /** Whether a contact can be sent something alone now. */
  canServe(contact: Contact): boolean {
    if (!contact.here) return false;
    if (contact.notices.length > 0) return true;
    if (contact.unsure) return !contact.greeted;
    return STREAMS.some((stream) =>
      contact.streams[stream].gone > 0 || this.#canSend(contact, stream)
    ) || this.isRepairDue(contact) || this.canRejoin(contact);
  }

  /** Whether a contact is owed something of a stream, and reads what it was sent alone. */
  #canSend(contact: Contact, stream: Stream): boolean {
    const { owed, flightBytes } = contact.streams[stream];
    if (owed.length === 0 || flightBytes >= MAX_BATCH_BYTES) return false;
    return stream === STREAM.private || this.#hasReached(contact);
  }

  /** Whether a contact has taken everything before the first message that the relay left out. */
  #hasReached(contact: Contact): boolean {
    const { behindFrom, streams } = contact;
    // The number is the relay's, and may be wrong: the contact takes what it is owed only after this member sends it.
    const from = Math.min(behindFrom, streams[STREAM.group].owed[0]?.line.number ?? Infinity);
    return behindFrom === 0 ||
      this.#ledger.outstanding(contact, STREAM.group, from - 1).length === 0;
  }

  /** Whether a contact has caught up with what the relay left out. */
  canRejoin(contact: Contact): boolean {
    const { owed, through, sent } = contact.streams[STREAM.group];
    return contact.mode === "behind" && owed.length === 0 && through >= sent;
  }

  /** Takes what a contact is to be sent alone, up to a frame's worth. The lines that it is owed go to `entries`. */
  messagesTo(contact: Contact, entries: Entry[]): PairMessage[] {
    const again = this.isRepairDue(contact) ? this.#repair(contact) : [];
    const owed = STREAMS.flatMap((stream) => this.#owedTo(contact, stream))
      .sort((one, other) => one.entry.order - other.entry.order);
    entries.push(...owed.map(({ entry }) => entry));
    return [...goneMessages(contact), ...again, ...owed.map(({ message }) => message)];
  }

  /** Drops what a contact is owed and what was lost, because the policy keeps the contact from reading. */
  dropOwed(contact: Contact): void {
    for (const stream of STREAMS) {
      const lost = this.#ledger.outstanding(contact, stream, contact.streams[stream].repair);
      contact.streams[stream].repair = 0;
      const dropped = new Set([...lost, ...contact.streams[stream].owed]);
      for (const entry of dropped) this.#ledger.drop(contact, entry);
    }
  }

  /** Takes what was lost of all streams. It is charged to the budget. */
  #repair(contact: Contact): PairMessage[] {
    const messages = STREAMS.flatMap((stream) => this.#repairOf(contact, stream));
    if (messages.length === 0) return [];
    contact.repairs += 1;
    contact.repairedAt = this.#now();
    this.#budget.spend(REPAIR_BYTES, this.#now());
    return messages;
  }

  /** Takes what was lost, up to a frame's worth, and the chain's key, which may have been lost too. */
  #repairOf(contact: Contact, stream: Stream): PairMessage[] {
    const { owed, sent, through, told, base } = contact.streams[stream];
    // What is owed was not lost: the relay left it out.
    const last = Math.min(contact.streams[stream].repair, (owed[0]?.line.number ?? Infinity) - 1);
    contact.streams[stream].repair = 0;
    if (last <= through) return [];
    let before = base;
    const outstanding = this.#ledger.outstanding(contact, stream, last);
    const lost = firstOf(outstanding, LINE_OVERHEAD_BYTES);
    const isTold = told > 0 && told >= through;
    const lines: PairMessage[] = isTold ? [{ kind: "gone", stream, number: told }] : [];
    for (const entry of lost) {
      lines.push(lineMessage(entry, before));
      this.#budget.spend(entry.line.bytes, this.#now());
      before = entry.line.number;
    }
    // What the contact knows to be missing, and the policy has kept from it since, will not come.
    const known = Math.min(last, contact.streams[stream].seen);
    const isAll = lost.length === outstanding.length;
    if (isAll && before < known) lines.push({ kind: "gone", stream, number: known });
    contact.streams[stream].repaired = isAll ? Math.max(before, known) : before;
    const isHolder = stream === STREAM.group && contact.mode !== "behind" &&
      this.#chain.isHolder(contact.peer);
    return isHolder ? [...lines, this.grant(sent + 1, sent)] : lines;
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
      state.fly(entry.line.number, entry.line.bytes + LINE_OVERHEAD_BYTES);
      return { entry, message };
    });
  }

  /** Returns the key of the present chain for a holder. */
  grant(next: number, last: number): GrantMessage {
    return { kind: "grant", ...this.#chain.present!, next, last: Math.min(last, next - 1) };
  }
}

/** Returns the place of a contact's next private line among all that was entered. */
export function privateOrder({ streams }: Contact): number {
  return streams[STREAM.private].owed[0]?.order ?? Infinity;
}

/** Takes what a contact is to be told will not come. */
function goneMessages({ streams }: Contact): PairMessage[] {
  return STREAMS.flatMap((stream) => {
    const state = streams[stream];
    const number = state.gone;
    if (number === 0) return [];
    state.gone = 0;
    state.told = Math.max(state.told, number);
    if (number > state.last) state.send(number);
    return [{ kind: "gone" as const, stream, number }];
  });
}

function lineMessage({ line }: Entry, last: number): LineMessage {
  const { stream, number, time, text } = line;
  return { kind: "line", stream, number, last, time, text };
}

/** Returns the first of some lines that share a frame: one at least. */
export function firstOf(
  entries: readonly Entry[],
  overhead: number,
  fits: (entry: Entry) => boolean = () => true,
): Entry[] {
  let bytes = 0;
  let count = 0;
  for (const entry of entries) {
    bytes += entry.line.bytes + overhead;
    if (count > 0 && (bytes > MAX_BATCH_BYTES || count >= MAX_BATCH_LINES || !fits(entry))) break;
    count += 1;
  }
  return entries.slice(0, count);
}

/** How often contacts are looked at for silence, in milliseconds. */
const LOOK_MS = 1000;
/** How long a contact may be silent besides three intervals between receipts, in milliseconds. */
const QUIET_MS = 5000;
/** How much longer a contact may take than another, besides three intervals between receipts, in milliseconds. */
const LATE_MS = 2000;
/** How often a contact that the relay says is away is asked, in milliseconds. */
const AWAY_MS = 30_000;

/** What {@linkcode Silence} uses of the sending side. */
export interface SendingSide {
  readonly pairs: OwnPairs;
  readonly lines: PairLines;
  /** Whether there is a connection. */
  readonly isRunning: boolean;
  /** Receives a contact that may have to be sent something alone. */
  want(contact: Contact): void;
}

/** Watches for contacts that do not answer. */
export class Silence {
  readonly #context: RoomContext;
  readonly #sending: SendingSide;
  readonly #ledger: Ledger;
  #lookAt = Infinity;

  /** Starts without a silent contact. */
  constructor(context: RoomContext, sending: SendingSide) {
    this.#context = context;
    this.#sending = sending;
    this.#ledger = context.ledger;
  }

  /** When {@linkcode tick} has something to do, in milliseconds. */
  get wakeAt(): number {
    return this.#lookAt;
  }

  /** A contact has sent a receipt, which shows progress or does not. */
  answered(contact: Contact, progress: boolean): void {
    const isOutstanding = this.#ledger.isOutstanding(contact);
    // A contact that takes a little at a time does not make all of it come at once again.
    const { streams } = contact;
    if (
      progress && STREAMS.every((stream) => streams[stream].through >= streams[stream].repaired)
    ) {
      contact.repairs = 0;
    }
    if (progress || !isOutstanding) {
      contact.fruitless = 0;
      contact.quietSince = isOutstanding ? this.#context.now() : undefined;
      if (contact.stalled && !this.#isLate(contact) && this.#mayWaitFor(contact)) {
        this.#ledger.stall(contact, false);
      }
    } else if (contact.asking && ++contact.fruitless >= 2) {
      contact.fruitless = 0;
      contact.loseAll();
    }
    contact.asking = false;
  }

  /** Looks for late and silent contacts from now on, as long as something is not delivered. */
  watch(): void {
    if (this.#lookAt < Infinity || this.#ledger.backlog.lines === 0) return;
    this.#lookAt = this.#context.now() + LOOK_MS;
    this.#context.wake();
  }

  /** Looks for contacts that are late or silent. It marks them as stalled, and asks the silent ones for receipts. */
  tick(): void {
    const { now } = this.#context;
    if (now() < this.#lookAt) return;
    this.#lookAt = Infinity;
    const patience = QUIET_MS + this.#allowance;
    const silent: Contact[] = [];
    const lossy: Contact[] = [];
    for (const contact of this.#ledger.contacts()) {
      if (this.#sending.lines.isRepairDue(contact)) lossy.push(contact);
      if (this.#isLate(contact)) this.#ledger.stall(contact, true);
      if (!this.#isQuiet(contact, patience)) continue;
      this.#ledger.stall(contact, true);
      // The relay may call a member away that is not: a member that answers is there.
      const pace = contact.peer.away && contact.fruitless === 0 ? AWAY_MS : patience;
      if (contact.here && now() - contact.askedAt >= pace) silent.push(contact);
    }
    // The budget goes first to those that have waited longest.
    for (const contact of lossy.sort((one, other) => one.repairedAt - other.repairedAt)) {
      this.#sending.want(contact);
    }
    this.ask(silent);
    this.watch();
  }

  /** Adds a contact. Lines do not wait for an identity that has made others wait too often. */
  meet(contact: Contact): void {
    this.#ledger.stall(contact, !this.#mayWaitFor(contact));
  }

  /** How much later than others a receipt may come, because receipts are collected, in milliseconds. */
  get #allowance(): number {
    return 3 * receiptInterval(this.#context.roster.size);
  }

  /** Whether a contact takes longer than another one, so that waiting for it would make that one wait. */
  #isLate(contact: Contact): boolean {
    return this.#ledger.isLate(contact, this.#context.now() - LATE_MS - this.#allowance);
  }

  /** Whether lines to others may wait for a contact once more. Each time is charged. */
  #mayWaitFor({ peer: { credential } }: Contact): boolean {
    const now = this.#context.now();
    return this.#ledger.size < 2 ||
      this.#context.costs.of(credential.fingerprint, now).allow("wait", 1, now);
  }

  #isQuiet(contact: Contact, patience: number): boolean {
    const awaits = contact.unsure || this.#ledger.isOutstanding(contact) ||
      STREAMS.some((stream) => contact.streams[stream].owed.length > 0);
    if (!awaits) {
      contact.quietSince = undefined;
      return false;
    }
    contact.quietSince ??= this.#context.now();
    return this.#context.now() - contact.quietSince >= patience;
  }

  /** Asks contacts what they have taken. Those that may not have the pairwise key cannot answer: all of it is lost. */
  ask(contacts: readonly Contact[]): void {
    if (contacts.length === 0 || !this.#sending.isRunning) return;
    const { proven = [], unproven = [] } = Object.groupBy(
      contacts,
      ({ peer }) => this.#sending.pairs.get(peer)?.isProven ? "proven" : "unproven",
    );
    for (const contact of unproven) {
      contact.askedAt = this.#context.now();
      contact.greeted = false;
      contact.loseAll();
      this.#sending.want(contact);
    }
    if (proven.length > 0) this.#askAll(proven).catch(this.#context.failed);
  }

  async #askAll(contacts: readonly Contact[]): Promise<void> {
    const { roster, now, send } = this.#context;
    const { version } = roster;
    const context = await roster.history.newest;
    const asks = contacts.map(async (contact) => {
      const pair = this.#sending.pairs.get(contact.peer);
      contact.askedAt = now();
      if (pair === undefined) return [];
      contact.asking = true;
      return [await pair.ask(contact.peer.number, { version, context }, new Uint8Array(0))];
    });
    const entries = (await Promise.all(asks)).flat();
    if (this.#sending.isRunning) encodeEntries(KIND.ask, entries).forEach(send);
  }
}
