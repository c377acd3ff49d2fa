/**
 * parley: picks the command; nothing else.
 *
 * @module
 */

import { runCommandLine } from "./lib/cli.ts";
import { PARLEY } from "./lib/commands/table.ts";

if (import.meta.main) Deno.exit(await runCommandLine(PARLEY, Deno.args));
