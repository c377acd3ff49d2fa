/**
 * `parley rsa sign`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import { checkDestination, readInput, writeOutput } from "../file_or_stream.ts";
import type { Io } from "../io.ts";
import { readKeyFile } from "../key_file.ts";
import { Progress } from "../progress.ts";
import { signDocument } from "../rsa/document.ts";
import { inRsaWords } from "../rsa_failure.ts";
import { required } from "./required.ts";
import type { RSA_SIGN } from "./rsa_spec.ts";

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
