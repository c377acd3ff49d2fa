/**
 * Makes and checks credentials and renewals, and builds the statements that a member signs about
 * itself.
 *
 * A credential binds a name, an identity key (RSA-PSS), a session key (RSA-OAEP) and a signing key
 * (Ed25519) for at most 24 hours. The identity signs it. The signing key signs it too and so proves
 * possession: without that proof, a member could register another member's keys under its own name.
 *
 * A member's id is the SHA-256 of its credential for as long as its process runs, so the credential
 * cannot be replaced. To extend it, the identity signs a later end: a renewal. The other keys of the
 * run cannot do that.
 *
 * @module
 */

import {
  type Bytes,
  ByteWriter,
  fromUtf8,
  MalformedError,
  mapKey,
  readWhole,
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
  CONTEXT,
  generateSigningKeys,
  hasExpired,
  importSigningKey,
  inContext,
  isTooLong,
  MAX_RENEWAL_BYTES,
  sign,
  SIGNATURE_BYTES,
  SIGNING_KEY_BYTES,
  verify,
} from "./signing.ts";

/** The version of the credential format. */
const CREDENTIAL_VERSION = 1;
/**
 * The length limit of a credential in bytes: two 4096-bit keys, a 4096-bit signature and a name
 * fit.
 */
export const MAX_CREDENTIAL_BYTES = 2048;
/** The length of the shortest credential in bytes: a name of one letter, two 2048-bit keys and a signature. */
export const MIN_CREDENTIAL_BYTES = 960;

/** The keys of a member for one run. */
export interface MemberKeys {
  /** RSA-PSS; signs the credential and its renewals and nothing else. */
  readonly identity: CryptoKeyPair;
  /** RSA-OAEP; pairwise keys are wrapped to it. */
  readonly session: CryptoKeyPair;
  /** Ed25519; signs every frame. */
  readonly signing: CryptoKeyPair;
}

