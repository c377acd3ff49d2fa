/**
 * Receipts and asks on their way through the relay: the newest entry of each kind and pair, forwarded in one frame for
 * each recipient.
 *
 * @module
 */

import { encodeEntries, type Entry } from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";
import type { Reader } from "./fan_out.ts";
import { type Later, LOOKUP_BYTES } from "./options.ts";

/** The most entries that wait. Beyond that they are forwarded at once. */
const MAX_ENTRIES = 16_384;
/** Entries for a member with more unsent bytes than this are dropped: newer ones replace them. */
const MAX_UNSENT_BYTES = 256 << 10;

/** The kinds of frame that have entries. */
export type EntryKind = typeof KIND.receipt | typeof KIND.ask;

/** Splits and joins the receipts and asks of a room. */
export class Receipts {
  readonly #reader: (number: number) => Reader | undefined;
  readonly #later: Later;
  /** The newest entries, by recipient, then by kind and sender. */
  readonly #waiting = new Map<number, Map<string, { kind: EntryKind; entry: Entry }>>();
  #entries = 0;
  #isScheduled = false;

  /**
   * @param reader Returns the member with a number, if it has a connection.
   * @param later Calls a function in a later turn of the event loop.
   */
  constructor(reader: (number: number) => Reader | undefined, later: Later) {
    this.#reader = reader;
    this.#later = later;
  }

  /**
   * Takes the entries of one frame.
   *
   * @param sender The number of the member that sent them.
   * @returns What they cost the sender, in bytes sent on.
   */
  take(sender: number, kind: EntryKind, entries: readonly Entry[]): number {
    let cost = 0;
    for (const entry of entries) {
      const isHere = entry.member !== sender && this.#reader(entry.member) !== undefined;
      cost += isHere ? entry.box.length : LOOKUP_BYTES;
      if (isHere) this.#keep(sender, kind, entry);
    }
    if (this.#entries > MAX_ENTRIES) this.flush();
    else if (this.#entries > 0 && !this.#isScheduled) {
      this.#isScheduled = true;
      this.#later(() => this.flush());
    }
    return cost;
  }

  /** Keeps an entry in place of an earlier one of its kind and pair. Its bytes are views of a buffer that is reused. */
  #keep(sender: number, kind: EntryKind, entry: Entry): void {
    const waiting = this.#waiting.get(entry.member) ?? new Map();
    this.#waiting.set(entry.member, waiting);
    const key = `${kind} ${sender}`;
    if (!waiting.has(key)) this.#entries += 1;
    const own = { member: sender, check: entry.check.slice(), box: entry.box.slice() };
    waiting.set(key, { kind, entry: { ...entry, ...own } });
  }

  /** Forwards what waits. */
  flush(): void {
    this.#isScheduled = false;
    this.#entries = 0;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [number, entries] of waiting) {
      const reader = this.#reader(number);
      if (reader === undefined || reader.link.waiting > MAX_UNSENT_BYTES) continue;
      for (const kind of [KIND.receipt, KIND.ask] as const) {
        const ofKind = [...entries.values()].filter((one) => one.kind === kind);
        const frames = encodeEntries(kind, ofKind.map(({ entry }) => entry));
        for (const frame of frames) reader.link.send(frame);
      }
    }
  }
}
