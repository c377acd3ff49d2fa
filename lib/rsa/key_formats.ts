/**
 * Reads RSA key files in the formats of other tools, reports what is wrong with them, and imports their keys into
 * WebCrypto.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import {
  bitLength,
  damaged,
  DerError,
  encodePkcs8,
  encodeSpki,
  KeyFileError,
  notRsa,
  type PemBlock,
  readPem,
  toNumber,
  unknownFile,
  writePem,
} from "./der.ts";
import {
  encryptPkcs8,
  type Opener,
  openerOfPem,
  openerOfPkcs8,
  wrongPassphrase,
} from "./encrypted_key.ts";
import {
  type DecodedKey,
  decodeKey,
  encryptedPkcs8,
  firstValue,
  type KeyProblem,
  oddities,
  type PssLimits,
  refusals,
} from "./key_der.ts";
import {
  decodeOpenSshPart,
  readJwk,
  readOpenSshKey,
  readOpenSshLines,
  readSsh2,
} from "./text_formats.ts";

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
  /** The public key as canonical SPKI DER with the object identifier rsaEncryption. */
  readonly spki: Bytes;
  /** The private key as PKCS#8 DER with the object identifier rsaEncryption, if it is a private key. */
  readonly pkcs8?: Bytes;
  /** Set if the key is for RSASSA-PSS signatures alone. */
  readonly pss?: PssLimits;
}

/** Options for reading a key file. */
export interface ReadKeyOptions {
  /** Asks for the passphrase of an encrypted private key. Without it, such keys are refused. */
  readonly passphrase?: () => Promise<Bytes>;
  /** The `kid` of the key in a JWK set. */
  readonly kid?: string;
}

/**
 * Reads a private or public key from a key file. It uses the key once, because the runtime imports damaged keys without
 * an error and throws later.
 *
 * @param content The file's content: PEM, DER, JWK or a format of OpenSSH.
 * @param options How to get a passphrase, and which key of a set to read.
 * @throws {KeyFileError} If it has no usable RSA key. The error says what it has and what to do.
 */
export async function readKey(content: Bytes, options: ReadKeyOptions = {}): Promise<RsaKey> {
  const { decoded, form } = await parseFile(content, options);
  const [refusal] = refusals(decoded);
  if (refusal !== undefined) throw refusal;
  const key = keyOf(decoded, form);
  await tryKey(key);
  return key;
}

/**
 * Reads a key file as {@linkcode readKey} does, but accepts keys that are too weak to use or odd.
 *
 * @returns The key, and what is wrong with it.
 * @throws {KeyFileError} If it has no RSA key.
 */
export async function inspectKey(
  content: Bytes,
  options: ReadKeyOptions = {},
): Promise<{ readonly key: RsaKey; readonly problems: readonly KeyProblem[] }> {
  const { decoded, form } = await parseFile(content, options);
  const key = keyOf(decoded, form);
  const problems: KeyProblem[] = refusals(decoded);
  if (problems.length === 0) {
    const failed = await tryKey(key).then(() => undefined, (error) => error);
    if (failed instanceof KeyFileError) problems.push(failed);
    else if (failed !== undefined) throw failed;
  }
  return { key, problems: [...problems, ...oddities(decoded)] };
}

/** A decoded key, and the notation of its file: `PEM`, `DER` or none. */
interface ParsedFile {
  readonly decoded: DecodedKey;
  readonly form: string;
}

async function parseFile(content: Bytes, options: ReadKeyOptions): Promise<ParsedFile> {
  if (isUtf16(content)) {
    const hint = "convert it into a new file: (set -C; iconv -f UTF-16 -t UTF-8 FILE > NEW_KEY)";
    throw unknownFile("it is text in UTF-16, not in ASCII or UTF-8", hint);
  }
  const text = new TextDecoder().decode(content);
  if (text.trim() === "") {
    const hint = "copy it again, or make a key in a new file";
    throw new KeyFileError("KEY_EMPTY", "it is empty", hint);
  }
  if (text.includes("-----BEGIN ")) return await readPemKey(text, options);
  if (text.trimStart().startsWith("{")) return { decoded: readJwk(text, options.kid), form: "" };
  if (content[0] === 0x30) return { decoded: await decodeDer(content, options), form: "DER" };
  const decoded = readSsh2(text) ?? readOpenSshLines(text);
  if (decoded !== undefined) return { decoded, form: "" };
  if (text.startsWith("PuTTY-User-Key-File-")) {
    const hint = "convert it into a new file: puttygen FILE -O private-openssh-new -o NEW_KEY";
    throw unknownFile("it is a key of PuTTY", hint);
  }
  throw unknownFile(
    "it has no key in a known format",
    "a key is PEM text (-----BEGIN PRIVATE KEY-----), DER, a JWK or a line that starts with ssh-rsa",
  );
}

/** Tells whether a file starts as UTF-16 text does: with a byte order mark, or with a zero beside each character. */
function isUtf16(content: Bytes): boolean {
  const start = [...content.subarray(0, 8)];
  if (start.length < 2) return false;
  const mark = `${start[0]},${start[1]}`;
  if (mark === "255,254" || mark === "254,255") return true;
  const zeros = (parity: number) => start.every((byte, i) => (byte === 0) === (i % 2 === parity));
  return zeros(0) || zeros(1);
}

