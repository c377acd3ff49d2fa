/**
 * RSA keys for the chat processes that tests start. A process takes about half a second of processor time to generate
 * its keys, and the tests start some hundreds of processes, so the runner generates some keys once and hands them out.
 *
 * @module
 */

import { generateRsaKeys } from "../../lib/rsa/rsa.ts";
import type { Group } from "./groups.ts";
import { valuesOf } from "./needs.ts";

/** The private RSA keys of one process of the chat, in the sizes that the chat asks for. */
export interface ProcessKeys {
  /** RSA-PSS with SHA-512, 3072 bits. */
  readonly identity: JsonWebKey;
  /** RSA-OAEP with SHA-256, 2048 bits. */
  readonly session: JsonWebKey;
}

/** Where a test process finds the keys: a property of `globalThis`. */
export const POOL_NAME = "parleyKeysOfTests";
/** How many processes get keys of their own. A test that starts 20 processes starts the most. */
const POOL_SIZE = 24;
/** Tests that take less than this, in seconds, start too few processes for the keys to be worth their time. */
const MIN_SECONDS = 100;

/** Generates the keys of one process. */
export async function generateProcessKeys(): Promise<ProcessKeys> {
  const [identity, session] = await Promise.all([
    generateRsaKeys("sign", 3072, true),
    generateRsaKeys("encrypt", 2048, true),
  ]);
  return { identity: await exportKey(identity), session: await exportKey(session) };
}

/** Returns the numbers of a private key alone: what it is for, whoever imports it says. */
async function exportKey({ privateKey }: CryptoKeyPair): Promise<JsonWebKey> {
  const { kty, n, e, d, p, q, dp, dq, qi } = await crypto.subtle.exportKey("jwk", privateKey);
  return { kty, n, e, d, p, q, dp, dq, qi } as JsonWebKey;
}

/** Whether the tests of a group may start parley from its source. */
function startsParley({ permissions }: Group): boolean {
  return valuesOf(permissions, "--allow-run").includes("deno");
}

/**
 * Generates keys, if enough tests use them.
 *
 * @param groups The groups that are to run.
 * @param size For how many processes.
 * @returns The further flags of `deno test` for a group.
 */
export async function shareKeys(
  groups: readonly Group[],
  size = POOL_SIZE,
): Promise<(group: Group) => string[]> {
  const seconds = groups.filter(startsParley).reduce((sum, group) => sum + group.seconds, 0);
  if (seconds < MIN_SECONDS) return () => [];
  const pool = await Promise.all(Array.from({ length: size }, generateProcessKeys));
  // JSON of Base64url and digits contains no character that a URL would have to escape.
  const module = `data:text/javascript,globalThis.${POOL_NAME}=${JSON.stringify(pool)}`;
  return (group) => startsParley(group) ? [`--preload=${module}`] : [];
}
