/**
 * The receiving side for one peer: its keys, its chains and its message numbers, and the receipts and faults that this
 * member reports about it.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import { MAX_STEPS, OpenError, type Opening, ReceivingChain } from "../seal/chain.ts";
import { PairError, PairReceiver } from "../seal/pairwise.ts";
import {
  encodeReceipt,
  type GrantMessage,
  messageIds,
  type NoticeMessage,
  type OpenedMessage,
  readPairMessages,
  readTexts,
  STREAM,
  type Stream,
} from "../wire/content.ts";
import { encodeEntries, type PairFrame, type SealedFrame } from "../wire/envelope.ts";
import { KIND } from "../wire/kinds.ts";
import { DueReceipts, type SenderStreams } from "./acknowledger.ts";
import { type Fault, FAULTS, type RoomContext } from "./options.ts";
import type { Peer } from "./roster.ts";

/** The highest number of a message: a `u48`. */
const MAX_NUMBER = 2 ** 48 - 1;

/** The chains that are kept of a sender: the present one, and one that frames may still be under. */
const CHAINS_KEPT = 2;

/** A text to show. */
export interface ShownText {
  readonly stream: Stream;
  readonly number: number;
  readonly time: number;
  readonly text: string;
  /** Whether a message after it was shown before. */
  readonly late: boolean;
}

/** What a frame brings. */
export class Outcome {
  readonly texts: ShownText[] = [];
  notices: NoticeMessage[] = [];
  /** The number of messages that are newly found missing. */
  missing = 0;
}

/** The error of a frame that is skipped. */
export class FrameFault extends Error {
  /** Creates the error. */
  constructor(readonly fault: Fault) {
    super(FAULTS[fault]);
    this.name = "FrameFault";
  }
}

/** Opens the frames of one peer in one room. */
export class Inbox {
  readonly peer: Peer;
  /** The pairwise keys that the peer gave. */
  readonly pair: PairReceiver;
  /** What has come of the peer, in this room and earlier ones. */
  readonly streams: SenderStreams;
  /** Makes the ids of the peer's messages, by stream. */
  readonly idOf: Readonly<Record<Stream, (number: number) => string>>;
  readonly #context: RoomContext;
  /** By number, in the order in which they were granted. */
  readonly #chains = new Map<number, ReceivingChain>();
  /** The `use` of the last frame that contained notices. */
  #noticesAt = -1;

  /** Starts with nothing received in this room. */
  constructor(peer: Peer, context: RoomContext) {
    const { self, room, ledger, streams, nextReceipt } = context;
    const { key, member: sender, signing } = peer.credential;
    const recipient = self.member;
    this.#context = context;
    this.peer = peer;
    this.streams = streams.of(key, (one) => ledger.get(one) !== undefined);
    const { privateKey } = self.keys.session;
    this.pair = new PairReceiver({ room, sender, recipient }, privateKey, signing, nextReceipt);
    this.idOf = {
      [STREAM.group]: messageIds(sender),
      [STREAM.private]: messageIds(sender, recipient),
    };
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
    if (steps > 0 && !this.#pays("step", steps)) throw new FrameFault("BAD_STEP");
    const messages = await faulty(async () => readTexts(await chain.open(frame, context, begun)));
    if (number + messages.length > MAX_NUMBER + 1) throw new FrameFault("BAD_CONTENT");
    chain.expect(number + messages.length);
    const stream = this.streams.of(STREAM.group);
    const outcome = new Outcome();
    outcome.missing = stream.reach(number - 1);
    let at = number;
    for (const message of messages) {
      const own = at++;
      const arrival = stream.take(own);
      if (arrival === "copy") continue;
      if (message.kind === "unknown") stream.withhold(own);
      else {
        const { time, text } = message;
        const late = arrival === "late";
        outcome.texts.push({ stream: STREAM.group, number: own, time, text, late });
      }
    }
    return outcome;
  }

  /** Charges the peer for work, which is done only if this returns true. */
  #pays(kind: "step" | "grant", amount: number): boolean {
    const { costs, now } = this.#context;
    return costs.of(this.peer.credential.fingerprint, now()).allow(kind, amount, now());
  }

  /**
   * Opens a pair frame whose signature is valid.
   *
   * @throws {FrameFault} If a check fails. Nothing has changed then.
   */
  async openPair(frame: PairFrame, context: Bytes): Promise<Outcome> {
    const messages = await faulty(async () => {
      const { plaintext } = await this.pair.open(frame, context);
      return readPairMessages(plaintext);
    });
    const outcome = new Outcome();
    for (const message of messages) await this.#takeMessage(message, outcome);
    // A relay can repeat and reorder frames: notices come once, and in order.
    const { use } = frame.header;
    if (use <= this.#noticesAt) outcome.notices = [];
    if (outcome.notices.length > 0) this.#noticesAt = use;
    return outcome;
  }

  async #takeMessage(message: OpenedMessage, outcome: Outcome): Promise<void> {
    if (message.kind === "unknown") return;
    if (message.kind === "notice") return void outcome.notices.push(message);
    const stream = this.streams.of(message.kind === "grant" ? STREAM.group : message.stream);
    if (message.kind === "gone") {
      outcome.missing += stream.gone(message.number);
    } else if (message.kind === "grant") {
      outcome.missing += stream.link(message.next, message.last);
      await this.#takeGrant(message);
    } else {
      const { number, last, time, text } = message;
      outcome.missing += stream.link(number, last);
      const arrival = stream.take(number);
      if (arrival === "copy") return;
      outcome.texts.push({ stream: message.stream, number, time, text, late: arrival === "late" });
    }
  }

  async #takeGrant({ chain, step, key, next }: GrantMessage): Promise<void> {
    const known = this.#chains.get(chain);
    if (known !== undefined && known.step >= step) return;
    // Without the key, the frames under it do not open, and the sender sends their lines again.
    if (!this.#pays("grant", 1)) return;
    const { member: sender, signing } = this.peer.credential;
    const scope = { room: this.#context.room, sender, chain };
    this.#chains.set(chain, await ReceivingChain.take(scope, signing, { step, key, next }));
    // That may be this one: a relay can repeat an old grant.
    if (this.#chains.size > CHAINS_KEPT) this.#chains.delete(Math.min(...this.#chains.keys()));
  }
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

/** The receipts that a member sends in one room. */
export class OwnReceipts extends DueReceipts<Inbox> {
  readonly #context: RoomContext;
  /** Resolves once the receipts that are being sealed are sent. */
  #sending: Promise<void> = Promise.resolve();

  /** Starts with nothing due. */
  constructor(context: RoomContext) {
    super(context.now);
    this.#context = context;
  }

  /** Sends the receipts that are due. */
  tick(): Promise<void> {
    return this.#send(this.due());
  }

  /** Sends the receipts that wait, whether they are due or not, and those that are being sealed. */
  hurry(): Promise<void> {
    return this.#send(this.take());
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
    const { roster, send } = this.#context;
    const { version } = roster;
    const context = await roster.history.newest;
    const entries = await Promise.all(due.map((inbox) => {
      const { peer, pair } = inbox;
      return pair.receipt(peer.number, { version, context }, encodeReceipt(inbox.streams.shown));
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
