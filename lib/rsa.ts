/**
 * RSA by WebCrypto: keys, OAEP, PSS, fingerprints (RFC 8017, FIPS 186-5).
 *
 * Keys travel as SPKI DER (RFC 5280 section 4.1). A key that comes from elsewhere is taken only if it has
 * 2048 to 4096 bits, an odd modulus, the exponent 65537 and the one canonical encoding.
 *
 * @module
 */

export type { Bytes } from "./base/bytes.ts";
export { signDocument, verifyDocument } from "./rsa/message.ts";
export {
  KeyFileError,
  privateKeyOf,
  publicKeyOf,
  readKey,
  writeKeyPair,
} from "./rsa/key_formats.ts";
export type { KeyFileCode, KeyUse, PemPair, RsaKey } from "./rsa/key_formats.ts";
export {
  decryptBlock,
  DecryptionError,
  decryptMessage,
  encryptBlock,
  encryptMessage,
  MAX_MESSAGE_BYTES,
  maxBlockBytes,
  MessageTooLongError,
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
