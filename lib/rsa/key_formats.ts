/**
 * Reads and writes RSA key files: PKCS#8, SPKI and PKCS#1 as PEM or DER, and JWK (RFC 7517).
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import {
  bitLength,
  type DecodedKey,
  decodeKey,
  DerError,
  encodePkcs8,
  encodeSpki,
  isOdd,
  OtherAlgorithmError,
  type PemBlock,
  readPem,
  writePem,
} from "./der.ts";

/** The smallest accepted modulus, in bits. */
const MIN_BITS = 2048;
/** The largest accepted modulus, in bits. The runtime's public-key operations accept no larger one. */
const MAX_BITS = 4096;
/** The largest accepted exponent. The runtime accepts no larger one. */
const MAX_EXPONENT = (1n << 33n) - 1n;

/** An RSA key from a file. */
export interface RsaKey {
  /** Whether it holds the private key. */
  readonly kind: "private" | "public";
  /** The format it was read from, such as `PKCS#8 PEM`. */
  readonly format: string;
  /** The size of the modulus, in bits. */
  readonly modulusBits: number;
  /** The public exponent, usually 65537. */
  readonly exponent: bigint;
  /** The public key as canonical SPKI DER. */
  readonly spki: Bytes;
  /** The private key as PKCS#8 DER, if it is a private key. */
  readonly pkcs8?: Bytes;
}

/** What is wrong with a key file. */
export type KeyFileCode =
  | "KEY_CERTIFICATE"
  | "KEY_DAMAGED"
  | "KEY_EMPTY"
  | "KEY_ENCRYPTED"
  | "KEY_EXPONENT"
  | "KEY_NOT_RSA"
  | "KEY_OPENSSH"
  | "KEY_PUBLIC"
  | "KEY_TOO_LARGE"
  | "KEY_TOO_SMALL"
  | "KEY_UNKNOWN";

/** Thrown for a file without a usable RSA key. */
export class KeyFileError extends Error {
  /** What is wrong, for programs. */
  readonly code: KeyFileCode;
  /** What to do about it. `FILE` stands for the file's path in a command that reads it. */
  readonly hint: string;

  /** Creates the error. `message` says what is wrong, `hint` what to do. */
  constructor(code: KeyFileCode, message: string, hint: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "KeyFileError";
    this.code = code;
    this.hint = hint;
  }
}

/**
 * Reads a private or public key from a key file. It uses the key once, because the runtime imports damaged keys without
 * an error and throws later.
 *
 * @param content The file's content: PEM, DER or JWK.
 * @throws {KeyFileError} If it has no usable RSA key. The error says what it has and what to do.
 */
export async function readKey(content: Bytes): Promise<RsaKey> {
  const key = await parseKey(content);
  await tryKey(key);
  return key;
}

async function parseKey(content: Bytes): Promise<RsaKey> {
  const text = new TextDecoder().decode(content);
  if (text.trim() === "") {
    throw new KeyFileError(
      "KEY_EMPTY",
      "it is empty",
      "copy it again, or make a key in a new file",
    );
  }
  if (text.includes("-----BEGIN ")) return readPemKey(text);
  if (text.trimStart().startsWith("{")) return await readJwk(text);
  if (/^\s*(ssh|ecdsa|sk)-[\w@.-]+ AAAA/.test(text)) throw openSshPublicKey(text);
  if (content[0] === 0x30) return keyOf(decode(content), "DER");
  throw new KeyFileError(
    "KEY_UNKNOWN",
    "it has no key in a known format",
    "a key is PEM text (-----BEGIN PRIVATE KEY-----), DER or a JWK",
  );
}

/** The PEM labels of RSA keys. */
const KEY_LABELS = ["PRIVATE KEY", "RSA PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY"];

function readPemKey(text: string): RsaKey {
  const blocks = readPem(text);
  const block = blocks.find(({ label }) => KEY_LABELS.includes(label)) ?? blocks[0];
  if (block === undefined) throw damaged();
  refuse(block);
  if (block.bytes === undefined) throw damaged();
  return keyOf(decode(block.bytes), "PEM");
}

