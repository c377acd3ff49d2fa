/**
 * How a sender key reaches a recipient: RSA-OAEP once for an ordered pair, AES-256-GCM after that.
 *
 * The first key frame from one member to another carries a random pairwise key, encrypted to the
 * recipient's session key. Every key frame carries a chain key under the pairwise key, so that
 * a new chain for a thousand members takes no RSA operation.
 *
 * @module
 */

import type { Bytes, Random } from "../../base/bytes.ts";
import { decryptOaep, encryptOaep } from "../../rsa/rsa.ts";
import { CONTEXT, inContext, sign } from "../identity/signing.ts";
import {
  encodeKeyBody,
  encodeKeyHeader,
  encodeSigned,
  type KeyFrame,
  type KeyHeader,
} from "../wire/envelope.ts";
import { HASH_BYTES, KIND } from "../wire/kinds.ts";
import { vectorOf } from "./chain.ts";

const NONE: Bytes = new Uint8Array(0);

/** The OAEP label: this room, this pair, this way. */
function labelOf(room: Bytes, sender: Bytes, recipient: Bytes): Bytes {
  return inContext(CONTEXT.pairwise, room, sender, recipient);
}

function importPairwise(raw: Bytes, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", raw, "AES-GCM", false, [use]);
}

/** What a sender needs to give keys to one recipient. */
export class KeySender {
  readonly #room: Bytes;
  readonly #sender: Bytes;
  readonly #recipient: Bytes;
  readonly #key: CryptoKey;
  /** The pairwise key as it travels; sent with the first key frame only. */
  #wrapped: Bytes | undefined;
  #uses = 0;

  private constructor(
    room: Bytes,
    sender: Bytes,
    recipient: Bytes,
    key: CryptoKey,
    wrapped: Bytes,
  ) {
    this.#room = room;
    this.#sender = sender;
    this.#recipient = recipient;
    this.#key = key;
    this.#wrapped = wrapped;
  }

  /**
   * Makes a pairwise key.
   *
   * @param room The room.
   * @param sender The sender's hash.
   * @param recipient The recipient's hash and session key.
   * @param random Where the pairwise key comes from.
   * @returns What gives keys under it; rejects where the session key takes none.
   */
  static async to(
    room: Bytes,
    sender: Bytes,
    recipient: { readonly member: Bytes; readonly session: CryptoKey },
    random: Random,
  ): Promise<KeySender> {
    const raw = random(HASH_BYTES);
    const [key, wrapped] = await Promise.all([
      importPairwise(raw, "encrypt"),
      encryptOaep(recipient.session, raw, labelOf(room, sender, recipient.member)),
    ]);
    return new KeySender(room, sender, recipient.member, key, wrapped);
  }

  /**
   * Makes the key frame that gives a chain key.
   *
   * @param position Which chain and step, from which counter on, and the commitment to the key.
   * @param chainKey The key.
   * @param signingKey The sender's Ed25519 key.
   * @returns The frame as it travels.
   */
  async give(
    position: Omit<KeyHeader, "sender" | "recipient">,
    chainKey: Bytes,
    signingKey: CryptoKey,
  ): Promise<Bytes> {
    const use = this.#uses++;
    const wrapped = this.#wrapped ?? NONE;
    this.#wrapped = undefined;
    const header = encodeKeyHeader({
      ...position,
      sender: this.#sender,
      recipient: this.#recipient,
    });
    const algorithm = {
      name: "AES-GCM",
      iv: vectorOf(use),
      additionalData: inContext(CONTEXT.key, this.#room, header),
    };
    const box = await crypto.subtle.encrypt(algorithm, this.#key, chainKey);
    const body = encodeKeyBody(header, wrapped, use, new Uint8Array(box));
    const signature = await sign(signingKey, inContext(CONTEXT.key, this.#room, body));
    return encodeSigned(KIND.key, body, signature);
  }
}

/** A key frame that cannot be opened; the message says why. */
export class KeyFrameError extends Error {
  /**
   * Makes the error of its reason.
   *
   * @param early Whether it is about a pairwise key that was given before this member was in the room: the
   * frame was on its way when the member came in again.
   */
  constructor(message: string, readonly early = false) {
    super(message);
    this.name = "KeyFrameError";
  }
}

/**
 * How many frames of one sender a recipient unwraps a pairwise key from. One is the rule, and a stay that
 * begins anew brings another; an RSA operation for every key frame would be a sender's to spend.
 */
export const MAX_UNWRAPPED = 8;

/** What a recipient needs to open the keys of one sender. */
export class KeyReceiver {
  readonly #room: Bytes;
  readonly #sessionKey: CryptoKey;
  #pairwise: CryptoKey | undefined;
  #unwrapped = 0;

  /**
   * @param room The room.
   * @param sessionKey The recipient's private RSA-OAEP key.
   */
  constructor(room: Bytes, sessionKey: CryptoKey) {
    this.#room = room;
    this.#sessionKey = sessionKey;
  }

  /**
   * Opens a key frame whose signature held.
   *
   * @returns The chain key.
   * @throws {KeyFrameError} Where it carries no pairwise key and none came before, or does not open.
   */
  async open(frame: KeyFrame): Promise<Bytes> {
    const known = this.#pairwise && await this.#openWith(this.#pairwise, frame);
    if (known !== undefined) return known;
    // None yet; or another stay of this member, or of the sender, in the room began with another.
    const pairwise = await this.#unwrap(frame);
    const key = await this.#openWith(pairwise, frame);
    if (key === undefined) throw new KeyFrameError("the key does not open");
    // Kept only now that it has opened something.
    this.#pairwise = pairwise;
    return key;
  }

  async #openWith(pairwise: CryptoKey, frame: KeyFrame): Promise<Bytes | undefined> {
    const algorithm = {
      name: "AES-GCM",
      iv: vectorOf(frame.use),
      additionalData: inContext(CONTEXT.key, this.#room, frame.headerBytes),
    };
    try {
      return new Uint8Array(await crypto.subtle.decrypt(algorithm, pairwise, frame.box));
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      return undefined;
    }
  }

  async #unwrap({ header, wrappedPairwise }: KeyFrame): Promise<CryptoKey> {
    if (wrappedPairwise.length === 0) {
      const early = this.#pairwise === undefined;
      throw new KeyFrameError("the key came without the pairwise key that opens it", early);
    }
    if (this.#unwrapped === MAX_UNWRAPPED) throw new KeyFrameError("too many pairwise keys came");
    this.#unwrapped += 1;
    const label = labelOf(this.#room, header.sender, header.recipient);
    const raw = await this.#decrypt(wrappedPairwise, label);
    if (raw.length !== HASH_BYTES) throw new KeyFrameError("the pairwise key is not 32 bytes long");
    return await importPairwise(raw, "decrypt");
  }

  async #decrypt(wrapped: Bytes, label: Bytes): Promise<Bytes> {
    try {
      return await decryptOaep(this.#sessionKey, wrapped, label);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      throw new KeyFrameError("the pairwise key does not open");
    }
  }
}
