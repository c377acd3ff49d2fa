/**
 * Private keys under a passphrase: PBES2 and PBES1 of PKCS#8 (RFC 8018), the schemes of PKCS#12 (RFC 7292 appendix B)
 * that PKCS#8 files use, and OpenSSL's traditional PEM encryption.
 *
 * @module
 */

import { type Bytes, concat, secureRandom } from "../base/bytes.ts";
import {
  damaged,
  der,
  derIdentifier,
  DerReader,
  derUnsigned,
  KeyFileError,
  numberBytes,
  TAG,
} from "./der.ts";
import type { EncryptedPkcs8 } from "./key_der.ts";

/** Decrypts a key. Throws {@linkcode KeyFileError} `KEY_PASSPHRASE` for another passphrase. */
export type Opener = (passphrase: Bytes) => Promise<Bytes>;

/** A block cipher in CBC mode. */
export interface Cipher {
  readonly name: "AES" | "3DES";
  readonly keyBytes: number;
}

const AES_128: Cipher = { name: "AES", keyBytes: 16 };
const AES_192: Cipher = { name: "AES", keyBytes: 24 };
const AES_256: Cipher = { name: "AES", keyBytes: 32 };
const TRIPLE_DES: Cipher = { name: "3DES", keyBytes: 24 };
const AES_256_CBC = "2.16.840.1.101.3.4.1.42";

const PBES2 = "1.2.840.113549.1.5.13";
const PBKDF2 = "1.2.840.113549.1.5.12";
const SCRYPT = "1.3.6.1.4.1.11591.4.11";
const HMAC_SHA256 = "1.2.840.113549.2.9";

/** The ciphers of PBES2 by object identifier. */
const CIPHERS: Readonly<Record<string, Cipher>> = {
  "2.16.840.1.101.3.4.1.2": AES_128,
  "2.16.840.1.101.3.4.1.22": AES_192,
  [AES_256_CBC]: AES_256,
  "1.2.840.113549.3.7": TRIPLE_DES,
};

/** The hash functions of PBKDF2's HMAC, by object identifier, as `node:crypto` names them. */
const HMACS: Readonly<Record<string, string>> = {
  "1.2.840.113549.2.7": "sha1",
  "1.2.840.113549.2.8": "sha224",
  [HMAC_SHA256]: "sha256",
  "1.2.840.113549.2.10": "sha384",
  "1.2.840.113549.2.11": "sha512",
  "1.2.840.113549.2.12": "sha512-224",
  "1.2.840.113549.2.13": "sha512-256",
};

/** The names of other schemes, ciphers and hash functions. */
const OTHERS: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.5.1": "PBE with MD2 and DES",
  "1.2.840.113549.1.5.3": "PBE with MD5 and DES",
  "1.2.840.113549.1.5.4": "PBE with MD2 and RC2",
  "1.2.840.113549.1.5.6": "PBE with MD5 and RC2",
  "1.2.840.113549.1.5.10": "PBE with SHA-1 and DES",
  "1.2.840.113549.1.5.11": "PBE with SHA-1 and RC2",
  "1.2.840.113549.1.12.1.1": "PBE with SHA-1 and RC4 of 128 bits",
  "1.2.840.113549.1.12.1.2": "PBE with SHA-1 and RC4 of 40 bits",
  "1.2.840.113549.1.12.1.5": "PBE with SHA-1 and RC2 of 128 bits",
  "1.2.840.113549.1.12.1.6": "PBE with SHA-1 and RC2 of 40 bits",
  "1.3.14.3.2.7": "DES-CBC",
  "1.2.840.113549.3.2": "RC2-CBC",
  "1.2.392.200011.61.1.1.1.2": "CAMELLIA-128-CBC",
  "1.2.392.200011.61.1.1.1.3": "CAMELLIA-192-CBC",
  "1.2.392.200011.61.1.1.1.4": "CAMELLIA-256-CBC",
  "1.2.410.200046.1.1.2": "ARIA-128-CBC",
  "1.2.410.200046.1.1.7": "ARIA-192-CBC",
  "1.2.410.200046.1.1.12": "ARIA-256-CBC",
  "1.2.410.200004.1.4": "SEED-CBC",
  "1.2.156.10197.1.104.2": "SM4-CBC",
  "1.2.156.10197.1.401.2": "HMAC with SM3",
};

