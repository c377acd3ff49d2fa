/**
 * Keys in DER: PKCS#1 (RFC 8017 appendix A.1), PKCS#8 (RFC 5958), SubjectPublicKeyInfo and certificates (RFC 5280),
 * certificate requests (RFC 2986) and the parameters of RSASSA-PSS keys (RFC 4055). It names what else a file holds.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import {
  contextTag,
  der,
  DerError,
  DerReader,
  derUnsigned,
  numberBytes,
  type PublicNumbers,
  TAG,
  toNumber,
} from "./der.ts";

/** What is wrong with a key file. */
export type KeyFileCode =
  | "KEY_CIPHER"
  | "KEY_DAMAGED"
  | "KEY_EMPTY"
  | "KEY_ENCRYPTED"
  | "KEY_EXPONENT"
  | "KEY_NOT_RSA"
  | "KEY_PASSPHRASE"
  | "KEY_PKCS12"
  | "KEY_PSS"
  | "KEY_PUBLIC"
  | "KEY_SEVERAL"
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

/** Creates the error for a file that is not what it appears to be. */
export function damaged(cause?: unknown, message = "it is cut short or damaged"): KeyFileError {
  return new KeyFileError("KEY_DAMAGED", message, "copy the whole file again", { cause });
}

/** Creates the error for a file of a kind that has no key that can be read. */
export function unknownFile(message: string, hint: string): KeyFileError {
  return new KeyFileError("KEY_UNKNOWN", message, hint);
}

/**
 * Creates the error for a key of another algorithm.
 *
 * @param algorithm Its name.
 * @param holder What has the key, such as "a certificate"; the file itself by default.
 */
export function notRsa(algorithm: string, holder?: string): KeyFileError {
  const wanted = algorithm.startsWith("RSA") ? "a plain RSA key" : "an RSA key";
  const message = holder === undefined
    ? `it is not ${wanted} but a key for ${algorithm}`
    : `it is ${holder}, and its key is not ${wanted} but for ${algorithm}`;
  return new KeyFileError("KEY_NOT_RSA", message, "make an RSA key in a new file");
}

/** What a key with the object identifier of RSASSA-PSS is limited to (RFC 4055 section 3.1). */
export interface PssLimits {
  /** The only hash function, such as `SHA-256`; undefined if the key allows any. */
  readonly hash?: string;
  /** The only hash function of MGF1; undefined if the key allows any. */
  readonly maskHash?: string;
  /** The least length of the salt, in bytes. */
  readonly minSaltBytes: number;
}

/** The structure that a key was read from. */
export type KeyEncoding =
  | ("PKCS#1" | "PKCS#8" | "SPKI" | "certificate" | "certificate request")
  | ("OpenSSH" | "OpenSSH certificate" | "SSH2" | "JWK");

/** A decoded key. */
export interface DecodedKey extends PublicNumbers {
  readonly encoding: KeyEncoding;
  /** The private key as PKCS#1, if it is a private key. */
  readonly privatePkcs1?: Bytes;
  /** Set if the key is for RSASSA-PSS alone. */
  readonly pss?: PssLimits;
  /** Whether the private key was encrypted with a passphrase. */
  readonly wasEncrypted?: boolean;
}

const RSA_ENCRYPTION = "1.2.840.113549.1.1.1";
const RSASSA_PSS = "1.2.840.113549.1.1.10";
const MGF1 = "1.2.840.113549.1.1.8";
/** Begins the types of content of CMS (RFC 5652), which PKCS#7 and PKCS#12 files consist of. */
const CMS_CONTENT = "1.2.840.113549.1.7.";

/** The names of other algorithms. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.7": "RSAES-OAEP alone",
  "1.2.840.10045.2.1": "elliptic curves (EC)",
  "1.2.840.10040.4.1": "DSA",
  "1.2.840.113549.1.3.1": "Diffie-Hellman",
  "1.2.840.10046.2.1": "Diffie-Hellman",
  "1.3.101.110": "X25519",
  "1.3.101.111": "X448",
  "1.3.101.112": "Ed25519",
  "1.3.101.113": "Ed448",
};

/** The names of hash functions by object identifier. */
export const HASHES: Readonly<Record<string, string>> = {
  "1.2.840.113549.2.5": "MD5",
  "1.3.14.3.2.26": "SHA-1",
  "2.16.840.1.101.3.4.2.4": "SHA-224",
  "2.16.840.1.101.3.4.2.1": "SHA-256",
  "2.16.840.1.101.3.4.2.2": "SHA-384",
  "2.16.840.1.101.3.4.2.3": "SHA-512",
  "2.16.840.1.101.3.4.2.5": "SHA-512/224",
  "2.16.840.1.101.3.4.2.6": "SHA-512/256",
};

