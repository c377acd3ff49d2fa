/**
 * How people are told of what is not shown.
 *
 * @module
 */

import { style } from "../chat/style.ts";
import { permissionHint } from "../cli/permission_hint.ts";
import { terminalWidth } from "../cli/print.ts";
import { tableLines } from "../cli/table.ts";
import type { Missing } from "../info/missing.ts";

/**
 * A line for each part that is not shown, behind an empty one; nothing where everything is.
 *
 * @param missing The parts.
 * @param words The words of the command: `info`, `host`.
 */
export async function missingLines(
  missing: readonly Missing[],
  words: readonly string[],
): Promise<string[]> {
  if (missing.length === 0) return [];
  const rows = missing.map(({ part, flag }) => {
    const how = flag === null
      ? "not on this system"
      : permissionHint(words, [flag]) ?? "not permitted to this program";
    return [{ text: `not shown: ${part}: ${how}`, paint: style.dim }];
  });
  return ["", ...await tableLines(rows, { width: terminalWidth() })];
}
