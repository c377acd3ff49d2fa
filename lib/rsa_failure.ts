/**
 * What can go wrong with RSA, as failures for a person.
 *
 * @module
 */

import { Failure } from "./failure.ts";
import { printable } from "./printable.ts";
import { KeyFileError } from "./rsa/key_file.ts";
import { DecryptionError, MAX_MESSAGE_BYTES, MessageTooLongError } from "./rsa/message.ts";
import { shellPath } from "./shell_word.ts";

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
        ? "one block takes no more (k - 2·32 - 2); without --raw any size goes"
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
      hint: "check the key, and whether it was encrypted with --raw",
    });
  }
  return error;
}
