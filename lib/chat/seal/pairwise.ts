/**
 * Pairwise keys: they protect pair frames from one member to another, and the receipts and asks between the two.
 *
 * The sender makes a random key for one recipient and one stay in a room, and wraps it by RSA-OAEP to the recipient's
 * session key. All other encryption under the key is AES-256-GCM, so a thousand grants need no RSA operation.
 *
 * @module
 */

import type { Bytes, Random } from "../../base/bytes.ts";
import { decryptOaep, encryptOaep } from "../../rsa/rsa.ts";
import { CONTEXT, inContext, sign, verify } from "../identity/signing.ts";
import {
  encodePair,
  type Entry,
  entryBound,
  type Pair,
  pairBound,
  type PairFrame,
  pairStatement,
} from "../wire/envelope.ts";
import { checkOf } from "../wire/history.ts";
import { HASH_BYTES } from "../wire/kinds.ts";
import { decrypt, vectorOf } from "./chain.ts";

const NONE: Bytes = new Uint8Array(0);

/** A version of the room and its context. */
export interface AtVersion {
  readonly version: number;
  readonly context: Bytes;
}

/** The three keys of a pairwise key. */
interface PairKeys {
  readonly pair: CryptoKey;
  readonly receipt: CryptoKey;
  readonly ask: CryptoKey;
}

/** Derives the keys of a pairwise key. */
async function deriveKeys(raw: Bytes, { room, sender, recipient }: Pair): Promise<PairKeys> {
  const secret = await crypto.subtle.importKey("raw", raw, "HKDF", false, ["deriveKey"]);
  const keyFor = (use: Bytes) => {
    const info = inContext(use, sender, recipient);
    const algorithm = { name: "HKDF", hash: "SHA-256", salt: room, info };
    const kind = { name: "AES-GCM", length: 256 };
    return crypto.subtle.deriveKey(algorithm, secret, kind, false, ["encrypt", "decrypt"]);
  };
  const [pair, receipt, ask] = await Promise.all([
    keyFor(CONTEXT.pair),
    keyFor(CONTEXT.receipt),
    keyFor(CONTEXT.ask),
  ]);
  return { pair, receipt, ask };
}

/** Returns the OAEP label of a pairwise key. */
function labelOf({ room, sender, recipient }: Pair): Bytes {
  return inContext(CONTEXT.pairwise, room, sender, recipient);
}

/** Seals the box of a receipt or an ask. */
async function sealEntry(
  use: "receipt" | "ask",
  key: CryptoKey,
  pair: Pair,
  { member, sequence, version, context, plaintext }: {
    readonly member: number;
    readonly sequence: number;
    readonly plaintext: Bytes;
  } & AtVersion,
): Promise<Entry> {
  const algorithm = {
    name: "AES-GCM",
    iv: vectorOf(sequence),
    additionalData: entryBound(use, { sequence, version }, pair, context),
  };
  const box = new Uint8Array(await crypto.subtle.encrypt(algorithm, key, plaintext));
  return { member, sequence, version, check: checkOf(context), box };
}

/** Opens the box of a receipt or an ask; undefined if it is not valid. */
function openEntry(
  use: "receipt" | "ask",
  key: CryptoKey,
  pair: Pair,
  entry: Entry,
  context: Bytes,
): Promise<Bytes | undefined> {
  const additionalData = entryBound(use, entry, pair, context);
  return decrypt({ name: "AES-GCM", iv: vectorOf(entry.sequence), additionalData }, key, entry.box);
}

/** The sender's side of a pairwise key: a speaker's, if the recipient sends receipts. */
export class PairSender {
  readonly pair: Pair;
  readonly #keys: PairKeys;
  readonly #wrapped: Bytes;
  #uses = 0;
  #asks = 0;
  #lastReceipt = -1;

  private constructor(pair: Pair, keys: PairKeys, wrapped: Bytes) {
    this.pair = pair;
    this.#keys = keys;
    this.#wrapped = wrapped;
  }

