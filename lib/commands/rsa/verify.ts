/**
 * `parley rsa verify`.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { readWhole } from "../../os/files.ts";
import { readInput } from "../../os/input_output.ts";
import type { Io } from "../../os/io.ts";
import { inRsaWords, readKeyFile } from "../../os/key_files.ts";
import { Progress } from "../../os/progress.ts";
import { verifyDocument } from "../../rsa/message.ts";
import { fingerprint } from "../../rsa/rsa.ts";
import { required } from "../common_options.ts";
import type { RSA_VERIFY } from "./spec.ts";

/** The most that a signature's file may have, in bytes. */
const MAX_SIGNATURE_BYTES = 1 << 16;

/** Checks a signature. */
export async function run(
  { options, operands }: Input<typeof RSA_VERIFY>,
  io: Io,
): Promise<number> {
  const path = required("--key PUB", options.key);
  const signaturePath = required("--signature SIG", options.signature);
  const key = await readKeyFile(path);
  const signature = await readWhole(signaturePath, MAX_SIGNATURE_BYTES);
  using progress = new Progress(io, "reading");
  const document = await readInput(io, operands[0], progress);
  progress.next("checking");
  const right = await inRsaWords(path, () => verifyDocument(key, signature, document));
  progress.done();
  if (!right) {
    throw new Failure({
      what: "cannot verify",
      why: "the signature is not of this key and this document",
      code: "BAD_SIGNATURE",
      hint:
        "trust neither; check that these are the key, the document and the signature that belong together",
    });
  }
  printLines(io, [`signed by ${await fingerprint(key.spki)}`]);
  return 0;
}
