// @ts-types="../../types/std_assert.d.ts"
import { assertEquals, assertRejects } from "@std/assert";
import { exportSpki, importSpki, RsaKeyError } from "../../lib/rsa.ts";
import type { Bytes } from "../../lib/rsa/bytes.ts";
import { encodeSpki } from "../../lib/rsa/key_encoding.ts";

const EXPONENT = new Uint8Array([1, 0, 1]);
/** How many bytes stand behind the modulus: the exponent, with its tag and length. */
const TAIL_BYTES = 5;

/** An odd modulus of so many bits that nobody has factored. */
function modulusOf(bits: number): Bytes {
  const modulus = new Uint8Array(Math.ceil(bits / 8)).fill(0xb5);
  modulus[0] = 0xff >> (8 * modulus.length - bits);
  return modulus;
}

Deno.test("importSpki() takes every length from 2048 to 4096 bits as the runtime writes it", async () => {
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

Deno.test("importSpki() takes no key that the runtime would write in other bytes", async () => {
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
