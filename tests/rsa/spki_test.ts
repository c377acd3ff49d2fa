import { type Bytes, MalformedError } from "../../lib/base/bytes.ts";
import { generateSigningKeys, importSigningKey, verify } from "../../lib/chat/identity/signing.ts";
import {
  encryptOaep,
  exportSpki,
  generateRsaKeys,
  importSpki,
  RsaKeyError,
  verifyPss,
} from "../../lib/rsa.ts";
import { encodeSpki } from "../../lib/rsa/der.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";

const EXPONENT = new Uint8Array([1, 0, 1]);
/** How many bytes stand behind the modulus: the exponent, with its tag and length. */
const TAIL_BYTES = 5;

/** An odd modulus of so many bits that nobody has factored. */
function modulusOf(bits: number): Bytes {
  const modulus = new Uint8Array(Math.ceil(bits / 8)).fill(0xb5);
  modulus[0] = 0xff >> (8 * modulus.length - bits);
  return modulus;
}

Deno.test("importSpki() accepts every length from 2048 to 4096 bits as the runtime writes it", async () => {
  for (const bits of [2048, 2049, 2055, 2056, 3071, 3072, 4095, 4096]) {
    const spki = encodeSpki({ modulus: modulusOf(bits), exponent: EXPONENT });
    const key = await importSpki(spki, "sign");
    assertEquals(await exportSpki(key), spki);
  }
});

Deno.test("importSpki() counts the bits of a modulus, which the runtime rounds up to bytes", async () => {
  for (const bits of [2041, 2047]) {
    const spki = encodeSpki({ modulus: modulusOf(bits), exponent: EXPONENT });
    await assertRejects(() => importSpki(spki, "sign"), RsaKeyError, `${bits} bits`);
  }
});

Deno.test("importSpki() refuses a key that the runtime would encode differently", async () => {
  let runtimeTook = 0;
  for (const bits of [2048, 2055]) {
    const spki = encodeSpki({ modulus: modulusOf(bits), exponent: EXPONENT });
    const head = spki.length - TAIL_BYTES - Math.ceil(bits / 8);
    const around = [...spki.keys()].filter((at) => at < head + 1 || at >= spki.length - TAIL_BYTES);
    for (const at of around) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = spki.slice();
        changed[at]! ^= 1 << bit;
        runtimeTook += await assertSameOrRefused(changed);
      }
    }
    for (
      const longer of [[...spki, 0], [0, ...spki], [...spki.slice(0, head), 0, ...spki.slice(head)]]
    ) {
      runtimeTook += await assertSameOrRefused(new Uint8Array(longer));
    }
  }
  // Or the runtime alone would have refused them all.
  assertEquals(runtimeTook > 0, true);
});

/** Takes a key as the runtime does, and refuses it unless the runtime would write the same bytes. */
async function assertSameOrRefused(spki: Bytes): Promise<number> {
  const algorithm = { name: "RSA-PSS", hash: "SHA-512" };
  const written = await crypto.subtle.importKey("spki", spki, algorithm, true, ["verify"])
    .then(exportSpki, () => undefined);
  const isSame = written !== undefined && written.join() === spki.join();
  if (isSame) await importSpki(spki, "sign").catch(requireRsaKeyError);
  else await assertRejects(() => importSpki(spki, "sign"), RsaKeyError);
  return written !== undefined && !isSame ? 1 : 0;
}

/** A length or an exponent that is not taken. */
function requireRsaKeyError(error: unknown): void {
  if (!(error instanceof RsaKeyError)) throw error;
}

/** Whether a key was refused; where it was not, uses of it that throw. */
async function refusalOrUses(spki: Bytes): Promise<"refused" | string[]> {
  const thrown: string[] = [];
  for (const use of ["sign", "encrypt"] as const) {
    let key: CryptoKey;
    try {
      key = await importSpki(spki, use);
    } catch (error) {
      requireRsaKeyError(error);
      return "refused";
    }
    const bytes = (key.algorithm as RsaHashedKeyAlgorithm).modulusLength / 8;
    const uses = use === "sign"
      ? [0, bytes - 1, bytes, bytes + 1].map((length) => () =>
        verifyPss(key, new Uint8Array(length).fill(7), EXPONENT)
      )
      : [() => encryptOaep(key, new Uint8Array(32), EXPONENT)];
    for (const attempt of uses) await attempt().catch((error) => thrown.push(`${use}: ${error}`));
  }
  return thrown;
}

