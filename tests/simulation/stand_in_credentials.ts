/**
 * Credentials that nobody has signed, for members whose cryptography is a stand-in.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Bytes, mapKey } from "../../lib/chat/bytes.ts";
import { type Credential, CredentialError, type OwnCredential } from "../../lib/chat/credential.ts";
import { foldName } from "../../lib/chat/name.ts";
import { standInKeys } from "./stand_in_crypto.ts";

/** The credentials of everybody in a world. */
export class StandInCredentials {
  readonly #made = new Map<string, OwnCredential>();

  /** Makes the credential of a process, which is named apart from the person that runs it. */
  make(person: string, process: string): OwnCredential {
    const keys = standInKeys(process);
    const bytes = new TextEncoder().encode(`credential of ${process}`);
    const member = new Uint8Array(createHash("sha256").update(bytes).digest());
    const self: OwnCredential = {
      bytes,
      member,
      key: mapKey(member),
      name: person,
      folded: foldName(person),
      fingerprint: `SHA256:${person}`,
      session: keys.session.publicKey,
      signing: keys.signing.publicKey,
      keyIds: [`session ${process}`, `signing ${process}`],
      expiresAt: Infinity,
      keys,
    };
    this.#made.set(mapKey(bytes), self);
    return self;
  }

  /** Checks one: it holds where it was made here. */
  check(bytes: Bytes): Promise<Credential> {
    const credential = this.#made.get(mapKey(bytes));
    if (credential === undefined) throw new CredentialError("BAD_CREDENTIAL", "it is nobody's");
    return Promise.resolve(credential);
  }
}
