/**
 * Which parley this is: its version, and how it was built.
 *
 * @module
 */

/**
 * `source`: Deno runs the source files. `compiled`: an executable that `deno compile` made.
 * `self-contained`: one file that unpacks Deno and the program at its first run.
 */
export type Build = "source" | "compiled" | "self-contained";

/** `scripts/compile.ts` sets `compiled` or `self-contained` in the program that it builds. */
export const BUILD: Build = "source" as Build;

/** The semantic version. */
export const VERSION = "0.1.0";

/** What `--version` prints. */
export function versionText(): string {
  const { deno, v8, typescript } = Deno.version;
  return `parley ${VERSION}\ndeno ${deno}, v8 ${v8}, typescript ${typescript}\n`;
}

/** How it was made, in words. */
export function buildText(): string {
  return BUILD === "source" ? "run from source" : BUILD;
}
