/**
 * Contacts that are late or silent: nobody waits for them, and the silent ones are asked what they have taken.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import type { Costs } from "../../base/clock.ts";
import { STREAMS } from "../wire/content.ts";
import { encodeEntries } from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";
import { receiptInterval } from "./acknowledger.ts";
import type { Ledger } from "./deliveries.ts";
import type { PeerCost } from "./inbox.ts";
import type { Contact } from "./lines.ts";
import type { OwnPairs } from "./own_chains.ts";
import type { PairLines } from "./pair_lines.ts";
import type { Roster } from "./roster.ts";

/** How often contacts are looked at for silence, in milliseconds. */
const LOOK_MS = 1000;
/** How long a contact may be silent besides three intervals between receipts, in milliseconds. */
const QUIET_MS = 5000;
/** How much longer a contact may take than another, besides three intervals between receipts, in milliseconds. */
const LATE_MS = 2000;
/** How often a contact that the relay says is away is asked, in milliseconds. */
const AWAY_MS = 30_000;

/** Whom silence is noticed of, and what follows. */
export interface SilenceOptions {
  readonly ledger: Ledger;
  readonly roster: Roster;
  readonly pairs: OwnPairs;
  readonly lines: PairLines;
  /** What peers are charged for, by identity. It outlives rooms. */
  readonly costs: Costs<PeerCost>;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Whether there is a connection. */
  readonly isRunning: () => boolean;
  /** Sends a frame that is not counted. */
  readonly send: (frame: Bytes) => void;
  /** Sends a counted frame that others can do without, unless the relay accepts too little. */
  readonly offer: (frame: Bytes) => void;
  /** A contact may have to be sent something alone. */
  readonly want: (contact: Contact) => void;
  /** {@linkcode Silence.wakeAt} is earlier than it was. */
  readonly wake: () => void;
  /** Receives an error of the runtime's cryptography. */
  readonly failed: (error: unknown) => void;
}

/** Watches for contacts that do not answer. */
export class Silence {
  readonly #options: SilenceOptions;
  readonly #ledger: Ledger;
  #lookAt = Infinity;

  /** Starts with nobody silent. */
  constructor(options: SilenceOptions) {
    this.#options = options;
    this.#ledger = options.ledger;
  }

  /** When {@linkcode tick} has something to do, in milliseconds. */
  get wakeAt(): number {
    return this.#lookAt;
  }

  /** A contact has sent a receipt, which shows progress or does not. */
  answered(contact: Contact, progress: boolean): void {
    const isOutstanding = this.#ledger.isOutstanding(contact);
    if (progress || !isOutstanding) {
      contact.fruitless = 0;
      contact.quietSince = isOutstanding ? this.#options.now() : undefined;
      if (contact.stalled && !this.#isLate(contact) && this.#mayWaitFor(contact)) {
        this.#ledger.stall(contact, false);
      }
    } else if (contact.asking && ++contact.fruitless >= 2) {
      contact.fruitless = 0;
      this.#options.lines.repairAll(contact);
    }
    contact.asking = false;
  }

  /** Looks for late and silent contacts from now on, as long as something is not delivered. */
  watch(): void {
    if (this.#lookAt < Infinity || this.#ledger.backlog.lines === 0) return;
    this.#lookAt = this.#options.now() + LOOK_MS;
    this.#options.wake();
  }

  /** Looks for contacts that are late or silent: nobody waits for them, and the silent ones are asked. */
  tick(): void {
    const { now, lines } = this.#options;
    if (now() < this.#lookAt) return;
    this.#lookAt = Infinity;
    const patience = QUIET_MS + this.#allowance;
    const silent: Contact[] = [];
    for (const contact of this.#ledger.contacts()) {
      if (lines.isRepairDue(contact)) this.#options.want(contact);
      if (this.#isLate(contact)) this.#ledger.stall(contact, true);
      if (!this.#isQuiet(contact, patience)) continue;
      this.#ledger.stall(contact, true);
      // The relay may be wrong about who is away: one that answers is not.
      const pace = contact.peer.away && contact.fruitless === 0 ? AWAY_MS : patience;
      if (contact.here && now() - contact.askedAt >= pace) silent.push(contact);
    }
    this.ask(silent);
    this.watch();
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
  ask(contacts: readonly Contact[]): void {
    if (contacts.length === 0 || !this.#options.isRunning()) return;
    const { proven = [], unproven = [] } = Object.groupBy(
      contacts,
      ({ peer }) => this.#options.pairs.of(peer)?.isProven ? "proven" : "unproven",
    );
    for (const contact of unproven) {
      contact.askedAt = this.#options.now();
      contact.greeted = false;
      this.#options.lines.repairAll(contact);
      this.#options.want(contact);
    }
    if (proven.length > 0) this.#askAll(proven).catch(this.#options.failed);
  }

  async #askAll(contacts: readonly Contact[]): Promise<void> {
    const { roster, now, send } = this.#options;
    const { version } = roster;
    const context = await roster.history.newest;
    const asks = contacts.map(async (contact) => {
      const pair = this.#options.pairs.of(contact.peer);
      contact.askedAt = now();
      if (pair === undefined) return [];
      // A contact that has not shown that it has the key may not have got it.
      if (!pair.isProven) return await this.#giveKey(contact);
      contact.asking = true;
      return [await pair.ask(contact.peer.number, { version, context }, new Uint8Array(0))];
    });
    const entries = (await Promise.all(asks)).flat();
    if (this.#options.isRunning()) encodeEntries(KIND.ask, entries).forEach(send);
  }

  /** Sends a pair frame without messages, which carries the wrapped key. */
  async #giveKey({ peer }: Contact): Promise<[]> {
    const frame = await this.#options.pairs.seal(peer, []);
    if (frame !== undefined) this.#options.offer(frame);
    return [];
  }
}
