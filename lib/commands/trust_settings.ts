/**
 * `--identity`, `--known-peers`, `--expect` and `--strict`.
 *
 * @module
 */

import type { TrustSettings } from "../conversation/acquaintance.ts";
import { usageFailure } from "../failure.ts";
import { isFingerprint } from "../trust/fingerprint.ts";
import { quote } from "../cli/quote.ts";

interface TrustOptions {
  readonly identity: string | undefined;
  readonly "known-peers": string | undefined;
  readonly expect: readonly string[];
  readonly strict: boolean;
}

/**
 * What the options say about who is who.
 *
 * @throws {Failure} Usage, where what is expected is no fingerprint.
 */
export function trustSettings(options: TrustOptions): TrustSettings {
  for (const expected of options.expect) {
    if (isFingerprint(expected)) continue;
    const why = `${quote(expected)} is no fingerprint, SHA256: and 43 characters`;
    throw usageFailure("--expect", why, "parley rsa fingerprint FILE, or /fingerprint in the chat");
  }
  const { identity, expect: expected, strict } = options;
  return { identity, knownPeers: options["known-peers"], expected, strict };
}

/**
 * Refuses what is of no use to a relay without a member.
 *
 * @throws {Failure} Usage, where any of it is given.
 */
export function refuseTrust(options: TrustOptions): void {
  const given = options.identity !== undefined
    ? "--identity"
    : options["known-peers"] !== undefined
    ? "--known-peers"
    : options.expect.length > 0
    ? "--expect"
    : options.strict
    ? "--strict"
    : undefined;
  if (given === undefined) return;
  const hint = "leave it out; --allow FILE says whom the relay lets in";
  throw usageFailure(given, "a relay without a member trusts nobody with anything", hint);
}
