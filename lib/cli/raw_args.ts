/**
 * The options of a command line as they stand there, before anything is known of their values.
 *
 * @module
 */

// @ts-types="../../types/std_cli_parse_args.d.ts"
import { type Args, parseArgs } from "@std/cli/parse-args";
import { ArgumentProblem, type GivenOption, readOptionWords } from "./option_words.ts";
import type { OptionSpec } from "./spec.ts";

/** Options by name: of a flag whether it stands there, of any other every value; and the operands. */
export type RawArgs = Args;

/**
 * Reads options.
 *
 * @param specs The options that there are.
 * @param args The arguments behind the command.
 * @returns What stands there, or the first argument that cannot be understood.
 */
export function rawArgs(
  specs: Readonly<Record<string, OptionSpec>>,
  args: readonly string[],
): RawArgs | ArgumentProblem {
  const read = readOptionWords(specs, args);
  if (read instanceof ArgumentProblem) return read;
  const names = Object.keys(specs);
  const isFlag = (name: string) => specs[name]?.type === "flag";
  const valued = names.filter((name) => !isFlag(name));
  // parseArgs() loses an empty value and bundled letters: it gets one form alone, which it reads as it is.
  return parseArgs([...read.given.map(wordOf), "--", ...read.operands], {
    string: ["_", ...valued],
    boolean: names.filter(isFlag),
    collect: valued,
  });
}

/** `--name=value`, or `--name` of a flag. */
function wordOf({ name, value }: GivenOption): string {
  return value === undefined ? `--${name}` : `--${name}=${value}`;
}
