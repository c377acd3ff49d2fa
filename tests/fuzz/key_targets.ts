/**
 * RSA keys that are built field by field, tried with the runtime's own cryptography: as keys, in a join to a relay where
 * others chat on, and as the session key of somebody who is spoken to.
 *
 * @module
 */

import type { Bytes } from "../../lib/base/bytes.ts";
import { encodeEmpty } from "../../lib/chat/wire/control.ts";
import { KIND } from "../../lib/chat/wire/kinds.ts";
import {
  encryptBlock,
  encryptOaep,
  exportSpki,
  importSpki,
  RsaKeyError,
  verifyDocument,
  verifyPss,
} from "../../lib/rsa.ts";
import { bitLength, der, encodeSpki, KeyFileError, TAG } from "../../lib/rsa/der.ts";
import { readKey } from "../../lib/rsa/key_formats.ts";
import { ownCredentialWith } from "../chat/crafted_credential.ts";
import { RawMember } from "../chat/raw_member.ts";
import { pooledKeys, shown, TestRoom, until } from "../chat/room.ts";
import { asyncTarget, type FuzzOptions, type Target } from "./target.ts";
// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";

const EXPONENTS: readonly (readonly number[])[] = [
  [1, 0, 1],
  [3],
  [1],
  [0],
  [],
  [2],
  [1, 0, 0],
  [1, 0xff, 0xff, 0xff, 0xff],
  [2, 0, 0, 0, 1],
];

/** A modulus of a length around those that are taken, its parity and its pattern chosen. */
const MODULI: fc.Arbitrary<Bytes> = fc.record({
  bits: fc.oneof(
    fc.constantFrom(2047, 2048, 2049, 2055, 2056, 3072, 4095, 4096, 4097),
    fc.integer({ min: 0, max: 4200 }),
  ),
  odd: fc.boolean(),
  fill: fc.oneof(fc.constantFrom(0, 0xff), fc.nat(255)),
}).map(({ bits, odd, fill }) => {
  const modulus = new Uint8Array(Math.ceil(bits / 8)).fill(fill);
  if (bits === 0) return modulus;
  const top = (bits - 1) % 8;
  modulus[0] = (modulus[0]! & ((1 << top) - 1)) | (1 << top);
  const last = modulus.length - 1;
  modulus[last] = modulus[last]! & 0xfe | Number(odd);
  return modulus;
});

/** Public keys as SPKI: fields as they should be, swapped, with zeros before them, with a bit flipped. */
const KEYS: fc.Arbitrary<Bytes> = fc.record({
  modulus: MODULI,
  exponent: fc.oneof(
    { arbitrary: fc.constant(EXPONENTS[0]!), weight: 3 },
    { arbitrary: fc.constantFrom(...EXPONENTS), weight: 1 },
  ).map((bytes) => new Uint8Array(bytes)),
  swapped: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
  zeros: fc.integer({ min: 0, max: 9 }).map((one) => Math.max(0, one - 7)),
  flip: fc.option(fc.double({ min: 0, max: 0.999, noNaN: true }), { freq: 2 }),
}).map(({ modulus, exponent, swapped, zeros, flip }) => {
  const spki = zeros > 0
    ? padded(modulus, exponent, zeros)
    : swapped
    ? encodeSpki({ modulus: exponent, exponent: modulus })
    : encodeSpki({ modulus, exponent });
  if (flip !== null) {
    const bit = Math.floor(flip * spki.length * 8);
    spki[bit >> 3]! ^= 1 << (bit & 7);
  }
  return spki;
});

/** The same with zeros before the modulus that DER has no place for. */
function padded(modulus: Bytes, exponent: Bytes, zeros: number): Bytes {
  const canonical = encodeSpki({ modulus, exponent });
  const algorithm = canonical.slice(canonical.indexOf(TAG.sequence, 1)).slice(0, 15);
  const number = (digits: Bytes) => der(TAG.integer, new Uint8Array(zeros), digits);
  const key = der(TAG.sequence, number(modulus), number(exponent));
  return der(TAG.sequence, algorithm, der(TAG.bitString, new Uint8Array(1), key));
}

/** Reads a key for both uses of the chat, and uses it; answers whether it was taken. */
async function takesAndUses(spki: Bytes): Promise<boolean> {
  let keys: CryptoKey[];
  try {
    keys = [await importSpki(spki, "sign"), await importSpki(spki, "encrypt")];
  } catch (error) {
    if (!(error instanceof RsaKeyError)) throw error;
    return false;
  }
  const [sign, encrypt] = keys as [CryptoKey, CryptoKey];
  for (const length of [0, 255, 256, 257, 512]) {
    await verifyPss(sign, new Uint8Array(length).fill(1), new Uint8Array(1));
  }
  await encryptOaep(encrypt, new Uint8Array(32), new Uint8Array(1));
  return true;
}

const RSA_KEYS: Target = asyncTarget("rsa-keys", () => KEYS, async (spki) => {
  await takesAndUses(spki);
  try {
    const key = await readKey(spki);
    assert(bitLength(key.spki) > 0);
    await verifyDocument(key, new Uint8Array(256), new Uint8Array(1));
    await encryptBlock(key, new Uint8Array(1));
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
  }
});

/** Has eve join with keys of her making, well signed where she can sign, while ada and bo chat. */
const RELAY_KEYS: Target = {
  name: "relay-keys",
  async run({ runs, seed }: FuzzOptions) {
    const room = new TestRoom();
    const [ada, bo] = [await room.join("ada"), await room.join("bo")];
    const keys = await pooledKeys(9);
    const own = await exportSpki(keys.session.publicKey);
    let words = 0;
    const fields = fc.record({
      which: fc.constantFrom("session", "session", "identity"),
      // Around her own modulus, so that many are taken.
      spki: fc.oneof(KEYS, fc.nat(8 * own.length - 1).map((bit) => flipped(own, bit))),
    });
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(fields, async ({ which, spki }) => {
        const eve = await RawMember.join(
          room.relay,
          await ownCredentialWith({ [which]: spki }, keys),
        );
        if (!eve.ended) taken += 1;
        const text = `word ${words++}`;
        assert(ada.member.enter(text).ok);
        await until(() => shown(bo).at(-1) === `ada: ${text}`, `bo has read ${text}`);
        if (!eve.ended) eve.send(encodeEmpty(KIND.leave));
        await until(() => room.relay.size === 2, "eve has left");
        assertEquals(room.failures, []);
        assertEquals(room.relay.tally.failures, 0);
      }),
      { numRuns: runs, seed },
    );
    assert(taken > 0, "some of the keys are taken");
  },
};

function flipped(bytes: Bytes, bit: number): Bytes {
  const copy = bytes.slice();
  copy[bit >> 3]! ^= 1 << (bit & 7);
  return copy;
}

/** All that is tried with keys. */
export const KEY_TARGETS: readonly Target[] = [RSA_KEYS, RELAY_KEYS];
