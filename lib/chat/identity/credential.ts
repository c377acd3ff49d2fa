/**
 * Credentials: who a member says it is for one run, made, signed and checked.
 *
 * A credential binds a name, an identity (RSA-PSS), a session key (RSA-OAEP) and a signing key (Ed25519)
 * for at most 24 hours, unless it is renewed. The identity signs it; the signing key signs it too, which
 * proves possession: without that, one could register another's keys under one's own name. A member *is*
 * the SHA-256 of its credential.
 *
 * @module
 */

import {
  ByteReader,
  type Bytes,
  ByteWriter,
  fromUtf8,
  MalformedError,
  mapKey,
  sha256,
  utf8,
} from "../../base/bytes.ts";
import {
  exportSpki,
  fingerprint,
  generateRsaKeys,
  importSpki,
  type ModulusBits,
  RsaKeyError,
  signPss,
  verifyPss,
} from "../../rsa/rsa.ts";
import { foldName, normalizeName } from "./name.ts";
import {
  hasExpired,
  isTooLong,
  NO_RENEWAL,
  readRenewal,
  type Renewal,
  verifyRenewal,
} from "./renewal.ts";
import {
  CONTEXT,
  generateSigningKeys,
  importSigningKey,
  inContext,
  sign,
  SIGNATURE_BYTES,
  SIGNING_KEY_BYTES,
  verify,
} from "./signing.ts";

/** The version of the format. */
const CREDENTIAL_VERSION = 1;
/** The longest credential in bytes: two 4096-bit keys, a 4096-bit signature and a name fit. */
export const MAX_CREDENTIAL_BYTES = 2048;

/** The keys of a member for one run. */
export interface MemberKeys {
  /** RSA-PSS; signs the credential and its renewals, nothing else. */
  readonly identity: CryptoKeyPair;
  /** RSA-OAEP; pairwise keys are wrapped to it. */
  readonly session: CryptoKeyPair;
  /** Ed25519; signs every frame. */
  readonly signing: CryptoKeyPair;
}

