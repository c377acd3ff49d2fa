/**
 * What one peer sends: its keys and its sealed frames, checked in order.
 *
 * Signatures first, then the place in the chain, then the commitment, then the seal. What fails any of them is
 * named and not shown.
 *
 * @module
 */

import { type Bytes, MalformedError } from "../../base/bytes.ts";
import type { Tariff } from "../../base/costs.ts";
import { CONTEXT, inContext, verify } from "../identity/signing.ts";
import { MAX_STEPS, OpenError, ReceivingChain } from "../seal/chain.ts";
import { KeyFrameError, KeyReceiver } from "../seal/pairwise.ts";
import {
  CONVERSATION,
  type Conversation,
  type KeyFrame,
  type OpenedText,
  type ProgressFrame,
  readTexts,
  type SealedFrame,
} from "../wire/envelope.ts";
import type { Peer } from "./roster.ts";

/** How many chains of a conversation are kept: the present one, and one that frames may still be under. */
const CHAINS_KEPT = 2;

/** What can be wrong with a frame, by the code that a person and a program are told. */
export const FAULTS = {
  UNKNOWN_SENDER: "a frame came in the name of somebody who is not in the room",
  BAD_SIGNATURE: "a frame was not signed by its sender, or was changed on the way",
  BAD_KEY: "a key that was sent does not open, or is not the one committed to",
  NO_KEY: "a frame came under a key that was never given",
  BAD_COMMITMENT: "a frame does not keep to the key that its sender committed to",
  BAD_STEP: "a frame goes back in its chain, or too far ahead",
  BAD_SEAL: "a frame does not open",
  BAD_TEXT: "what was sealed is not well-formed",
  NOT_ADDRESSED: "a frame came that was not addressed to this member",
  ALTERED: "two different frames came under one number",
  REORDERED: "a frame came out of its order",
  GAP: "frames are missing before this one",
} as const;

/** What can be wrong with a frame. */
export type Fault = keyof typeof FAULTS;

/** What became of a frame. */
export type Outcome =
  | {
    readonly kind: "texts";
    readonly texts: readonly OpenedText[];
    /** How many frames are missing before this one. */
    readonly missing: number;
  }
  | { readonly kind: "taken" }
  | { readonly kind: "repeated" }
  | { readonly kind: "fault"; readonly fault: Fault };

const TAKEN: Outcome = { kind: "taken" };
const REPEATED: Outcome = { kind: "repeated" };

function fault(code: Fault): Outcome {
  return { kind: "fault", fault: code };
}

/** The chains of one conversation with one peer. */
interface Chains {
  /** By their number, the oldest first. */
  readonly open: Map<number, ReceivingChain>;
  highest: number;
}

