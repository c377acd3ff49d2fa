/**
 * RSA keys in text formats of their own: OpenSSH's private keys (PROTOCOL.key of OpenSSH), public keys on one line
 * (RFC 4253 section 6.6) and certificates, SSH2 public keys (RFC 4716), and JWK and JWK sets (RFC 7517, RFC 7518
 * section 6.3).
 *
 * @module
 */

import { ByteReader, type Bytes, concat, MalformedError, utf8 } from "../base/bytes.ts";
import {
  bitLength,
  bytesOf,
  commonDivisor,
  damaged,
  KeyFileError,
  notRsa,
  numberBytes,
  powerModulo,
  toNumber,
  unknownFile,
} from "./der.ts";
import { type Opener, unsupportedCipher, wrongPassphrase } from "./encrypted_key.ts";
import { type DecodedKey, encodePkcs1 } from "./key_der.ts";

const MAGIC = utf8("openssh-key-v1\0");
const SSH_RSA = "ssh-rsa";
const RSA_CERTIFICATE = "ssh-rsa-cert-v01@openssh.com";
/** The length of the tag of AES-GCM, in bytes. */
const GCM_TAG_BYTES = 16;
/** The most rounds of bcrypt that a file may ask for. `ssh-keygen` uses 16 or 24. */
const MAX_ROUNDS = 4096;

/** The ciphers of private keys. 16 bytes of IV follow the key; GCM uses 12. */
const CIPHERS: Readonly<
  Record<string, { readonly name: string; readonly keyBytes: number; readonly ivBytes: number }>
> = {
  "aes128-ctr": { name: "AES-CTR", keyBytes: 16, ivBytes: 16 },
  "aes192-ctr": { name: "AES-CTR", keyBytes: 24, ivBytes: 16 },
  "aes256-ctr": { name: "AES-CTR", keyBytes: 32, ivBytes: 16 },
  "aes128-cbc": { name: "AES-CBC", keyBytes: 16, ivBytes: 16 },
  "aes192-cbc": { name: "AES-CBC", keyBytes: 24, ivBytes: 16 },
  "aes256-cbc": { name: "AES-CBC", keyBytes: 32, ivBytes: 16 },
  "aes128-gcm@openssh.com": { name: "AES-GCM", keyBytes: 16, ivBytes: 12 },
  "aes256-gcm@openssh.com": { name: "AES-GCM", keyBytes: 32, ivBytes: 12 },
};

/** A private key of OpenSSH whose private part may be encrypted. */
export interface OpenSshKey {
  /** Decrypts the private part; undefined if it is not encrypted. */
  readonly open: Opener | undefined;
  /** The private part, as it is in the file. */
  readonly part: Bytes;
}

/**
 * Reads the outer structure of an `openssh-key-v1` private key.
 *
 * @param bytes The content of the PEM block.
 * @throws {KeyFileError} If it is damaged, has another algorithm, or its cipher is not supported.
 */
export function readOpenSshKey(bytes: Bytes): OpenSshKey {
  return reading(() => {
    const reader = new ByteReader(bytes);
    if (reader.raw(MAGIC.length).toHex() !== MAGIC.toHex()) throw damaged();
    const cipher = textOf(reader);
    const derivation = textOf(reader);
    const options = blob(reader);
    const keys = reader.u32();
    if (keys !== 1) {
      throw unknownFile(`it has ${keys} keys, not one`, "split it into one file a key");
    }
    requireRsa(textOf(new ByteReader(blob(reader))));
    const part = blob(reader);
    const tag = reader.raw(reader.left);
    if (cipher === "none") return { open: undefined, part };
    return { open: openerOf(cipher, derivation, options, concat([part, tag])), part };
  });
}

