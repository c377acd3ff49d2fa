/**
 * Key files: read by their path, written as a pair.
 *
 * @module
 */

import { checkDestination, interruptible, writeFiles } from "./file_or_stream.ts";
import type { Io } from "./io.ts";
import { printable } from "./printable.ts";
import type { Progress } from "./progress.ts";
import { type PemPair, readKey, type RsaKey } from "./rsa/key_file.ts";
import { inRsaWords } from "./rsa_failure.ts";
import { readWhole } from "./whole_file.ts";

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
