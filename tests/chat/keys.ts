/**
 * A clock that stands still, keys that are made once, and a wait for a condition.
 *
 * @module
 */

import {
  generateMemberKeys,
  makeCredential,
  type MemberKeys,
  type OwnCredential,
} from "../../lib/chat/identity/credential.ts";

/** The clock of a test, in milliseconds since 1970. */
export class Clock {
  #now = 1_700_000_000_000;
  readonly now = (): number => this.#now;

  advance(ms: number): void {
    this.#now += ms;
  }
}

const keys: Promise<MemberKeys>[] = [];

/** Returns keys that this test process makes once: RSA keys take long. */
export function pooledKeys(index: number): Promise<MemberKeys> {
  return keys[index] ??= generateMemberKeys({ identityBits: 2048 });
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
