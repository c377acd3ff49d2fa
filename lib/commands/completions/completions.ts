/**
 * `parley completions`.
 *
 * @module
 */

import { completionScript, type Shell } from "../../cli/completions.ts";
import type { Input } from "../../cli/spec.ts";
import { type Io, writeAll } from "../../os/io.ts";
import { PARLEY } from "../table.ts";
import type { COMPLETIONS } from "./spec.ts";

/** Prints the script for a shell. */
export async function run({ operands }: Input<typeof COMPLETIONS>, io: Io): Promise<number> {
  // The operand is one of the choices of its spec.
  writeAll(io.output, await completionScript(PARLEY, operands[0] as Shell));
  return 0;
}
