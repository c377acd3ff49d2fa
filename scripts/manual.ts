/**
 * Prints the manual page: `deno task manual > parley.1`.
 *
 * @module
 */

import { VERSION } from "../lib/base/build.ts";
import { manualPage } from "../lib/cli/manual.ts";
import { PARLEY } from "../lib/commands/table.ts";
import { processIo, writeAll } from "../lib/os/io.ts";

if (import.meta.main) writeAll(processIo().output, manualPage(PARLEY, VERSION));
