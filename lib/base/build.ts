/**
 * Which parley this is: its version, and how it was built.
 *
 * @module
 */

/**
 * `source`: run from its files by a Deno that was there; `compiled`: an executable of `deno compile`;
 * `self-contained`: one file that unpacks Deno and the program on its first run.
 */
export type Build = "source" | "compiled" | "self-contained";

/** `scripts/compile.ts` writes the other two into the program that it makes. */
export const BUILD: Build = "source" as Build;

/** Semantic version. */
export const VERSION = "0.1.0";
