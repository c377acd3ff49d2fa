/**
 * Prints what CHANGELOG.md says of a version: `deno run --allow-read=. scripts/release_notes.ts 0.1.0`.
 *
 * Fails where the program has another version, or the changelog does not tell of it: no release is
 * made of a tag by mistake.
 *
 * @module
 */

import { VERSION } from "../lib/os/build.ts";

/**
 * The part of a changelog, in the format of Keep a Changelog, that tells of a version.
 *
 * @param changelog The changelog.
 * @param version The version, as in the heading `## 0.1.0` or `## [0.1.0] - 2026-12-01`.
 * @returns The part without its heading, or undefined where there is none or it is empty.
 */
export function releaseNotes(changelog: string, version: string): string | undefined {
  const parts = changelog.split(/^## /m).slice(1);
  const part = parts.find((text) => /^\[?([^\]\s]+)/.exec(text)?.[1] === version);
  const notes = part?.slice(part.indexOf("\n")).trim();
  return notes === "" ? undefined : notes;
}

async function main([version]: readonly string[]): Promise<number> {
  if (version !== VERSION) {
    console.error(`the tag says version ${version}, lib/os/build.ts says ${VERSION}`);
    return 1;
  }
  const notes = releaseNotes(await Deno.readTextFile("CHANGELOG.md"), version);
  if (notes === undefined) {
    console.error(`CHANGELOG.md has no part "## ${version}"`);
    return 1;
  }
  console.log(notes);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
