/**
 * Whether an executable file is parley: `deno compile` reports success for a plain Deno, too.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";
import { VERSION } from "../../lib/os/build.ts";
import { type Ended, runToEnd } from "./run_deno.ts";

/**
 * Runs a program with `--version`.
 *
 * @param program The path of the executable file.
 * @throws {Failure} Unless parley answers, in this version.
 */
export async function requireParley(program: string): Promise<void> {
  const cache = await Deno.makeTempDir({ prefix: "parley-compile-" });
  try {
    const ended = await start(program, cache);
    const [answer = ""] = ended.stdout.split("\n");
    if (ended.success && answer === `parley ${VERSION}`) return;
    const [said = ""] = (answer === "" ? ended.stderr : answer).split("\n");
    throw new Failure({
      what: `${program} is not parley`,
      why: `asked for its version it said ${JSON.stringify(said)}`,
      code: "NOT_PARLEY",
      hint: said.startsWith("deno ")
        ? "DENORT_BIN must name the file denort, not the full deno"
        : undefined,
    });
  } finally {
    await Deno.remove(cache, { recursive: true });
  }
}

async function start(program: string, cache: string): Promise<Ended> {
  try {
    return await runToEnd(program, ["--version"], { env: { XDG_CACHE_HOME: cache } });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return { success: false, stdout: "", stderr: error.message };
  }
}
