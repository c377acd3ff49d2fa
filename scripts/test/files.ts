/**
 * The test files on disk.
 *
 * @module
 */

import type { TestFile } from "./groups.ts";

/**
 * Reads every TypeScript file under a folder.
 *
 * @param folder The folder, relative to where the process runs, without `/` at its end.
 */
export function* sourcesIn(folder: string): Generator<TestFile, void> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourcesIn(path);
    else if (name.endsWith(".ts")) yield { path, text: Deno.readTextFileSync(path) };
  }
}

/** Whether `deno test` runs a file by itself. */
export function isTest({ path }: TestFile): boolean {
  return path.endsWith("_test.ts");
}
