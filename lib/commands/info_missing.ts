/**
 * How people are told of what is not shown.
 *
 * @module
 */

import { style } from "../chat/style.ts";
import type { Missing } from "../info/missing.ts";

/** A line for each part that is not shown, behind an empty one; nothing where everything is. */
export function missingLines(missing: readonly Missing[]): string[] {
  if (missing.length === 0) return [];
  return [
    "",
    ...missing.map(({ part, flag }) =>
      style.dim(`not shown: ${part}: ${flag === null ? "not on this system" : `run with ${flag}`}`)
    ),
  ];
}
