/**
 * RSA with WebCrypto: keys, key files, OAEP, PSS, messages, signatures and fingerprints (RFC 8017, FIPS 186-5).
 *
 * {@linkcode importSpki} accepts a key from elsewhere only if its modulus is odd and has 2048 to 4096 bits, its
 * exponent is 65537 and its encoding (SPKI DER, RFC 5280 section 4.1) is canonical. {@linkcode readKey} reads key files
 * in PEM, DER, JWK and the formats of OpenSSH, encrypted or not.
 *
 * @module
 */

export type { Bytes } from "./base/bytes.ts";
export {
  kindText,
  SaltError,
  SIGNATURE_HASHES,
  type SignatureHash,
  type SignatureKind,
  type SignatureOptions,
  signDocument,
  type Signing,
  startSigning,
  type Verification,
  verifyDocument,
  verifyStream,
} from "./rsa/signature.ts";
export {
  inspectKey,
  type KeyUse,
  type PemPair,
  privateKeyOf,
  publicKeyOf,
  readKey,
  type ReadKeyOptions,
  type RsaKey,
  writeKeyPair,
} from "./rsa/key_formats.ts";
export { type KeyFileCode, KeyFileError } from "./rsa/der.ts";
export type { KeyProblem, PssLimits } from "./rsa/key_der.ts";
export {
  decryptBlock,
  DecryptionError,
  decryptMessage,
  encryptBlock,
  encryptMessage,
  MAX_JWE_BYTES,
  MAX_MESSAGE_BYTES,
  maxBlockBytes,
  MessageTooLongError,
  UnsupportedMessageError,
} from "./rsa/message.ts";

export {
  decryptOaep,
  DEFAULT_MODULUS_BITS,
  encryptOaep,
  exportSpki,
  fingerprint,
  generateRsaKeys,
  importSpki,
  MODULUS_BITS,
  MODULUS_BOUNDS,
  type ModulusBits,
  RsaKeyError,
  type RsaUse,
  signPss,
  verifyPss,
} from "./rsa/rsa.ts";