/** PKCS#12's schemes with triple DES: of three keys, and of two. */
const PKCS12_TRIPLE_DES: Readonly<Record<string, 24 | 16>> = {
  "1.2.840.113549.1.12.1.3": 24,
  "1.2.840.113549.1.12.1.4": 16,
};

/** Bounds of what a file may ask for. OpenSSL's defaults are far below. */
const MAX_ITERATIONS = 10_000_000;
/** These cost as much: one round of PKCS#12 takes ten times as long as one of PBKDF2, and a key needs three of each. */
const MAX_PKCS12_ITERATIONS = 300_000;
const MAX_SCRYPT_BYTES = 256 << 20;
const MAX_SCRYPT_WORK = 1 << 26;

/**
 * Creates the error for an encryption that is not supported.
 *
 * @param name The name of the scheme, the cipher or the hash function.
 */
export function unsupportedCipher(name: string): KeyFileError {
  return new KeyFileError(
    "KEY_CIPHER",
    `it is encrypted with ${name}, which is not supported`,
    "encrypt it anew into a new file: (umask 077; set -C; openssl pkcs8 -topk8 -in FILE > NEW_KEY)",
  );
}

/** Creates the error for a passphrase that does not fit. It has no cause, which could tell why. */
export function wrongPassphrase(): KeyFileError {
  return new KeyFileError(
    "KEY_PASSPHRASE",
    "the passphrase is not the right one, or the file is damaged",
    "try the passphrase again",
  );
}

function unsupported(id: string): KeyFileError {
  return unsupportedCipher(OTHERS[id] ?? `an unknown method (${id})`);
}

/**
 * Returns what decrypts a PKCS#8 key.
 *
 * @throws {KeyFileError} `KEY_CIPHER` if its encryption is not supported.
 * @throws {DerError} If its parameters are malformed.
 */
export function openerOfPkcs8({ algorithm, sealed }: EncryptedPkcs8): Opener {
  const id = algorithm.identifier();
  const parameters = algorithm.sequence();
  if (id === PBES2) return openerOfPbes2(parameters, sealed);
  const keyBytes = PKCS12_TRIPLE_DES[id];
  if (keyBytes === undefined) throw unsupported(id);
  const salt = parameters.read(TAG.octetString);
  const iterations = bounded(parameters.small(), MAX_PKCS12_ITERATIONS);
  return async (passphrase) => {
    const derive = (purpose: 1 | 2, length: number) =>
      pkcs12Key(passphrase, salt, iterations, purpose, length);
    const key = await derive(1, keyBytes);
    // Triple DES with two keys uses the first one twice.
    const whole = keyBytes === 24 ? key : concat([key, key.subarray(0, 8)]);
    return opened(await decryptCbc(TRIPLE_DES, whole, await derive(2, 8), sealed));
  };
}

function openerOfPbes2(parameters: DerReader, sealed: Bytes): Opener {
  const derivation = parameters.sequence();
  const encryption = parameters.sequence();
  const id = encryption.identifier();
  const cipher = CIPHERS[id];
  if (cipher === undefined) throw unsupported(id);
  const iv = encryption.read(TAG.octetString);
  const derive = derivationOf(derivation);
  return async (passphrase) =>
    opened(await decryptCbc(cipher, await derive(passphrase, cipher.keyBytes), iv, sealed));
}

type Derive = (passphrase: Bytes, length: number) => Promise<Bytes>;

/** Reads a key derivation function: PBKDF2 (RFC 8018 appendix A.2) or scrypt (RFC 7914 section 7). */
function derivationOf(derivation: DerReader): Derive {
  const id = derivation.identifier();
  const parameters = derivation.sequence();
  if (id === SCRYPT) return scryptOf(parameters);
  if (id !== PBKDF2) throw unsupported(id);
  const salt = parameters.read(TAG.octetString);
  const iterations = bounded(parameters.small());
  // The length of the key, which the cipher determines.
  parameters.optional(TAG.integer);
  const hmac = parameters.optional(TAG.sequence)?.identifier() ?? "1.2.840.113549.2.7";
  const hash = HMACS[hmac];
  if (hash === undefined) throw unsupported(hmac);
  return async (passphrase, length) => {
    const { pbkdf2 } = await import("node:crypto");
    return await new Promise((resolve, reject) => {
      pbkdf2(passphrase, salt, iterations, length, hash, (error, key) => {
        if (error === null) resolve(new Uint8Array(key));
        else reject(error);
      });
    });
  };
}

