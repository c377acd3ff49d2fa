/**
 * parley: picks the command; nothing else.
 *
 * @module
 */

import { runCommandLine } from "./lib/cli.ts";
import { PROGRAM } from "./lib/commands/program.ts";
import { processIo } from "./lib/io.ts";

if (import.meta.main) Deno.exit(await runCommandLine(PROGRAM, Deno.args, processIo()));
