/**
 * `--identity`, `--known-peers`, `--expect` and `--strict`.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";
import { quote } from "../../base/printable.ts";
import type { TrustSettings } from "../../chat/app/load_trust.ts";
import { isFingerprint } from "../../chat/trust/known_peers.ts";

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

/**
 * The two files of a server, or neither.
 *
 * @throws {Failure} Usage, where there is one without the other.
 */
export function serverFiles(
  cert: string | undefined,
  key: string | undefined,
): { readonly tls?: { readonly cert: string; readonly key: string } } {
  if (cert !== undefined && key !== undefined) return { tls: { cert, key } };
  if (cert === undefined && key === undefined) return {};
  const [given, missing] = cert === undefined
    ? ["--tls-key", "--tls-cert"]
    : ["--tls-cert", "--tls-key"];
  throw usageFailure(given, `it goes with ${missing}`, "give the certificate and its key");
}

/**
 * What a client speaks TLS with, where it does.
 *
 * @throws {Failure} Usage, where there is an issuer and no TLS.
 */
export function clientFiles(
  tls: boolean,
  ca: string | undefined,
): { readonly tls?: { readonly ca: string | undefined } } {
  if (tls) return { tls: { ca } };
  if (ca !== undefined) throw usageFailure("--ca", "it goes with --tls", "give both");
  return {};
}