/** An encrypted PKCS#8 key: the AlgorithmIdentifier of its encryption, and the encrypted bytes. */
export interface EncryptedPkcs8 {
  readonly algorithm: DerReader;
  readonly sealed: Bytes;
}

/**
 * Returns the parts of an encrypted PKCS#8 key (RFC 5958 section 3).
 *
 * @returns Undefined if it is something else.
 * @throws {DerError} If it is not DER.
 */
export function encryptedPkcs8(bytes: Bytes): EncryptedPkcs8 | undefined {
  const outer = new DerReader(bytes);
  const body = outer.sequence();
  const algorithm = body.optional(TAG.sequence);
  if (algorithm?.tag !== TAG.objectIdentifier || body.tag !== TAG.octetString) return undefined;
  const sealed = body.read(TAG.octetString);
  body.end();
  outer.end();
  return { algorithm, sealed };
}

/** Returns the first DER value of some bytes. OpenSSL appends more to a trusted certificate. */
export function firstValue(bytes: Bytes): Bytes {
  return der(TAG.sequence, new DerReader(bytes).read(TAG.sequence));
}

/**
 * Decodes a private or public key, or the public key of a certificate or a certificate request.
 *
 * @param bytes DER.
 * @throws {DerError} If it is not DER, or none of these.
 * @throws {KeyFileError} If it has no RSA key. The error says what it has.
 */
export function decodeKey(bytes: Bytes): DecodedKey {
  const outer = new DerReader(bytes);
  const body = outer.sequence();
  outer.end();
  if (body.tag === TAG.sequence) return readAlgorithmFirst(body);
  if (body.tag === TAG.integer) return readVersionFirst(bytes, body);
  if (body.tag === TAG.objectIdentifier && body.identifier().startsWith(CMS_CONTENT)) {
    throw unknownFile("it is a PKCS#7 file, which has no key", "export the certificate or the key");
  }
  throw new DerError("it is not a key");
}

/** Reads a structure that starts with a sequence: SPKI, a certificate or a certificate request. */
function readAlgorithmFirst(body: DerReader): DecodedKey {
  const first = body.sequence();
  if (first.tag !== TAG.objectIdentifier) return readSigned(first);
  return readSpkiAfter(first, body, "SPKI");
}

/** Reads the part of a certificate or a certificate request that is signed. */
function readSigned(part: DerReader): DecodedKey {
  const versioned = part.optional(contextTag(0)) !== undefined;
  part.optional(TAG.integer);
  const fields: DerReader[] = [];
  while (part.tag === TAG.sequence) fields.push(part.sequence());
  if (part.tag === TAG.utcTime || part.tag === TAG.generalizedTime) {
    throw unknownFile("it is a certificate revocation list", "name a certificate or a key");
  }
  if (fields.length >= 5) return readSpki(fields[4]!, "certificate");
  if (fields.length === 2 && !versioned) return readSpki(fields[1]!, "certificate request");
  throw new DerError("it is not a certificate");
}

function readSpki(spki: DerReader, encoding: KeyEncoding): DecodedKey {
  return readSpkiAfter(spki.sequence(), spki, encoding);
}

/** Reads SubjectPublicKeyInfo whose AlgorithmIdentifier has been read. */
function readSpkiAfter(algorithm: DerReader, rest: DerReader, encoding: KeyEncoding): DecodedKey {
  const pss = readAlgorithm(algorithm, encoding === "SPKI" ? undefined : `a ${encoding}`);
  const bits = rest.read(TAG.bitString);
  rest.end();
  if (bits[0] !== 0) throw new DerError("the bit string is not a whole number of bytes");
  return { ...readPublicNumbers(bits.subarray(1)), encoding, ...pss };
}

/** Reads a structure that starts with a number: PKCS#1, PKCS#8, PKCS#12, or a private key of EC or DSA. */
function readVersionFirst(bytes: Bytes, body: DerReader): DecodedKey {
  const version = body.read(TAG.integer);
  if (body.tag === TAG.sequence) return readPkcs8(body);
  // SEC 1 appendix C.4: an ECPrivateKey has its number in an octet string.
  if (body.tag === TAG.octetString) throw notRsa("elliptic curves (EC)");
  let numbers = 1;
  while (body.tag === TAG.integer) {
    body.read(TAG.integer);
    numbers += 1;
  }
  if (numbers === 2) return { ...readPublicNumbers(bytes), encoding: "PKCS#1" };
  // OpenSSL's traditional DSAPrivateKey: version, p, q, g, y, x.
  if (numbers === 6) throw notRsa("DSA");
  if (numbers !== 9 || version.length !== 1) throw new DerError("it is not a key");
  return { ...readPrivateNumbers(bytes), encoding: "PKCS#1", privatePkcs1: bytes };
}