Deno.test("importSpki() refuses a key with any bit flipped, or the key works without a throw", async () => {
  const { publicKey } = await generateRsaKeys("sign", 2048);
  const spki = await exportSpki(publicKey);
  let refused = 0;
  for (let bit = 0; bit < 8 * spki.length; bit++) {
    const flipped = spki.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const outcome = await refusalOrUses(flipped);
    if (outcome === "refused") refused += 1;
    else assertEquals(outcome, [], `bit ${bit}`);
  }
  // What stands around the modulus, its lowest bit and its highest. Seven bits of the zero before it make it longer.
  assertEquals(refused, 8 * (spki.length - 256) - 7 + 2);
});

Deno.test("importSpki() refuses an even modulus of every length, and accepts every odd one", async () => {
  for (const bits of [2048, 2049, 2052, 2055, 2056, 3071, 3072, 4095, 4096]) {
    const odd = modulusOf(bits);
    const even = odd.slice();
    even[even.length - 1]! ^= 1;
    const power = new Uint8Array(odd.length);
    power[0] = 1 << ((bits - 1) % 8);
    const least = power.slice();
    least[least.length - 1]! |= 1;
    const highest = odd.map((byte, i) => i === 0 ? byte : 0xff);
    const outcomeOf = (modulus: Bytes) =>
      refusalOrUses(encodeSpki({ modulus, exponent: EXPONENT }));
    for (const modulus of [odd, least, highest]) {
      assertEquals(await outcomeOf(modulus), [], `${bits} bits`);
    }
    for (const modulus of [even, power]) {
      assertEquals(await outcomeOf(modulus), "refused", `${bits} bits`);
      const spki = encodeSpki({ modulus, exponent: EXPONENT });
      await assertRejects(() => importSpki(spki, "sign"), RsaKeyError, "its modulus is even");
    }
  }
});

Deno.test("importSpki() refuses fields that are swapped, empty, negative or padded, and other exponents", async () => {
  const modulus = modulusOf(2048);
  const flipped = (bytes: Bytes, at: number) => bytes.map((byte, i) => i === at ? byte ^ 1 : byte);
  const keys = {
    swapped: encodeSpki({ modulus: EXPONENT, exponent: modulus }),
    "two moduli": encodeSpki({ modulus, exponent: modulus }),
    "two exponents": encodeSpki({ modulus: EXPONENT, exponent: EXPONENT }),
    "no modulus": encodeSpki({ modulus: new Uint8Array(), exponent: EXPONENT }),
    "no exponent": encodeSpki({ modulus, exponent: new Uint8Array() }),
    "exponent 1": encodeSpki({ modulus, exponent: new Uint8Array([1]) }),
    "exponent 2": encodeSpki({ modulus, exponent: new Uint8Array([2]) }),
    "exponent 65536": encodeSpki({ modulus, exponent: new Uint8Array([1, 0, 0]) }),
    "exponent 2^33 + 1": encodeSpki({ modulus, exponent: new Uint8Array([2, 0, 0, 0, 1]) }),
    "a tag that is another": flipped(encodeSpki({ modulus, exponent: EXPONENT }), 0),
  };
  for (const [what, spki] of Object.entries(keys)) {
    assertEquals(await refusalOrUses(spki), "refused", what);
  }
});

Deno.test("an Ed25519 key with any bit flipped is refused, or verifies without a throw", async () => {
  const { publicKey } = await generateSigningKeys();
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", publicKey));
  let taken = 0;
  for (let bit = 0; bit < 256; bit++) {
    const flipped = raw.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const key = await importSigningKey(flipped).catch((error) => {
      if (!(error instanceof MalformedError)) throw error;
    });
    if (key === undefined) continue;
    taken += 1;
    for (const length of [0, 63, 64, 65]) {
      assertEquals(await verify(key, new Uint8Array(length), EXPONENT), false);
    }
  }
  assertEquals(taken > 0, true);
});
