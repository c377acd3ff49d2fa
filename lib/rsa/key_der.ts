/**
 * Keys in DER, and what is wrong with a key: PKCS#1 (RFC 8017 appendix A.1), PKCS#8 (RFC 5958), SubjectPublicKeyInfo and certificates (RFC 5280),
 * certificate requests (RFC 2986) and the parameters of RSASSA-PSS keys (RFC 4055). It names what else a file holds.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import {
  bitLength,
  contextTag,
  damaged,
  der,
  DerError,
  DerReader,
  derUnsigned,
  inverse,
  isOdd,
  type KeyFileCode,
  KeyFileError,
  notRsa,
  numberBytes,
  type PublicNumbers,
  TAG,
  toNumber,
  unknownFile,
} from "./der.ts";

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

/** The smallest accepted modulus, in bits. */
const MIN_BITS = 2048;
/** The largest accepted modulus, in bits. The runtime's public-key operations accept no larger one. */
const MAX_BITS = 4096;
/** The largest accepted exponent. The runtime accepts no larger one. */
const MAX_EXPONENT = (1n << 33n) - 1n;

/** Something that is wrong or unusual with a key. */
export interface KeyProblem {
  /** `KEY_ODD` if the key can be used. Otherwise, why it is refused. */
  readonly code: KeyFileCode | "KEY_ODD";
  /** What is wrong, in words. */
  readonly message: string;
}

/** Returns why a key must not be used (FIPS 186-5 appendix A.1): errors to throw, the most important one first. */
export function refusals({ modulus, exponent }: DecodedKey): KeyFileError[] {
  const bits = bitLength(modulus);
  const e = toNumber(exponent);
  const found: KeyFileError[] = [];
  const refuse = (code: KeyFileCode, message: string) =>
    found.push(new KeyFileError(code, message, "make another key in a new file"));
  if (bits < MIN_BITS) {
    refuse("KEY_TOO_SMALL", `the key has ${bits} bits; fewer than ${MIN_BITS} are not secure`);
  }
  if (bits > MAX_BITS) {
    refuse("KEY_TOO_LARGE", `the key has ${bits} bits; more than ${MAX_BITS} are not supported`);
  }
  if (e < 3n || e > MAX_EXPONENT || e % 2n === 0n) {
    refuse("KEY_EXPONENT", "the key's exponent is not an odd number from 3 to 2^33 - 1");
  }
  if (!isOdd(modulus)) found.push(damaged(undefined, "its modulus is even, so it is damaged"));
  return found;
}

/** Returns what is unusual about a key that may be used, and what makes it easy to break. */
export function oddities(key: DecodedKey): KeyProblem[] {
  const n = toNumber(key.modulus);
  const messages = [
    ...oddExponent(toNumber(key.exponent)),
    ...smallFactor(n),
    ...(hasRocaPrimes(n)
      ? ["its primes are of the flawed generator of CVE-2017-15361 (ROCA), so it can be factored"]
      : []),
    ...(key.privatePkcs1 === undefined ? [] : oddPrivate(key, key.privatePkcs1)),
  ];
  return messages.map((message) => ({ code: "KEY_ODD", message }));
}

function oddExponent(e: bigint): string[] {
  return e === 65537n ? [] : [`its exponent is ${shown(e)}; nearly all keys have 65537`];
}

/** A number as text, if it is short. */
function shown(number: bigint): string {
  return number < 1n << 64n ? String(number) : `a number of ${number.toString(2).length} bits`;
}

/** The odd primes below 1,000. */
const SMALL_PRIMES = oddNumbers(3, 999).filter((number) =>
  oddNumbers(3, Math.sqrt(number)).every((divisor) => number % divisor !== 0)
).map(BigInt);

function oddNumbers(from: number, to: number): number[] {
  return Array.from(
    { length: Math.max(0, Math.floor((to - from) / 2) + 1) },
    (_, i) => from + 2 * i,
  );
}

function smallFactor(n: bigint): string[] {
  const factor = SMALL_PRIMES.find((prime) => n % prime === 0n);
  if (factor === undefined) return [];
  return [`its modulus is divisible by ${factor}, so it is not the product of two large primes`];
}

/** The primes by which moduli of the flawed generator leave powers of 65537 (Nemec et al., 2017, section 2). */
const ROCA_PRIMES = [11n, 13n, 17n, 19n, 37n, 53n, 61n, 71n, 73n, 79n, 97n, 103n, 107n, 109n, 127n]
  .concat([151n, 157n]);

/** Tells whether a modulus has the mark of the flawed generator. About one good key in 2^27 has it too. */
function hasRocaPrimes(n: bigint): boolean {
  return ROCA_PRIMES.every((prime) => {
    const rest = n % prime;
    for (let power = 65537n % prime, first = power;;) {
      if (power === rest) return true;
      power = power * 65537n % prime;
      if (power === first) return false;
    }
  });
}

/** Checks the numbers that only a private key has. */
function oddPrivate(
  key: DecodedKey,
  privatePkcs1: NonNullable<DecodedKey["privatePkcs1"]>,
): string[] {
  const { privateExponent, primes } = readPrivateNumbers(privatePkcs1);
  const [p, q] = primes.map(toNumber) as [bigint, bigint];
  const bits = bitLength(key.modulus);
  if (p * q !== toNumber(key.modulus)) return ["its modulus is not the product of its primes"];
  if (p === q) return ["its two primes are the same, so it can be factored"];
  const found: string[] = [];
  const [pBits, qBits] = primes.map(bitLength) as [number, number];
  if (Math.abs(pBits - qBits) > 1) {
    found.push(`its primes have ${pBits} and ${qBits} bits, not about the same number`);
  }
  const distance = p > q ? p - q : q - p;
  if (distance >> BigInt(Math.max(0, Math.floor(bits / 2) - 100)) === 0n) {
    found.push("its primes are close to each other, so it can be factored");
  }
  if (2 * bitLength(privateExponent) <= bits) {
    found.push("its private exponent is so small that the public key reveals it");
  }
  return found;
}
