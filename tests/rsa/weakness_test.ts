// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { type Bytes, inspectKey, readKey } from "../../lib/rsa.ts";
import { encodePkcs8, encodeSpki, numberBytes, toNumber } from "../../lib/rsa/der.ts";
import { encodePkcs1, readPrivateNumbers } from "../../lib/rsa/key_der.ts";
import vectors from "../vectors/rsa.json" with { type: "json" };

const encoder = new TextEncoder();
const E = new Uint8Array([1, 0, 1]);

/** The messages about a key, each with its code. */
async function problemsOf(content: Bytes): Promise<string[]> {
  const { problems } = await inspectKey(content);
  return problems.map(({ code, message }) => `${code}: ${message}`);
}

/** A public key with a modulus. */
function publicKey(modulus: bigint, exponent: Bytes = E): Bytes {
  return encodeSpki({ modulus: numberBytes(modulus), exponent });
}

/** A private key of two primes, which need not be prime. */
function privateKey(p: bigint, q: bigint, d: bigint): Bytes {
  const [privateExponent, ...primes] = [d, p, q].map((number) => numberBytes(number));
  return encodePkcs8(encodePkcs1({
    modulus: numberBytes(p * q),
    exponent: E,
    privateExponent: privateExponent!,
    primes: primes as [Bytes, Bytes],
  }));
}

const own = await readKey(encoder.encode(vectors.key.pkcs1));
const ownModulus = toNumber(own.spki.slice(-261, -5));

Deno.test("inspectKey() finds nothing wrong with a good key, private or public", async () => {
  for (const form of [vectors.key.pkcs8, vectors.key.spki, vectors.refused.pssOnly]) {
    assertEquals(await problemsOf(encoder.encode(form)), []);
  }
});

Deno.test("inspectKey() says why a key is refused, each reason", async () => {
  assertEquals(
    await problemsOf(publicKey((1n << 999n) + 1n, new Uint8Array([2]))),
    [
      "KEY_TOO_SMALL: the key has 1000 bits; fewer than 2048 are not secure",
      "KEY_EXPONENT: the key's exponent is not an odd number from 3 to 2^33 - 1",
      "KEY_ODD: its exponent is 2; nearly all keys have 65537",
    ].concat(await factorOf((1n << 999n) + 1n)),
  );
  assertEquals(await problemsOf(publicKey(ownModulus - 1n)), [
    "KEY_DAMAGED: its modulus is even, so it is damaged",
    ...await factorOf(ownModulus - 1n),
  ]);
});

/** The message about a small factor, found in another way. */
function factorOf(number: bigint): Promise<string[]> {
  for (let factor = 3n; factor < 1000n; factor += 2n) {
    if (number % factor !== 0n) continue;
    const why = "so it is not the product of two large primes";
    return Promise.resolve([`KEY_ODD: its modulus is divisible by ${factor}, ${why}`]);
  }
  return Promise.resolve([]);
}

Deno.test("inspectKey() names an unusual exponent, a small factor and the mark of ROCA", async () => {
  assertEquals(await problemsOf(publicKey(ownModulus, new Uint8Array([3]))), [
    "KEY_ODD: its exponent is 3; nearly all keys have 65537",
  ]);
  const divisible = ownModulus - ownModulus % 997n +
    (ownModulus % 2n === ownModulus % 997n % 2n ? 997n : 0n);
  assertEquals((await problemsOf(publicKey(divisible))).at(-1), (await factorOf(divisible))[0]);
  // 1 modulo each of the primes is a power of 65537 modulo each of them.
  const primes = [
    11n,
    13n,
    17n,
    19n,
    37n,
    53n,
    61n,
    71n,
    73n,
    79n,
    97n,
    103n,
    107n,
    109n,
    127n,
    151n,
    157n,
  ];
  const product = primes.reduce((all, prime) => all * prime);
  let roca = 2n * product * ((1n << 2047n) / (2n * product) + 1n) + 1n;
  while ((await factorOf(roca)).length > 0) roca += 2n * product;
  assertEquals(await problemsOf(publicKey(roca)), [
    "KEY_ODD: its primes are of the flawed generator of CVE-2017-15361 (ROCA), so it can be factored",
  ]);
});

Deno.test("inspectKey() finds primes that are close or unequal, and a small private exponent", async () => {
  const { primes, privateExponent } = readPrivateNumbers(own.pkcs8!.slice(26));
  const [p, q] = primes.map(toNumber) as [bigint, bigint];
  const d = toNumber(privateExponent);
  const told = async (key: Bytes) =>
    (await problemsOf(key)).filter((one) => /its primes|private exp/.test(one));
  assertEquals(await told(privateKey(p, q, d)), []);
  assertEquals(await told(privateKey(p, p + 2n, d)), [
    "KEY_ODD: its primes are close to each other, so it can be factored",
  ]);
  assertEquals(await told(privateKey(p, q, 12345n)), [
    "KEY_ODD: its private exponent is so small that the public key reveals it",
  ]);
  assertEquals(await told(privateKey((p << 9n) + 1n, (q >> 9n) | 1n, d)), [
    "KEY_ODD: its primes have 1033 and 1015 bits, not about the same number",
  ]);
});
