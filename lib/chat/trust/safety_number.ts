/**
 * Safety numbers: what two people read to each other to know that nobody sits between them.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { CONTEXT } from "../identity/signing.ts";

/**
 * Iterations of PBKDF2. Somebody in the middle looks for two keys of its own whose numbers agree in the groups that people
 * really compare. Every group depends on both identities, so that this is a search for a collision, which
 * takes the square root of what the digits promise: each try is made to cost.
 */
const ITERATIONS = 65_536;
const GROUPS = 12;
const GROUP_BYTES = 5;

/**
 * The safety number of two identities: the same whoever of the two asks.
 *
 * PBKDF2 with HMAC-SHA-512 (RFC 8018 section 5.2) over both fingerprints, the lower first; each 5 bytes of
 * the 60 that it gives, as a number modulo 100,000, make a group.
 *
 * @param one The fingerprint of an identity.
 * @param other The fingerprint of the other.
 * @returns 12 groups of 5 digits.
 */
export async function safetyNumber(one: string, other: string): Promise<readonly string[]> {
  const [low, high] = [digestOf(one), digestOf(other)].sort(compare) as [Bytes, Bytes];
  const both = new Uint8Array([...low, ...high]);
  const key = await crypto.subtle.importKey("raw", both, "PBKDF2", false, ["deriveBits"]);
  const algorithm = {
    name: "PBKDF2",
    hash: "SHA-512",
    salt: CONTEXT.safetyNumber,
    iterations: ITERATIONS,
  };
  const bits = await crypto.subtle.deriveBits(algorithm, key, 8 * GROUPS * GROUP_BYTES);
  const bytes = new Uint8Array(bits);
  return Array.from({ length: GROUPS }, (_, i) => group(bytes.subarray(GROUP_BYTES * i)));
}

function group(bytes: Uint8Array): string {
  const number = bytes.subarray(0, GROUP_BYTES).reduce((sum, byte) => 256 * sum + byte, 0);
  return String(number % 100_000).padStart(5, "0");
}

function digestOf(fingerprint: string): Bytes {
  return Uint8Array.fromBase64(fingerprint.slice("SHA256:".length));
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
