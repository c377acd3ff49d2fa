/**
 * `parley rsa sign`.
 *
 * @module
 */

import type { Input } from "../../cli/spec.ts";
import { checkDestination, readInput, writeOutput } from "../../os/input_output.ts";
import type { Io } from "../../os/io.ts";
import { inRsaWords, readKeyFile } from "../../os/key_files.ts";
import { Progress } from "../../os/progress.ts";
import { signDocument } from "../../rsa/message.ts";
import { required } from "../common_options.ts";
import type { RSA_SIGN } from "./spec.ts";

/** Signs a document. */
export async function run({ options, operands }: Input<typeof RSA_SIGN>, io: Io): Promise<number> {
  const path = required("--key PRIV", options.key);
  const destination = { path: options.output, force: options.force };
  await checkDestination(destination);
  const key = await readKeyFile(path);
  using progress = new Progress(io, "reading");
  const document = await readInput(io, operands[0], progress);
  progress.next("signing");
  const signature = await inRsaWords(path, () => signDocument(key, document));
  await writeOutput(io, destination, signature, progress);
  return 0;
}