/** The labels of PEM blocks that have an RSA key, the preferred ones first. */
const LABELS: readonly (readonly string[])[] = [
  [
    ...["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"],
    "ANY PRIVATE KEY",
  ],
  ["PUBLIC KEY", "RSA PUBLIC KEY"],
  ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"],
  ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"],
];

async function readPemKey(text: string, options: ReadKeyOptions): Promise<ParsedFile> {
  const blocks = readPem(text);
  const block = LABELS.map((labels) => blocks.find(({ label }) => labels.includes(label)))
    .find((one) => one !== undefined);
  if (block === undefined) throw withoutKey(blocks[0]);
  const { bytes, headers } = block;
  if (bytes === undefined) throw damaged();
  if (block.label === "OPENSSH PRIVATE KEY") {
    return { decoded: await decodeOpenSsh(bytes, options), form: "" };
  }
  if (headers.size === 0) {
    return { decoded: await decodeDer(bytes, options, block.label), form: "PEM" };
  }
  const decoded = await decrypted(openerOfPem(headers, bytes), options, decodeKey);
  return { decoded, form: "PEM" };
}

/** Creates the error for a PEM file whose blocks have no RSA key. */
function withoutKey(block: PemBlock | undefined): KeyFileError {
  const label = block?.label ?? "";
  const other = /^(EC|DSA|DH|X9\.42 DH|X25519|ED25519)\b/.exec(label)?.[1];
  if (other !== undefined) return notRsa(other === "EC" ? "elliptic curves (EC)" : other);
  if (label === "PKCS7" || label === "CMS") {
    return unknownFile(
      "it is a PKCS#7 file, which has no key",
      "export the certificate or the key",
    );
  }
  if (label === "X509 CRL") {
    return unknownFile("it is a certificate revocation list", "name a certificate or a key");
  }
  return unknownFile(
    "it has no key in a known format",
    "an RSA key starts with -----BEGIN PRIVATE KEY----- or -----BEGIN PUBLIC KEY-----",
  );
}

async function decodeDer(bytes: Bytes, options: ReadKeyOptions, label = ""): Promise<DecodedKey> {
  try {
    const whole = label === "TRUSTED CERTIFICATE" ? firstValue(bytes) : bytes;
    const encrypted = encryptedPkcs8(whole);
    if (encrypted === undefined) return decodeKey(whole);
    return await decrypted(openerOfPkcs8(encrypted), options, decodeKey);
  } catch (error) {
    throw error instanceof DerError ? damaged(error) : error;
  }
}

async function decodeOpenSsh(bytes: Bytes, options: ReadKeyOptions): Promise<DecodedKey> {
  const { open, part } = readOpenSshKey(bytes);
  if (open === undefined) return decodeOpenSshPart(part, false);
  return await decrypted(open, options, (opened) => decodeOpenSshPart(opened, true));
}

/** Asks for the passphrase, decrypts a key and decodes it. */
async function decrypted(
  open: Opener,
  { passphrase }: ReadKeyOptions,
  decode: (bytes: Bytes) => DecodedKey,
): Promise<DecodedKey> {
  if (passphrase === undefined) {
    throw new KeyFileError(
      "KEY_ENCRYPTED",
      "the private key is encrypted with a passphrase",
      "decrypt it into a new file: (umask 077; set -C; openssl pkey -in FILE > NEW_KEY)",
    );
  }
  const bytes = await open(await passphrase());
  try {
    return { ...decode(bytes), wasEncrypted: true };
  } catch (error) {
    throw error instanceof DerError ? wrongPassphrase() : error;
  }
}

function keyOf(decoded: DecodedKey, form: string): RsaKey {
  const { privatePkcs1, pss, encoding, wasEncrypted } = decoded;
  return {
    kind: privatePkcs1 === undefined ? "public" : "private",
    format: `${encoding} ${form}`.trimEnd() + (wasEncrypted === true ? ", encrypted" : ""),
    modulusBits: bitLength(decoded.modulus),
    exponent: toNumber(decoded.exponent),
    spki: encodeSpki(decoded),
    ...(privatePkcs1 === undefined ? {} : { pkcs8: encodePkcs8(privatePkcs1) }),
    ...(pss === undefined ? {} : { pss }),
  };
}

/** The WebCrypto algorithm for each use. WebCrypto ties each key to one use. */
const ALGORITHM = {
  oaep1: { name: "RSA-OAEP", hash: "SHA-1" },
  oaep: { name: "RSA-OAEP", hash: "SHA-256" },
  oaep384: { name: "RSA-OAEP", hash: "SHA-384" },
  oaep512: { name: "RSA-OAEP", hash: "SHA-512" },
  pss256: { name: "RSA-PSS", hash: "SHA-256" },
  pss512: { name: "RSA-PSS", hash: "SHA-512" },
} as const satisfies Record<KeyUse, RsaHashedImportParams>;

