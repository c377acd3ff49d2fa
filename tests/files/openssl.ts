/**
 * The `openssl` command, and a directory for its files.
 *
 * @module
 */

import { granted } from "../granted.ts";

/** Where tests of this directory may write. */
const HERE = new URL("./", import.meta.url).pathname;

/** Whether tests may read and write files here. */
export const MAY_WRITE: boolean = granted(
  { name: "read", path: HERE },
  { name: "write", path: HERE },
);

/** Whether the `openssl` command is there and may be run. */
export const HAS_OPENSSL: boolean = MAY_WRITE && granted({ name: "run", command: "openssl" }) &&
  await isInstalled();

async function isInstalled(): Promise<boolean> {
  try {
    return (await new Deno.Command("openssl", { args: ["version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** A directory that is removed with what is in it. */
export class Scratch implements AsyncDisposable {
  private constructor(
    /** Its path. */
    readonly path: string,
  ) {}

  /** Makes an empty one. */
  static async make(): Promise<Scratch> {
    return new Scratch(await Deno.makeTempDir({ dir: HERE, suffix: ".tmp" }));
  }

  /** The path of a file in it. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** Writes a file in it; gives its path. */
  async write(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.file(name);
    if (typeof content === "string") await Deno.writeTextFile(path, content);
    else await Deno.writeFile(path, content);
    return path;
  }

  /** The names of what is in it, in their order. */
  async names(): Promise<string[]> {
    const entries = await Array.fromAsync(Deno.readDir(this.path));
    return entries.map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/**
 * Runs `openssl`, and fails where it does.
 *
 * @param cwd Where.
 * @param args Its arguments, parted by spaces.
 * @returns Its standard output.
 */
export async function openssl(cwd: string, args: string): Promise<Uint8Array> {
  const { success, stdout, stderr } = await new Deno.Command("openssl", {
    args: args.split(" "),
    cwd,
    stdin: "null",
  }).output();
  if (!success) throw new Error(`openssl ${args}:\n${new TextDecoder().decode(stderr)}`);
  return stdout;
}
