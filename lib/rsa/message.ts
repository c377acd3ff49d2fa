/**
 * Messages to the holder of an RSA key: JWE (RFC 7516) of any size, and a single RSAES-OAEP block (RFC 8017).
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import { privateKeyOf, publicKeyOf, type RsaKey } from "./key_formats.ts";

/** The bytes of a SHA-256 digest. */
const HASH_BYTES = 32;
/** A key wrapped by RSA-OAEP with SHA-256, and the content by AES-256-GCM (RFC 7518). */
const JWE = { alg: "RSA-OAEP-256", enc: "A256GCM" } as const;
/**
 * The largest content of a JWE in bytes. Its compact form is one string, and the engine's strings have at most
 * 2^29 - 24 characters, of which four stand for three bytes.
 */
export const MAX_MESSAGE_BYTES = 383 * 1024 * 1024;

/** A message that could not be decrypted. It never says why: that would help whoever made it. */
export class DecryptionError extends Error {
  /** Makes the error. */
  constructor() {
    super("the message is damaged, or is for another key or another format");
    this.name = "DecryptionError";
  }
}

/** A text that is too long to be encrypted. */
export class MessageTooLongError extends Error {
  /** Makes the error of what is too long and what is the most. */
  constructor(
    /** How long it is, in bytes. */
    readonly bytes: number,
    /** How long it may be, in bytes. */
    readonly maxBytes: number,
  ) {
    super(`it has ${bytes} bytes, and at most ${maxBytes} fit`);
    this.name = "MessageTooLongError";
  }
}

/**
 * Encrypts a message of any size: JWE in its compact serialization.
 *
 * @param to A public key, or a private one for its own holder.
 * @param content At most {@linkcode MAX_MESSAGE_BYTES}.
 * @returns Printable text on one line, without a line feed.
 * @throws {MessageTooLongError} Where it has more.
 */
export async function encryptMessage(to: RsaKey, content: Bytes): Promise<string> {
  if (content.length > MAX_MESSAGE_BYTES) {
    throw new MessageTooLongError(content.length, MAX_MESSAGE_BYTES);
  }
  const { CompactEncrypt } = await import("jose");
  const key = await publicKeyOf(to, "oaep");
  return await new CompactEncrypt(content).setProtectedHeader(JWE).encrypt(key);
}

/**
 * Decrypts what {@linkcode encryptMessage}, or any other writer of JWE, made.
 *
 * @param key A private key.
 * @param message The text; white space around it does not matter.
 * @throws {DecryptionError} Whatever is wrong with the message.
 * @throws {KeyFileError} Where the key is no private key.
 */
export async function decryptMessage(key: RsaKey, message: Bytes): Promise<Bytes> {
  const privateKey = await privateKeyOf(key, "oaep");
  const { compactDecrypt } = await import("jose");
  try {
    const { plaintext } = await compactDecrypt(trimmed(message), privateKey, {
      keyManagementAlgorithms: [JWE.alg],
      contentEncryptionAlgorithms: [JWE.enc],
    });
    return new Uint8Array(plaintext);
  } catch {
    throw new DecryptionError();
  }
}

/** Text without the white space around it, still as bytes: a string of it is made once. */
function trimmed(text: Bytes): Bytes {
  let [from, to] = [0, text.length];
  while (from < to && text[from]! <= 0x20) from++;
  while (to > from && text[to - 1]! <= 0x20) to--;
  return text.subarray(from, to);
}

/** The longest block that a key of so many bits encrypts, in bytes: k - 2·32 - 2. */
export function maxBlockBytes(modulusBits: number): number {
  return Math.ceil(modulusBits / 8) - 2 * HASH_BYTES - 2;
}

/**
 * Encrypts one block: RSAES-OAEP, SHA-256, MGF1 with SHA-256, empty label.
 *
 * @param to A public key, or a private one for its own holder.
 * @param block At most {@linkcode maxBlockBytes}.
 * @returns As many bytes as the modulus has.
 * @throws {MessageTooLongError} Where it has more.
 */
export async function encryptBlock(to: RsaKey, block: Bytes): Promise<Bytes> {
  const maxBytes = maxBlockBytes(to.modulusBits);
  if (block.length > maxBytes) throw new MessageTooLongError(block.length, maxBytes);
  const key = await publicKeyOf(to, "oaep");
  return new Uint8Array(await crypto.subtle.encrypt({ name: "RSA-OAEP" }, key, block));
}

/**
 * Decrypts what {@linkcode encryptBlock}, or `openssl pkeyutl`, made.
 *
 * @param key A private key.
 * @param block As many bytes as the modulus has.
 * @throws {DecryptionError} Whatever is wrong with the block.
 * @throws {KeyFileError} Where the key is no private key.
 */
export async function decryptBlock(key: RsaKey, block: Bytes): Promise<Bytes> {
  const privateKey = await privateKeyOf(key, "oaep");
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "RSA-OAEP" }, privateKey, block));
  } catch {
    throw new DecryptionError();
  }
}

const PSS = { name: "RSA-PSS", saltLength: 32 } as const;

/**
 * Signs a document.
 *
 * @param key A private key.
 * @param document Its bytes.
 * @returns As many bytes as the modulus has.
 * @throws {KeyFileError} Where the key is no private key.
 */
export async function signDocument(key: RsaKey, document: Bytes): Promise<Bytes> {
  const privateKey = await privateKeyOf(key, "pss256");
  return new Uint8Array(await crypto.subtle.sign(PSS, privateKey, document));
}

/**
 * Whether a signature that {@linkcode signDocument}, or `openssl dgst`, made is right.
 *
 * @param key A public key, or a private one.
 * @param signature Its bytes.
 * @param document The document's bytes.
 */
export async function verifyDocument(
  key: RsaKey,
  signature: Bytes,
  document: Bytes,
): Promise<boolean> {
  return await crypto.subtle.verify(PSS, await publicKeyOf(key, "pss256"), signature, document);
}
