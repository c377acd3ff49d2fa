/**
 * Words of the command line, as they may be shown.
 *
 * @module
 */

import { printable } from "../printable.ts";

/** A word of the command line in quotes: controls made visible, long ones cut. */
export function quote(word: string): string {
  return `"${printable(word.length > 60 ? `${word.slice(0, 60)}…` : word)}"`;
}
