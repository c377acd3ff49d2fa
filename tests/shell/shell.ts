/**
 * Shells and other programs of the system, where they are there.
 *
 * @module
 */

import { granted } from "../granted.ts";

const ROOT = new URL("../../", import.meta.url);

/** Whether tests may run a shell. */
export const MAY_RUN_SHELL: boolean = granted(
  { name: "run", command: "sh" },
  { name: "run", command: "deno" },
  { name: "read", path: ROOT },
);

/** Runs a script of sh in which `parley` is this one; gives what it says. */
export async function sh(script: string, ...parameters: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("sh", {
    args: [
      "-c",
      `parley() { deno run --frozen --no-prompt main.ts "$@"; }\n${script}`,
      "sh",
      ...parameters,
    ],
    cwd: ROOT,
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${script}\n${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}

/** Whether a program is on the path. */
export async function has(program: string): Promise<boolean> {
  return MAY_RUN_SHELL && await sh('command -v "$1" || true', program) !== "";
}
