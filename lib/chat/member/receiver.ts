/**
 * What comes from the other members through the relay: credentials, keys and sealed frames, each checked by
 * this member itself, whatever the relay says.
 *
 * @module
 */

import { type Bytes, mapKey } from "../../base/bytes.ts";
import type { Costs } from "../../base/costs.ts";
import {
  type Credential,
  CredentialError,
  type OwnCredential,
  presenceStatement,
} from "../identity/credential.ts";
import { verify } from "../identity/signing.ts";
import { audienceDigest } from "../seal/chain.ts";
import type { Listing } from "../wire/control.ts";
import {
  CONVERSATION,
  type KeyFrame,
  messageIds,
  type ProgressFrame,
  type SealedFrame,
  type SealedHeader,
} from "../wire/envelope.ts";
import type { FaultCode, MemberEvent } from "./options.ts";
import { Incoming, type Outcome, type PeerCost, type Shown } from "./peer_inbox.ts";
import type { Peer, Policy, Roster } from "./roster.ts";

/** A listing whose credential and presence have been checked. */
export type Candidate =
  | { readonly ok: true; readonly peer: Peer }
  | { readonly ok: false; readonly error: CredentialError };

/** Who has sent a frame, and what it has sent so far. */
interface Sender {
  readonly peer: Peer;
  readonly incoming: Incoming;
}

/** A promise whose rejection is heard of by who awaits it, however late. */
function begun<T>(work: Promise<T> | undefined): Promise<T> | undefined {
  work?.catch(() => {});
  return work;
}

/** Who receives, where, among whom. */
export interface ReceivingOptions {
  readonly self: OwnCredential;
  readonly room: Bytes;
  readonly roster: Roster;
  readonly policy: Policy;
  /** How far each sender's messages have been shown, in this room and before it. */
  readonly shown: Shown;
  readonly now: () => number;
  /** What peers are charged for, by their identities: it outlives rooms. */
  readonly costs: Costs<PeerCost>;
  /** Hears of a credential that the relay has taken and that ends too late by this machine's clock. */
  readonly tooLong: (expiresAt: number) => void;
}

/** The receiving side of a member in one room. */
export class ReceivingSide {
  readonly #own: ReceivingOptions;
  readonly #check: (bytes: Bytes, renewal: Bytes) => Promise<Credential>;
  readonly #event: (event: MemberEvent) => void;
  readonly #incoming = new Map<Peer, Incoming>();
  readonly #faults = new FaultLog();
  /** Peers whose last frame named another audience than this member's roster gives. */
  readonly #differing = new Set<Peer>();
  #digest: { membership: number; newest: number; digest: Promise<Bytes> } | undefined;
  #repeated = 0;

  /**
   * @param own Who receives, where, and among whom.
   * @param check Checks a credential, by the newest renewal of it.
   * @param event Hears of what came.
   */
  constructor(
    own: ReceivingOptions,
    check: (bytes: Bytes, renewal: Bytes) => Promise<Credential>,
    event: (event: MemberEvent) => void,
  ) {
    this.#own = own;
    this.#check = check;
    this.#event = event;
  }

  /** How many frames came twice and were dropped. */
  get repeated(): number {
    return this.#repeated;
  }

  /** A peer that no key can be given to. */
  unreachable(peer: Peer): void {
    this.#fault("UNREACHABLE", peer, "");
  }

  /** Starts checking who the relay says is there. Never rejects: who cannot be checked is no candidate. */
  async candidate({ number, credential, presence, renewal }: Listing): Promise<Candidate> {
    try {
      const checked = await this.#check(credential, renewal);
      const statement = presenceStatement(this.#own.room, checked.member);
      const confirmed = await verify(checked.signing, presence, statement);
      return { ok: true, peer: { number, credential: checked, confirmed, away: false } };
    } catch (error) {
      const known = error instanceof CredentialError;
      const checked = known
        ? error
        : new CredentialError("BAD_CREDENTIAL", `checking it failed: ${error}`);
      return { ok: false, error: checked };
    }
  }

  /**
   * Those of the candidates who can be in one room with those who are there. The roster is looked at for
   * each anew: the caller places one before it asks for the next.
   */
  *admitted(candidates: readonly Candidate[]): Generator<Peer, void> {
    for (const candidate of candidates) {
      if (!candidate.ok) this.#refused(candidate.error);
      else if (this.#fits(candidate.peer)) yield candidate.peer;
    }
  }

  #refused(error: CredentialError): void {
    if (error.expiresAt !== undefined) this.#own.tooLong(error.expiresAt);
    this.#fault(error.code, undefined, error.message);
  }

  #fits({ credential }: Peer): boolean {
    const conflict = this.#own.roster.conflict(credential);
    if (conflict === undefined) return true;
    this.#fault(conflict, undefined, `${credential.name}, ${credential.fingerprint}`);
    return false;
  }

