/**
 * The options of a command line as they stand there, before anything is known of their values.
 *
 * @module
 */

// @ts-types="../../types/std_cli_parse_args.d.ts"
import { type Args, parseArgs } from "@std/cli/parse-args";
import type { OptionSpec } from "./spec.ts";

/** Options by name: of a flag whether it stands there, of any other every value; and the operands. */
export type RawArgs = Args;

/**
 * Reads options.
 *
 * @param specs The options that there are.
 * @param args The arguments behind the command.
 * @returns What stands there, and the first option that is none of them.
 */
export function rawArgs(
  specs: Readonly<Record<string, OptionSpec>>,
  args: readonly string[],
): { raw: RawArgs; unknown: string | undefined } {
  const names = Object.keys(specs);
  const isFlag = (name: string) => specs[name]?.type === "flag";
  const short = names.flatMap((name) => {
    const letter = specs[name]?.short;
    return letter === undefined ? [] : [[letter, name] as const];
  });
  const unknown: string[] = [];
  const raw = parseArgs(args, {
    string: ["_", ...names.filter((name) => !isFlag(name))],
    boolean: names.filter(isFlag),
    collect: names.filter((name) => !isFlag(name)),
    alias: Object.fromEntries(short),
    unknown: (arg) => {
      if (arg.startsWith("-") && arg !== "-") unknown.push(arg);
    },
  });
  return { raw, unknown: unknown[0] };
}
