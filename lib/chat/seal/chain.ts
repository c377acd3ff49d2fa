/**
 * The source of random bytes, as an argument.
 *
 * @module
 */

import { type Bytes, ByteWriter, type Random, sameBytes, sha256 } from "../../base/bytes.ts";
import { CONTEXT, inContext, sign } from "../identity/signing.ts";
import {
  type Conversation,
  encodeSealedHeader,
  encodeSigned,
  type SealedFrame,
} from "../wire/envelope.ts";
import { HASH_BYTES, KIND } from "../wire/kinds.ts";

/** The most steps that a receiver follows at a time; never more than the counter has gone on by. */
export const MAX_STEPS = 1024;
/** A sender takes a step after so many frames. */
export const FRAMES_A_STEP = 1024;
/** A sender takes a step after so long, in milliseconds. */
export const STEP_LIFE_MS = 60 * 60 * 1000;

/** How many frames back a repeated frame is told from an altered one. */
const REMEMBERED = 256;

/** Which chain: everything that its keys are bound to, but the step. */
export interface ChainScope {
  readonly room: Bytes;
  /** The member that it belongs to. */
  readonly sender: Bytes;
  readonly conversation: Conversation;
  readonly chain: number;
}

function describe({ conversation, sender, chain }: ChainScope, step: number): Bytes {
  return new ByteWriter(41).u8(conversation).raw(sender).u32(chain).u32(step).finish();
}

async function derive(key: Bytes, salt: Bytes, info: Bytes): Promise<Bytes> {
  const secret = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt, info };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, secret, 8 * HASH_BYTES));
}

/**
 * The key one step on.
 *
 * @param scope The chain.
 * @param step The step that `key` is at.
 * @param key The chain key.
 */
export function nextKey(scope: ChainScope, step: number, key: Bytes): Promise<Bytes> {
  return derive(key, scope.room, inContext(CONTEXT.chainStep, describe(scope, step)));
}

/**
 * What binds a sender to one key: GCM alone would let a ciphertext open under two.
 */
export function commitmentTo(scope: ChainScope, step: number, key: Bytes): Promise<Bytes> {
  return derive(key, scope.room, inContext(CONTEXT.chainCommitment, describe(scope, step)));
}

/** The key that encrypts what goes to one set of recipients. */
export async function messageKey(
  scope: ChainScope,
  step: number,
  key: Bytes,
  recipients: Bytes,
  use: "encrypt" | "decrypt",
): Promise<CryptoKey> {
  const info = inContext(CONTEXT.messageKey, describe(scope, step), recipients);
  const raw = await derive(key, scope.room, info);
  return await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [use]);
}

/**
 * The digest of an audience: the sender and those it seals to.
 *
 * @param members Their credentials' hashes, in any order.
 */
export function audienceDigest(members: readonly Bytes[]): Promise<Bytes> {
  return sha256(inContext(CONTEXT.audience, ...members.toSorted(compareBytes)));
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return 0;
}

/** The 96-bit initialization vector of a counter. */
export function vectorOf(counter: number): Bytes {
  return new ByteWriter(12).u32(0).u64(counter).finish();
}

/** The message key of the last set of recipients: it rarely changes from frame to frame. */
class MessageKeys {
  #last: { step: number; recipients: Bytes; key: Promise<CryptoKey> } | undefined;

  constructor(readonly scope: ChainScope, readonly use: "encrypt" | "decrypt") {}

  /** The key where it is the last one, or undefined. */
  known(step: number, recipients: Bytes): Promise<CryptoKey> | undefined {
    const last = this.#last;
    return last?.step === step && sameBytes(last.recipients, recipients) ? last.key : undefined;
  }

  get(step: number, chainKey: Bytes, recipients: Bytes): Promise<CryptoKey> {
    const known = this.known(step, recipients);
    if (known !== undefined) return known;
    const kept = recipients.slice();
    const key = messageKey(this.scope, step, chainKey, kept, this.use);
    this.#last = { step, recipients: kept, key };
    return key;
  }
}

/** What a sealed frame says of where it goes. */
export interface Addressed {
  readonly audience: number;
  readonly membership: number;
  readonly newest: number;
  readonly recipients: Bytes;
}