/** The salt of signatures for each use, in bytes. */
const SALT_BYTES: Readonly<Partial<Record<KeyUse, number>>> = { pss256: 32, pss512: 64 };

/** The use of a key: OAEP with SHA-1, SHA-256, SHA-384 or SHA-512, or PSS with SHA-256 or SHA-512. */
export type KeyUse = "oaep1" | "oaep" | "oaep384" | "oaep512" | "pss256" | "pss512";

/**
 * Imports the public key of a key for one use.
 *
 * @throws {KeyFileError} `KEY_PSS` if it is for other signatures alone; `KEY_DAMAGED` if the runtime cannot use it.
 */
export async function publicKeyOf(key: RsaKey, use: KeyUse): Promise<CryptoKey> {
  requireUse(key, use);
  return await importAs("spki", key.spki, use);
}

/**
 * Imports the private key of a key for one use.
 *
 * @throws {KeyFileError} `KEY_PUBLIC` if it is a public key; `KEY_PSS` and `KEY_DAMAGED` as {@linkcode publicKeyOf} does.
 */
export async function privateKeyOf(key: RsaKey, use: KeyUse): Promise<CryptoKey> {
  const pkcs8 = privatePartOf(key);
  requireUse(key, use);
  return await importAs("pkcs8", pkcs8, use);
}

/**
 * Returns the private key of a key as PKCS#8.
 *
 * @throws {KeyFileError} `KEY_PUBLIC` if it is a public key.
 */
export function privatePartOf({ pkcs8, format }: RsaKey): Bytes {
  if (pkcs8 !== undefined) return pkcs8;
  const what = /^certificate( request)?/.exec(format)?.[0];
  throw new KeyFileError(
    "KEY_PUBLIC",
    `it is a ${what ?? "public key"}; a private key is needed`,
    "name the file that rsa keygen wrote, not the one that ends in .pub",
  );
}

function requireUse({ pss }: RsaKey, use: KeyUse): void {
  if (pss === undefined) return;
  const { name, hash } = ALGORITHM[use];
  if (name === "RSA-OAEP") throw pssOnly("the key is for signatures alone (RSASSA-PSS)");
  requirePss(pss, hash, SALT_BYTES[use] ?? 0);
}

/**
 * Checks that a key for RSASSA-PSS alone allows a signature.
 *
 * @param hash The hash function of the signature and of MGF1, such as `SHA-256`.
 * @param saltBytes The length of the salt.
 * @throws {KeyFileError} `KEY_PSS` if it does not.
 */
export function requirePss(limits: PssLimits, hash: string, saltBytes: number): void {
  for (const only of [limits.hash, limits.maskHash]) {
    if (only === undefined || only === hash) continue;
    throw pssOnly(`the key is for signatures with ${only} alone, not with ${hash}`);
  }
  if (saltBytes >= limits.minSaltBytes) return;
  throw pssOnly(
    `the key is for salts of at least ${limits.minSaltBytes} bytes, not of ${saltBytes}`,
  );
}

function pssOnly(message: string): KeyFileError {
  return new KeyFileError("KEY_PSS", message, "use it as it allows, or name another key");
}

/** Imports the encoding of a public key (SPKI) or of a private one (PKCS#8). */
async function importAs(form: "spki" | "pkcs8", bytes: Bytes, use: KeyUse): Promise<CryptoKey> {
  const algorithm = ALGORITHM[use];
  const isPublic = form === "spki";
  const [forOthers, forOwner] = algorithm.name === "RSA-OAEP"
    ? ["encrypt", "decrypt"] as const
    : ["verify", "sign"] as const;
  try {
    const usages = [isPublic ? forOthers : forOwner];
    return await crypto.subtle.importKey(form, bytes, algorithm, isPublic, usages);
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
  const publicKey = await importAs("spki", key.spki, "pss256");
  const privateKey = key.pkcs8 && await importAs("pkcs8", key.pkcs8, "pss256");
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
  /** The private key as PKCS#8, encrypted if a passphrase was given. */
  readonly privatePem: string;
  /** The public key as SPKI. */
  readonly publicPem: string;
}

/**
 * Exports a key pair as PEM.
 *
 * @param keys A pair with an extractable private key.
 * @param passphrase Encrypts the private key with PBES2: PBKDF2 with HMAC-SHA-256, and AES-256-CBC (RFC 8018).
 */
export async function writeKeyPair(keys: CryptoKeyPair, passphrase?: Bytes): Promise<PemPair> {
  const [pkcs8, spki] = await Promise.all([
    crypto.subtle.exportKey("pkcs8", keys.privateKey),
    crypto.subtle.exportKey("spki", keys.publicKey),
  ]);
  const privateKey = new Uint8Array(pkcs8);
  return {
    privatePem: passphrase === undefined
      ? writePem("PRIVATE KEY", privateKey)
      : writePem("ENCRYPTED PRIVATE KEY", await encryptPkcs8(privateKey, passphrase)),
    publicPem: writePem("PUBLIC KEY", new Uint8Array(spki)),
  };
}