function scryptOf(parameters: DerReader): Derive {
  const salt = parameters.read(TAG.octetString);
  const [cost, blockSize, parallel] = [parameters.small(), parameters.small(), parameters.small()];
  const memory = 128 * cost * blockSize;
  if (cost < 2 || (cost & (cost - 1)) !== 0 || blockSize < 1 || parallel < 1) throw damaged();
  if (memory > MAX_SCRYPT_BYTES || cost * blockSize * parallel > MAX_SCRYPT_WORK) {
    throw unsupportedCipher(`scrypt with N ${cost}, r ${blockSize} and p ${parallel}`);
  }
  return async (passphrase, length) => {
    const { scryptSync } = await import("node:crypto");
    const options = { N: cost, r: blockSize, p: parallel, maxmem: 2 * MAX_SCRYPT_BYTES };
    return new Uint8Array(scryptSync(passphrase, salt, length, options));
  };
}

function bounded(iterations: number, most: number = MAX_ITERATIONS): number {
  if (iterations >= 1 && iterations <= most) return iterations;
  throw unsupportedCipher(`a key derivation of ${iterations} rounds`);
}

/** Derives a key as RFC 7292 appendix B.2 does, with SHA-1. The passphrase is UTF-16 with a zero at its end. */
async function pkcs12Key(
  passphrase: Bytes,
  salt: Bytes,
  iterations: number,
  purpose: 1 | 2,
  length: number,
): Promise<Bytes> {
  const { createHash } = await import("node:crypto");
  const block = 64;
  const text = utf16(passphrase);
  const input = concat([repeated(salt, block), repeated(text, block)]);
  const diversifier = new Uint8Array(block).fill(purpose);
  const key = new Uint8Array(length);
  for (let at = 0; at < length; at += 20) {
    let digest = concat([diversifier, input]);
    for (let i = 0; i < iterations; i++) {
      digest = new Uint8Array(createHash("sha1").update(digest).digest());
    }
    key.set(digest.subarray(0, length - at), at);
    for (let from = 0; from < input.length; from += block) {
      addOneAnd(input.subarray(from, from + block), digest);
    }
  }
  return key;
}

function utf16(passphrase: Bytes): Bytes {
  const text = `${new TextDecoder().decode(passphrase)}\0`;
  const bytes = new Uint8Array(2 * text.length);
  for (let i = 0; i < text.length; i++) {
    bytes[2 * i] = text.charCodeAt(i) >> 8;
    bytes[2 * i + 1] = text.charCodeAt(i);
  }
  return bytes;
}

/** Repeats bytes up to a multiple of `block`. */
function repeated(bytes: Bytes, block: number): Bytes {
  const length = block * Math.ceil(bytes.length / block);
  return new Uint8Array(length).map((_, i) => bytes[i % bytes.length]!);
}

/** Adds 1 and the repeated digest to a big-endian number, modulo its size. */
function addOneAnd(number: Bytes, digest: Bytes): void {
  let carry = 1;
  for (let i = number.length - 1; i >= 0; i--) {
    carry += number[i]! + digest[i % digest.length]!;
    number[i] = carry;
    carry >>= 8;
  }
}

/** The ciphers of traditional PEM encryption by the name in `DEK-Info`. */
const PEM_CIPHERS: Readonly<Record<string, Cipher>> = {
  "AES-128-CBC": AES_128,
  "AES-192-CBC": AES_192,
  "AES-256-CBC": AES_256,
  "DES-EDE3-CBC": TRIPLE_DES,
};

/**
 * Returns what decrypts a PEM block with headers (RFC 1421), as OpenSSL writes them.
 *
 * @param headers The headers.
 * @param sealed The content.
 * @throws {KeyFileError} `KEY_CIPHER` if its cipher is not supported; `KEY_DAMAGED` if the headers are of another kind.
 */
