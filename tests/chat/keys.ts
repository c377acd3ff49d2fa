/**
 * A clock that stands still, the keys of members, and a wait for a condition.
 *
 * @module
 */

import {
  makeCredential,
  type MemberKeys,
  type OwnCredential,
} from "../../lib/chat/identity/credential.ts";
import { generateSigningKeys } from "../../lib/chat/identity/signing.ts";
import { fixedPair } from "../fixtures/fixed_keys.ts";

/** The clock of a test, in milliseconds since 1970. */
export class Clock {
  #now = 1_700_000_000_000;
  readonly now = (): number => this.#now;

  advance(ms: number): void {
    this.#now += ms;
  }
}

const keys: Promise<MemberKeys>[] = [];

/** Returns the keys of a number, which are the same throughout a test file. */
export function pooledKeys(index: number): Promise<MemberKeys> {
  return keys[index] ??= makeKeys(index);
}

async function makeKeys(index: number): Promise<MemberKeys> {
  const [identity, session, signing] = await Promise.all([
    fixedPair("sign", "identity", index),
    fixedPair("encrypt", "session", index),
    generateSigningKeys(),
  ]);
  return { identity, session, signing };
}

/** Makes a credential with the pool's keys of a number. */
export async function credentialOf(
  name: string,
  index: number,
  now: () => number,
  lifeMs = 3_600_000,
): Promise<OwnCredential> {
  return await makeCredential(name, await pooledKeys(index), now() + lifeMs);
}

/** Waits until a condition holds. Fails after a minute of real time. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
