/**
 * The receiving side for one peer: its keys, its chains and its message numbers, and the receipts and faults that this
 * member reports about it.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import type { Tariff } from "../../base/clock.ts";
import { MAX_STEPS, OpenError, type Opening, ReceivingChain } from "../seal/chain.ts";
import { PairError, PairReceiver } from "../seal/pairwise.ts";
import {
  encodeReceipt,
  type GrantMessage,
  messageIds,
  type NoticeMessage,
  type OpenedMessage,
  type Progress,
  readPairMessages,
  readTexts,
  STREAM,
  type Stream,
} from "../wire/content.ts";
import { encodeEntries, type Pair, type PairFrame, type SealedFrame } from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";
import { DueReceipts, type SenderStreams } from "./acknowledger.ts";
import type { Peer, Roster } from "./roster.ts";

/** The chains that are kept of a sender: the present one, and one that frames may still be under. */
const CHAINS_KEPT = 2;

/** The faults of a frame, by the code that people and programs see. */
export const FAULTS = {
  UNKNOWN_SENDER: "a frame came in the name of somebody who is not in the room",
  CONTEXT: "a frame belongs to a version of the room that this member does not know",
  BAD_SIGNATURE: "a frame was not signed by its sender, or was changed on the way",
  BAD_KEY: "a frame came under a pairwise key that does not open",
  NO_KEY: "a frame came under a key that was never granted",
  BAD_STEP: "a frame goes back in its chain, or too far ahead",
  BAD_SEAL: "a frame does not open",
  BAD_CONTENT: "the content of a frame is malformed",
  NOT_ADDRESSED: "a frame came that is addressed to somebody else",
  GAP: "messages are missing before this one",
} as const;

/** What can be wrong with a frame. */
export type Fault = keyof typeof FAULTS;

/** A text to show. */
export interface ShownText {
  readonly stream: Stream;
  readonly number: number;
  readonly time: number;
  readonly text: string;
  /** Whether a message after it was shown before. */
  readonly late: boolean;
}

/** The result of opening a frame. */
export interface Outcome {
  readonly texts: readonly ShownText[];
  readonly notices: readonly NoticeMessage[];
  /** The number of messages that are newly found missing. */
  readonly missing: number;
  /** The number of messages that came before. */
  readonly copies: number;
  /** Whether a new pairwise key came. */
  readonly isNewKey: boolean;
}

/** The error of a frame that is skipped. */
export class FrameFault extends Error {
  /** Creates the error. */
  constructor(readonly fault: Fault) {
    super(FAULTS[fault]);
    this.name = "FrameFault";
  }
}

/**
 * The kinds of work that a peer is charged for: steps of a chain beyond one a frame, waits of this member for its
 * receipts, and notices.
 */
export type PeerCost = "step" | "wait" | "notice";

/** How much of each kind of work one identity may cause. */
export const PEER_TARIFF: Tariff<PeerCost> = {
  step: { perSecond: 8, burst: 64 },
  wait: { perSecond: 1 / 60, burst: 3 },
  notice: { perSecond: 1, burst: 16 },
};

/** The receiving member and the sender. */
export interface InboxOptions {
  readonly peer: Peer;
  readonly pair: Pair;
  /** The recipient's private session key. */
  readonly sessionKey: CryptoKey;
  readonly streams: SenderStreams;
  /** Returns the sequence of the next receipt: no two of this member have the same one. */
  readonly nextReceipt: () => number;
  /** Charges the peer for steps. The steps are followed only if it returns true. */
  readonly pays: (steps: number) => boolean;
}

/** Opens the frames of one peer in one room. */
export class Inbox {
  readonly peer: Peer;
  /** The pairwise keys that the peer gave. */
  readonly pair: PairReceiver;
  /** Makes the ids of the peer's messages, by stream. */
  readonly idOf: Readonly<Record<Stream, (number: number) => string>>;
  readonly #options: InboxOptions;
  /** By number, in the order in which they were granted. */
  readonly #chains = new Map<number, ReceivingChain>();
  /** The `use` of the last frame that contained notices. */
  #noticesAt = -1;

