/**
 * Chains of sender keys: a member seals its group messages under its chain, and the recipients open them.
 *
 * @module
 */

import { type Bytes, ByteWriter, type Random } from "../../base/bytes.ts";
import { CONTEXT, inContext, sign, verify } from "../identity/signing.ts";
import {
  encodeSealed,
  sealedBound,
  type SealedFrame,
  type SealedHeader,
} from "../wire/envelope.ts";
import { checkOf } from "../wire/history.ts";
import { HASH_BYTES } from "../wire/kinds.ts";

/** The most steps that a receiver follows at a time. */
export const MAX_STEPS = 1024;
/** The last step of a chain. */
export const LAST_STEP = 0xffff;

/** A chain: everything that its keys are bound to, except for the step. */
export interface ChainScope {
  readonly room: Bytes;
  /** The hash of the member that the chain belongs to. */
  readonly sender: Bytes;
  readonly chain: number;
}

/** The secrets of one step of a chain. */
interface Step {
  readonly step: number;
  readonly key: Bytes;
  readonly commitment: Bytes;
  readonly messageKey: CryptoKey;
}

/** Derives 32 bytes from a key, bound to a chain and a step. */
async function derive(use: Bytes, { room, sender, chain }: ChainScope, step: number, key: Bytes) {
  const secret = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveBits"]);
  const info = inContext(use, sender, new ByteWriter(6).u32(chain).u16(step).finish());
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: room, info };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, secret, 8 * HASH_BYTES));
}

/** Returns the chain key one step on. `step` is the step of `key`. */
export function nextKey(scope: ChainScope, step: number, key: Bytes): Promise<Bytes> {
  return derive(CONTEXT.chainStep, scope, step, key);
}

/** Returns the commitment to a chain key. AES-GCM does not commit to its key. */
export function commitmentTo(scope: ChainScope, step: number, key: Bytes): Promise<Bytes> {
  return derive(CONTEXT.chainCommitment, scope, step, key);
}

/** Returns the bytes of the key that encrypts the frames of a step. */
export function messageKey(scope: ChainScope, step: number, key: Bytes): Promise<Bytes> {
  return derive(CONTEXT.messageKey, scope, step, key);
}

async function stepAt(
  scope: ChainScope,
  step: number,
  key: Bytes,
  use: "encrypt" | "decrypt",
): Promise<Step> {
  const [commitment, raw] = await Promise.all([
    commitmentTo(scope, step, key),
    messageKey(scope, step, key),
  ]);
  const imported = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, [use]);
  return { step, key, commitment, messageKey: imported };
}

/** Returns the 96-bit initialization vector of a number. */
export function vectorOf(number: number): Bytes {
  return new ByteWriter(12).u48(0).u48(number).finish();
}

/** The header fields that a sender chooses for a sealed frame, and the context of the version. */
export interface SealedPlace extends Pick<SealedHeader, "sender" | "route" | "number" | "version"> {
  /** The context of the version. */
  readonly context: Bytes;
}

/** The chain of this member. */
export class SendingChain {
  readonly scope: ChainScope;
  #at: Step;

  private constructor(scope: ChainScope, at: Step) {
    this.scope = scope;
    this.#at = at;
  }

  /** Starts a chain with a random key. */
  static async start(scope: ChainScope, random: Random): Promise<SendingChain> {
    return new SendingChain(scope, await stepAt(scope, 0, random(HASH_BYTES), "encrypt"));
  }

  /** The present step and its chain key, for a new holder. */
  get grant(): { readonly step: number; readonly key: Bytes } {
    return { step: this.#at.step, key: this.#at.key };
  }

  /** Whether the chain has no further step. */
  get isSpent(): boolean {
    return this.#at.step === LAST_STEP;
  }

  /** Goes one step on. The caller has checked {@linkcode isSpent}. */
  async advance(): Promise<void> {
    const { step, key } = this.#at;
    const next = await nextKey(this.scope, step, key);
    this.#at = await stepAt(this.scope, step + 1, next, "encrypt");
  }

  /**
   * Seals and signs.
   *
   * @param place Where the frame goes. No two frames of a member have the same number.
   * @param plaintext At most `MAX_PLAINTEXT_BYTES`.
   * @param signingKey The sender's Ed25519 key.
   * @returns The encoded frame.
   */
  async seal(place: SealedPlace, plaintext: Bytes, signingKey: CryptoKey): Promise<Bytes> {
    const { context, ...fields } = place;
    const { room, sender, chain } = this.scope;
    const { step, commitment, messageKey } = this.#at;
    const header = { ...fields, chain, step, check: checkOf(context) };
    const bound = sealedBound(header, { room, sender, context, commitment });
    const algorithm = { name: "AES-GCM", iv: vectorOf(place.number), additionalData: bound };
    const sealed = await crypto.subtle.encrypt(algorithm, messageKey, plaintext);
    const ciphertext = new Uint8Array(sealed);
    const signature = await sign(signingKey, signedPart(bound, ciphertext));
    return encodeSealed({ header, ciphertext, signature });
  }
}

function signedPart(bound: Bytes, ciphertext: Bytes): Bytes {
  return new ByteWriter(bound.length + ciphertext.length).raw(bound).raw(ciphertext).finish();
}

/** Why a sealed frame does not open. */
export type OpenFault = "BAD_STEP" | "BAD_SIGNATURE" | "BAD_SEAL";

/** The error of a frame that does not open. */
export class OpenError extends Error {
  /** Creates the error. */
  constructor(readonly fault: OpenFault, message: string) {
    super(message);
    this.name = "OpenError";
  }
}

/** A frame's checks that have been started, and the step that they assume. */
export interface Opening {
  readonly at: Step;
  readonly signed: Promise<boolean>;
  /** The plaintext; undefined if the ciphertext does not open. */
  readonly plaintext: Promise<Bytes | undefined>;
}

/** Somebody else's chain, from the step that was granted. */
export class ReceivingChain {
  readonly scope: ChainScope;
  readonly #signingKey: CryptoKey;
  #at: Step;
  #next: number;