/** A chain of one's own. */
export class SendingChain {
  readonly scope: ChainScope;
  readonly #keys: MessageKeys;
  #key: Bytes;
  #step = 0;
  #commitment: Bytes;
  #counter = 0;
  #framesInStep = 0;
  #steppedAt: number;

  private constructor(scope: ChainScope, key: Bytes, commitment: Bytes, now: number) {
    this.scope = scope;
    this.#key = key;
    this.#commitment = commitment;
    this.#steppedAt = now;
    this.#keys = new MessageKeys(scope, "encrypt");
  }

  /** Starts a chain with a fresh random key. */
  static async start(scope: ChainScope, random: Random, now: number): Promise<SendingChain> {
    const key = random(HASH_BYTES);
    return new SendingChain(scope, key, await commitmentTo(scope, 0, key), now);
  }

  /** What a recipient is given: the key of the present step, and where it starts. */
  get grant(): { step: number; key: Bytes; commitment: Bytes; firstCounter: number } {
    return {
      step: this.#step,
      key: this.#key,
      commitment: this.#commitment,
      firstCounter: this.#counter,
    };
  }

  /** Whether the present step has been used for long enough. */
  isWorn(now: number): boolean {
    return this.#framesInStep >= FRAMES_A_STEP || now - this.#steppedAt >= STEP_LIFE_MS;
  }

  /** Goes one step on. */
  async advance(now: number): Promise<void> {
    this.#key = await nextKey(this.scope, this.#step, this.#key);
    this.#step += 1;
    this.#commitment = await commitmentTo(this.scope, this.#step, this.#key);
    this.#framesInStep = 0;
    this.#steppedAt = now;
  }

  /**
   * Seals and signs.
   *
   * @param to Where it goes.
   * @param plaintext At most what a frame takes.
   * @param signingKey The sender's Ed25519 key.
   * @returns The frame as it travels.
   */
  async seal(to: Addressed, plaintext: Bytes, signingKey: CryptoKey): Promise<Bytes> {
    // Taken before anything is awaited: two seals in flight never share a counter.
    const counter = this.#counter++;
    this.#framesInStep += 1;
    const { sender, room, conversation, chain } = this.scope;
    const header = encodeSealedHeader({
      ...to,
      sender,
      conversation,
      chain,
      step: this.#step,
      counter,
      commitment: this.#commitment,
    });
    const key = await this.#keys.get(this.#step, this.#key, to.recipients);
    const algorithm = {
      name: "AES-GCM",
      iv: vectorOf(counter),
      additionalData: inContext(CONTEXT.sealed, room, header),
    };
    const ciphertext = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plaintext));
    const body = new ByteWriter(header.length + ciphertext.length)
      .raw(header).raw(ciphertext).finish();
    return encodeSigned(
      KIND.sealed,
      body,
      await sign(signingKey, inContext(CONTEXT.sealed, room, body)),
    );
  }
}

/** What the counter of a frame says, compared with those before it. */
export type Place =
  | { readonly is: "next" }
  | { readonly is: "gap"; readonly missing: number }
  | { readonly is: "repeated" | "altered" | "reordered" };

/** Why a frame does not open. */
export type OpenFault = "STEPS" | "COMMITMENT" | "SEAL";

/** A frame that does not open. */
export class OpenError extends Error {
  /** Makes the error of its fault. */
  constructor(readonly fault: OpenFault, message: string) {
    super(message);
    this.name = "OpenError";
  }
}

/** Somebody else's chain, from the step that it gave on. */
export class ReceivingChain {
  readonly scope: ChainScope;
  readonly #keys: MessageKeys;
  readonly #seen = new Map<number, number>();
  #step: number;
  #key: Bytes;
  #commitment: Bytes;
  #next: number;

  private constructor(
    scope: ChainScope,
    grant: { step: number; key: Bytes; commitment: Bytes; firstCounter: number },
  ) {
    this.scope = scope;
    this.#step = grant.step;
    this.#key = grant.key;
    this.#commitment = grant.commitment;
    this.#next = grant.firstCounter;
    this.#keys = new MessageKeys(scope, "decrypt");
  }

