/**
 * `parley rsa decrypt`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import { checkDestination, readInput, writeOutput } from "../file_or_stream.ts";
import type { Io } from "../io.ts";
import { readKeyFile } from "../key_file.ts";
import { Progress } from "../progress.ts";
import { decryptBlock, decryptMessage } from "../rsa/message.ts";
import { inRsaWords } from "../rsa_failure.ts";
import { required } from "./required.ts";
import type { RSA_DECRYPT } from "./rsa_spec.ts";

/** Decrypts with a private key. */
export async function run(
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
  const decrypt = options.raw ? decryptBlock : decryptMessage;
  const content = await inRsaWords(path, () => decrypt(key, message));
  await writeOutput(io, destination, content, progress);
  return 0;
}
