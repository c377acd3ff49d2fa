/**
 * Credentials for a thousand members in seconds, for load alone.
 *
 * @module
 */

// @ts-types="../../../types/std.d.ts"
import { encodeBase64Url } from "@std/encoding/base64url";
import { makeCredential, type OwnCredential } from "../../../lib/chat/identity/credential.ts";
import { CREDENTIAL_LIFE_MS, generateSigningKeys } from "../../../lib/chat/identity/signing.ts";
import { generateRsaKeys } from "../../../lib/rsa.ts";

/** How many are made at the same time. */
const AT_ONCE = 16;
const MODULUS_BYTES = 256;

/**
 * Makes credentials that a relay and every member take for good. They share one identity; the session keys are
 * public numbers that nobody knows the factors of, as making a thousand real ones would take minutes.
 *
 * @param count How many.
 * @param prefix What their names begin with.
 * @param canRead Whether they can be sent keys: they share one session key then.
 */
export async function makeCredentials(
  count: number,
  prefix = "crowd",
  canRead = false,
): Promise<OwnCredential[]> {
  const identity = await generateRsaKeys("sign", 3072);
  const decoy = await generateRsaKeys("encrypt", 2048);
  const expiresAt = Date.now() + CREDENTIAL_LIFE_MS;
  const made: OwnCredential[] = [];
  const makeOne = async (number: number) => {
    const publicKey = canRead ? decoy.publicKey : await randomModulus();
    const session = { publicKey, privateKey: decoy.privateKey };
    const keys = { identity, session, signing: await generateSigningKeys() };
    return await makeCredential(`${prefix}-${number}`, keys, expiresAt);
  };
  while (made.length < count) {
    const next = Math.min(AT_ONCE, count - made.length);
    const numbers = Array.from({ length: next }, (_, i) => made.length + i);
    made.push(...await Promise.all(numbers.map(makeOne)));
  }
  return made;
}

/** A public key of 2048 bits: any odd number of that size looks like one. */
function randomModulus(): Promise<CryptoKey> {
  const modulus = crypto.getRandomValues(new Uint8Array(MODULUS_BYTES));
  modulus[0]! |= 0x80;
  modulus[MODULUS_BYTES - 1]! |= 1;
  const key = { kty: "RSA", alg: "RSA-OAEP-256", n: encodeBase64Url(modulus), e: "AQAB" };
  const algorithm = { name: "RSA-OAEP", hash: "SHA-256" };
  return crypto.subtle.importKey("jwk", key, algorithm, true, ["encrypt"]);
}
