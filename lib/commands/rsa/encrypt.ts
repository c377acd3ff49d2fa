/**
 * `parley rsa encrypt`.
 *
 * @module
 */

import type { Input } from "../../cli/spec.ts";
import { checkDestination, readInput, writeOutput } from "../../os/input_output.ts";
import type { Io } from "../../os/io.ts";
import { inRsaWords, readKeyFile } from "../../os/key_files.ts";
import { Progress } from "../../os/progress.ts";
import { encryptBlock, encryptMessage } from "../../rsa/message.ts";
import { required } from "../common_options.ts";
import type { RSA_ENCRYPT } from "./spec.ts";

/** Encrypts to the holder of a key. */
export async function run(
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
  const encrypted = await inRsaWords(
    path,
    async () =>
      options.raw
        ? await encryptBlock(key, content)
        : new TextEncoder().encode(`${await encryptMessage(key, content)}\n`),
  );
  await writeOutput(io, destination, encrypted, progress);
  return 0;
}
