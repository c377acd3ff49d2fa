/**
 * `parley rsa sign`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import { checkDestination, readInput, writeOutput } from "../file_or_stream.ts";
import { readKeyFile } from "../key_file.ts";
import { Progress } from "../progress.ts";
import { signDocument } from "../rsa/document.ts";
import { inRsaWords } from "../rsa_failure.ts";
import { required } from "./required.ts";
import type { RSA_SIGN } from "./rsa_spec.ts";

/** Signs a document. */
export async function run({ options, operands }: Input<typeof RSA_SIGN>): Promise<number> {
  const path = required("--key PRIV", options.key);
  const destination = { path: options.output, force: options.force };
  await checkDestination(destination);
  const key = await readKeyFile(path);
  using progress = new Progress("reading");
  const document = await readInput(operands[0], progress);
  progress.next("signing");
  const signature = await inRsaWords(path, () => signDocument(key, document));
  await writeOutput(destination, signature, progress);
  return 0;
}