export function openerOfPem(headers: ReadonlyMap<string, string>, sealed: Bytes): Opener {
  const [, name, hex = ""] = /^([\w-]+)(?:,([0-9A-Fa-f]+))?$/.exec(headers.get("DEK-Info") ?? "") ??
    [];
  if (!/^4,\s*ENCRYPTED$/.test(headers.get("Proc-Type") ?? "") || name === undefined) {
    const names = [...headers.keys()].map((each) => JSON.stringify(each)).join(", ");
    throw damaged(undefined, `its PEM headers are not those of an encrypted key: ${names}`);
  }
  const cipher = PEM_CIPHERS[name.toUpperCase()];
  if (cipher === undefined) throw unsupportedCipher(name.slice(0, 40));
  if (hex.length !== 2 * blockBytes(cipher)) {
    throw damaged(undefined, "its DEK-Info has no complete IV");
  }
  const iv = Uint8Array.fromHex(hex);
  return async (passphrase) => {
    const key = await traditionalKey(passphrase, iv.subarray(0, 8), cipher.keyBytes);
    return opened(await decryptCbc(cipher, key, iv, sealed));
  };
}

/** Derives a key as EVP_BytesToKey(3) does with MD5 and one round. */
async function traditionalKey(passphrase: Bytes, salt: Bytes, length: number): Promise<Bytes> {
  const { createHash } = await import("node:crypto");
  let [key, last] = [new Uint8Array(), new Uint8Array()];
  while (key.length < length) {
    last = new Uint8Array(
      createHash("md5").update(last).update(passphrase).update(salt).digest(),
    );
    key = concat([key, last]);
  }
  return key.subarray(0, length);
}

function blockBytes({ name }: Cipher): number {
  return name === "AES" ? 16 : 8;
}

/**
 * Decrypts in CBC mode with the padding of PKCS#7.
 *
 * @throws {KeyFileError} `KEY_PASSPHRASE` if the padding is wrong; `KEY_DAMAGED` if the lengths are.
 */
async function decryptCbc(cipher: Cipher, key: Bytes, iv: Bytes, sealed: Bytes): Promise<Bytes> {
  const block = blockBytes(cipher);
  if (iv.length !== block || sealed.length === 0 || sealed.length % block !== 0) throw damaged();
  if (cipher.name === "AES") {
    const aes = await crypto.subtle.importKey("raw", key, "AES-CBC", false, ["decrypt"]);
    try {
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv }, aes, sealed));
    } catch {
      throw wrongPassphrase();
    }
  }
  const { createDecipheriv } = await import("node:crypto");
  const decipher = createDecipheriv("des-ede3-cbc", key, iv);
  try {
    return concat([decipher.update(sealed), decipher.final()]);
  } catch {
    throw wrongPassphrase();
  }
}

/** Returns decrypted bytes if they are one DER sequence. Padding alone fits one wrong passphrase of 256. */
function opened(bytes: Bytes): Bytes {
  try {
    const reader = new DerReader(bytes);
    reader.sequence();
    reader.end();
    return bytes;
  } catch {
    throw wrongPassphrase();
  }
}

/** The rounds of PBKDF2 for keys that parley writes. */
const PBKDF2_ROUNDS = 600_000;

/**
 * Encrypts a private key with PBES2: PBKDF2 with HMAC-SHA-256 and AES-256-CBC (RFC 8018 section 6.2).
 *
 * @param pkcs8 The key as PKCS#8.
 * @param passphrase The passphrase.
 * @returns EncryptedPrivateKeyInfo in DER.
 */
export async function encryptPkcs8(pkcs8: Bytes, passphrase: Bytes): Promise<Bytes> {
  const [salt, iv] = [secureRandom(16), secureRandom(16)];
  const secret = await crypto.subtle.importKey("raw", passphrase, "PBKDF2", false, ["deriveKey"]);
  const key = await crypto.subtle.deriveKey(
    { name: "PBKDF2", hash: "SHA-256", salt, iterations: PBKDF2_ROUNDS },
    secret,
    { name: "AES-CBC", length: 256 },
    false,
    ["encrypt"],
  );
  const sealed = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, pkcs8));
  const derivation = der(
    TAG.sequence,
    der(TAG.octetString, salt),
    derUnsigned(numberBytes(BigInt(PBKDF2_ROUNDS))),
    der(TAG.sequence, derIdentifier(HMAC_SHA256), der(TAG.null)),
  );
  const parameters = der(
    TAG.sequence,
    der(TAG.sequence, derIdentifier(PBKDF2), derivation),
    der(TAG.sequence, derIdentifier(AES_256_CBC), der(TAG.octetString, iv)),
  );
  const algorithm = der(TAG.sequence, derIdentifier(PBES2), parameters);
  return der(TAG.sequence, algorithm, der(TAG.octetString, sealed));
}