function openerOf(name: string, derivation: string, options: Bytes, sealed: Bytes): Opener {
  const cipher = CIPHERS[name];
  if (cipher === undefined) throw unsupportedBySsh(name);
  if (derivation !== "bcrypt") throw unsupportedBySsh(`the key derivation ${derivation}`);
  const reader = new ByteReader(options);
  const salt = blob(reader);
  const rounds = reader.u32();
  reader.end();
  if (salt.length === 0 || rounds === 0) throw damaged();
  if (rounds > MAX_ROUNDS) throw unsupportedBySsh(`a key derivation of ${rounds} rounds`);
  return async (passphrase) => {
    // bcrypt derives no key from an empty passphrase.
    if (passphrase.length === 0) throw wrongPassphrase();
    const { keyBytes, ivBytes } = cipher;
    // @ts-types="../../types/std.d.ts"
    const { default: { pbkdf } } = await import("bcrypt-pbkdf");
    const secret = new Uint8Array(keyBytes + ivBytes);
    pbkdf(passphrase, passphrase.length, salt, salt.length, secret, secret.length, rounds);
    return await decrypt(
      cipher.name,
      secret.subarray(0, keyBytes),
      secret.subarray(keyBytes),
      sealed,
    );
  };
}

function unsupportedBySsh(name: string): KeyFileError {
  const { code, message } = unsupportedCipher(name.slice(0, 60));
  const hint = "convert a copy of it: ssh-keygen -p -m PKCS8 -f NEW_COPY";
  return new KeyFileError(code, message, hint);
}

async function decrypt(name: string, key: Bytes, iv: Bytes, sealed: Bytes): Promise<Bytes> {
  const aes = await crypto.subtle.importKey("raw", key, name, false, ["decrypt", "encrypt"]);
  try {
    return new Uint8Array(
      name === "AES-CTR"
        ? await crypto.subtle.decrypt({ name, counter: iv, length: 128 }, aes, sealed)
        : name === "AES-GCM"
        ? await crypto.subtle.decrypt({ name, iv, tagLength: 8 * GCM_TAG_BYTES }, aes, sealed)
        : await decryptUnpadded(aes, iv, sealed),
    );
  } catch {
    throw wrongPassphrase();
  }
}

/** Decrypts CBC without padding. WebCrypto insists on padding, so this function appends a block of it. */
async function decryptUnpadded(aes: CryptoKey, iv: Bytes, sealed: Bytes): Promise<ArrayBuffer> {
  const name = "AES-CBC";
  const last = sealed.subarray(-16);
  const padding = await crypto.subtle.encrypt({ name, iv: last }, aes, new Uint8Array());
  return await crypto.subtle.decrypt({ name, iv }, aes, concat([sealed, new Uint8Array(padding)]));
}

/**
 * Decodes the private part of an OpenSSH key.
 *
 * @param part The decrypted part.
 * @param encrypted Whether it was encrypted: if so, two different check numbers mean a wrong passphrase.
 * @throws {KeyFileError} If it is damaged, or the passphrase was wrong.
 */
export function decodeOpenSshPart(part: Bytes, encrypted: boolean): DecodedKey {
  return reading(() => {
    const reader = new ByteReader(part);
    if (reader.u32() !== reader.u32()) throw encrypted ? wrongPassphrase() : damaged();
    requireRsa(textOf(reader));
    const [modulus, exponent, privateExponent] = [blob(reader), blob(reader), blob(reader)];
    // The coefficient, which is computed again.
    blob(reader);
    const primes = [blob(reader), blob(reader)] as const;
    const numbers = { modulus, exponent, privateExponent, primes };
    return {
      modulus: withoutZeros(modulus),
      exponent: withoutZeros(exponent),
      encoding: "OpenSSH",
      privatePkcs1: encodePkcs1(numbers),
    };
  });
}

