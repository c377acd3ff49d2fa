/**
 * The table of commands, complete. The manual, the help, completions and tests read it. What runs one command
 * starts from `load.ts`, which loads that command's part alone.
 *
 * @module
 */

import type { CommandSpec } from "../cli/spec.ts";
import { loadTable } from "./load.ts";

/** The program with the specifications of all its commands. */
export const PARLEY: CommandSpec = await loadTable();
