/**
 * Prints the manual page: `deno task manual > parley.1`.
 *
 * @module
 */

import { manualPage } from "../lib/cli/manual.ts";
import { PARLEY } from "../lib/commands/table.ts";
import { VERSION } from "../lib/version.ts";
import { writeAll } from "../lib/write_all.ts";

if (import.meta.main) writeAll(Deno.stdout, manualPage(PARLEY, VERSION));
