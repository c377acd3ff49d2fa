/**
 * `parley rsa decrypt`.
 *
 * @module
 */

import type { Input } from "../../cli/spec.ts";
import { checkDestination, readInput, writeOutput } from "../../os/input_output.ts";
import type { Io } from "../../os/io.ts";
import { inRsaWords, readKeyFile } from "../../os/key_files.ts";
import { Progress } from "../../os/progress.ts";
import { decryptBlock, decryptMessage } from "../../rsa/message.ts";
import { required } from "../common_options.ts";
import type { RSA_DECRYPT } from "./spec.ts";

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
