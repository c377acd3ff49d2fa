/**
 * Credentials that no honest program makes: put together by hand, and well signed all the same.
 *
 * @module
 */

import { type Bytes, ByteWriter, mapKey, sha256, utf8 } from "../../lib/base/bytes.ts";
import type { MemberKeys, OwnCredential } from "../../lib/chat/identity/credential.ts";
import { CONTEXT, inContext, sign } from "../../lib/chat/identity/signing.ts";
import { exportSpki, signPss } from "../../lib/rsa.ts";

/** Until when a credential holds that says nothing else: it is that of a test with a clock that stands still. */
const EXPIRES_AT = 1_700_000_000_000 + 1000;

/** What stands in a credential instead of what should. */
export interface Fields {
  version?: number;
  name?: string;
  identity?: Bytes;
  session?: Bytes;
  signing?: Bytes;
  expiresAt?: number;
}

/** A credential with fields of one's choice, signed by one's own keys as it should be. */
export async function credentialWith(fields: Fields, keys: MemberKeys): Promise<Bytes> {
  const signing = await crypto.subtle.exportKey("raw", keys.signing.publicKey);
  const body = new ByteWriter()
    .u8(fields.version ?? 1)
    .block16(utf8(fields.name ?? "eve"))
    .block16(fields.identity ?? await exportSpki(keys.identity.publicKey))
    .block16(fields.session ?? await exportSpki(keys.session.publicKey))
    .raw(fields.signing ?? new Uint8Array(signing))
    .u64(fields.expiresAt ?? EXPIRES_AT)
    .finish();
  const { identity, signing: own } = keys;
  const byIdentity = inContext(CONTEXT.credentialIdentity, body);
  return new ByteWriter()
    .block16(body)
    .block16(await signPss(identity.privateKey, byIdentity))
    .raw(await sign(own.privateKey, inContext(CONTEXT.credentialPossession, body)))
    .finish();
}

/** The same, for whoever holds the keys to join by. */
export async function ownCredentialWith(fields: Fields, keys: MemberKeys): Promise<OwnCredential> {
  const bytes = await credentialWith(fields, keys);
  const member = await sha256(bytes);
  const name = fields.name ?? "eve";
  return {
    bytes,
    member,
    key: mapKey(member),
    name,
    folded: name,
    fingerprint: "",
    session: keys.session.publicKey,
    signing: keys.signing.publicKey,
    expiresAt: fields.expiresAt ?? EXPIRES_AT,
    keys,
  };
}
