/**
 * Short words: two members' programs agree on four words by commit and reveal, and their people compare them. A state
 * machine without I/O, for the terminal and the browser: "Short words" in `docs/protocol.md`.
 *
 * The caller passes notices `words` of peers to {@linkcode Words.receive}, reports who has left and when a stay
 * begins, and calls {@linkcode Words.tick} at {@linkcode Words.wakeAt}.
 *
 * @module
 */

import {
  type Bytes,
  concat,
  mapKey,
  type Random,
  sameBytes,
  secureRandom,
  sha256,
} from "../../base/bytes.ts";
import { Costs, TokenBucket } from "../../base/clock.ts";
import type { Credential } from "../identity/credential.ts";
import { CONTEXT, inContext } from "../identity/signing.ts";
import type { Peer } from "../member/roster.ts";
import { compareBytes } from "../wire/history.ts";

/** The length of a nonce in bytes. */
export const NONCE_BYTES = 32;
/** The length of a commitment in bytes. */
const COMMITMENT_BYTES = 32;
/** How long a member waits for the next message of a peer's program, in milliseconds. */
export const ANSWER_MS = 20_000;
/** How long words count once they are shown, in milliseconds. */
export const SHOWN_MS = 600_000;
/** How many attempts of one identity a member answers. */
export const ATTEMPTS_OF_ONE = { perSecond: 1 / 20, burst: 3 } as const;
/** How many attempts of all peers together a member answers. */
export const ATTEMPTS_OF_ALL = { perSecond: 1 / 6, burst: 10 } as const;
/** The number of commitments that are remembered, so that none is taken twice. */
export const MAX_REMEMBERED = 1024;

/** The kinds of message, by their first byte. */
const MESSAGE = { commit: 1, answer: 2, reveal: 3, same: 4, differ: 5, over: 6 } as const;

/** A message about words: the body of a notice. */
export type WordsMessage =
  /** Begins an attempt; says that the words are the same, or differ; or ends the attempt. */
  | { readonly kind: "commit" | "same" | "differ" | "over"; readonly commitment: Bytes }
  /** The nonce of the responder (`answer`) or of the initiator (`reveal`). */
  | { readonly kind: "answer" | "reveal"; readonly commitment: Bytes; readonly nonce: Bytes };

/** Encodes a message as the body of a notice. */
export function encodeWordsMessage(message: WordsMessage): Bytes {
  const nonce = "nonce" in message ? [message.nonce] : [];
  return concat([Uint8Array.of(MESSAGE[message.kind]), message.commitment, ...nonce]);
}

/**
 * Reads the body of a notice.
 *
 * @param body The bytes, which anybody may have made. They are copied.
 * @returns The message; undefined if it is malformed or of a kind of a later version.
 */
export function readWordsMessage(body: Bytes): WordsMessage | undefined {
  const kind = KINDS.find((one) => MESSAGE[one] === body[0]);
  if (kind === undefined) return undefined;
  const commitment = body.slice(1, 1 + COMMITMENT_BYTES);
  const nonce = body.slice(1 + COMMITMENT_BYTES);
  if (commitment.length < COMMITMENT_BYTES) return undefined;
  if (kind === "answer" || kind === "reveal") {
    return nonce.length === NONCE_BYTES ? { kind, commitment, nonce } : undefined;
  }
  return nonce.length === 0 ? { kind, commitment } : undefined;
}

const KINDS = Object.keys(MESSAGE) as (keyof typeof MESSAGE)[];

/** The room and the two members of an attempt. */
export interface WordsScope {
  /** The id of the room. */
  readonly room: Bytes;
  /** The hash of the member that began. */
  readonly initiator: Bytes;
  /** The hash of the member that answers. */
  readonly responder: Bytes;
}

/** Returns the commitment of the initiator to its nonce. */
export function commitmentOf({ room, initiator, responder }: WordsScope, nonce: Bytes) {
  return sha256(inContext(CONTEXT.wordsCommitment, room, initiator, responder, nonce));
}

/** Returns the four numbers from 0 to 2047 that stand for the words. */
export async function wordNumbers(
  { room, initiator, responder }: WordsScope,
  nonces: { readonly initiator: Bytes; readonly responder: Bytes },
): Promise<number[]> {
  const parts = [room, initiator, responder, nonces.initiator, nonces.responder];
  const hash = await sha256(inContext(CONTEXT.words, ...parts));
  const bits = hash.subarray(0, 6).reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
  return [37n, 26n, 15n, 4n].map((shift) => Number(bits >> shift & 2047n));
}