  /** Starts with nothing received in this room. */
  constructor(options: InboxOptions) {
    this.#options = options;
    this.peer = options.peer;
    const { signing } = options.peer.credential;
    const { pair, sessionKey, nextReceipt } = options;
    this.pair = new PairReceiver(pair, sessionKey, signing, nextReceipt);
    this.idOf = {
      [STREAM.group]: messageIds(pair.sender),
      [STREAM.private]: messageIds(pair.sender, pair.recipient),
    };
  }

  /** What a receipt says now: how far the person was shown what was processed, less what was withheld. */
  get shown(): readonly Progress[] {
    return this.#options.streams.shown;
  }

  /** The person was shown what was processed up to here. */
  took(progress: readonly Progress[]): void {
    this.#options.streams.show(progress);
  }

  /** A text was processed, and is not shown to the person. */
  withhold({ stream, number }: ShownText): void {
    this.#options.streams.of(stream).withhold(number);
  }

  /** The progress of what has been processed. */
  get progress(): Progress[] {
    return this.#options.streams.progress;
  }

  /** Starts the checks of a sealed frame, if its chain and step are at hand. */
  begin(frame: SealedFrame, context: Bytes): Opening | undefined {
    return this.#chains.get(frame.header.chain)?.begin(frame, context);
  }

  /**
   * Opens a sealed frame.
   *
   * @param frame The frame.
   * @param context The context of its version.
   * @param begun The checks that {@linkcode begin} started.
   * @throws {FrameFault} If a check fails. Nothing has changed then.
   */
  async openSealed(frame: SealedFrame, context: Bytes, begun?: Opening): Promise<Outcome> {
    const { chain: chainNumber, number } = frame.header;
    const chain = this.#chains.get(chainNumber);
    if (chain === undefined) throw new FrameFault("NO_KEY");
    // One step before a message is the rule.
    const steps = Math.min(chain.stepsTo(frame), MAX_STEPS) - 1;
    if (steps > 0 && !this.#options.pays(steps)) throw new FrameFault("BAD_STEP");
    const messages = await faulty(async () => readTexts(await chain.open(frame, context, begun)));
    chain.expect(number + messages.length);
    const stream = this.#options.streams.of(STREAM.group);
    const missing = stream.reach(number - 1);
    const collected = new Collected();
    messages.forEach((message, i) => {
      const arrival = stream.take(number + i);
      if (arrival === "copy") collected.copies += 1;
      else if (message.kind === "unknown") stream.withhold(number + i);
      else {
        const { time, text } = message;
        const late = arrival === "late";
        collected.texts.push({ stream: STREAM.group, number: number + i, time, text, late });
      }
    });
    return { ...collected, missing };
  }

  /**
   * Opens a pair frame whose signature is valid.
   *
   * @throws {FrameFault} If a check fails. Nothing has changed then.
   */
  async openPair(frame: PairFrame, context: Bytes): Promise<Outcome> {
    const { messages, isNewKey } = await faulty(async () => {
      const { plaintext, isNewKey } = await this.pair.open(frame, context);
      return { messages: readPairMessages(plaintext), isNewKey };
    });
    const collected = new Collected();
    collected.isNewKey = isNewKey;
    for (const message of messages) await this.#takeMessage(message, collected);
    return { ...collected, notices: this.#newNotices(frame.header.use, collected.notices) };
  }

  /** Drops the notices of a frame that came before, or belongs before one that came: a relay can repeat and reorder. */
  #newNotices(use: number, notices: readonly NoticeMessage[]): readonly NoticeMessage[] {
    if (notices.length === 0 || use <= this.#noticesAt) return [];
    this.#noticesAt = use;
    return notices;
  }

  async #takeMessage(message: OpenedMessage, collected: Collected): Promise<void> {
    if (message.kind === "unknown") return;
    if (message.kind === "notice") {
      collected.notices.push(message);
      return;
    }
    if (message.kind === "grant") {
      const { next, last } = message;
      collected.missing += this.#options.streams.of(STREAM.group).link(next, last);
      return await this.#takeGrant(message);
    }
    const stream = this.#options.streams.of(message.stream);
    if (message.kind === "gone") {
      collected.missing += stream.gone(message.number);
      return;
    }
    const { number, last, time, text } = message;
    collected.missing += stream.link(number, last);
    const arrival = stream.take(number);
    if (arrival === "copy") collected.copies += 1;
    else {
      const late = arrival === "late";
      collected.texts.push({ stream: message.stream, number, time, text, late });
    }
  }

  async #takeGrant({ chain, step, key, next }: GrantMessage): Promise<void> {
    const known = this.#chains.get(chain);
    if (known !== undefined && known.step >= step) return;
    if (known === undefined && this.#isOld(chain)) return;
    const { room, sender } = this.#options.pair;
    const { signing } = this.peer.credential;
    const granted = { step, key, next };
    this.#chains.set(chain, await ReceivingChain.take({ room, sender, chain }, signing, granted));
    if (this.#chains.size > CHAINS_KEPT) this.#chains.delete(Math.min(...this.#chains.keys()));
  }

  /** Whether a chain is lower than all that are kept. */
  #isOld(chain: number): boolean {
    return this.#chains.size === CHAINS_KEPT && chain < Math.min(...this.#chains.keys());
  }
}

/** What the messages of one frame bring. */
class Collected {
  readonly texts: ShownText[] = [];
  readonly notices: NoticeMessage[] = [];
  missing = 0;
  copies = 0;
  isNewKey = false;
}

/** Runs checks, and turns their errors into faults. */
export async function faulty<T>(check: () => T | Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof OpenError || error instanceof PairError) throw new FrameFault(error.fault);
    if (error instanceof MalformedError) throw new FrameFault("BAD_CONTENT");
    throw error;
  }
}