  /**
   * Takes a key that was given.
   *
   * @throws {OpenError} `COMMITMENT` where it is not the key that its sender committed to.
   */
  static async take(
    scope: ChainScope,
    grant: { step: number; key: Bytes; commitment: Bytes; firstCounter: number },
  ): Promise<ReceivingChain> {
    const commitment = await commitmentTo(scope, grant.step, grant.key);
    if (!sameBytes(commitment, grant.commitment)) {
      throw new OpenError("COMMITMENT", "the key is not the one committed to");
    }
    return new ReceivingChain(scope, { ...grant, commitment });
  }

  /** Where a frame stands whose signature held. */
  placeOf({ header, signature }: SealedFrame): Place {
    const { counter } = header;
    if (counter > this.#next) return { is: "gap", missing: counter - this.#next };
    if (counter === this.#next) return { is: "next" };
    const seen = this.#seen.get(counter);
    if (seen === undefined) {
      return { is: counter < this.#next - REMEMBERED ? "repeated" : "reordered" };
    }
    return { is: seen === markOf(signature) ? "repeated" : "altered" };
  }

  /** Counts a frame as come. */
  pass({ header, signature }: SealedFrame): void {
    this.#seen.set(header.counter, markOf(signature));
    this.#seen.delete(header.counter - REMEMBERED);
    this.#next = header.counter + 1;
  }

  /** How many steps a frame is ahead that frames before it have not shown: none or one, where none is missing. */
  stepsTo({ header }: SealedFrame): number {
    return header.step - this.#step;
  }

  /**
   * Begins to open a frame whose signature is still being checked, where the key for it is at hand: of two
   * checks that take as long, neither waits for the other. What comes of it is nobody's until
   * {@linkcode open} has taken it.
   */
  begin(frame: SealedFrame): Promise<Bytes> | undefined {
    const key = this.#keys.known(frame.header.step, frame.header.recipients);
    const plaintext = key?.then((known) => this.#decrypt(frame, known));
    plaintext?.catch(() => {}); // whoever opens the frame hears of it
    return plaintext;
  }

  /**
   * Opens a frame of this chain whose signature held.
   *
   * @param frame The frame.
   * @param begun What {@linkcode begin} gave for it.
   * @returns The plaintext.
   * @throws {OpenError} Where the step is behind or too far, the commitment is not that of the step's
   * key, or the seal is broken.
   */
  async open(frame: SealedFrame, begun?: Promise<Bytes>): Promise<Bytes> {
    const { header } = frame;
    await this.#follow(header);
    // A step has one key: that of the beginning is the one of now.
    if (begun !== undefined) return await begun;
    return await this.#decrypt(
      frame,
      await this.#keys.get(this.#step, this.#key, header.recipients),
    );
  }

  async #decrypt(
    { header, headerBytes, ciphertext }: SealedFrame,
    key: CryptoKey,
  ): Promise<Bytes> {
    const algorithm = {
      name: "AES-GCM",
      iv: vectorOf(header.counter),
      additionalData: inContext(CONTEXT.sealed, this.scope.room, headerBytes),
    };
    try {
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, ciphertext));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      throw new OpenError("SEAL", "the seal is broken");
    }
  }

  /** Goes to a frame's step, if its key is the one that the frame commits to; stays where it is if not. */
  async #follow({ step, counter, commitment }: SealedFrame["header"]): Promise<void> {
    const steps = step - this.#step;
    // A sender takes one step before a frame at most.
    const most = Math.min(MAX_STEPS, counter - this.#next + 1);
    if (steps < 0 || steps > most) throw new OpenError("STEPS", `${steps} steps from the last`);
    let key = this.#key;
    for (let at = this.#step; at < step; at++) key = await nextKey(this.scope, at, key);
    const expected = steps === 0 ? this.#commitment : await commitmentTo(this.scope, step, key);
    if (!sameBytes(expected, commitment)) {
      throw new OpenError("COMMITMENT", "the key is not the one committed to");
    }
    this.#key = key;
    this.#step = step;
    this.#commitment = expected;
  }
}

/** 52 bits of a signature: enough to tell whether a frame is the one that came before. */
function markOf(signature: Uint8Array): number {
  const view = new DataView(signature.buffer, signature.byteOffset, 8);
  return view.getUint32(0) * 0x10_0000 + (view.getUint32(4) >>> 12);
}
