/**
 * parley: picks the command; nothing else.
 *
 * @module
 */

import { runCommandLine } from "./lib/cli/run.ts";
import { loadCommand, PROGRAM } from "./lib/commands/load.ts";
import { processIo } from "./lib/os/io.ts";
import { ARGS } from "./lib/os/surroundings.ts";

if (import.meta.main) Deno.exit(await runCommandLine(PROGRAM, ARGS, processIo(), loadCommand));