  /** A peer has left. */
  forget(peer: Peer): void {
    this.#incoming.delete(peer);
    this.#differing.delete(peer);
  }

  /** What a key frame does; its signature is checked from now on. */
  keyEffect(frame: KeyFrame): () => Promise<void> {
    const early = begun(this.#knownSender(frame.header.sender)?.verify("key", frame));
    return this.#effect(frame.header.sender, async (from) => {
      if (mapKey(frame.header.recipient) !== this.#own.self.key) {
        return this.#fault("NOT_ADDRESSED", from.peer, "");
      }
      if (!await (early ?? from.incoming.verify("key", frame))) {
        return this.#fault("BAD_SIGNATURE", from.peer, "");
      }
      this.#confirm(from.peer);
      this.#conclude(from.peer, await from.incoming.takeKey(frame), false);
    });
  }

  /**
   * What a progress frame does; its signature is checked from now on.
   *
   * @param take Hears who asks or tells what.
   */
  progressEffect(
    frame: ProgressFrame,
    take: (from: Peer, frame: ProgressFrame) => void,
  ): () => Promise<void> {
    return this.#effect(frame.sender, async (from) => {
      if (mapKey(frame.recipient) !== this.#own.self.key) {
        return this.#fault("NOT_ADDRESSED", from.peer, "");
      }
      if (!await from.incoming.verify("progress", frame)) {
        return this.#fault("BAD_SIGNATURE", from.peer, "");
      }
      this.#confirm(from.peer);
      // One more than it may ask is passed over: an answer costs a signature, and would be this member's to send.
      if (frame.asks && !this.#pays(from.peer, "question", 1)) return;
      take(from.peer, frame);
    });
  }

  /** What a sealed frame does; it is checked and opened from now on, and shown where all holds. */
  sealedEffect(frame: SealedFrame): () => Promise<void> {
    const known = this.#knownSender(frame.header.sender);
    const early = begun(known?.verify("sealed", frame));
    const opening = known?.begin(frame);
    return this.#effect(frame.header.sender, async (from) => {
      if (!await (early ?? from.incoming.verify("sealed", frame))) {
        return this.#fault("BAD_SIGNATURE", from.peer, "");
      }
      this.#confirm(from.peer);
      if (this.#isEarly(frame.header)) {
        this.#repeated += 1;
        return;
      }
      if (!await this.#isAddressed(from.peer, frame.header)) {
        return this.#fault("NOT_ADDRESSED", from.peer, "");
      }
      const isPrivate = frame.header.conversation === CONVERSATION.private;
      // One that has come back since has other chains.
      const opened = known === from.incoming ? opening : undefined;
      this.#conclude(from.peer, await from.incoming.open(frame, opened), isPrivate);
    });
  }

  /** What a frame of a sender does. An exception in it passes the frame over, and is told. */
  #effect(sender: Bytes, act: (from: Sender) => Promise<void>): () => Promise<void> {
    return async () => {
      const from = this.#senderOf(sender);
      if (from === undefined) return;
      try {
        await act(from);
      } catch (error) {
        this.#fault("FAILED", from.peer, String(error));
      }
    };
  }

  /** A sender that is known when its frame comes: it mostly is. */
  #knownSender(sender: Bytes): Incoming | undefined {
    const peer = this.#own.roster.get(mapKey(sender));
    return peer === undefined ? undefined : this.#incomingOf(peer);
  }

  #senderOf(sender: Bytes): Sender | undefined {
    const peer = this.#own.roster.get(mapKey(sender));
    if (peer === undefined || peer.credential.key === this.#own.self.key) {
      this.#fault("UNKNOWN_SENDER", undefined, "");
      return undefined;
    }
    return { peer, incoming: this.#incomingOf(peer) };
  }

  #incomingOf(peer: Peer): Incoming {
    const known = this.#incoming.get(peer);
    if (known !== undefined) return known;
    const { room, self, shown } = this.#own;
    const mark = shown.of(peer.credential.key);
    const pays = (what: PeerCost, amount: number) => this.#pays(peer, what, amount);
    const incoming = new Incoming(room, peer, self.keys.session.privateKey, mark, pays);
    this.#incoming.set(peer, incoming);
    return incoming;
  }

  /** Charges a peer for work, which is done only where this is true. */
  #pays({ credential: { fingerprint } }: Peer, what: PeerCost, amount: number): boolean {
    const now = this.#own.now();
    return this.#own.costs.of(fingerprint, now).allow(what, amount, now);
  }

  #confirm(peer: Peer): void {
    if (peer.confirmed) return;
    peer.confirmed = true;
    this.#event({ kind: "confirmed", peer });
  }

  #conclude(from: Peer, outcome: Outcome, isPrivate: boolean): void {
    if (outcome.kind === "repeated") this.#repeated += 1;
    else if (outcome.kind === "fault") this.#fault(outcome.fault, from, "");
    else if (outcome.kind === "texts") {
      if (outcome.missing > 0) this.#fault("GAP", from, `${outcome.missing} missing`);
      if (this.#own.policy.hides(from)) return this.#fault("HIDDEN", from, "");
      const idOf = messageIds(from.credential.member);
      for (const { number, time, text } of outcome.texts) {
        const id = idOf(number);
        this.#event({ kind: "message", from, id, text, time, private: isPrivate });
      }
    }
  }

  /** Whether a frame is for this member, and what its sender takes for the room is the room. */
  async #isAddressed(from: Peer, header: SealedHeader): Promise<boolean> {
    const { self } = this.#own;
    if (header.conversation !== CONVERSATION.group) {
      const pair = await audienceDigest([from.credential.member, self.member]);
      return mapKey(pair) === mapKey(header.recipients);
    }
    // An audience that the sender chose cannot be compared with a roster.
    if (header.audience !== 0) return true;
    if (!this.#isIn(header)) return false;
    const expected = await this.#expectedDigest(header);
    if (expected !== undefined) this.#compare(from, header, mapKey(expected));
    return true;
  }

  /** Whether a frame to chosen members was on its way to this one when it came into the room again. */
  #isEarly({ audience, membership }: SealedHeader): boolean {
    const self = this.#own.roster.get(this.#own.self.key);
    return audience !== 0 && self !== undefined && membership < self.number;
  }

  #isIn({ newest }: SealedHeader): boolean {
    const self = this.#own.roster.get(this.#own.self.key);
    return self !== undefined && self.number <= newest;
  }

  /** The digest of the audience by this member's roster; empty where the number is not known yet. */
  #expectedDigest({ membership, newest }: SealedHeader): Promise<Bytes> | Bytes | undefined {
    const { roster } = this.#own;
    if (membership > roster.number) return new Uint8Array(0);
    const last = this.#digest;
    if (last?.membership === membership && last.newest === newest) return last.digest;
    const members = roster.audience(membership, newest);
    if (members === undefined) return undefined;
    const digest = audienceDigest(members.map(({ credential }) => credential.member));
    this.#digest = { membership, newest, digest };
    return digest;
  }

  #compare(from: Peer, { recipients }: SealedHeader, expected: string): void {
    if (mapKey(recipients) === expected) this.#differing.delete(from);
    else if (!this.#differing.has(from)) {
      this.#differing.add(from);
      this.#fault("ROSTER_DIFFERS", from, "");
    }
  }

  #fault(code: FaultCode, peer: Peer | undefined, detail: string): void {
    const count = this.#faults.count(`${code} ${peer?.credential.key ?? ""}`);
    if (count !== undefined) this.#event({ kind: "fault", code, peer, detail, count });
  }
}

/** A fault is said this many times, and then each time its count has doubled. */
const SAID_AT_FIRST = 3;
/** So many kinds of fault are told apart. */
const MAX_KINDS = 10_000;

/** Counts faults. */
export class FaultLog {
  readonly #counts = new Map<string, number>();

  /**
   * Counts one.
   *
   * @param key Which kind, and with whom.
   * @returns How often it has happened, where that is worth saying.
   */
  count(key: string): number | undefined {
    const kind = this.#counts.has(key) || this.#counts.size < MAX_KINDS ? key : "";
    const count = (this.#counts.get(kind) ?? 0) + 1;
    this.#counts.set(kind, count);
    return count <= SAID_AT_FIRST || Number.isInteger(Math.log2(count)) ? count : undefined;
  }
}
