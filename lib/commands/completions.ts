/**
 * `parley completions`.
 *
 * @module
 */

import { completionScript, type Shell } from "../cli/completions.ts";
import type { Input } from "../cli/spec.ts";
import { writeAll } from "../write_all.ts";
import type { COMPLETIONS } from "./completions_spec.ts";
import { PARLEY } from "./table.ts";

/** Prints the script for a shell. */
export async function run({ operands }: Input<typeof COMPLETIONS>): Promise<number> {
  // The operand is one of the choices of its spec.
  writeAll(Deno.stdout, await completionScript(PARLEY, operands[0] as Shell));
  return 0;
}
