/**
 * `parley rsa fingerprint`.
 *
 * @module
 */

import type { Input } from "../cli/spec.ts";
import { readKeyFile } from "../key_file.ts";
import { fingerprint } from "../rsa.ts";
import { writeAll } from "../write_all.ts";
import type { RSA_FINGERPRINT } from "./rsa_spec.ts";

/** Shows a key's fingerprint. */
export async function run({ operands }: Input<typeof RSA_FINGERPRINT>): Promise<number> {
  const { spki } = await readKeyFile(operands[0]!);
  writeAll(Deno.stdout, `${await fingerprint(spki)}\n`);
  return 0;
}
