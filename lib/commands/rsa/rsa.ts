/**
 * The commands of `parley rsa`: keys (`keygen`, `fingerprint`, `inspect`) and messages (`encrypt`, `decrypt`, `sign`,
 * `verify`).
 *
 * @module
 */

import { type Bytes, utf8 } from "../../base/bytes.ts";
import { Failure, usageFailure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/output.ts";
import { type Input, required } from "../../cli/spec.ts";
import { readWhole } from "../../os/files.ts";
import {
  checkDestination,
  checkPairWritable,
  inspectKeyFile,
  openInput,
  readInput,
  readKeyFile,
  withKeyFailures,
  writeOutput,
  writePair,
} from "../../os/input_output.ts";
import { Progress } from "../../os/log.ts";
import { type Io, writeAll } from "../../os/io.ts";
import { type ReadKeyOptions, type RsaKey, writeKeyPair } from "../../rsa/key_formats.ts";
import type { Signing } from "../../rsa/signature.ts";
import type { PssLimits } from "../../rsa/key_der.ts";
import {
  decryptBlock,
  decryptMessage,
  encryptBlock,
  encryptMessage,
  MAX_JWE_BYTES,
  MAX_MESSAGE_BYTES,
} from "../../rsa/message.ts";
import { exportSpki, fingerprint, generateRsaKeys, type ModulusBits } from "../../rsa/rsa.ts";
import type {
  RSA_DECRYPT,
  RSA_ENCRYPT,
  RSA_FINGERPRINT,
  RSA_INSPECT,
  RSA_KEYGEN,
  RSA_SIGN,
  RSA_VERIFY,
} from "./spec.ts";

/** Makes a key pair, and prints its fingerprint if it is written to files. */
export async function keygen({ options }: Input<typeof RSA_KEYGEN>, io: Io): Promise<number> {
  const { output, force, bits } = options;
  const toFiles = output !== undefined && output !== "-";
  if (toFiles) await checkPairWritable(output, force);
  const passphrase = options.encrypt
    ? await newPassphrase(io, options["passphrase-file"])
    : undefined;
  using progress = new Progress(io, `making a key of ${bits} bits`);
  const keys = await generateRsaKeys("sign", Number(bits) as ModulusBits);
  const pair = await writeKeyPair(keys, passphrase);
  if (!toFiles) {
    progress.done();
    writeAll(io.output, pair.privatePem + pair.publicPem);
    return 0;
  }
  await writePair(io, output, pair, force, progress);
  progress.done();
  printLines(io, [`${await fingerprint(await exportSpki(keys.publicKey))}`]);
  return 0;
}

type Passphrase = Awaited<ReturnType<NonNullable<ReadKeyOptions["passphrase"]>>>;

/** The most that a passphrase's file may have, in bytes. */
const MAX_PASSPHRASE_BYTES = 1 << 16;

/** Reads the first line of a file, without its line end, as the passphrase. */
async function passphraseIn(file: string): Promise<Passphrase> {
  const content = await readWhole(file, MAX_PASSPHRASE_BYTES);
  const end = content.findIndex((byte) => byte === 10 || byte === 13);
  return content.subarray(0, end < 0 ? content.length : end);
}

async function askPassphrase(io: Io, secret: string): Promise<Passphrase> {
  const { askHidden } = await import("../../os/streams.ts");
  return await askHidden(io, secret);
}

async function newPassphrase(io: Io, file: string | undefined): Promise<Passphrase> {
  const passphrase = file === undefined
    ? await askPassphrase(io, "new passphrase")
    : await passphraseIn(file);
  const refuse = (why: string) =>
    new Failure({ what: "cannot make a key", why, code: "PASSPHRASE" });
  if (passphrase.length === 0) throw refuse("the passphrase is empty");
  if (file !== undefined) return passphrase;
  const again = await askPassphrase(io, "same passphrase again");
  if (again.toHex() !== passphrase.toHex()) throw refuse("the two passphrases differ");
  return passphrase;
}

/** The options that say how to read a key file. */
interface KeyOptions {
  readonly "passphrase-file": string | undefined;
  readonly kid: string | undefined;
}

/** How to read a key file: the passphrase comes from a file, or is asked for when it is needed. */
function readingOf(io: Io, path: string, options: KeyOptions): ReadKeyOptions {
  const { "passphrase-file": file, kid } = options;
  return {
    passphrase: () =>
      file === undefined
        ? askPassphrase(io, `passphrase of ${printable(path)}`)
        : passphraseIn(file),
    ...(kid === undefined ? {} : { kid }),
  };
}

/** Shows a key's fingerprint. */
export async function showFingerprint(
  { options, operands }: Input<typeof RSA_FINGERPRINT>,
  io: Io,
): Promise<number> {
  const path = operands[0]!;
  const { spki } = await readKeyFile(path, readingOf(io, path, options));
  printLines(io, [`${await fingerprint(spki)}`]);
  return 0;
}

/** Shows what a key file holds, and what is wrong with its key. */
export async function inspect(
  { options, operands }: Input<typeof RSA_INSPECT>,
  io: Io,
): Promise<number> {
  const path = operands[0]!;
  const { key, problems } = await inspectKeyFile(path, readingOf(io, path, options));
  const { kind, format, modulusBits: bits, pss } = key;
  // Usually 65537. An exponent too large for a JSON number is printed as text.
  const exponent = key.exponent <= Number.MAX_SAFE_INTEGER
    ? Number(key.exponent)
    : String(key.exponent);
  const print = await fingerprint(key.spki);
  if (options.json) {
    const shown = problems.map(({ code, message }) => ({ code, message }));
    const limits = pss === undefined ? {} : { pss };
    printJson(io, { kind, format, bits, exponent, fingerprint: print, ...limits, problems: shown });
    return 0;
  }
  printLines(io, [
    `kind         RSA ${kind} key, ${format}`,
    `modulus      ${bits} bits`,
    `exponent     ${exponent}`,
    `fingerprint  ${print}`,
    ...(pss === undefined ? [] : [`use          ${usesOf(pss)}`]),
    ...problems.map(({ message }) => `problem      ${printable(message)}`),
  ]);
  return 0;
}

function usesOf({ hash, maskHash, minSaltBytes }: PssLimits): string {
  const only = "RSASSA-PSS signatures alone";
  if (hash === undefined) return only;
  return `${only}, with ${hash}, MGF1 with ${maskHash} and a salt of at least ${minSaltBytes} bytes`;
}

/** The most input that is read for one block, in bytes. A block itself has at most 512. */
const MAX_RAW_BYTES = 1 << 16;

/** How `encrypt` and `decrypt` differ. */
interface Conversion {
  /** The key's file. */
  readonly path: string;
  /** The most input, in bytes, unless it is one block. */
  readonly maxBytes: number;
  /** What is done, for failures and for the progress. */
  readonly verb: "encrypt" | "decrypt";
  /** Makes the output. */
  convert(key: RsaKey, input: Bytes): Promise<Bytes>;
}

/** Reads the key and the input, and writes what becomes of it. */
async function convertInput(
  { options, operands }: Input<typeof RSA_ENCRYPT> | Input<typeof RSA_DECRYPT>,
  io: Io,
  { path, maxBytes, verb, convert }: Conversion,
): Promise<number> {
  const destination = { path: options.output, force: options.force };
  await checkDestination(destination);
  const key = await readKeyFile(path, readingOf(io, path, options));
  using progress = new Progress(io, "reading");
  const input = await readInput(io, operands[0], progress, {
    maxBytes: options.raw ? MAX_RAW_BYTES : maxBytes,
    what: `cannot ${verb}`,
    ...(options.raw
      ? { limitHint: "--raw takes one block; leave it out for a message of any size" }
      : {}),
  });
  progress.next(`${verb}ing`);
  const output = await withKeyFailures(path, () => convert(key, input));
  await writeOutput(io, destination, output, progress);
  return 0;
}

/** Encrypts to the holder of a key. */
export async function encrypt(input: Input<typeof RSA_ENCRYPT>, io: Io): Promise<number> {
  const { raw, to } = input.options;
  return await convertInput(input, io, {
    path: required("--to PUB", to),
    maxBytes: MAX_MESSAGE_BYTES,
    verb: "encrypt",
    convert: raw
      ? encryptBlock
      : async (key, content) => utf8(`${await encryptMessage(key, content)}\n`),
  });
}

/** Decrypts with a private key. */
export async function decrypt(input: Input<typeof RSA_DECRYPT>, io: Io): Promise<number> {
  const { raw, key } = input.options;
  return await convertInput(input, io, {
    path: required("--key PRIV", key),
    maxBytes: MAX_JWE_BYTES,
    verb: "decrypt",
    convert: raw ? decryptBlock : decryptMessage,
  });
}

/** The names of the hash functions on the command line. */
const HASH_NAMES = { sha256: "SHA-256", sha384: "SHA-384", sha512: "SHA-512" } as const;

/** Signs a document. */
export async function sign({ options, operands }: Input<typeof RSA_SIGN>, io: Io): Promise<number> {
  const path = required("--key PRIV", options.key);
  const destination = { path: options.output, force: options.force };
  await checkDestination(destination);
  const key = await readKeyFile(path, readingOf(io, path, options));
  const signing = await withKeyFailures(path, () => startAsAsked(key, options));
  using progress = new Progress(io, "reading");
  const signature = await signing(openInput(io, operands[0], progress));
  await writeOutput(io, destination, signature, progress);
  return 0;
}

async function startAsAsked(
  key: RsaKey,
  { padding, hash, salt }: Input<typeof RSA_SIGN>["options"],
): Promise<Signing> {
  if (padding === "pkcs1" && salt !== undefined) {
    throw usageFailure("--salt", "PKCS#1 v1.5 has no salt", "leave it out, or use --padding pss");
  }
  const { SaltError, startSigning } = await import("../../rsa/signature.ts");
  try {
    return await startSigning(key, {
      padding: padding as "pss" | "pkcs1",
      ...(hash === undefined ? {} : { hash: HASH_NAMES[hash as keyof typeof HASH_NAMES] }),
      ...(salt === undefined ? {} : { saltBytes: salt }),
    });
  } catch (error) {
    if (!(error instanceof SaltError)) throw error;
    throw usageFailure("--salt", error.message);
  }
}

/** The most that a signature's file may have, in bytes. */
const MAX_SIGNATURE_BYTES = 1 << 16;

/** Checks a signature, and prints how it was made. */
export async function verify(
  { options, operands }: Input<typeof RSA_VERIFY>,
  io: Io,
): Promise<number> {
  const path = required("--key PUB", options.key);
  const signaturePath = required("--signature SIG", options.signature);
  const key = await readKeyFile(path, readingOf(io, path, options));
  const signature = await readWhole(signaturePath, MAX_SIGNATURE_BYTES);
  const { kindText, verifyStream } = await import("../../rsa/signature.ts");
  using progress = new Progress(io, "reading");
  const document = openInput(io, operands[0], progress);
  const { holds, kind, why } = await verifyStream(key, signature, document);
  progress.done();
  if (!holds || kind === undefined) {
    throw new Failure({
      what: "cannot verify",
      why: why ?? "the signature does not belong to this key and this document",
      code: "BAD_SIGNATURE",
      hint: "do not trust the document; check that key, document and signature belong together",
    });
  }
  printLines(io, [`signed by ${await fingerprint(key.spki)} (${kindText(kind)})`]);
  return 0;
}
