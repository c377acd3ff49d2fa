/**
 * Encrypts with RSA key files: JWE (RFC 7516) for content of any size, and a single RSAES-OAEP block (RFC 8017).
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import { type KeyUse, privateKeyOf, publicKeyOf, type RsaKey } from "./key_formats.ts";
import type { FlattenedJWE } from "jose";

/** The length of a SHA-256 digest, in bytes. */
const HASH_BYTES = 32;
/** The JWE algorithms: RSA-OAEP with SHA-256 wraps the key, AES-256-GCM encrypts the content (RFC 7518). */
const JWE = { alg: "RSA-OAEP-256", enc: "A256GCM" } as const;
/**
 * The largest content of a JWE, in bytes. The compact form is one string, in which four characters stand for three
 * bytes, and a string of the JavaScript engine has at most 2^29 - 24 characters.
 */
export const MAX_MESSAGE_BYTES = 383 * 1024 * 1024;
/** The largest JWE, in bytes: the longest string of the JavaScript engine. */
export const MAX_JWE_BYTES = 2 ** 29 - 24;

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

/** The uses of a key for the algorithms of RFC 7518 section 4.3 and their registered successors. */
const KEY_USES: Readonly<Record<string, KeyUse>> = {
  "RSA-OAEP": "oaep1",
  "RSA-OAEP-256": "oaep",
  "RSA-OAEP-384": "oaep384",
  "RSA-OAEP-512": "oaep512",
};

/** The ciphers of content (RFC 7518 section 5). */
const CIPHERS = [
  ...["A128CBC-HS256", "A192CBC-HS384", "A256CBC-HS512"],
  ...["A128GCM", "A192GCM", "A256GCM"],
];

/** Thrown for a message that needs something that is not supported. Its header, which anybody can read, says so. */
export class UnsupportedMessageError extends Error {
  /** Creates the error. `feature` is what is not supported: `the algorithm "RSA1_5"`. */
  constructor(readonly feature: string) {
    super(`the message needs ${feature}, which is not supported`);
    this.name = "UnsupportedMessageError";
  }
}

/** The members of a header or of a JWE in JSON. */
type Members = Readonly<Record<string, unknown>>;

/**
 * Decrypts a JWE that {@linkcode encryptMessage} or another program made.
 *
 * @param key A private key.
 * @param message The compact or the JSON serialization as bytes. White space around it is ignored.
 * @throws {DecryptionError} If the message cannot be decrypted, whatever the reason.
 * @throws {UnsupportedMessageError} If its header names an algorithm that is not supported.
 * @throws {KeyFileError} If the key is not a private key.
 */
export async function decryptMessage(key: RsaKey, message: Bytes): Promise<Bytes> {
  const text = trimmed(message);
  if (text[0] === 0x7b) return await decryptJson(key, text);
  const header = headerOf(new TextDecoder().decode(text.subarray(0, text.indexOf(0x2e))));
  const privateKey = await privateKeyOf(key, useFor(header));
  const { compactDecrypt } = await import("jose");
  return await decrypting(() => compactDecrypt(text, privateKey, LIMITS));
}

/** Decrypts the flattened or the general JSON serialization (RFC 7516 section 7.2), for any of its recipients. */
async function decryptJson(key: RsaKey, text: Bytes): Promise<Bytes> {
  const { recipients, ...shared } = membersOf(new TextDecoder().decode(text));
  const each = Array.isArray(recipients) ? recipients.map(asMembers) : [{}];
  const { flattenedDecrypt } = await import("jose");
  const failures: Error[] = [];
  for (const recipient of each) {
    const flattened = { ...shared, ...recipient };
    try {
      const header = {
        ...(flattened.protected === undefined ? {} : headerOf(String(flattened.protected))),
        ...asMembers(flattened.unprotected),
        ...asMembers(flattened.header),
      };
      const privateKey = await privateKeyOf(key, useFor(header));
      // jose checks the members itself.
      const jwe = flattened as unknown as FlattenedJWE;
      return await decrypting(() => flattenedDecrypt(jwe, privateKey, LIMITS));
    } catch (error) {
      if (!(error instanceof DecryptionError || error instanceof UnsupportedMessageError)) {
        throw error;
      }
      failures.push(error);
    }
  }
  // Only if no recipient is supported, that is the reason.
  const isUnsupported = failures.every((error) => error instanceof UnsupportedMessageError);
  throw isUnsupported && failures[0] !== undefined ? failures[0] : new DecryptionError();
}

const LIMITS = {
  keyManagementAlgorithms: Object.keys(KEY_USES),
  contentEncryptionAlgorithms: [...CIPHERS],
};

async function decrypting(
  decrypt: () => Promise<{ readonly plaintext: Uint8Array }>,
): Promise<Bytes> {
  try {
    return new Uint8Array((await decrypt()).plaintext);
  } catch {
    throw new DecryptionError();
  }
}

/** Returns the use of the key that a header asks for. */
function useFor({ alg, enc, zip, crit }: Members): KeyUse {
  if (typeof alg !== "string" || typeof enc !== "string") throw new DecryptionError();
  const use = Object.hasOwn(KEY_USES, alg) ? KEY_USES[alg] : undefined;
  if (use === undefined) throw unsupported("the algorithm", alg);
  if (!CIPHERS.includes(enc)) throw unsupported("the encryption", enc);
  if (zip !== undefined) throw unsupported("the compression", zip);
  if (crit !== undefined) throw unsupported("the extensions", crit);
  return use;
}

function unsupported(what: string, name: unknown): UnsupportedMessageError {
  return new UnsupportedMessageError(`${what} ${JSON.stringify(name).slice(0, 60)}`);
}

/** Decodes a header from base64url. */
function headerOf(text: string): Members {
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    throw new DecryptionError();
  }
  return membersOf(new TextDecoder().decode(bytes));
}

function membersOf(json: string): Members {
  try {
    return asMembers(JSON.parse(json));
  } catch {
    throw new DecryptionError();
  }
}

function asMembers(value: unknown): Members {
  return typeof value === "object" && value !== null ? value as Members : {};
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
