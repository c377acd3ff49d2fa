/**
 * What `parley rsa` and its commands take.
 *
 * @module
 */

import { DEFAULT_MODULUS_BITS, MODULUS_BITS } from "../../rsa/rsa.ts";
import type { CommandSpec } from "../../cli/spec.ts";

const FORCE = {
  type: "flag",
  help: "Replace a file that exists",
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
  help: "One RSAES-OAEP block instead (SHA-256), as openssl pkeyutl has it",
} as const;
const IN = {
  name: "IN",
  form: "file",
  optional: true,
  help: "The file to read; standard input without, or with -",
} as const;
const KEY_FILE = {
  name: "FILE",
  form: "file",
  help: "A private or public key: PKCS#8, SPKI, PKCS#1 (PEM or DER) or JWK",
} as const;
const JSON_OBJECT = { type: "flag", help: "One JSON object on stdout" } as const;

/** `parley rsa keygen`. */
export const RSA_KEYGEN = {
  name: "keygen",
  summary: "Make a key pair.",
  details:
    `Writes the private key to FILE (PKCS#8 PEM, mode 0600) and the public one to FILE.pub (SPKI
PEM). Without -o both go to standard output.`,
  options: {
    bits: {
      type: "text",
      short: "b",
      value: "BITS",
      choices: MODULUS_BITS.map(String),
      default: String(DEFAULT_MODULUS_BITS),
      help: "The size of the modulus",
    },
    output: output("FILE", "Where the private key goes; the public one goes to FILE.pub"),
    force: FORCE,
  },
  permissions: [],
  examples: ["parley rsa keygen -o ada.pem", "parley rsa keygen --bits 4096 -o ada.pem"],
} as const satisfies CommandSpec;

/** `parley rsa encrypt`. */
export const RSA_ENCRYPT = {
  name: "encrypt",
  summary: "Encrypt a message to the holder of a key.",
  details:
    `The message is a JWE in compact form (RFC 7516): RSA-OAEP-256 with A256GCM, of any size up to
383 MiB. Nothing in it says who wrote it: sign it too where that matters.`,
  options: {
    to: TO,
    raw: RAW,
    output: output("OUT", "The file to write; standard output without, or with -"),
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
    `Whatever is wrong with a message, the failure is the same: which check it did not pass is
nobody's business.`,
  options: {
    key: KEY,
    raw: RAW,
    output: output("OUT", "The file to write; standard output without, or with -"),
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
    `The signature is RSASSA-PSS with SHA-256 and a salt of 32 bytes, as openssl dgst makes it with
-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32.`,
  options: {
    key: KEY,
    output: output("SIG", "The file to write; standard output without, or with -"),
    force: FORCE,
  },
  operands: [IN],
  permissions: ["read"],
  examples: ["parley rsa sign --key ada.pem -o letter.sig letter.txt"],
} as const satisfies CommandSpec;

/** `parley rsa verify`. */
export const RSA_VERIFY = {
  name: "verify",
  summary: "Check the signature of a document.",
  details: "Exits 0 where the signature is right, and 1 where it is not.",
  options: {
    key: { type: "text", value: "PUB", form: "file", help: "The signer's public key" },
    signature: {
      type: "text",
      short: "s",
      value: "SIG",
      form: "file",
      help: "The signature's file",
    },
  },
  operands: [IN],
  permissions: ["read"],
  examples: ["parley rsa verify --key ada.pem.pub --signature letter.sig letter.txt"],
} as const satisfies CommandSpec;

/** `parley rsa fingerprint`. */
export const RSA_FINGERPRINT = {
  name: "fingerprint",
  summary: "Show the fingerprint of a key, to compare it.",
  details:
    `SHA-256 over the public key's SPKI DER; a private key and its public one have the same. It is
the fingerprint that the chat shows for the identity. OpenSSH's fingerprints hash other bytes.`,
  operands: [KEY_FILE],
  permissions: ["read"],
  examples: ["parley rsa fingerprint ada.pem.pub"],
} as const satisfies CommandSpec;

/** `parley rsa inspect`. */
export const RSA_INSPECT = {
  name: "inspect",
  summary: "Show what a key file holds: kind, size, exponent, fingerprint.",
  options: { json: JSON_OBJECT },
  operands: [KEY_FILE],
  permissions: ["read"],
  examples: ["parley rsa inspect ada.pem", "parley rsa inspect --json ada.pem.pub"],
} as const satisfies CommandSpec;

/** `parley rsa`. */
export const RSA = {
  name: "rsa",
  summary: "RSA keys, messages and signatures that other tools read and write.",
  details: `Keys are read as PKCS#8, SPKI, PKCS#1 (PEM or DER) and JWK. A file that exists is never
overwritten without --force, and what is written appears whole or not at all.`,
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
