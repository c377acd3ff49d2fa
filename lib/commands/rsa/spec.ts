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
  help: "A private or public key, a certificate or a certificate request",
} as const;
/** The options that say how to read a key file. */
const KEY_OPTIONS = {
  "passphrase-file": {
    type: "text",
    value: "FILE",
    form: "file",
    help: "A file whose first line is the passphrase of an encrypted key; asked for by default",
  },
  kid: { type: "text", value: "ID", help: "Which key of a JWK set to use" },
} as const;
const JSON_OBJECT = { type: "flag", help: "Print one JSON object on standard output" } as const;

/** `parley rsa keygen`. */
export const RSA_KEYGEN = {
  name: "keygen",
  summary: "Make a key pair.",
  details:
    `Writes the private key to FILE (PKCS#8 PEM, mode 0600) and the public key to FILE.pub (SPKI PEM).
Without -o it prints both keys. --encrypt encrypts the private key with a passphrase, as openssl
pkcs8 does (PBES2: PBKDF2 with HMAC-SHA-256, and AES-256-CBC). It asks for the passphrase without
showing it.`,
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
    encrypt: {
      type: "flag",
      help: "Encrypt the private key with a passphrase",
      needs: ["read"],
    },
    "passphrase-file": {
      type: "text",
      value: "FILE",
      form: "file",
      help: "A file whose first line is the passphrase for --encrypt; asked for by default",
      needs: ["read"],
    },
    force: FORCE,
  },
  permissions: [],
  examples: [
    "parley rsa keygen -o ada.pem",
    "parley rsa keygen --bits 4096 -o ada.pem",
    "parley rsa keygen --encrypt -o ada.pem",
  ],
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
    ...KEY_OPTIONS,
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
    `Reads a JWE in the compact or the JSON form, with RSA-OAEP, RSA-OAEP-256, RSA-OAEP-384 or
RSA-OAEP-512, and any encryption of RFC 7518. It may have up to 512 MiB. If the algorithm is not
supported, the error names it. Every other failed decryption gives the same error, so that an
attacker cannot learn which check failed.`,
  options: {
    key: KEY,
    raw: RAW,
    ...KEY_OPTIONS,
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
    `Makes an RSASSA-PSS signature with SHA-256 and a salt of 32 bytes, like openssl dgst with -sigopt
rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32. --padding pkcs1 makes the PKCS#1 v1.5 signature
that openssl dgst makes by default. The document may have any size.`,
  options: {
    key: KEY,
    padding: {
      type: "text",
      value: "PADDING",
      choices: ["pss", "pkcs1"],
      default: "pss",
      help: "RSASSA-PSS or PKCS#1 v1.5",
    },
    hash: {
      type: "text",
      value: "HASH",
      choices: ["sha256", "sha384", "sha512"],
      help: "The hash function; sha256 by default, or the only one that the key allows",
    },
    salt: {
      type: "integer",
      value: "BYTES",
      min: 0,
      max: 478,
      help: "The length of the salt of RSASSA-PSS; that of the hash by default",
    },
    ...KEY_OPTIONS,
    output: output("SIG", "The file to write; - or nothing writes to standard output"),
    force: FORCE,
  },
  operands: [IN],
  permissions: ["read"],
  examples: [
    "parley rsa sign --key ada.pem -o letter.sig letter.txt",
    "parley rsa sign --key ada.pem --padding pkcs1 --hash sha512 -o letter.sig letter.txt",
  ],
} as const satisfies CommandSpec;

/** `parley rsa verify`. */
export const RSA_VERIFY = {
  name: "verify",
  summary: "Verify the signature of a document.",
  details:
    `Finds out how the signature was made, and prints it: RSASSA-PSS with any salt, or PKCS#1 v1.5, with
SHA-256, SHA-384 or SHA-512. The document may have any size. Exits with 0 if the signature is
valid, and with 1 if not.`,
  options: {
    key: { type: "text", value: "PUB", form: "file", help: "The signer's public key" },
    signature: {
      type: "text",
      short: "s",
      value: "SIG",
      form: "file",
      help: "The file with the signature",
    },
    ...KEY_OPTIONS,
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
  options: KEY_OPTIONS,
  operands: [KEY_FILE],
  permissions: ["read"],
  examples: ["parley rsa fingerprint ada.pem.pub"],
} as const satisfies CommandSpec;

/** `parley rsa inspect`. */
export const RSA_INSPECT = {
  name: "inspect",
  summary:
    "Show the kind, size, exponent and fingerprint of a key file, and what is wrong with it.",
  details:
    `Also shows keys that the other commands refuse, such as keys of fewer than 2048 bits. Prints a line
for each problem.`,
  options: { ...KEY_OPTIONS, json: JSON_OBJECT },
  operands: [KEY_FILE],
  permissions: ["read"],
  examples: ["parley rsa inspect ada.pem", "parley rsa inspect --json ada.pem.pub"],
} as const satisfies CommandSpec;

/** `parley rsa`. */
export const RSA = {
  name: "rsa",
  summary: "RSA keys, messages and signatures in the formats of other tools.",
  details:
    `Reads private and public keys as PKCS#8, SPKI and PKCS#1 (PEM or DER), as JWK, and in OpenSSH's
formats. Also reads the public keys of certificates and certificate requests. Asks for the
passphrase of an encrypted key without showing it; if standard input is not a terminal, it reads
/dev/tty. Never overwrites a file without --force. Writes a file completely or not at all.`,
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
