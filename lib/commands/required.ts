/**
 * Options that a command cannot do without.
 *
 * @module
 */

import { usageFailure } from "../failure.ts";

/**
 * The value of an option that must be given.
 *
 * @param name The option, and what stands for its value: `--key PRIV`.
 * @param value What was given.
 * @throws {Failure} Usage, where it was not.
 */
export function required(name: string, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  throw usageFailure(name, "it is missing", "--help lists what the command takes");
}
