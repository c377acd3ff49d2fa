/**
 * The specifications of `parley rsa` and its commands.
 *
 * @module
 */

import { DEFAULT_MODULUS_BITS, MODULUS_BITS } from "../../rsa/rsa.ts";
import type { CommandSpec } from "../../cli/spec.ts";

const FORCE = {
  type: "flag",
  help: "Replace an existing file",
} as const;

/** An option that names a file to write. */
function output(value: string, help: string) {
  return { type: "text", short: "o", value, form: "file", help, needs: ["read", "write"] } as const;
}

const TO = {
  type: "text",
  value: "PUB",
  form: "file",
  help: "The recipient's public key",
} as const;
const KEY = {
  type: "text",
  value: "PRIV",
  form: "file",
  help: "Your private key",
} as const;
const RAW = {
  type: "flag",
  help: "Use one RSAES-OAEP block (SHA-256) instead of a JWE, as openssl pkeyutl does",
} as const;
const IN = {
  name: "IN",
  form: "file",
  optional: true,
  help: "The file to read; - or nothing reads standard input",
} as const;
const KEY_FILE = {
  name: "FILE",
  form: "file",
  help: "A private or public key: PKCS#8, SPKI, PKCS#1 (PEM or DER) or JWK",
} as const;
const JSON_OBJECT = { type: "flag", help: "Print one JSON object on standard output" } as const;

/** `parley rsa keygen`. */
export const RSA_KEYGEN = {
  name: "keygen",
  summary: "Make a key pair.",
  details:
    `Writes the private key to FILE (PKCS#8 PEM, mode 0600) and the public key to FILE.pub (SPKI PEM).
Without -o it prints both keys.`,
  options: {
    bits: {
      type: "text",
      short: "b",
      value: "BITS",
      choices: MODULUS_BITS.map(String),
      default: String(DEFAULT_MODULUS_BITS),
      help: "The size of the modulus",
    },
    output: output("FILE", "The file for the private key; the public key is written to FILE.pub"),
    force: FORCE,
  },
  permissions: [],
  examples: ["parley rsa keygen -o ada.pem", "parley rsa keygen --bits 4096 -o ada.pem"],
} as const satisfies CommandSpec;

/** `parley rsa encrypt`. */
export const RSA_ENCRYPT = {
  name: "encrypt",
  summary: "Encrypt a message for the holder of a key.",
  details:
    `Writes a JWE in compact form (RFC 7516), with RSA-OAEP-256 and A256GCM. The message may have up to
383 MiB. A JWE does not prove who wrote it: sign the message as well if that matters.`,
  options: {
    to: TO,
    raw: RAW,
    output: output("OUT", "The file to write; - or nothing writes to standard output"),
    force: FORCE,
  },
  operands: [IN],
  permissions: ["read"],
  examples: [
    "parley rsa encrypt --to ada.pem.pub -o letter.jwe letter.txt",
    "echo hello | parley rsa encrypt --to ada.pem.pub",
    "echo hello | parley rsa encrypt --to ada.pem.pub --raw -o block",
  ],
} as const satisfies CommandSpec;

/** `parley rsa decrypt`. */
export const RSA_DECRYPT = {
  name: "decrypt",
  summary: "Decrypt a message with your private key.",
  details:
    `Every failed decryption gives the same error, so that an attacker cannot learn which check failed.`,
  options: {
    key: KEY,
    raw: RAW,
    output: output("OUT", "The file to write; - or nothing writes to standard output"),
    force: FORCE,
  },
  operands: [IN],
  permissions: ["read"],
  examples: [
    "parley rsa decrypt --key ada.pem letter.jwe",
    "parley rsa decrypt --key ada.pem --raw -o text block",
  ],
} as const satisfies CommandSpec;

/** `parley rsa sign`. */
export const RSA_SIGN = {
  name: "sign",
  summary: "Sign a document.",
  details:
    `Makes an RSASSA-PSS signature with SHA-256 and a salt of 32 bytes, like openssl dgst with
-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32.`,
  options: {
    key: KEY,
    output: output("SIG", "The file to write; - or nothing writes to standard output"),
    force: FORCE,
  },
  operands: [IN],
  permissions: ["read"],
  examples: ["parley rsa sign --key ada.pem -o letter.sig letter.txt"],
} as const satisfies CommandSpec;

/** `parley rsa verify`. */
export const RSA_VERIFY = {
  name: "verify",
  summary: "Verify the signature of a document.",
  details: "Exits with 0 if the signature is valid, and with 1 if it is not.",
  options: {
    key: { type: "text", value: "PUB", form: "file", help: "The signer's public key" },
    signature: {
      type: "text",
      short: "s",
      value: "SIG",
      form: "file",
      help: "The file with the signature",
    },
  },
  operands: [IN],
  permissions: ["read"],
  examples: ["parley rsa verify --key ada.pem.pub --signature letter.sig letter.txt"],
} as const satisfies CommandSpec;

/** `parley rsa fingerprint`. */
export const RSA_FINGERPRINT = {
  name: "fingerprint",
  summary: "Show the fingerprint of a key.",
  details:
    `The fingerprint is the SHA-256 hash of the public key as SPKI DER. A private key and its public key
have the same fingerprint. The chat shows this fingerprint for an identity. OpenSSH hashes other
bytes, so its fingerprints differ.`,
  operands: [KEY_FILE],
  permissions: ["read"],
  examples: ["parley rsa fingerprint ada.pem.pub"],
} as const satisfies CommandSpec;

/** `parley rsa inspect`. */
export const RSA_INSPECT = {
  name: "inspect",
  summary: "Show the kind, size, exponent and fingerprint of a key file.",
  options: { json: JSON_OBJECT },
  operands: [KEY_FILE],
  permissions: ["read"],
  examples: ["parley rsa inspect ada.pem", "parley rsa inspect --json ada.pem.pub"],
} as const satisfies CommandSpec;

/** `parley rsa`. */
export const RSA = {
  name: "rsa",
  summary: "RSA keys, messages and signatures in the formats of other tools.",
  details:
    `Reads keys as PKCS#8, SPKI, PKCS#1 (PEM or DER) and JWK. Never overwrites a file without --force.
Writes a file completely or not at all.`,
  commands: [
    RSA_KEYGEN,
    RSA_ENCRYPT,
    RSA_DECRYPT,
    RSA_SIGN,
    RSA_VERIFY,
    RSA_FINGERPRINT,
    RSA_INSPECT,
  ],
} as const satisfies CommandSpec;
