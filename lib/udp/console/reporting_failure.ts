/**
 * A failure in the voice of programs.
 *
 * @module
 */

import { printLines } from "../../cli/print.ts";
import { Failure } from "../../failure.ts";
import { voiced } from "./voice.ts";

/**
 * Runs a command; tells programs of a failure in their own words too, before it reaches the command line.
 *
 * @param json Whether a program reads.
 * @param run The command.
 */
export async function reportingFailure(
  json: boolean,
  run: () => Promise<number>,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (json && error instanceof Failure && error.exitCode === 1) {
      const fields = { code: error.code, message: `${error.what}: ${error.why}` };
      printLines(voiced({ event: "error", fields, lines: [] }, true));
    }
    throw error;
  }
}
