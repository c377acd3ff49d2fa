/**
 * Prints the manual page: `deno task manual > parley.1`.
 *
 * @module
 */

import { manualPage } from "../lib/cli/manual.ts";
import { PARLEY } from "../lib/commands/table.ts";
import { VERSION } from "../lib/os/build.ts";
import { processIo, writeAll } from "../lib/os/io.ts";

if (import.meta.main) writeAll(processIo().output, manualPage(PARLEY, VERSION));
