/**
 * Safety numbers: digits that two people compare to exclude a machine in the middle.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { CONTEXT } from "../identity/signing.ts";

/**
 * Iterations of PBKDF2. An attacker in the middle searches for two own keys whose safety numbers
 * agree in the groups that people really compare. Each group depends on both identities, so the
 * attacker needs a collision, which takes only the square root of the tries that the digits
 * suggest. The iterations make each try expensive.
 */
const ITERATIONS = 65_536;
const GROUPS = 12;
const GROUP_BYTES = 5;

/**
 * Computes the safety number of two identities. The order of the arguments does not matter.
 *
 * It is PBKDF2 with HMAC-SHA-512 (RFC 8018 section 5.2) over both fingerprints, the lower one
 * first. Each 5 bytes of the 60-byte output, as a number modulo 100,000, make a group.
 *
 * @param one The fingerprint of one identity, `SHA256:…`.
 * @param other The fingerprint of the other identity.
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
