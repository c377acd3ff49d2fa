/**
 * What this program is: its version, how it was made, and what runs it.
 *
 * @module
 */

import { BUILD } from "../build.ts";
import { VERSION } from "../version.ts";

/** What `--version` prints. */
export function versionText(): string {
  const { deno, v8, typescript } = Deno.version;
  return `parley ${VERSION}\ndeno ${deno}, v8 ${v8}, typescript ${typescript}\n`;
}

/** How it was made, in words. */
export function buildText(): string {
  return BUILD === "source" ? "run from source" : BUILD;
}
