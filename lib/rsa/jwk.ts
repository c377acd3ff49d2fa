/**
 * RSA keys as JWK and in JWK sets (RFC 7517, RFC 7518 section 6.3). A private key may consist of n, e and d alone.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";
import { bitLength, commonDivisor, numberBytes, powerModulo, toNumber } from "./der.ts";
import {
  damaged,
  type DecodedKey,
  encodePkcs1,
  KeyFileError,
  notRsa,
  unknownFile,
} from "./key_der.ts";

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

function withoutZeros(bytes: Bytes): Bytes {
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first < 0 ? bytes.length : first);
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
