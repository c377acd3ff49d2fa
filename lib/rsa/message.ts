/**
 * Encrypts and signs with RSA key files: JWE (RFC 7516) for content of any size, a single RSAES-OAEP block, and
 * RSASSA-PSS signatures (RFC 8017).
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import { privateKeyOf, publicKeyOf, type RsaKey } from "./key_formats.ts";

/** The length of a SHA-256 digest, in bytes. */
const HASH_BYTES = 32;
/** The JWE algorithms: RSA-OAEP with SHA-256 wraps the key, AES-256-GCM encrypts the content (RFC 7518). */
const JWE = { alg: "RSA-OAEP-256", enc: "A256GCM" } as const;
/**
 * The largest content of a JWE, in bytes. The compact form is one string, in which four characters stand for three
 * bytes, and a string of the JavaScript engine has at most 2^29 - 24 characters.
 */
export const MAX_MESSAGE_BYTES = 383 * 1024 * 1024;

/** Thrown for a message that cannot be decrypted. It does not say why: the reason would help an attacker. */
export class DecryptionError extends Error {
  /** Creates the error. */
  constructor() {
    super("the message is damaged, or is for another key or another format");
    this.name = "DecryptionError";
  }
}

/** Thrown for content that is too long to encrypt. */
export class MessageTooLongError extends Error {
  /** Creates the error from the actual and the largest length. */
  constructor(
    /** The length of the content, in bytes. */
    readonly bytes: number,
    /** The largest length, in bytes. */
    readonly maxBytes: number,
  ) {
    super(`it has ${bytes} bytes, and at most ${maxBytes} fit`);
    this.name = "MessageTooLongError";
  }
}

/**
 * Encrypts content of any size as JWE in compact serialization (RFC 7516).
 *
 * @param to A public key, or a private key to encrypt to oneself.
 * @param content At most {@linkcode MAX_MESSAGE_BYTES} bytes.
 * @returns Printable ASCII text on one line, without a line feed.
 * @throws {MessageTooLongError} If the content is longer.
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
 * Decrypts a JWE that {@linkcode encryptMessage} or another program made.
 *
 * @param key A private key.
 * @param message The compact serialization as bytes. White space around it is ignored.
 * @throws {DecryptionError} If the message cannot be decrypted, whatever the reason.
 * @throws {KeyFileError} If the key is not a private key.
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

/** Strips white space from both ends. The text stays bytes, so that only one string of it is made. */
function trimmed(text: Bytes): Bytes {
  let [from, to] = [0, text.length];
  while (from < to && text[from]! <= 0x20) from++;
  while (to > from && text[to - 1]! <= 0x20) to--;
  return text.subarray(from, to);
}

/**
 * Returns the longest block that a key of `modulusBits` bits encrypts, in bytes: k - 2·32 - 2 (RFC 8017 section 7.1.1).
 */
export function maxBlockBytes(modulusBits: number): number {
  return Math.ceil(modulusBits / 8) - 2 * HASH_BYTES - 2;
}

/**
 * Encrypts one block with RSAES-OAEP: SHA-256, MGF1 with SHA-256, empty label (RFC 8017 section 7.1).
 *
 * @param to A public key, or a private key to encrypt to oneself.
 * @param block At most {@linkcode maxBlockBytes} bytes.
 * @returns The encrypted block, as long as the modulus.
 * @throws {MessageTooLongError} If the block is longer.
 */
export async function encryptBlock(to: RsaKey, block: Bytes): Promise<Bytes> {
  const maxBytes = maxBlockBytes(to.modulusBits);
  if (block.length > maxBytes) throw new MessageTooLongError(block.length, maxBytes);
  const key = await publicKeyOf(to, "oaep");
  return new Uint8Array(await crypto.subtle.encrypt({ name: "RSA-OAEP" }, key, block));
}

/**
 * Decrypts a block that {@linkcode encryptBlock} or `openssl pkeyutl` made.
 *
 * @param key A private key.
 * @param block The encrypted block, as long as the modulus.
 * @throws {DecryptionError} If the block cannot be decrypted, whatever the reason.
 * @throws {KeyFileError} If the key is not a private key.
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
 * Signs a document with RSASSA-PSS, SHA-256 and a salt of 32 bytes (RFC 8017 section 8.1).
 *
 * @param key A private key.
 * @param document The document's bytes.
 * @returns The signature, as long as the modulus.
 * @throws {KeyFileError} If the key is not a private key.
 */
export async function signDocument(key: RsaKey, document: Bytes): Promise<Bytes> {
  const privateKey = await privateKeyOf(key, "pss256");
  return new Uint8Array(await crypto.subtle.sign(PSS, privateKey, document));
}

/**
 * Verifies a signature that {@linkcode signDocument} or `openssl dgst` made.
 *
 * @param key A public or private key.
 * @param signature The signature.
 * @param document The document's bytes.
 * @returns Whether the signature is valid.
 */
export async function verifyDocument(
  key: RsaKey,
  signature: Bytes,
  document: Bytes,
): Promise<boolean> {
  return await crypto.subtle.verify(PSS, await publicKeyOf(key, "pss256"), signature, document);
}