/** A credential that was checked. */
export interface Credential {
  /** As it travels. */
  readonly bytes: Bytes;
  /** SHA-256 of the bytes: the member. */
  readonly member: Bytes;
  /** {@linkcode member} as the key of a map. */
  readonly key: string;
  /** In NFKC. */
  readonly name: string;
  /** What the name has in common with names that a person takes for it. */
  readonly folded: string;
  /** `SHA256:…` of the identity. */
  readonly fingerprint: string;
  /** Wraps pairwise keys. */
  readonly session: CryptoKey;
  /** Checks frames. */
  readonly signing: CryptoKey;
  /** The session key and the signing key as keys of a set: no two members share one. */
  readonly keyIds: readonly [string, string];
  /** When it ends, or its renewal, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A member's own credential, with the private keys behind it. */
export interface OwnCredential extends Credential {
  /** The keys of the run; the private ones never leave the process. */
  readonly keys: MemberKeys;
}

/**
 * What checks credentials, as {@linkcode checkCredential} does: the bytes, the time in milliseconds since 1970, the
 * newest renewal.
 */
export type CredentialCheck = (bytes: Bytes, now: number, renewal: Bytes) => Promise<Credential>;

/** A credential that was refused; the message says why. */
export class CredentialError extends Error {
  /** Makes the error of its reason. */
  constructor(
    readonly code: "BAD_CREDENTIAL" | "CREDENTIAL_EXPIRED",
    message: string,
    /** When it claims to end, in milliseconds since 1970, where that is why it was refused. */
    readonly expiresAt?: number,
  ) {
    super(message);
    this.name = "CredentialError";
  }
}

/**
 * Makes the keys of a run. The two RSA keys are made at the same time.
 *
 * @param options The identity where there is a long-lived one; the sizes of what is made, in bits.
 */
export async function generateMemberKeys(
  options: { identity?: CryptoKeyPair; identityBits?: ModulusBits; sessionBits?: ModulusBits } = {},
): Promise<MemberKeys> {
  const [identity, session, signing] = await Promise.all([
    options.identity ?? generateRsaKeys("sign", options.identityBits ?? 3072),
    generateRsaKeys("encrypt", options.sessionBits ?? 2048),
    generateSigningKeys(),
  ]);
  return { identity, session, signing };
}

/**
 * Makes a credential.
 *
 * @param name The member's name; it is normalized.
 * @param keys The keys of the run.
 * @param expiresAt When it ends, in milliseconds since 1970: at most 24 hours ahead.
 * @throws {MalformedError} Where the name cannot be one.
 */
export async function makeCredential(
  name: string,
  keys: MemberKeys,
  expiresAt: number,
): Promise<OwnCredential> {
  const normal = normalizeName(name);
  const [identity, session, signing] = await Promise.all([
    exportSpki(keys.identity.publicKey),
    exportSpki(keys.session.publicKey),
    crypto.subtle.exportKey("raw", keys.signing.publicKey),
  ]);
  const body = new ByteWriter(2048)
    .u8(CREDENTIAL_VERSION)
    .block16(utf8(normal))
    .block16(identity)
    .block16(session)
    .raw(new Uint8Array(signing))
    .u64(expiresAt)
    .finish();
  const [byIdentity, bySigning] = await Promise.all([
    signPss(keys.identity.privateKey, inContext(CONTEXT.credentialIdentity, body)),
    sign(keys.signing.privateKey, inContext(CONTEXT.credentialPossession, body)),
  ]);
  const bytes = new ByteWriter(body.length + byIdentity.length + 68)
    .block16(body).block16(byIdentity).raw(bySigning).finish();
  const member = await sha256(bytes);
  return {
    bytes,
    member,
    key: mapKey(member),
    name: normal,
    folded: foldName(normal),
    fingerprint: await fingerprint(identity),
    session: keys.session.publicKey,
    signing: keys.signing.publicKey,
    keyIds: [mapKey(session), mapKey(new Uint8Array(signing))],
    expiresAt,
    keys,
  };
}

/**
 * Checks a credential: its form, its name, its keys, both signatures and its time.
 *
 * @param given The bytes; they are copied.
 * @param now The time in milliseconds since 1970.
 * @param renewal The newest renewal of it: looked at where the credential itself has expired.
 * @throws {CredentialError} Where anything about it is wrong.
 */
export async function checkCredential(
  given: Bytes,
  now: number,
  renewal: Bytes = NO_RENEWAL,
): Promise<Credential> {
  const bytes = given.slice();
  try {
    return await check(bytes, now, renewal);
  } catch (error) {
    if (error instanceof MalformedError || error instanceof RsaKeyError) {
      throw new CredentialError("BAD_CREDENTIAL", error.message);
    }
    throw error;
  }
}

async function check(bytes: Bytes, now: number, renewal: Bytes): Promise<Credential> {
  const { body, byIdentity, bySigning } = split(bytes);
  const fields = readBody(body);
  const renewed = hasExpired(fields.expiresAt, now) ? renewalOf(renewal, now) : undefined;
  const expiresAt = renewed?.expiresAt ?? fields.expiresAt;
  if (isTooLong(expiresAt, now)) {
    const why = "the credential is good for more than 24 hours by this machine's clock";
    throw new CredentialError("BAD_CREDENTIAL", why, expiresAt);
  }
  const [identity, session, signing, member, print] = await Promise.all([
    importSpki(fields.identity, "sign"),
    importSpki(fields.session, "encrypt"),
    importSigningKey(fields.signing),
    sha256(bytes),
    fingerprint(fields.identity),
  ]);
  const [identityHolds, signingHolds, renewalHolds] = await Promise.all([
    verifyPss(identity, byIdentity, inContext(CONTEXT.credentialIdentity, body)),
    verify(signing, bySigning, inContext(CONTEXT.credentialPossession, body)),
    renewed === undefined || verifyRenewal(identity, member, renewed),
  ]);
  if (!identityHolds) throw new MalformedError("the identity did not sign the credential");
  if (!signingHolds) throw new MalformedError("the signing key did not sign the credential");
  if (!renewalHolds) throw new MalformedError("the identity did not sign the renewal");
  return {
    bytes,
    member,
    key: mapKey(member),
    name: fields.name,
    folded: foldName(fields.name),
    fingerprint: print,
    session,
    signing,
    keyIds: [mapKey(fields.session), mapKey(fields.signing)],
    expiresAt,
  };
}

/**
 * The renewal by which a credential that has expired may hold; nobody has looked at its signature.
 *
 * @param bytes The newest renewal.
 * @param now The time in milliseconds since 1970.
 * @throws {CredentialError} Where there is none, or it has expired too.
 * @throws {MalformedError} Where it is no renewal.
 */
export function renewalOf(bytes: Bytes, now: number): Renewal {
  const renewal = bytes.length === 0 ? undefined : readRenewal(bytes);
  if (renewal === undefined || hasExpired(renewal.expiresAt, now)) {
    throw new CredentialError("CREDENTIAL_EXPIRED", "the credential has expired");
  }
  return renewal;
}

function split(bytes: Bytes) {
  const reader = new ByteReader(bytes);
  const parts = {
    body: reader.block16(),
    byIdentity: reader.block16(),
    bySigning: reader.raw(SIGNATURE_BYTES),
  };
  reader.end();
  return parts;
}

function readBody(body: Bytes) {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== CREDENTIAL_VERSION) {
    throw new MalformedError(`the credential has version ${version}, not ${CREDENTIAL_VERSION}`);
  }
  const fields = {
    name: fromUtf8(reader.block16()),
    identity: reader.block16(),
    session: reader.block16(),
    signing: reader.raw(SIGNING_KEY_BYTES),
    expiresAt: reader.u64(),
  };
  reader.end();
  if (normalizeName(fields.name) !== fields.name) {
    throw new MalformedError("the name is not in NFKC");
  }
  return fields;
}

/**
 * What a member signs to join: this room, this challenge, what it dialled, its credential.
 */
export function joinStatement(
  room: Bytes,
  nonce: Bytes,
  dialled: { readonly host: string; readonly port: number },
  member: Bytes,
): Bytes {
  const host = utf8(dialled.host);
  const address = new ByteWriter(host.length + 4).block16(host).u16(dialled.port).finish();
  return inContext(CONTEXT.join, room, nonce, address, member);
}

/**
 * What a member signs for the other members: that it is in this room.
 */
export function presenceStatement(room: Bytes, member: Bytes): Bytes {
  return inContext(CONTEXT.presence, room, member);
}