  /**
   * Makes a pairwise key.
   *
   * @param pair The room, the sender and the recipient.
   * @param session The recipient's RSA-OAEP public key.
   * @param random The source of the key.
   * @returns The sender's side. Rejects if the session key cannot encrypt.
   */
  static async to(pair: Pair, session: CryptoKey, random: Random): Promise<PairSender> {
    const raw = random(HASH_BYTES);
    const [keys, wrapped] = await Promise.all([
      deriveKeys(raw, pair),
      encryptOaep(session, raw, labelOf(pair)),
    ]);
    return new PairSender(pair, keys, wrapped);
  }

  /** Whether a receipt has proved that the recipient has the key. */
  get isProven(): boolean {
    return this.#lastReceipt >= 0;
  }

  /**
   * Seals and signs a pair frame. It carries the wrapped key until {@linkcode isProven}.
   *
   * @param sender The sender's number.
   * @param recipient The recipient's number.
   * @param at The newest version that the sender knows.
   * @param plaintext At most `MAX_PLAINTEXT_BYTES`.
   * @param signingKey The sender's Ed25519 key.
   * @returns The encoded frame.
   */
  async seal(
    { sender, recipient }: { readonly sender: number; readonly recipient: number },
    { version, context }: AtVersion,
    plaintext: Bytes,
    signingKey: CryptoKey,
  ): Promise<Bytes> {
    const use = this.#uses++;
    const wrapped = this.isProven ? NONE : this.#wrapped;
    const bound = pairBound({ use, version }, this.pair, context);
    const algorithm = { name: "AES-GCM", iv: vectorOf(use), additionalData: bound };
    const sealed = await crypto.subtle.encrypt(algorithm, this.#keys.pair, plaintext);
    const ciphertext = new Uint8Array(sealed);
    const signature = await sign(signingKey, pairStatement(bound, wrapped, ciphertext));
    const header = { sender, recipient, use, version, check: checkOf(context) };
    return encodePair({ header, wrapped, ciphertext, signature });
  }

  /** Seals an ask to the member with a number. */
  ask(member: number, at: AtVersion, plaintext: Bytes): Promise<Entry> {
    const sequence = this.#asks++;
    return sealEntry("ask", this.#keys.ask, this.pair, { member, sequence, ...at, plaintext });
  }

  /**
   * Opens a receipt.
   *
   * @param entry The entry.
   * @param context The context of its version.
   * @returns The plaintext; undefined if the receipt is not valid, or not newer than the last one.
   */
  async openReceipt(entry: Entry, context: Bytes): Promise<Bytes | undefined> {
    const opened = await openEntry("receipt", this.#keys.receipt, this.pair, entry, context);
    if (opened === undefined || entry.sequence <= this.#lastReceipt) return undefined;
    this.#lastReceipt = entry.sequence;
    return opened;
  }
}

/** Why a pair frame does not open. */
export type PairFault = "BAD_SIGNATURE" | "BAD_KEY";

/** The error of a pair frame that does not open. */
export class PairError extends Error {
  /** Creates the error. */
  constructor(readonly fault: PairFault, message: string) {
    super(message);
    this.name = "PairError";
  }
}

/** The most pairwise keys that a recipient unwraps for one stay of a sender. One is usual. */
export const MAX_UNWRAPPED = 8;

/** Returns a function that returns 0, 1, 2 and so on. */
export function sequences(): () => number {
  let next = 0;
  return () => next++;
}

/** The recipient's side of the pairwise keys of one sender. */
export class PairReceiver {
  readonly #pair: Pair;
  readonly #sessionKey: CryptoKey;
  readonly #signingKey: CryptoKey;
  readonly #nextSequence: () => number;
  #keys: PairKeys | undefined;
  #unwrapped = 0;
  #lastAsk = -1;

  /**
   * @param pair The room, the sender and the recipient.
   * @param sessionKey The recipient's private RSA-OAEP key.
   * @param signingKey The sender's Ed25519 public key.
   * @param nextSequence Returns a number that no other receipt of this recipient has, in any room: a relay that shows
   * an old state of a room makes its pairwise keys valid again.
   */
  constructor(
    pair: Pair,
    sessionKey: CryptoKey,
    signingKey: CryptoKey,
    nextSequence: () => number = sequences(),
  ) {
    this.#pair = pair;
    this.#sessionKey = sessionKey;
    this.#signingKey = signingKey;
    this.#nextSequence = nextSequence;
  }

  /** Whether a pairwise key is known, so that receipts can be sent. */
  get hasKey(): boolean {
    return this.#keys !== undefined;
  }

  /**
   * Starts to verify the signature of a frame.
   *
   * @param context The context of the frame's version.
   */
  verify({ header, wrapped, ciphertext, signature }: PairFrame, context: Bytes): Promise<boolean> {
    const bound = pairBound(header, this.#pair, context);
    return verify(this.#signingKey, signature, pairStatement(bound, wrapped, ciphertext));
  }

  /**
   * Opens a frame whose signature is valid.
   *
   * @param frame The frame.
   * @param context The context of the frame's version.
   * @returns The plaintext, and whether the pairwise key is a new one.
   * @throws {PairError} If it opens under no key.
   */
  async open(frame: PairFrame, context: Bytes): Promise<{ plaintext: Bytes; isNewKey: boolean }> {
    const known = this.#keys && await this.#openWith(this.#keys, frame, context);
    if (known !== undefined) return { plaintext: known, isNewKey: false };
    const keys = await this.#unwrap(frame.wrapped);
    const plaintext = await this.#openWith(keys, frame, context);
    if (plaintext === undefined) throw new PairError("BAD_KEY", "the frame does not open");
    this.#keys = keys;
    this.#lastAsk = -1;
    return { plaintext, isNewKey: true };
  }

  #openWith(
    { pair }: PairKeys,
    { header, ciphertext }: PairFrame,
    context: Bytes,
  ): Promise<Bytes | undefined> {
    const additionalData = pairBound(header, this.#pair, context);
    return decrypt({ name: "AES-GCM", iv: vectorOf(header.use), additionalData }, pair, ciphertext);
  }

  async #unwrap(wrapped: Bytes): Promise<PairKeys> {
    if (wrapped.length === 0) throw new PairError("BAD_KEY", "the frame's key is not known");
    if (this.#unwrapped === MAX_UNWRAPPED) throw new PairError("BAD_KEY", "too many pairwise keys");
    this.#unwrapped += 1;
    const raw = await this.#decryptOaep(wrapped);
    if (raw.length !== HASH_BYTES) {
      throw new PairError("BAD_KEY", "the pairwise key has no 32 bytes");
    }
    return await deriveKeys(raw, this.#pair);
  }

  async #decryptOaep(wrapped: Bytes): Promise<Bytes> {
    try {
      return await decryptOaep(this.#sessionKey, wrapped, labelOf(this.#pair));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      throw new PairError("BAD_KEY", "the pairwise key does not unwrap");
    }
  }

  /** Seals a receipt to the member with a number. The caller has checked {@linkcode hasKey}. */
  receipt(member: number, at: AtVersion, plaintext: Bytes): Promise<Entry> {
    const sequence = this.#nextSequence();
    const { receipt } = this.#keys!;
    return sealEntry("receipt", receipt, this.#pair, { member, sequence, ...at, plaintext });
  }

  /**
   * Opens an ask.
   *
   * @param entry The entry.
   * @param context The context of its version.
   * @returns The plaintext; undefined if the ask is not valid, or not newer than the last one.
   */
  async openAsk(entry: Entry, context: Bytes): Promise<Bytes | undefined> {
    if (this.#keys === undefined) return undefined;
    const opened = await openEntry("ask", this.#keys.ask, this.#pair, entry, context);
    if (opened === undefined || entry.sequence <= this.#lastAsk) return undefined;
    this.#lastAsk = entry.sequence;
    return opened;
  }
}
