/**
 * Which Ed25519 signatures hold: implementations differ where RFC 8032 leaves a choice, and members must not.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { type Bytes, utf8 } from "../../../lib/base/bytes.ts";
import { importSigningKey, sign, verify } from "../../../lib/chat/identity/signing.ts";
import vectors from "../../vectors/signatures.json" with { type: "json" };

/** The order of the group that the base point generates. */
const ORDER = (1n << 252n) + 27742317777372353535851937790883648493n;
/** The prime of the field. */
const FIELD = (1n << 255n) - 19n;
/** An Ed25519 private key as PKCS #8 (RFC 8410), without its seed. */
const PKCS8 = Uint8Array.fromHex("302e020100300506032b657004220420");
const MESSAGE = utf8("pay him 100");

function concat(...parts: readonly Uint8Array[]): Bytes {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function toBytes(number: bigint): Bytes {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((number >> BigInt(8 * i)) & 255n));
}

async function sha512(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", bytes));
}

/** A key of a fixed seed: its scalar, its point, and the private key. */
async function keyOf(seed: number) {
  const bytes = new Uint8Array(32).fill(seed);
  const algorithm = { name: "Ed25519" };
  const pkcs8 = concat(PKCS8, bytes);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  const scalar = (await sha512(bytes)).subarray(0, 32);
  scalar[0]! &= 248;
  scalar[31] = (scalar[31]! & 127) | 64;
  const point = Uint8Array.fromBase64(x!, { alphabet: "base64url" });
  return { key, scalar: toNumber(scalar), point };
}

/** Signs with a commitment that the signer chooses, given by its scalar and its encoded point. */
async function signWith(
  { scalar, point }: { readonly scalar: bigint; readonly point: Bytes },
  commitment: { readonly scalar: bigint; readonly point: Bytes },
): Promise<Bytes> {
  const hash = toNumber(await sha512(concat(commitment.point, point, MESSAGE)));
  return concat(commitment.point, toBytes((commitment.scalar + hash * scalar) % ORDER));
}

/** Adds the point of order two, (0, -1), to an encoded point: both coordinates change their sign. */
function withTorsion(point: Bytes): Bytes {
  const number = toNumber(point);
  const sign = number >> 255n;
  const y = number & ((1n << 255n) - 1n);
  return toBytes((FIELD - y) | ((1n - sign) << 255n));
}

/** Makes the signatures of the vectors. */
async function madeSignatures(): Promise<Record<string, Bytes>> {
  const [ada, nonce] = [await keyOf(1), await keyOf(2)];
  const plain = await sign(ada.key, MESSAGE);
  const raised = toBytes(toNumber(plain.subarray(32)) + ORDER);
  return {
    plain,
    otherNonce: await signWith(ada, nonce),
    raisedS: concat(plain.subarray(0, 32), raised),
    needsCofactor: await signWith(ada, { ...nonce, point: withTorsion(nonce.point) }),
  };
}

Deno.test("the vectors of signatures are made as they are", async () => {
  assertEquals(vectors.key, (await keyOf(1)).point.toHex());
  assertEquals(vectors.message, MESSAGE.toHex());
  const made = Object.entries(await madeSignatures());
  assertEquals(
    vectors.signatures.map(({ name, signature }) => [name, signature]),
    made.map(([name, bytes]) => [name, bytes.toHex()]),
  );
});

async function isValid(name: string): Promise<boolean> {
  const { signature } = vectors.signatures.find((one) => one.name === name)!;
  const key = await importSigningKey(Uint8Array.fromHex(vectors.key));
  return await verify(key, Uint8Array.fromHex(signature), Uint8Array.fromHex(vectors.message));
}

Deno.test("a signature whose S is not below the order of the group is not valid", async () => {
  assertEquals([await isValid("plain"), await isValid("raisedS")], [true, false]);
});

Deno.test("a signature that is valid only by the equation with the cofactor is refused", async () => {
  assertEquals([await isValid("otherNonce"), await isValid("needsCofactor")], [true, false]);
});

Deno.test("the vectors of signatures say which hold", async () => {
  for (const { name, valid } of vectors.signatures) assertEquals(await isValid(name), valid, name);
});
