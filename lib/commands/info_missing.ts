/**
 * How people are told of what is not shown.
 *
 * @module
 */

import { makeStyle } from "../chat/style.ts";
import { tableLines } from "../cli/table.ts";
import type { Missing } from "../info/missing.ts";
import type { Page } from "../io.ts";

/** A line for each part that is not shown, behind an empty one; nothing where everything is. */
export async function missingLines(missing: readonly Missing[], page: Page): Promise<string[]> {
  if (missing.length === 0) return [];
  const paint = makeStyle(page.coloured).dim;
  const rows = missing.map(({ part, flag }) => {
    const how = flag === null ? "not on this system" : `run with ${flag}`;
    return [{ text: `not shown: ${part}: ${how}`, paint }];
  });
  return ["", ...await tableLines(rows, page)];
}
