/**
 * Prints the manual page: `deno task manual > parley.1`.
 *
 * @module
 */

import { manualPage } from "../lib/cli/manual.ts";
import { PARLEY } from "../lib/commands/table.ts";
import { processIo, writeAll } from "../lib/io.ts";
import { VERSION } from "../lib/version.ts";

if (import.meta.main) writeAll(processIo().output, manualPage(PARLEY, VERSION));