/** Returns the words with these numbers in the English list of BIP-39, which is loaded for it. */
export async function wordsWith(numbers: readonly number[]): Promise<string[]> {
  const { WORDS } = await import("./word_list.ts");
  return numbers.map((number) => WORDS[number]!);
}

/** Why an attempt ended without a comparison. */
export type WordsEnd =
  /** The peer did not answer: its program may be older. */
  | "unanswered"
  /** The peer cannot be sent a notice. */
  | "unsent"
  /** The peer began, and did not reveal its nonce. */
  | "unfinished"
  /** The peer revealed another nonce than the one it had committed to. */
  | "forged"
  /** The words were not confirmed in time. */
  | "expired"
  /** The peer began another attempt. */
  | "again"
  /** A person or a program gave up the attempt. */
  | "given up"
  /** The peer left. */
  | "left"
  /** This member is in another stay. */
  | "stay";

/** What a person is told about words. */
export interface WordsEvent {
  readonly peer: Peer;
  /**
   * `asked`: an attempt began. `shown`: there are words to compare. `confirmed`: a person says that they are the same.
   * `differ`: a person says that they are not, which ends the attempt. `ended`: no words count any more.
   */
  readonly state: "asked" | "shown" | "confirmed" | "differ" | "ended";
  /** Which side caused the event; for `shown`, which side began the attempt. */
  readonly by: "self" | "peer";
  /** The words, if there are any. */
  readonly words: readonly string[] | undefined;
  /** Whether this person has confirmed the words. */
  readonly confirmed: boolean;
  /** Of `confirmed`: whether both people have. */
  readonly both: boolean;
  /** Of `ended`. */
  readonly why: WordsEnd | undefined;
}

/** Where messages and events go. */
export interface WordsOutput {
  /** Sends a peer a notice `words`; returns whether it is sent. */
  send(peer: Peer, body: Bytes): boolean;
  /** Receives an event for the person. */
  event(event: WordsEvent): void;
  /** {@linkcode Words.wakeAt} may be earlier than it was. */
  wake(): void;
  /** The runtime failed. */
  fail(error: unknown): void;
}

/** The member that compares words, its room, its clock and its random numbers. */
export interface WordsOptions {
  readonly self: Pick<Credential, "member">;
  /** The id of the present room. */
  readonly room: Bytes;
  /** A monotonic clock in milliseconds. */
  readonly now: () => number;
  readonly random?: Random;
}

/** An attempt to compare words with a peer. */
interface Attempt {
  readonly peer: Peer;
  /** Who began it. */
  readonly by: "self" | "peer";
  readonly scope: WordsScope;
  /** This side's nonce. */
  readonly nonce: Bytes;
  /** Names the attempt; undefined until this side has made it. */
  commitment: Bytes | undefined;
  /** Whether this side waits for the peer's nonce, makes words, or shows them. */
  state: "waiting" | "working" | "shown";
  words: readonly string[] | undefined;
  /** When it ends by itself. */
  endsAt: number;
  /** Who has confirmed the words. */
  readonly confirmed: { self: boolean; peer: boolean };
}

/** The attempts of one member to compare words, one for each peer at a time. */
export class Words {
  readonly #self: Bytes;
  readonly #now: () => number;
  readonly #random: Random;
  readonly #output: WordsOutput;
  readonly #attempts = new Map<string, Attempt>();
  readonly #costs = new Costs({ attempt: ATTEMPTS_OF_ONE });
  readonly #total: TokenBucket;
  /** The newest commitments of peers, none of which counts twice. */
  readonly #remembered = new Set<string>();
  #room: Bytes;

  /**
   * @param options Who compares words.
   * @param output Where messages and events go.
   */
  constructor({ self, room, now, random = secureRandom }: WordsOptions, output: WordsOutput) {
    this.#self = self.member;
    this.#room = room;
    this.#now = now;
    this.#random = random;
    this.#output = output;
    this.#total = new TokenBucket(ATTEMPTS_OF_ALL, now());
  }

