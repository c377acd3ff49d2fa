/**
 * What is wrong with an RSA key: why it must not be used, and what is unusual about it (FIPS 186-5 appendix A.1).
 *
 * @module
 */

import { bitLength, isOdd, toNumber } from "./der.ts";
import {
  damaged,
  type DecodedKey,
  type KeyFileCode,
  KeyFileError,
  readPrivateNumbers,
} from "./key_der.ts";

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

/** Returns why a key must not be used: errors to throw, the most important one first. */
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