/** Throws for a block that is not an unencrypted RSA key. */
function refuse({ label, hasHeaders }: PemBlock): void {
  if (label === "ENCRYPTED PRIVATE KEY" || (KEY_LABELS.includes(label) && hasHeaders)) {
    throw new KeyFileError(
      "KEY_ENCRYPTED",
      "the private key is encrypted with a passphrase",
      "decrypt it into a new file: (umask 077; set -C; openssl pkey -in FILE > NEW_KEY)",
    );
  }
  if (label === "OPENSSH PRIVATE KEY") {
    throw new KeyFileError(
      "KEY_OPENSSH",
      "it is a private key in OpenSSH's own format",
      'convert a copy of it, which must be an RSA key: ssh-keygen -p -N "" -m PKCS8 -f NEW_COPY',
    );
  }
  if (label.endsWith("CERTIFICATE")) {
    throw new KeyFileError(
      "KEY_CERTIFICATE",
      "it is a certificate, not a key",
      "extract its public key: openssl x509 -in FILE -noout -pubkey",
    );
  }
  if (label.endsWith("CERTIFICATE REQUEST")) {
    throw new KeyFileError(
      "KEY_CERTIFICATE",
      "it is a request for a certificate, not a key",
      "extract its public key: openssl req -in FILE -noout -pubkey",
    );
  }
  const other = /^(EC|DSA|DH|X25519|ED25519)\b/.exec(label)?.[1];
  if (other !== undefined) throw notRsa(other === "EC" ? "elliptic curves (EC)" : other);
  if (KEY_LABELS.includes(label)) return;
  throw new KeyFileError(
    "KEY_UNKNOWN",
    "it has no key in a known format",
    "an RSA key starts with -----BEGIN PRIVATE KEY----- or -----BEGIN PUBLIC KEY-----",
  );
}

function openSshPublicKey(text: string): KeyFileError {
  const type = /^\s*([\w@.-]+)/.exec(text)![1]!;
  if (type !== "ssh-rsa") return notRsa(type.replace(/^(ssh|ecdsa|sk)-/, ""));
  return new KeyFileError(
    "KEY_OPENSSH",
    "it is a public key in OpenSSH's own format",
    "convert it into a new file: (set -C; ssh-keygen -e -m PKCS8 -f FILE > NEW_KEY)",
  );
}

function decode(bytes: Bytes): DecodedKey {
  try {
    return decodeKey(bytes);
  } catch (error) {
    if (error instanceof OtherAlgorithmError) throw notRsa(error.algorithm);
    if (error instanceof DerError) throw damaged(error);
    throw error;
  }
}

function notRsa(algorithm: string): KeyFileError {
  const wanted = algorithm.startsWith("RSA") ? "a plain RSA key" : "an RSA key";
  return new KeyFileError(
    "KEY_NOT_RSA",
    `it is not ${wanted} but a key for ${algorithm}`,
    "make an RSA key in a new file",
  );
}

function damaged(cause?: unknown): KeyFileError {
  return new KeyFileError(
    "KEY_DAMAGED",
    "it is cut short or damaged",
    "copy the whole file again",
    {
      cause,
    },
  );
}

function keyOf(key: DecodedKey, form: string): RsaKey {
  const modulusBits = bitLength(key.modulus);
  if (modulusBits < MIN_BITS) {
    throw new KeyFileError(
      "KEY_TOO_SMALL",
      `the key has ${modulusBits} bits; fewer than ${MIN_BITS} are not secure`,
      "make another key in a new file",
    );
  }
  if (modulusBits > MAX_BITS) {
    throw new KeyFileError(
      "KEY_TOO_LARGE",
      `the key has ${modulusBits} bits; more than ${MAX_BITS} are not supported`,
      "make another key in a new file",
    );
  }
  const exponent = key.exponent.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
  if (exponent < 3n || exponent > MAX_EXPONENT || exponent % 2n === 0n) {
    throw new KeyFileError(
      "KEY_EXPONENT",
      "the key's exponent is not an odd number from 3 to 2^33 - 1",
      "make another key in a new file",
    );
  }
  if (!isOdd(key.modulus)) throw damaged();
  const { privatePkcs1 } = key;
  return {
    kind: privatePkcs1 === undefined ? "public" : "private",
    format: form === "" ? "JWK" : `${key.encoding} ${form}`,
    modulusBits,
    exponent,
    spki: encodeSpki(key),
    ...(privatePkcs1 === undefined ? {} : { pkcs8: encodePkcs8(privatePkcs1) }),
  };
}

/** The JWK members that hold the numbers of an RSA key (RFC 7518 section 6.3). */
const PUBLIC_PARTS = ["n", "e"] as const;
const PRIVATE_PARTS = ["d", "p", "q", "dp", "dq", "qi"] as const;

async function readJwk(text: string): Promise<RsaKey> {
  const jwk = parseJwk(text);
  if (Array.isArray(jwk.keys)) {
    throw new KeyFileError("KEY_UNKNOWN", "it is a set of JWKs", "put one of its keys into a file");
  }
  if (typeof jwk.kty !== "string") {
    throw new KeyFileError("KEY_UNKNOWN", "it is JSON but not a JWK", 'a JWK has a member "kty"');
  }
  if (jwk.kty !== "RSA") {
    throw notRsa(jwk.kty === "EC" ? "elliptic curves (EC)" : "another algorithm");
  }
  const n = part(jwk, "n");
  const e = part(jwk, "e");
  if (jwk.d === undefined) return keyOf(decode(encodeSpki({ modulus: n, exponent: e })), "");
  for (const name of PRIVATE_PARTS) part(jwk, name);
  return keyOf(decode(await pkcs8OfJwk(jwk)), "");
}

function parseJwk(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged(error);
    throw error;
  }
}

