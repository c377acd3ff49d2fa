/**
 * An executable of `deno compile`.
 *
 * @module
 */

import { Failure } from "../../lib/base/failure.ts";
import { runDeno } from "./run_deno.ts";
import { FLAGS } from "./target.ts";

/**
 * Compiles a program for a platform.
 *
 * @param program The path of the bundled program.
 * @param target The platform.
 * @param output The path of the executable file.
 * @throws {Failure} Where the runtime base for the platform is not to be had, or compiling fails.
 */
export async function compileNative(
  program: string,
  target: string,
  output: string,
): Promise<void> {
  const { success, stderr } = await runDeno([
    "compile",
    "--no-check",
    "--no-config",
    "--no-lock",
    "--no-prompt",
    ...FLAGS,
    "--target",
    target,
    "--output",
    output,
    program,
  ]);
  if (!success) throw compileFailure(target, stderr);
}

function compileFailure(target: string, stderr: string): Failure {
  const what = `cannot compile for ${target}`;
  const url = /https:\/\/dl\.deno\.land\/(\S+\/denort-\S+\.zip)/.exec(stderr);
  if (url !== null) {
    return new Failure({
      what,
      why: `the runtime base, ${url[0]}, cannot be downloaded`,
      code: "NO_RUNTIME_BASE",
      hint: `set DENORT_BIN to the file denort of that archive, or put the archive at ` +
        `dl/${url[1]} in Deno's cache directory (deno info names it), or run ` +
        `deno task compile --self-contained, which needs none`,
    });
  }
  const causes = stderr.split("\n").filter((line) => /^(error:| +\d+:|Caused by)/.test(line));
  const why = causes[0]?.replace(/^error: /, "") ?? "deno compile failed";
  return new Failure({ what, why, code: "NOT_COMPILED", cause: new Error(stderr) });
}