/** What one peer has sent so far. */
export class Incoming {
  readonly #room: Bytes;
  readonly #peer: Peer;
  readonly #keys: KeyReceiver;
  readonly #chains: Readonly<Record<Conversation, Chains>> = {
    [CONVERSATION.group]: { open: new Map(), highest: -1 },
    [CONVERSATION.private]: { open: new Map(), highest: -1 },
    [CONVERSATION.again]: { open: new Map(), highest: -1 },
  };
  readonly #shown: ShownMark;
  readonly #pays: (what: PeerCost, amount: number) => boolean;
  /** Whether it has signed a frame that breaks its own commitment. */
  #broken = false;

  /**
   * @param room The room.
   * @param peer Who sends.
   * @param sessionKey The private session key of who receives.
   * @param shown How far the peer's messages have been shown.
   * @param pays Charges the peer for work, which is done only where this is true.
   */
  constructor(
    room: Bytes,
    peer: Peer,
    sessionKey: CryptoKey,
    shown: ShownMark,
    pays: (what: PeerCost, amount: number) => boolean,
  ) {
    this.#shown = shown;
    this.#pays = pays;
    this.#room = room;
    this.#peer = peer;
    this.#keys = new KeyReceiver(room, sessionKey);
  }

  /** Starts checking the signature of a frame; nothing about it is true before that. */
  async verify(
    kind: "key" | "sealed" | "progress",
    frame: KeyFrame | SealedFrame | ProgressFrame,
  ): Promise<boolean> {
    const signed = inContext(CONTEXT[kind], this.#room, frame.signed);
    return await verify(this.#peer.credential.signing, frame.signature, signed);
  }

  /** Takes a key frame whose signature held. */
  async takeKey(frame: KeyFrame): Promise<Outcome> {
    if (this.#broken) return fault("BAD_COMMITMENT");
    const { header } = frame;
    const chains = this.#chains[header.conversation];
    // Every chain is given once: what is not newer than the newest is a copy.
    if (header.chain <= chains.highest) return REPEATED;
    try {
      const key = await this.#keys.open(frame);
      const scope = {
        room: this.#room,
        sender: this.#peer.credential.member,
        conversation: header.conversation,
        chain: header.chain,
      };
      const grant = {
        step: header.step,
        key,
        commitment: header.commitment,
        firstCounter: header.firstCounter,
      };
      chains.open.set(header.chain, await ReceivingChain.take(scope, grant));
    } catch (error) {
      if (error instanceof KeyFrameError && error.early) return REPEATED;
      if (error instanceof KeyFrameError || error instanceof OpenError) return fault("BAD_KEY");
      throw error;
    }
    chains.highest = header.chain;
    const [oldest] = chains.open.keys();
    if (chains.open.size > CHAINS_KEPT) chains.open.delete(oldest!);
    return TAKEN;
  }

  /** Begins to open a sealed frame whose signature is still being checked, where it can. */
  begin(frame: SealedFrame): Promise<Bytes> | undefined {
    const { conversation, chain } = frame.header;
    return this.#chains[conversation].open.get(chain)?.begin(frame);
  }

  /**
   * Opens a sealed frame whose signature held.
   *
   * @param frame The frame.
   * @param begun What {@linkcode begin} gave for it.
   */
  async open(frame: SealedFrame, begun?: Promise<Bytes>): Promise<Outcome> {
    if (this.#broken) return fault("BAD_COMMITMENT");
    const { header } = frame;
    const chain = this.#chains[header.conversation].open.get(header.chain);
    if (chain === undefined) return fault("NO_KEY");
    const place = chain.placeOf(frame);
    if (place.is === "repeated") return REPEATED;
    if (place.is === "altered") return fault("ALTERED");
    if (place.is === "reordered") return fault("REORDERED");
    // One step before a frame is the rule.
    const steps = Math.min(chain.stepsTo(frame), MAX_STEPS) - 1;
    if (steps > 0 && !this.#pays("step", steps)) return fault("BAD_STEP");
    try {
      const texts = readTexts(await chain.open(frame, begun));
      chain.pass(frame);
      return { kind: "texts", texts: this.#unseen(texts), missing: missingBefore(place) };
    } catch (error) {
      if (error instanceof MalformedError) return fault("BAD_TEXT");
      if (!(error instanceof OpenError)) throw error;
      // No relay can bring this about. To follow it a thousand steps costs much, and it nothing to lie again.
      this.#broken = error.fault === "COMMITMENT";
      return fault(OPEN_FAULTS[error.fault]);
    }
  }

  /** A message's id is its sender and its number: what is not newer has been shown. */
  #unseen(texts: readonly OpenedText[]): OpenedText[] {
    const unseen = texts.filter(({ number }) => number > this.#shown.number);
    this.#shown.number = unseen.at(-1)?.number ?? this.#shown.number;
    return unseen;
  }
}

const OPEN_FAULTS = {
  STEPS: "BAD_STEP",
  COMMITMENT: "BAD_COMMITMENT",
  SEAL: "BAD_SEAL",
} as const satisfies Record<string, Fault>;

function missingBefore(place: { is: string; missing?: number }): number {
  return place.is === "gap" ? place.missing ?? 0 : 0;
}

/** What a peer is charged for: steps of a chain that no frame explains, and questions that are to be answered. */
export type PeerCost = "step" | "question";

/** How much of it an identity may cause. Who keeps to the protocol skips no step, and asks once in a room. */
export const PEER_TARIFF: Tariff<PeerCost> = {
  step: { perSecond: 8, burst: 64 },
  question: { perSecond: 1, burst: 8 },
};

/** What a relay is charged for: pings that are to be answered. */
export type RelayCost = "ping";

/** How much of it a relay may cause over one connection. It asks after 15 s of silence. */
export const RELAY_TARIFF: Tariff<RelayCost> = { ping: { perSecond: 1, burst: 8 } };

/**
 * The most that may wait to go to a relay beside frames that it has not accepted, in bytes: a relay that does not read
 * what it is answered is lost.
 */
export const MAX_UNREAD_BYTES = 1 << 20;

/** The most that a member knows of: those in the room, and those of the one before who may come back. */
export const MAX_CONTACTS = 16_384;

/** So many senders are remembered; the one not heard of for longest is forgotten first. */
const MAX_SENDERS = 16_384;

/** How far one sender's messages have been shown. */
export interface ShownMark {
  /** The highest number of a message of it that was shown; 0 for none. */
  number: number;
}

/** What has been shown, by sender. */
export class Shown {
  readonly #marks = new Map<string, ShownMark>();

  /**
   * How far a sender's messages have been shown. The mark is the one that counts: who shows a message
   * moves it.
   *
   * @param member The sender's hash as the key of a map.
   */
  of(member: string): ShownMark {
    const mark = this.#marks.get(member) ?? { number: 0 };
    this.#marks.delete(member);
    this.#marks.set(member, mark);
    if (this.#marks.size > MAX_SENDERS) this.#marks.delete(this.#marks.keys().next().value!);
    return mark;
  }
}