function readPkcs8(body: DerReader): DecodedKey {
  const algorithm = body.sequence();
  const pss = readAlgorithm(algorithm);
  // Attributes may follow.
  const privatePkcs1 = body.read(TAG.octetString);
  return { ...readPrivateNumbers(privatePkcs1), encoding: "PKCS#8", privatePkcs1, ...pss };
}

/** Reads the algorithm of a key. Returns its limits if it is RSASSA-PSS. */
function readAlgorithm(identifier: DerReader, holder?: string): { readonly pss?: PssLimits } {
  const id = identifier.identifier();
  if (id === RSA_ENCRYPTION) return {};
  if (id === RSASSA_PSS) return { pss: readPssLimits(identifier) };
  if (id.startsWith(CMS_CONTENT)) throw pkcs12();
  throw notRsa(ALGORITHMS[id] ?? `another algorithm (${id})`, holder);
}

/** Creates the error for a PKCS#12 file. */
function pkcs12(): KeyFileError {
  return new KeyFileError(
    "KEY_PKCS12",
    "it is a PKCS#12 file, which parley does not read",
    "extract its key into a new file: (umask 077; set -C; openssl pkcs12 -nocerts -in FILE > NEW_KEY)",
  );
}

/** Reads RSASSA-PSS-params. Absent parameters allow everything; absent fields mean SHA-1 and 20 bytes. */
function readPssLimits(identifier: DerReader): PssLimits {
  const fields = identifier.optional(TAG.sequence);
  if (fields === undefined) return { minSaltBytes: 0 };
  const hash = fields.optional(contextTag(0))?.sequence().identifier();
  const mask = fields.optional(contextTag(1))?.sequence();
  if (mask !== undefined && mask.identifier() !== MGF1) throw new DerError("it does not use MGF1");
  const maskHash = mask?.sequence().identifier();
  const minSaltBytes = fields.optional(contextTag(2))?.small() ?? 20;
  return { hash: hashName(hash), maskHash: hashName(maskHash), minSaltBytes };
}

function hashName(id: string | undefined): string {
  return id === undefined ? "SHA-1" : HASHES[id] ?? id;
}

function readPublicNumbers(bytes: Bytes): PublicNumbers {
  const outer = new DerReader(bytes);
  const key = outer.sequence();
  outer.end();
  const [modulus, exponent] = [key.unsigned(), key.unsigned()];
  key.end();
  return { modulus, exponent };
}

/** The numbers of a private key (RFC 8017 section 3.2). */
export interface PrivateNumbers extends PublicNumbers {
  readonly privateExponent: Bytes;
  readonly primes: readonly [Bytes, Bytes];
}

/**
 * Reads the numbers of an RSAPrivateKey of PKCS#1.
 *
 * @throws {DerError} If it is not one.
 * @throws {KeyFileError} `KEY_NOT_RSA` if it has more than two primes.
 */
export function readPrivateNumbers(pkcs1: Bytes): PrivateNumbers {
  const outer = new DerReader(pkcs1);
  const key = outer.sequence();
  outer.end();
  if (key.unsigned().length > 0) throw notRsa("RSA with more than two primes");
  const [modulus, exponent, privateExponent] = [key.unsigned(), key.unsigned(), key.unsigned()];
  const primes = [key.unsigned(), key.unsigned()] as const;
  // dP, dQ, qInv
  for (let i = 0; i < 3; i++) key.unsigned();
  key.end();
  return { modulus, exponent, privateExponent, primes };
}

/**
 * Encodes an RSAPrivateKey of PKCS#1, with the exponents and the coefficient of the Chinese remainder theorem.
 *
 * @throws {KeyFileError} `KEY_DAMAGED` if the primes cannot belong to a key.
 */
export function encodePkcs1({ modulus, exponent, privateExponent, primes }: PrivateNumbers): Bytes {
  const d = toNumber(privateExponent);
  const [p, q] = primes.map(toNumber) as [bigint, bigint];
  const coefficient = p > 2n && q > 2n ? inverse(q, p) : undefined;
  if (coefficient === undefined) throw damaged();
  const numbers = [d, p, q, d % (p - 1n), d % (q - 1n), coefficient];
  return der(
    TAG.sequence,
    derUnsigned(new Uint8Array()),
    derUnsigned(modulus),
    derUnsigned(exponent),
    ...numbers.map((number) => derUnsigned(numberBytes(number))),
  );
}

/** Returns the inverse of a number; undefined if there is none. */
function inverse(number: bigint, modulus: bigint): bigint | undefined {
  let [r, next] = [modulus, number % modulus];
  let [t, factor] = [0n, 1n];
  while (next > 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [t, factor] = [factor, t - quotient * factor];
  }
  return r === 1n ? (t + modulus) % modulus : undefined;
}
