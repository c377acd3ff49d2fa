/**
 * `SHA256SUMS`, as `sha256sum -c` reads it.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";

const NAME = "SHA256SUMS";

/**
 * Writes the sums of files into the `SHA256SUMS` of their directory. Lines of other files stay as
 * long as those files do.
 *
 * @param directory The directory.
 * @param names The files in it that are new.
 */
export async function writeChecksums(directory: string, names: readonly string[]): Promise<void> {
  const sums = new Map<string, string>();
  for (const [sum, name] of await readChecksums(`${directory}/${NAME}`)) {
    if (await isFile(`${directory}/${name}`)) sums.set(name, sum);
  }
  for (const name of names) {
    const bytes = await Deno.readFile(`${directory}/${name}`);
    sums.set(name, encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))));
  }
  const lines = [...sums].sort(([a], [b]) => a < b ? -1 : 1).map(([name, sum]) =>
    `${sum}  ${name}\n`
  );
  await Deno.writeTextFile(`${directory}/${NAME}`, lines.join(""));
}

async function readChecksums(path: string): Promise<(readonly [string, string])[]> {
  if (!await isFile(path)) return [];
  const text = await Deno.readTextFile(path);
  return [...text.matchAll(/^([0-9a-f]{64}) [ *]([^/\n]+)$/gm)].map(([, sum, name]) =>
    [sum!, name!] as const
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
