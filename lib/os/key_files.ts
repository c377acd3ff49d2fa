/**
 * Reads RSA keys from files and writes key pairs.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable, shellPath } from "../base/printable.ts";
import { KeyFileError, type PemPair, readKey, type RsaKey } from "../rsa/key_formats.ts";
import { DecryptionError, MAX_MESSAGE_BYTES, MessageTooLongError } from "../rsa/message.ts";
import { readWhole } from "./files.ts";
import { checkDestination, interruptible, type Progress, writeFiles } from "./input_output.ts";
import type { Io } from "./io.ts";

/** The most bytes that a key file may have. */
const MAX_KEY_FILE_BYTES = 1 << 20;

/**
 * Reads an RSA key from a file.
 *
 * @param path The file.
 * @throws {Failure} If the file has no usable key. The failure says what it has and what to do.
 */
export async function readKeyFile(path: string): Promise<RsaKey> {
  const content = await readWhole(path, MAX_KEY_FILE_BYTES);
  return await withKeyFailures(path, () => readKey(content));
}

/** Returns the two files of a key pair. */
function filesOf(path: string, force: boolean) {
  return [{ path, force, mode: 0o600 }, { path: `${path}.pub`, force, mode: 0o666 }] as const;
}

/**
 * Checks that the files of a pair may be written, before the pair is generated.
 *
 * @throws {Failure} `EEXIST` if one exists and may not be replaced.
 */
export async function checkPairWritable(path: string, force: boolean): Promise<void> {
  for (const file of filesOf(path, force)) await checkDestination(file);
}

/**
 * Writes a key pair: the private key to `path` with mode 0600, the public key to `path` with `.pub` appended. Both
 * files are written or neither, and a replaced pair is replaced as a whole.
 *
 * @throws {Failure} If one of the files cannot be written.
 */
export async function writePair(
  io: Io,
  path: string,
  pair: PemPair,
  force: boolean,
  progress: Progress,
): Promise<void> {
  const encoder = new TextEncoder();
  const contents = [pair.privatePem, pair.publicPem].map((pem) => encoder.encode(pem));
  const files = filesOf(path, force).map((file, i) => ({ ...file, bytes: contents[i]! }));
  progress.next(`writing ${printable(path)}`);
  await interruptible(io, path, (signal) => writeFiles(files, force, signal));
}

/**
 * Runs work that uses a key, and turns its errors into failures.
 *
 * @param path The key's file, for failures caused by the key.
 * @param work The work.
 * @throws {Failure} If the key or the message is not usable.
 */
export async function withKeyFailures<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw failureOf(error, path);
  }
}

function failureOf(error: unknown, path: string): unknown {
  if (error instanceof KeyFileError) {
    return new Failure({
      what: `cannot use the key ${printable(path)}`,
      why: error.message,
      code: error.code,
      hint: error.hint.replaceAll("FILE", () => printable(shellPath(path))),
      cause: error,
    });
  }
  if (error instanceof MessageTooLongError) {
    return new Failure({
      what: "cannot encrypt",
      why: error.message,
      code: "MESSAGE_TOO_LONG",
      hint: error.maxBytes < MAX_MESSAGE_BYTES
        ? "one block takes no more (k - 2·32 - 2)"
        : "split it, or encrypt it with a tool for files of that size",
      cause: error,
    });
  }
  if (error instanceof DecryptionError) {
    // No cause: it would tell padding errors from others, even with --debug.
    return new Failure({
      what: "cannot decrypt",
      why: error.message,
      code: "DECRYPT_FAILED",
      hint: "check the key, and the format of the message",
    });
  }
  return error;
}