/** A public key of OpenSSH on a line: perhaps options of `authorized_keys`, the type, base64, perhaps a comment. */
const LINE = /^(?:[^#]*[\s,"])?((?:ssh|ecdsa|sk)-[\w@.-]+)[ \t]+(AAAA[A-Za-z0-9+/]+={0,2})(?:\s|$)/;

/**
 * Reads public keys of OpenSSH, one a line, as in `id_rsa.pub` and `authorized_keys`.
 *
 * @param text The text of the file.
 * @returns Undefined if it has none.
 * @throws {KeyFileError} If there are several, or the key is damaged or of another algorithm.
 */
export function readOpenSshLines(text: string): DecodedKey | undefined {
  const lines = text.split("\n").flatMap((line) => {
    const [, type, base64] = LINE.exec(line.trimStart()) ?? [];
    return type === undefined ? [] : [{ type, base64: base64! }];
  });
  const [first, second] = lines;
  if (first === undefined) return undefined;
  if (second !== undefined) {
    throw new KeyFileError(
      "KEY_SEVERAL",
      `it has ${lines.length} public keys of OpenSSH`,
      "put one of them into a file",
    );
  }
  if (first.type !== RSA_CERTIFICATE) requireRsa(first.type);
  return readSshBlob(bytesOf(first.base64), "OpenSSH");
}

const SSH2 = /---- BEGIN SSH2 PUBLIC KEY ----\r?\n([^]*?)\r?\n---- END SSH2 PUBLIC KEY ----/;

/**
 * Reads an SSH2 public key (RFC 4716), as `ssh-keygen -e` prints it.
 *
 * @param text The text of the file.
 * @returns Undefined if it has none.
 * @throws {KeyFileError} If it is damaged or of another algorithm.
 */
export function readSsh2(text: string): DecodedKey | undefined {
  const body = SSH2.exec(text)?.[1];
  if (body === undefined) return undefined;
  // A header has a colon, and continues in the next line if it ends in a backslash.
  const base64 = body.replace(/\\\r?\n/g, "").split("\n").filter((line) => !line.includes(":"));
  return readSshBlob(bytesOf(base64.join("")), "SSH2");
}

function readSshBlob(bytes: Bytes | undefined, encoding: "OpenSSH" | "SSH2"): DecodedKey {
  if (bytes === undefined) throw damaged();
  return reading(() => {
    const reader = new ByteReader(bytes);
    const type = textOf(reader);
    const certified = type === RSA_CERTIFICATE;
    if (!certified) requireRsa(type);
    // The nonce of a certificate.
    else blob(reader);
    const [exponent, modulus] = [withoutZeros(blob(reader)), withoutZeros(blob(reader))];
    if (!certified) reader.end();
    return { modulus, exponent, encoding: certified ? "OpenSSH certificate" : encoding };
  });
}

function requireRsa(type: string): void {
  if (type === SSH_RSA) return;
  if (!/^(ssh|ecdsa|sk)-[\w@.-]{1,60}$/.test(type)) throw damaged();
  throw notRsa(type.replace(/^(ssh|ecdsa|sk)-/, ""));
}

/** Reads a length of 32 bits, then that many bytes (`string` of RFC 4251 section 5). */
function blob(reader: ByteReader): Bytes {
  return reader.raw(reader.u32());
}

function textOf(reader: ByteReader): string {
  return new TextDecoder("latin1").decode(blob(reader));
}

/** Strips the zeros before a number. */
function withoutZeros(number: Bytes): Bytes {
  const first = number.findIndex((byte) => byte !== 0);
  return number.subarray(first < 0 ? number.length : first);
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof MalformedError ? damaged(error) : error;
  }
}

type Members = Readonly<Record<string, unknown>>;

/** The members that help with the private key beside d. A JWK has all of them or none. */
const CRT_MEMBERS = ["p", "q", "dp", "dq", "qi"];
/** The largest modulus whose primes are searched for, in bits. */
const MAX_BITS = 16_384;

/**
 * Reads an RSA key from a JWK or a JWK set.
 *
 * @param text JSON.
 * @param kid The `kid` of the key in a set; not needed if the set has one RSA key.
 * @throws {KeyFileError} If there is no RSA key, or more than one to choose from.
 */
export function readJwk(text: string, kid: string | undefined): DecodedKey {
  const jwk = chosen(parse(text), kid);
  if (typeof jwk.kty !== "string") {
    throw unknownFile("it is JSON but not a JWK", 'a JWK has a member "kty"');
  }
  if (jwk.kty !== "RSA") throw notRsa(algorithmOf(jwk.kty));
  const [modulus, exponent] = [part(jwk, "n"), part(jwk, "e")];
  if (jwk.d === undefined) return { modulus, exponent, encoding: "JWK" };
  if (jwk.oth !== undefined) throw notRsa("RSA with more than two primes");
  const privateExponent = part(jwk, "d");
  const primes = CRT_MEMBERS.every((name) => jwk[name] === undefined)
    ? recoverPrimes(modulus, exponent, privateExponent)
    : givenPrimes(jwk);
  const privatePkcs1 = encodePkcs1({ modulus, exponent, privateExponent, primes });
  return { modulus, exponent, encoding: "JWK", privatePkcs1 };
}

function parse(text: string): Members {
  try {
    return asMembers(JSON.parse(text)) ?? {};
  } catch (error) {
    if (error instanceof SyntaxError) throw damaged();
    throw error;
  }
}

function asMembers(value: unknown): Members | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Members
    : undefined;
}

