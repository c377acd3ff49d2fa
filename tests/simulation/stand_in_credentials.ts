/**
 * Credentials that nobody has signed, for members whose cryptography is a stand-in.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { mapKey } from "../../lib/base/bytes.ts";
import {
  type CredentialCheck,
  CredentialError,
  MIN_CREDENTIAL_BYTES,
  type OwnCredential,
  renewalOf,
  verifyRenewal,
} from "../../lib/chat/identity/credential.ts";
import { hasExpired, RENEWAL_LIFE_MS } from "../../lib/chat/identity/signing.ts";
import { foldName } from "../../lib/chat/identity/name.ts";
import { standInKeys } from "./stand_in_crypto.ts";

/** Returns the fingerprint of a person. */
export function fingerprintOf(person: string): string {
  const hash = createHash("sha256").update(person).digest();
  return `SHA256:${new Uint8Array(hash).toBase64({ omitPadding: true })}`;
}

/** The credentials of everybody in a world. */
export class StandInCredentials {
  readonly #made = new Map<string, OwnCredential>();

  /** Makes the credential of a process, which is named apart from the person that runs it; it holds for a day. */
  make(person: string, process: string, now: number): OwnCredential {
    const keys = standInKeys(process);
    const bytes = new Uint8Array(MIN_CREDENTIAL_BYTES);
    bytes.set(new TextEncoder().encode(`credential of ${process}`));
    const member = new Uint8Array(createHash("sha256").update(bytes).digest());
    const self: OwnCredential = {
      bytes,
      member,
      key: mapKey(member),
      name: person,
      folded: foldName(person),
      fingerprint: fingerprintOf(person),
      session: keys.session.publicKey,
      signing: keys.signing.publicKey,
      expiresAt: now + RENEWAL_LIFE_MS,
      keys,
    };
    this.#made.set(mapKey(bytes), self);
    return self;
  }

  /** Checks one: it holds where it was made here, for its time or that of its renewal. */
  readonly check: CredentialCheck = async (bytes, now, renewal) => {
    const credential = this.#made.get(mapKey(bytes));
    if (credential === undefined) throw new CredentialError("BAD_CREDENTIAL", "it is nobody's");
    if (!hasExpired(credential.expiresAt, now)) return credential;
    const renewed = renewalOf(renewal, now);
    const { publicKey } = credential.keys.identity;
    if (await verifyRenewal(publicKey, credential.member, renewed)) return credential;
    throw new CredentialError("BAD_CREDENTIAL", "somebody else has renewed it");
  };
}
