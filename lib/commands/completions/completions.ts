/**
 * `parley completions`.
 *
 * @module
 */

import { completionScript, type Shell } from "../../cli/completions.ts";
import type { CommandSpec, Input } from "../../cli/spec.ts";
import { type Io, writeAll } from "../../os/io.ts";
import type { COMPLETIONS } from "./spec.ts";

/**
 * Prints the script for a shell.
 *
 * @param root The table of commands that the script completes.
 */
export function printScript(
  root: CommandSpec,
  { operands }: Input<typeof COMPLETIONS>,
  io: Io,
): Promise<number> {
  // The operand is one of the choices of its spec.
  writeAll(io.output, completionScript(root, operands[0] as Shell));
  return Promise.resolve(0);
}