  private constructor(scope: ChainScope, signingKey: CryptoKey, at: Step, next: number) {
    this.scope = scope;
    this.#signingKey = signingKey;
    this.#at = at;
    this.#next = next;
  }

  /**
   * Takes a key that was granted.
   *
   * @param scope The chain.
   * @param signingKey The sender's Ed25519 public key.
   * @param grant The step, its key, and the number of the next message.
   */
  static async take(
    scope: ChainScope,
    signingKey: CryptoKey,
    { step, key, next }: { readonly step: number; readonly key: Bytes; readonly next: number },
  ): Promise<ReceivingChain> {
    return new ReceivingChain(scope, signingKey, await stepAt(scope, step, key, "decrypt"), next);
  }

  /** The step of the newest frame, or of the grant. */
  get step(): number {
    return this.#at.step;
  }

  /**
   * Starts the checks of a frame of the present step, so that they run while earlier frames are checked. Nothing
   * results from them before {@linkcode open}.
   *
   * @param context The context of the frame's version.
   * @returns Undefined if the frame is of another step.
   */
  begin(frame: SealedFrame, context: Bytes): Opening | undefined {
    return frame.header.step === this.#at.step ? this.#check(frame, context, this.#at) : undefined;
  }

  #check({ header, ciphertext, signature }: SealedFrame, context: Bytes, at: Step): Opening {
    const { room, sender } = this.scope;
    const bound = sealedBound(header, { room, sender, context, commitment: at.commitment });
    const signed = verify(this.#signingKey, signature, signedPart(bound, ciphertext));
    const algorithm = { name: "AES-GCM", iv: vectorOf(header.number), additionalData: bound };
    const plaintext = decrypt(algorithm, at.messageKey, ciphertext);
    // A caller that drops the checks does not hear of a failure.
    signed.catch(() => {});
    plaintext.catch(() => {});
    return { at, signed, plaintext };
  }

  /** Returns the number of steps to a frame: at most one if nothing is missing before it. */
  stepsTo({ header }: SealedFrame): number {
    return header.step - this.#at.step;
  }

  /**
   * Opens a frame of this chain.
   *
   * @param frame The frame.
   * @param context The context of the frame's version.
   * @param begun The checks that {@linkcode begin} started.
   * @returns The plaintext. The chain moves to the frame's step.
   * @throws {OpenError} If the step cannot be followed, or the signature or the seal is not valid.
   */
  async open(frame: SealedFrame, context: Bytes, begun?: Opening): Promise<Bytes> {
    const reuse = begun?.at === this.#at ? begun : undefined;
    const { at, signed, plaintext } = reuse ??
      this.#check(frame, context, await this.#follow(frame.header));
    if (!await signed) throw new OpenError("BAD_SIGNATURE", "the signature is not valid");
    const opened = await plaintext;
    if (opened === undefined) throw new OpenError("BAD_SEAL", "the ciphertext does not open");
    this.#at = at;
    return opened;
  }

  /** Notes that the messages before `number` have been opened. */
  expect(number: number): void {
    this.#next = Math.max(this.#next, number);
  }

  /** Derives the step of a frame. A sender takes at most one step for each message. */
  async #follow({ step, number }: SealedHeader): Promise<Step> {
    const steps = step - this.#at.step;
    if (steps === 0) return this.#at;
    const most = Math.min(MAX_STEPS, number - this.#next + 1);
    if (steps < 0 || steps > most) throw new OpenError("BAD_STEP", `${steps} steps from the last`);
    let { key } = this.#at;
    for (let at = this.#at.step; at < step; at++) key = await nextKey(this.scope, at, key);
    return await stepAt(this.scope, step, key, "decrypt");
  }
}

/** Decrypts; undefined if the ciphertext does not open under the key and the additional data. */
export async function decrypt(
  algorithm: AesGcmParams,
  key: CryptoKey,
  ciphertext: Bytes,
): Promise<Bytes | undefined> {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, ciphertext));
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return undefined;
  }
}
