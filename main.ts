/**
 * parley: picks the command; nothing else.
 *
 * @module
 */

import { runCommandLine } from "./lib/cli.ts";
import { PROGRAM } from "./lib/commands/program.ts";
import { processIo } from "./lib/io.ts";
// Loaded here: what it reads is given up before a command's code is loaded.
import { ARGS } from "./lib/surroundings.ts";

if (import.meta.main) Deno.exit(await runCommandLine(PROGRAM, ARGS, processIo()));