function part(jwk: Record<string, unknown>, name: string): Bytes {
  const value = jwk[name];
  // Base64 of whole bytes never has 4n + 1 characters (RFC 4648 section 5).
  if (typeof value !== "string" || !/^[A-Za-z0-9_-]+$/.test(value) || value.length % 4 === 1) {
    throw new KeyFileError(
      "KEY_DAMAGED",
      `the JWK's "${name}" is missing or is not base64url`,
      "a private RSA key has n, e, d, p, q, dp, dq and qi",
    );
  }
  return Uint8Array.fromBase64(value, { alphabet: "base64url" });
}

async function pkcs8OfJwk(jwk: Record<string, unknown>): Promise<Bytes> {
  const names = [...PUBLIC_PARTS, ...PRIVATE_PARTS];
  // The purpose stated in the JWK ("alg", "use", "key_ops") is ignored.
  const numbers = Object.fromEntries(names.map((name) => [name, String(jwk[name])]));
  const algorithm = { name: "RSA-PSS", hash: "SHA-256" };
  try {
    const key = await crypto.subtle.importKey(
      "jwk",
      { kty: "RSA", ext: true, ...numbers },
      algorithm,
      true,
      ["sign"],
    );
    return new Uint8Array(await crypto.subtle.exportKey("pkcs8", key));
  } catch (cause) {
    throw damaged(cause);
  }
}

/** The WebCrypto algorithm for each use. WebCrypto ties each key to one use. */
const ALGORITHM = {
  oaep: { name: "RSA-OAEP", hash: "SHA-256" },
  pss256: { name: "RSA-PSS", hash: "SHA-256" },
  pss512: { name: "RSA-PSS", hash: "SHA-512" },
} as const satisfies Record<KeyUse, RsaHashedImportParams>;

/** The use of a key: OAEP, or PSS with SHA-256 or SHA-512. */
export type KeyUse = "oaep" | "pss256" | "pss512";

/**
 * Imports the public key of a key for one use.
 *
 * @throws {KeyFileError} `KEY_DAMAGED` if the runtime cannot use it.
 */
export async function publicKeyOf(key: RsaKey, use: KeyUse): Promise<CryptoKey> {
  const usage: KeyUsage = use === "oaep" ? "encrypt" : "verify";
  try {
    return await crypto.subtle.importKey("spki", key.spki, ALGORITHM[use], true, [usage]);
  } catch (cause) {
    throw damaged(cause);
  }
}

/**
 * Imports the private key of a key for one use.
 *
 * @throws {KeyFileError} `KEY_PUBLIC` if it is a public key; `KEY_DAMAGED` if the runtime cannot use it.
 */
export async function privateKeyOf(key: RsaKey, use: KeyUse): Promise<CryptoKey> {
  if (key.pkcs8 === undefined) {
    throw new KeyFileError(
      "KEY_PUBLIC",
      "it is a public key; a private key is needed",
      "name the file that rsa keygen wrote, not the one that ends in .pub",
    );
  }
  const usage: KeyUsage = use === "oaep" ? "decrypt" : "sign";
  try {
    return await crypto.subtle.importKey("pkcs8", key.pkcs8, ALGORITHM[use], false, [usage]);
  } catch (cause) {
    throw damaged(cause);
  }
}

const TRIAL = { name: "RSA-PSS", saltLength: 32 } as const;

/**
 * Uses a key once. A private key signs, and its public key verifies the signature.
 *
 * @throws {KeyFileError} `KEY_DAMAGED` if the runtime cannot use the key, or the private and public key do not match.
 */
async function tryKey(key: RsaKey): Promise<void> {
  const publicKey = await publicKeyOf(key, "pss256");
  const privateKey = key.pkcs8 === undefined ? undefined : await privateKeyOf(key, "pss256");
  const none = new Uint8Array(Math.ceil(key.modulusBits / 8));
  let holds: boolean;
  try {
    const signature = privateKey && await crypto.subtle.sign(TRIAL, privateKey, none);
    holds = await crypto.subtle.verify(TRIAL, publicKey, signature ?? none, none);
  } catch (cause) {
    throw damaged(cause);
  }
  if (privateKey !== undefined && !holds) throw damaged();
}

/** A key pair as PEM. */
export interface PemPair {
  /** The private key as PKCS#8. */
  readonly privatePem: string;
  /** The public key as SPKI. */
  readonly publicPem: string;
}

/**
 * Exports a key pair as PEM.
 *
 * @param keys A pair with an extractable private key.
 */
export async function writeKeyPair(keys: CryptoKeyPair): Promise<PemPair> {
  const [pkcs8, spki] = await Promise.all([
    crypto.subtle.exportKey("pkcs8", keys.privateKey),
    crypto.subtle.exportKey("spki", keys.publicKey),
  ]);
  return {
    privatePem: writePem("PRIVATE KEY", new Uint8Array(pkcs8)),
    publicPem: writePem("PUBLIC KEY", new Uint8Array(spki)),
  };
}
