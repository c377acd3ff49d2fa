/**
 * Key files: read by their path, written as a pair.
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

/** The most that a key file may have, in bytes. */
const MAX_KEY_FILE_BYTES = 1 << 20;

/**
 * Reads an RSA key.
 *
 * @param path Where from.
 * @throws {Failure} Where there is none that can be used: which, and what to do.
 */
export async function readKeyFile(path: string): Promise<RsaKey> {
  const content = await readWhole(path, MAX_KEY_FILE_BYTES);
  return await inRsaWords(path, () => readKey(content));
}

/** The two files of a pair. */
function filesOf(path: string, force: boolean) {
  return [{ path, force, mode: 0o600 }, { path: `${path}.pub`, force, mode: 0o666 }] as const;
}

/**
 * Looks before a pair is made whether it may be written.
 *
 * @throws {Failure} `EEXIST`.
 */
export async function checkPairPlace(path: string, force: boolean): Promise<void> {
  for (const file of filesOf(path, force)) await checkDestination(file);
}

/**
 * Writes a pair: the private key with mode 0600 to a path, the public one beside it as `.pub`. There are both or
 * neither, and where they replace another pair, both of one pair.
 *
 * @throws {Failure} What keeps one of them from being written.
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
 * Does something with a key.
 *
 * @param path The key's file, which a failure names where the key is at fault.
 * @param work What is done.
 * @throws {Failure} For what is wrong with a key or a message.
 */
export async function inRsaWords<T>(path: string, work: () => Promise<T>): Promise<T> {
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
    // No cause: even with --debug it is one and the same.
    return new Failure({
      what: "cannot decrypt",
      why: error.message,
      code: "DECRYPT_FAILED",
      hint: "check the key, and the format of the message",
    });
  }
  return error;
}