/** Where receipts are sent. */
export interface OwnReceiptsOptions {
  readonly roster: Roster;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  /** Sends a frame that is not counted, if there is a connection. */
  readonly send: (frame: Bytes) => void;
}

/** The receipts that a member sends in one room. */
export class OwnReceipts {
  readonly #options: OwnReceiptsOptions;
  readonly #due: DueReceipts<Inbox>;
  /** Resolves once the receipts that are being sealed are sent. */
  #sending: Promise<void> = Promise.resolve();

  /** Starts with nothing due. */
  constructor(options: OwnReceiptsOptions) {
    this.#options = options;
    this.#due = new DueReceipts(options.now);
  }

  /** When receipts are to be sent, in milliseconds. */
  get wakeAt(): number {
    return this.#due.dueAt;
  }

  /** Something has changed for a speaker. */
  changed(inbox: Inbox): void {
    this.#due.changed(inbox, this.#options.roster.size);
  }

  /** A speaker has asked. */
  asked(inbox: Inbox): void {
    this.#due.asked(inbox, this.#options.roster.size);
  }

  /** Sends the receipts that are due. */
  tick(): Promise<void> {
    return this.#send(this.#due.due());
  }

  /** Sends the receipts that wait, whether they are due or not, and those that are being sealed. */
  hurry(): Promise<void> {
    return this.#send(this.#due.take());
  }

  #send(inboxes: readonly Inbox[]): Promise<void> {
    // One after the other: the relay takes the last that comes for the newest.
    const sent = this.#sending.then(() => this.#seal(inboxes));
    this.#sending = sent.catch(() => {}); // the caller sees the failure
    return sent;
  }

  async #seal(inboxes: readonly Inbox[]): Promise<void> {
    const due = inboxes.filter(({ pair }) => pair.hasKey);
    if (due.length === 0) return;
    const { roster, send } = this.#options;
    const { version } = roster;
    const context = await roster.history.newest;
    const entries = await Promise.all(due.map((inbox) => {
      const { peer, pair } = inbox;
      return pair.receipt(peer.number, { version, context }, encodeReceipt(inbox.shown));
    }));
    encodeEntries(KIND.receipt, entries).forEach(send);
  }
}

/** A fault is reported this many times, and then each time its count has doubled. */
const TOLD_AT_FIRST = 3;
/** The most kinds of fault that are counted separately. */
const MAX_KINDS = 10_000;

/** Counts faults. */
export class FaultLog {
  readonly #counts = new Map<string, number>();

  /**
   * Counts a fault.
   *
   * @param key The kind of fault, and the peer.
   * @param always Whether each one is worth telling.
   * @returns How often it has happened; undefined if that is not worth telling.
   */
  count(key: string, always = false): number | undefined {
    const kind = this.#counts.has(key) || this.#counts.size < MAX_KINDS ? key : "";
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return always || count <= TOLD_AT_FIRST || Number.isInteger(Math.log2(count))
      ? count
      : undefined;
  }
}
