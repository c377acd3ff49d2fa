/**
 * The commands of `parley rsa`: keys (`keygen`, `fingerprint`, `inspect`) and messages (`encrypt`, `decrypt`, `sign`,
 * `verify`).
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import { type Input, required } from "../../cli/spec.ts";
import { readWhole } from "../../os/files.ts";
import {
  checkDestination,
  checkPairWritable,
  Progress,
  readInput,
  readKeyFile,
  withKeyFailures,
  writeOutput,
  writePair,
} from "../../os/input_output.ts";
import { type Io, writeAll } from "../../os/io.ts";
import { writeKeyPair } from "../../rsa/key_formats.ts";
import {
  decryptBlock,
  decryptMessage,
  encryptBlock,
  encryptMessage,
  signDocument,
  verifyDocument,
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
  using progress = new Progress(io, `making a key of ${bits} bits`);
  const keys = await generateRsaKeys("sign", Number(bits) as ModulusBits);
  const pair = await writeKeyPair(keys);
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

/** Shows a key's fingerprint. */
export async function showFingerprint(
  { operands }: Input<typeof RSA_FINGERPRINT>,
  io: Io,
): Promise<number> {
  const { spki } = await readKeyFile(operands[0]!);
  printLines(io, [`${await fingerprint(spki)}`]);
  return 0;
}

/** Shows what a key file holds. */
export async function inspect(
  { options, operands }: Input<typeof RSA_INSPECT>,
  io: Io,
): Promise<number> {
  const { kind, format, modulusBits: bits, exponent, spki } = await readKeyFile(operands[0]!);
  // Usually 65537. An exponent too large for a JSON number is printed as text.
  const shown = exponent <= Number.MAX_SAFE_INTEGER ? Number(exponent) : String(exponent);
  const key = { kind, format, bits, exponent: shown, fingerprint: await fingerprint(spki) };
  const lines = [
    `kind         RSA ${kind} key, ${format}`,
    `modulus      ${bits} bits`,
    `exponent     ${key.exponent}`,
    `fingerprint  ${key.fingerprint}`,
  ];
  if (options.json) printJson(io, key);
  else printLines(io, lines);
  return 0;
}

/** Encrypts to the holder of a key. */
export async function encrypt(
  { options, operands }: Input<typeof RSA_ENCRYPT>,
  io: Io,
): Promise<number> {
  const path = required("--to PUB", options.to);
  const destination = { path: options.output, force: options.force };
  await checkDestination(destination);
  const key = await readKeyFile(path);
  using progress = new Progress(io, "reading");
  const content = await readInput(io, operands[0], progress);
  progress.next("encrypting");
  const encrypted = await withKeyFailures(
    path,
    async () =>
      options.raw
        ? await encryptBlock(key, content)
        : new TextEncoder().encode(`${await encryptMessage(key, content)}\n`),
  );
  await writeOutput(io, destination, encrypted, progress);
  return 0;
}

/** Decrypts with a private key. */
export async function decrypt(
  { options, operands }: Input<typeof RSA_DECRYPT>,
  io: Io,
): Promise<number> {
  const path = required("--key PRIV", options.key);
  const destination = { path: options.output, force: options.force };
  await checkDestination(destination);
  const key = await readKeyFile(path);
  using progress = new Progress(io, "reading");
  const message = await readInput(io, operands[0], progress);
  progress.next("decrypting");
  const open = options.raw ? decryptBlock : decryptMessage;
  const content = await withKeyFailures(path, () => open(key, message));
  await writeOutput(io, destination, content, progress);
  return 0;
}

/** Signs a document. */
export async function sign({ options, operands }: Input<typeof RSA_SIGN>, io: Io): Promise<number> {
  const path = required("--key PRIV", options.key);
  const destination = { path: options.output, force: options.force };
  await checkDestination(destination);
  const key = await readKeyFile(path);
  using progress = new Progress(io, "reading");
  const document = await readInput(io, operands[0], progress);
  progress.next("signing");
  const signature = await withKeyFailures(path, () => signDocument(key, document));
  await writeOutput(io, destination, signature, progress);
  return 0;
}

/** The most that a signature's file may have, in bytes. */
const MAX_SIGNATURE_BYTES = 1 << 16;

/** Checks a signature. */
export async function verify(
  { options, operands }: Input<typeof RSA_VERIFY>,
  io: Io,
): Promise<number> {
  const path = required("--key PUB", options.key);
  const signaturePath = required("--signature SIG", options.signature);
  const key = await readKeyFile(path);
  const signature = await readWhole(signaturePath, MAX_SIGNATURE_BYTES);
  using progress = new Progress(io, "reading");
  const document = await readInput(io, operands[0], progress);
  progress.next("checking");
  const right = await withKeyFailures(path, () => verifyDocument(key, signature, document));
  progress.done();
  if (!right) {
    throw new Failure({
      what: "cannot verify",
      why: "the signature does not belong to this key and this document",
      code: "BAD_SIGNATURE",
      hint: "do not trust the document; check that key, document and signature belong together",
    });
  }
  printLines(io, [`signed by ${await fingerprint(key.spki)}`]);
  return 0;
}
