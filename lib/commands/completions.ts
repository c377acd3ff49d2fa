/**
 * `parley completions`.
 *
 * @module
 */

import { completionScript, type Shell } from "../cli/completions.ts";
import type { Input } from "../cli/spec.ts";
import { type Io, writeAll } from "../io.ts";
import type { COMPLETIONS } from "./completions_spec.ts";
import { PARLEY } from "./table.ts";

/** Prints the script for a shell. */
export async function run({ operands }: Input<typeof COMPLETIONS>, io: Io): Promise<number> {
  // The operand is one of the choices of its spec.
  writeAll(io.output, await completionScript(PARLEY, operands[0] as Shell));
  return 0;
}
