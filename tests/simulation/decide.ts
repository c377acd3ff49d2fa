/**
 * What a person in the simulation decides about whom it lets read, done as a conversation does it.
 *
 * @module
 */

import { foldName } from "../../lib/chat/identity/name.ts";
import type { Decision } from "./leave_out.ts";
import type { Process } from "./process.ts";

/**
 * Decides.
 *
 * @param about Whom about, by name; nobody for `lock` and `unlock`.
 * @returns False where nothing comes of it, such as where nobody of that name is there.
 */
export function decide(
  { trust, member, self }: Process,
  decision: Decision,
  about: string,
): boolean {
  if (decision === "lock" || decision === "unlock") {
    trust.lock(decision === "lock");
    return true;
  }
  if (decision === "include") return trust.include(about).ok;
  const peer = member.peers().find(({ credential }) =>
    credential.folded === foldName(about) && credential.key !== self.key
  );
  if (peer === undefined) return false;
  if (decision === "exclude") {
    trust.exclude(peer.credential);
    return true;
  }
  trust.show(peer.credential);
  return trust.trust(peer.credential).ok;
}