/** A checked credential. */
export interface Credential {
  /** The encoded credential. */
  readonly bytes: Bytes;
  /** SHA-256 of the bytes: the member's id, 32 bytes. */
  readonly member: Bytes;
  /** {@linkcode Credential.member} as a string, for use as a map key. */
  readonly key: string;
  /** The member's name in NFKC. */
  readonly name: string;
  /** The case-folded name: names that fold to the same text count as the same name. */
  readonly folded: string;
  /** The fingerprint of the identity, `SHA256:` and unpadded base64. */
  readonly fingerprint: string;
  /** The RSA-OAEP public key that wraps pairwise keys. */
  readonly session: CryptoKey;
  /** The Ed25519 public key that verifies the member's frames. */
  readonly signing: CryptoKey;
  /** The end of the credential or of its newest renewal, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** A member's own credential and its private keys. */
export interface OwnCredential extends Credential {
  /** The keys of the run. The private keys never leave the process. */
  readonly keys: MemberKeys;
}

/**
 * A function that checks a credential as {@linkcode checkCredential} does: the arguments are the
 * bytes, the time in milliseconds since 1970 and the newest renewal.
 */
export type CredentialCheck = (bytes: Bytes, now: number, renewal: Bytes) => Promise<Credential>;

/** The error of a refused credential; the message says why. */
export class CredentialError extends Error {
  /**
   * @param code The kind of fault.
   * @param message Why the credential is refused.
   * @param expiresAt The claimed end of the credential, if that is the fault.
   */
  constructor(
    readonly code: "BAD_CREDENTIAL" | "CREDENTIAL_EXPIRED",
    message: string,
    /** The claimed end in milliseconds since 1970, if that is the fault. */
    readonly expiresAt?: number,
  ) {
    super(message);
    this.name = "CredentialError";
  }
}

/**
 * Generates the keys of a run, the two RSA keys in parallel.
 *
 * @param options The long-lived identity, if there is one, and the sizes of generated keys in bits.
 * @returns The three key pairs.
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
 * Makes and signs a credential.
 *
 * @param name The member's name; it is normalized.
 * @param keys The keys of the run.
 * @param expiresAt The end of the credential in milliseconds since 1970, at most 24 hours from now.
 * @returns The credential and its private keys.
 * @throws {MalformedError} If the name is not valid.
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
  const { publicKey } = keys.session;
  const fields = { name: normal, session: publicKey, signing: keys.signing.publicKey, expiresAt };
  const [member, print] = await Promise.all([sha256(bytes), fingerprint(identity)]);
  return { ...credentialOf(bytes, member, print, fields), keys };
}

function credentialOf(
  bytes: Bytes,
  member: Bytes,
  fingerprint: string,
  fields: Pick<Credential, "name" | "session" | "signing" | "expiresAt">,
): Credential {
  return {
    ...fields,
    bytes,
    member,
    key: mapKey(member),
    folded: foldName(fields.name),
    fingerprint,
  };
}

/**
 * Checks a credential: its format, name, keys, both signatures and its lifetime.
 *
 * @param given The encoded credential; it is copied.
 * @param now The time in milliseconds since 1970.
 * @param renewal The newest renewal, which is checked only if the credential itself has expired.
 * @returns The checked credential.
 * @throws {CredentialError} If any check fails.
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
    const why = "the credential expires more than 24 hours from now by this machine's clock";
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
  return credentialOf(bytes, member, print, { name: fields.name, session, signing, expiresAt });
}

/**
 * Reads the renewal of an expired credential. It does not verify the renewal's signature.
 *
 * @param bytes The newest renewal, or {@linkcode NO_RENEWAL}.
 * @param now The time in milliseconds since 1970.
 * @returns The renewal.
 * @throws {CredentialError} If there is no renewal, or it has expired too.
 * @throws {MalformedError} If the bytes are not a renewal.
 */
export function renewalOf(bytes: Bytes, now: number): Renewal {
  const renewal = bytes.length === 0 ? undefined : readRenewal(bytes);
  if (renewal === undefined || hasExpired(renewal.expiresAt, now)) {
    throw new CredentialError("CREDENTIAL_EXPIRED", "the credential has expired");
  }
  return renewal;
}

function split(bytes: Bytes) {
  return readWhole(bytes, (reader) => ({
    body: reader.block16(),
    byIdentity: reader.block16(),
    bySigning: reader.raw(SIGNATURE_BYTES),
  }));
}

function readBody(body: Bytes) {
  const fields = readWhole(body, (reader) => {
    const version = reader.u8();
    if (version !== CREDENTIAL_VERSION) {
      throw new MalformedError(`the credential has version ${version}, not ${CREDENTIAL_VERSION}`);
    }
    return {
      name: fromUtf8(reader.block16()),
      identity: reader.block16(),
      session: reader.block16(),
      signing: reader.raw(SIGNING_KEY_BYTES),
      expiresAt: reader.u64(),
    };
  });
  if (normalizeName(fields.name) !== fields.name) {
    throw new MalformedError("the name is not in NFKC");
  }
  return fields;
}

/** The empty renewal of a credential that has not been renewed. */
export const NO_RENEWAL: Bytes = new Uint8Array(0);

/** A decoded renewal. Its signature has not been verified. */
export interface Renewal {
  /** The new end of the credential in milliseconds since 1970. */
  readonly expiresAt: number;
  /** The identity's RSA-PSS signature. */
  readonly signature: Bytes;
}

/**
 * Returns the statement that an identity signs to renew a credential.
 *
 * @param member The member's id: the SHA-256 of its credential.
 * @param expiresAt The new end in milliseconds since 1970.
 * @returns The bytes to sign.
 */
export function renewalStatement(member: Bytes, expiresAt: number): Bytes {
  return inContext(CONTEXT.renewal, member, new ByteWriter(8).u64(expiresAt).finish());
}

/**
 * Makes and signs a renewal.
 *
 * @param identity The private key that signed the credential.
 * @param member The member's id: the SHA-256 of its credential.
 * @param expiresAt The new end in milliseconds since 1970, at most 24 hours from now.
 * @returns The encoded renewal.
 */
export async function makeRenewal(
  identity: CryptoKey,
  member: Bytes,
  expiresAt: number,
): Promise<Bytes> {
  const signature = await signPss(identity, renewalStatement(member, expiresAt));
  return new ByteWriter(MAX_RENEWAL_BYTES).u64(expiresAt).block16(signature).finish();
}

/**
 * Decodes a renewal.
 *
 * @param bytes The encoded renewal.
 * @throws {MalformedError} If the bytes are not a renewal.
 */
export function readRenewal(bytes: Bytes): Renewal {
  return readWhole(bytes, (reader) => ({ expiresAt: reader.u64(), signature: reader.block16() }));
}

/** Verifies the identity's signature of a renewal. */
export function verifyRenewal(
  identity: CryptoKey,
  member: Bytes,
  { expiresAt, signature }: Renewal,
): Promise<boolean> {
  return verifyPss(identity, signature, renewalStatement(member, expiresAt));
}