  /** When {@linkcode tick} has something to do, in milliseconds of the clock; `Infinity` if never. */
  get wakeAt(): number {
    return Math.min(...this.#attempts.values().map(({ endsAt }) => endsAt));
  }

  /** Ends the attempts whose time is over. */
  tick(): void {
    const now = this.#now();
    for (const attempt of [...this.#attempts.values()]) {
      if (attempt.endsAt <= now) this.#expire(attempt);
    }
  }

  #expire(attempt: Attempt): void {
    const { state, by } = attempt;
    this.#send(attempt, "over");
    if (state === "shown") this.#end(attempt, "self", "expired");
    else this.#end(attempt, "peer", by === "self" ? "unanswered" : "unfinished");
  }

  /** Begins another stay, in the room with an id, and ends the attempts of the last one. */
  enter(room: Bytes): void {
    this.#room = room;
    for (const attempt of [...this.#attempts.values()]) this.#end(attempt, "self", "stay");
  }

  /** Ends the attempt with a peer that has left. */
  left({ credential }: Peer): void {
    const attempt = this.#attempts.get(credential.key);
    if (attempt !== undefined) this.#end(attempt, "peer", "left");
  }

  // What the person does.

  /** Begins to compare words with a peer. If an attempt is under way, its state is told again. */
  begin(peer: Peer): void {
    const current = this.#attempts.get(peer.credential.key);
    if (current !== undefined) {
      return this.#tell(current, current.state === "shown" ? "shown" : "asked", current.by);
    }
    const attempt = this.#start(peer, "self", undefined);
    this.#run(this.#commit(attempt));
  }

  /** Whether there are words to compare with a peer. */
  isShown({ credential }: Peer): boolean {
    return this.#attempts.get(credential.key)?.state === "shown";
  }

  /** The person says that the words are the same. Without words nothing happens. */
  confirm({ credential }: Peer): void {
    const attempt = this.#attempts.get(credential.key);
    if (attempt?.state !== "shown" || attempt.confirmed.self) return;
    attempt.confirmed.self = true;
    this.#send(attempt, "same");
    this.#tellConfirmed(attempt, "self");
  }

  /**
   * The person says that the words differ, or gives up an attempt that has none yet.
   *
   * @returns Whether there was an attempt.
   */
  refuse({ credential }: Peer): boolean {
    const attempt = this.#attempts.get(credential.key);
    if (attempt === undefined) return false;
    const isShown = attempt.state === "shown";
    this.#send(attempt, isShown ? "differ" : "over");
    if (isShown) this.#differ(attempt, "self");
    else this.#end(attempt, "self", "given up");
    return true;
  }

  // What the peer's program does.

  /**
   * Takes a notice `words` of a peer. What is malformed, or fits no attempt, has no effect.
   *
   * @param peer Who sent it.
   * @param body The bytes, which may be anything.
   */
  receive(peer: Peer, body: Bytes): void {
    const message = readWordsMessage(body);
    if (message === undefined) return;
    if (message.kind === "commit") return this.#asked(peer, message.commitment);
    const attempt = this.#attempts.get(peer.credential.key);
    if (attempt?.commitment === undefined) return;
    if (!sameBytes(attempt.commitment, message.commitment)) return;
    switch (message.kind) {
      case "answer":
        return this.#answered(attempt, message.nonce);
      case "reveal":
        return this.#revealed(attempt, message.nonce);
      case "same":
        return this.#same(attempt);
      case "differ":
        if (attempt.state === "shown") return this.#differ(attempt, "peer");
        return this.#end(attempt, "peer", "given up");
      case "over":
        return this.#end(attempt, "peer", "given up");
    }
  }

  /** A peer begins. */
  #asked(peer: Peer, commitment: Bytes): void {
    const current = this.#attempts.get(peer.credential.key);
    const crosses = current?.by === "self" && current.state === "waiting";
    // Both have begun at once: the lower hash goes on, and the other one answers.
    if (crosses && compareBytes(this.#self, peer.credential.member) < 0) return;
    if (!this.#mayAsk(peer, commitment)) return;
    if (crosses) this.#attempts.delete(peer.credential.key);
    else if (current !== undefined) this.#end(current, "peer", "again");
    const attempt = this.#start(peer, "peer", commitment);
    this.#send(attempt, "answer");
  }

  /** Reports whether an attempt of a peer is new, and neither its identity nor all peers together begin too many. */
  #mayAsk({ credential }: Peer, commitment: Bytes): boolean {
    const now = this.#now();
    const key = mapKey(commitment);
    if (this.#remembered.has(key)) return false;
    if (!this.#costs.of(credential.fingerprint, now).allow("attempt", 1, now)) return false;
    if (!this.#total.take(1, now)) return false;
    const [oldest] = this.#remembered;
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.delete(oldest!);
    this.#remembered.add(key);
    return true;
  }

  #start(peer: Peer, by: "self" | "peer", commitment: Bytes | undefined): Attempt {
    const [room, { member }] = [this.#room, peer.credential];
    const attempt: Attempt = {
      peer,
      by,
      scope: by === "self"
        ? { room, initiator: this.#self, responder: member }
        : { room, initiator: member, responder: this.#self },
      nonce: this.#random(NONCE_BYTES),
      commitment,
      state: "waiting",
      words: undefined,
      endsAt: this.#now() + ANSWER_MS,
      confirmed: { self: false, peer: false },
    };
    this.#attempts.set(peer.credential.key, attempt);
    this.#output.wake();
    this.#tell(attempt, "asked", by);
    return attempt;
  }

  async #commit(attempt: Attempt): Promise<void> {
    const commitment = await commitmentOf(attempt.scope, attempt.nonce);
    if (!this.#isCurrent(attempt)) return;
    attempt.commitment = commitment;
    this.#send(attempt, "commit");
  }

  /** The peer answers with its nonce: only now this side reveals its own. */
  #answered(attempt: Attempt, nonce: Bytes): void {
    if (attempt.by !== "self" || attempt.state !== "waiting") return;
    if (this.#send(attempt, "reveal")) this.#run(this.#show(attempt, nonce));
  }

  #revealed(attempt: Attempt, nonce: Bytes): void {
    if (attempt.by !== "peer" || attempt.state !== "waiting") return;
    this.#run(this.#check(attempt, nonce));
  }

  async #check(attempt: Attempt, nonce: Bytes): Promise<void> {
    attempt.state = "working";
    const isKept = await this.isKept(attempt.commitment!, attempt.scope, nonce);
    if (!this.#isCurrent(attempt)) return;
    if (isKept) return await this.#show(attempt, nonce);
    this.#send(attempt, "over");
    this.#end(attempt, "peer", "forged");
  }

  /** Reports whether a nonce is the one that was committed to: otherwise its sender has chosen it late. */
  protected async isKept(commitment: Bytes, scope: WordsScope, nonce: Bytes): Promise<boolean> {
    return sameBytes(await commitmentOf(scope, nonce), commitment);
  }

  async #show(attempt: Attempt, theirs: Bytes): Promise<void> {
    attempt.state = "working";
    const { scope, by, nonce } = attempt;
    const nonces = by === "self"
      ? { initiator: nonce, responder: theirs }
      : { initiator: theirs, responder: nonce };
    const words = await wordsWith(await wordNumbers(scope, nonces));
    if (!this.#isCurrent(attempt)) return;
    attempt.state = "shown";
    attempt.words = words;
    attempt.endsAt = this.#now() + SHOWN_MS;
    this.#output.wake();
    this.#tell(attempt, "shown", by);
    if (attempt.confirmed.peer) this.#tellConfirmed(attempt, "peer");
  }

  /** The peer's person says that the words are the same. */
  #same(attempt: Attempt): void {
    if (attempt.state === "waiting" || attempt.confirmed.peer) return;
    attempt.confirmed.peer = true;
    if (attempt.state === "shown") this.#tellConfirmed(attempt, "peer");
  }

  /** Tells who has confirmed the words. Once both have, the attempt is over. */
  #tellConfirmed(attempt: Attempt, by: "self" | "peer"): void {
    const { self, peer } = attempt.confirmed;
    if (self && peer) this.#attempts.delete(attempt.peer.credential.key);
    this.#tell(attempt, "confirmed", by);
  }

  #differ(attempt: Attempt, by: "self" | "peer"): void {
    this.#attempts.delete(attempt.peer.credential.key);
    this.#tell(attempt, "differ", by);
  }

  #end(attempt: Attempt, by: "self" | "peer", why: WordsEnd): void {
    this.#attempts.delete(attempt.peer.credential.key);
    this.#tell(attempt, "ended", by, why);
  }

  #isCurrent(attempt: Attempt): boolean {
    return this.#attempts.get(attempt.peer.credential.key) === attempt;
  }

  #tell(
    { peer, words, confirmed }: Attempt,
    state: WordsEvent["state"],
    by: "self" | "peer",
    why?: WordsEnd,
  ): void {
    const both = confirmed.self && confirmed.peer;
    this.#output.event({ peer, state, by, words, confirmed: confirmed.self, both, why });
  }

  /** Sends a message about an attempt. If the peer cannot be reached, a message that the attempt needs ends it. */
  #send(attempt: Attempt, kind: WordsMessage["kind"]): boolean {
    const { peer, commitment, nonce } = attempt;
    // An attempt that has sent nothing yet ends without a message.
    if (commitment === undefined) return false;
    const message = kind === "answer" || kind === "reveal"
      ? { kind, commitment, nonce }
      : { kind, commitment };
    const isSent = this.#output.send(peer, encodeWordsMessage(message));
    if (!isSent && NEEDED.has(kind)) this.#end(attempt, "self", "unsent");
    return isSent;
  }

  #run(work: Promise<void>): void {
    work.catch((error) => this.#output.fail(error));
  }
}

/** The messages without which there are no words. */
const NEEDED: ReadonlySet<WordsMessage["kind"]> = new Set<WordsMessage["kind"]>([
  "commit",
  "answer",
  "reveal",
]);
