/**
 * How people are told of what is not shown.
 *
 * @module
 */

import { makeStyle } from "../chat/style.ts";
import { permissionHint } from "../cli/permission_hint.ts";
import { tableLines } from "../cli/table.ts";
import type { Missing } from "../info/missing.ts";
import type { Page } from "../io.ts";

/**
 * A line for each part that is not shown, behind an empty one; nothing where everything is.
 *
 * @param missing The parts.
 * @param words The words of the command: `info`, `host`.
 * @param page Where the lines are printed.
 */
export async function missingLines(
  missing: readonly Missing[],
  words: readonly string[],
  page: Page,
): Promise<string[]> {
  if (missing.length === 0) return [];
  const paint = makeStyle(page.coloured).dim;
  const rows = missing.map(({ part, flag }) => {
    const how = flag === null
      ? "not on this system"
      : permissionHint(words, [flag]) ?? "not permitted to this program";
    return [{ text: `not shown: ${part}: ${how}`, paint }];
  });
  return ["", ...await tableLines(rows, page)];
}