/** Returns the key itself, or the chosen key of a set. */
function chosen(jwk: Members, kid: string | undefined): Members {
  if (!Array.isArray(jwk.keys)) return jwk;
  const keys = jwk.keys.map(asMembers).filter((each) => each !== undefined);
  const fits = keys.filter((each) => each.kty === "RSA" && (kid === undefined || each.kid === kid));
  const [only, another] = fits;
  if (only !== undefined && another === undefined) return only;
  const names = keys.filter(({ kty }) => kty === "RSA").map((each) =>
    JSON.stringify(each.kid ?? null)
  );
  if (names.length === 0) {
    throw unknownFile("it is a JWK set without an RSA key", "name another file");
  }
  const list = names.slice(0, 8).join(", ").slice(0, 400);
  if (only === undefined) {
    throw new KeyFileError(
      "KEY_SEVERAL",
      `its JWK set has no RSA key with that "kid"; it has ${list}`,
      "name one of these",
    );
  }
  throw new KeyFileError(
    "KEY_SEVERAL",
    `it is a JWK set with ${names.length} RSA keys: ${list}`,
    "name the kid of one of them, or put one into a file",
  );
}

function algorithmOf(kty: string): string {
  if (kty === "EC") return "elliptic curves (EC)";
  return kty === "OKP" ? "another algorithm (OKP)" : "another algorithm";
}

/** Decodes a member of base64url (RFC 7515 section 2). */
function part(jwk: Members, name: string): Bytes {
  const value = jwk[name];
  // Base64 of whole bytes never has 4n + 1 characters (RFC 4648 section 5).
  if (typeof value === "string" && /^[A-Za-z0-9_-]+$/.test(value) && value.length % 4 !== 1) {
    return withoutZeros(Uint8Array.fromBase64(value, { alphabet: "base64url" }));
  }
  throw new KeyFileError(
    "KEY_DAMAGED",
    `the JWK's "${name}" is missing or is not base64url`,
    "a private RSA key has n, e and d, and either all or none of p, q, dp, dq and qi",
  );
}

function givenPrimes(jwk: Members): readonly [Bytes, Bytes] {
  for (const name of CRT_MEMBERS) part(jwk, name);
  return [part(jwk, "p"), part(jwk, "q")];
}

/**
 * Recovers the primes of a key from its exponents, as NIST SP 800-56B appendix C.1 does.
 *
 * @throws {KeyFileError} `KEY_DAMAGED` if the numbers do not belong together.
 */
function recoverPrimes(modulus: Bytes, exponent: Bytes, privateExponent: Bytes): [Bytes, Bytes] {
  const [n, e, d] = [modulus, exponent, privateExponent].map(toNumber) as [bigint, bigint, bigint];
  const isPossible = bitLength(modulus) <= MAX_BITS && n % 2n === 1n && e < n && d < n;
  const multiple = d * e - 1n;
  if (!isPossible || multiple <= 0n || multiple % 2n === 1n) throw damaged();
  let [odd, twos] = [multiple, 0];
  while (odd % 2n === 0n) [odd, twos] = [odd / 2n, twos + 1];
  for (const base of BASES) {
    const root = rootOfOne(powerModulo(base, odd, n), twos, n);
    if (root === undefined) continue;
    const p = commonDivisor(root - 1n, n);
    if (p === 1n || p === n) break;
    return [numberBytes(p), numberBytes(n / p)];
  }
  throw damaged();
}

/** The numbers to try. Each one finds the primes with a probability of at least 1/2. */
const BASES = Array.from({ length: 100 }, (_, i) => BigInt(i + 2));

/** Squares a number until the result is 1. Returns the root of 1 before it, unless that is trivial. */
function rootOfOne(start: bigint, squarings: number, n: bigint): bigint | undefined {
  let root = start;
  for (let i = 0; i < squarings; i++) {
    const square = root * root % n;
    if (square === 1n) return root === 1n || root === n - 1n ? undefined : root;
    root = square;
  }
  return undefined;
}
