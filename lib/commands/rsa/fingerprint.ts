/**
 * `parley rsa fingerprint`.
 *
 * @module
 */

import { printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { readKeyFile } from "../../os/key_files.ts";
import { fingerprint } from "../../rsa/rsa.ts";
import type { RSA_FINGERPRINT } from "./spec.ts";

/** Shows a key's fingerprint. */
export async function run({ operands }: Input<typeof RSA_FINGERPRINT>, io: Io): Promise<number> {
  const { spki } = await readKeyFile(operands[0]!);
  printLines(io, [`${await fingerprint(spki)}`]);
  return 0;
}
