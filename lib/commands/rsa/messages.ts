/**
 * The commands for messages and documents: `parley rsa encrypt`, `decrypt`, `sign` and `verify`.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printLines } from "../../cli/json_events.ts";
import { type Input, required } from "../../cli/spec.ts";
import { readWhole } from "../../os/files.ts";
import { checkDestination, Progress, readInput, writeOutput } from "../../os/input_output.ts";
import type { Io } from "../../os/io.ts";
import { readKeyFile, withKeyFailures } from "../../os/key_files.ts";
import {
  decryptBlock,
  decryptMessage,
  encryptBlock,
  encryptMessage,
  signDocument,
  verifyDocument,
} from "../../rsa/message.ts";
import { fingerprint } from "../../rsa/rsa.ts";
import type { RSA_DECRYPT, RSA_ENCRYPT, RSA_SIGN, RSA_VERIFY } from "./spec.ts";

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
