/**
 * Reads options and operands by the rules of POSIX (XBD 12.2, guidelines 3 to 10) and of getopt_long(3).
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import { type Args, parseArgs } from "@std/cli/parse-args";
import type { OptionSpec } from "./spec.ts";

/** An option that was given, with its value if it takes one. */
export interface GivenOption {
  readonly name: string;
  readonly value: string | undefined;
}

/** Arguments that were read. */
export interface OptionWords {
  /** In the order in which they were given. */
  readonly given: readonly GivenOption[];
  readonly operands: readonly string[];
}

/** The first argument that is wrong. */
export class ArgumentProblem {
  /**
   * @param reason The option is unknown, its value is missing, or it has a value and takes none.
   * @param typed The option as it was typed, without a value: `-p`, `--port`.
   * @param name The option's name if the option exists.
   * @param next The text in the place of its value: after `=`, or the next argument.
   */
  constructor(
    readonly reason: "unknown" | "no value" | "extra value",
    readonly typed: string,
    readonly name: string | undefined,
    readonly next: string | undefined,
  ) {}
}

/**
 * Reads arguments. An option's value follows `=`, follows the option's letter, or is the next argument. A
 * next argument that starts with a dash is not a value, except `-`, and a number for an option that takes numbers.
 *
 * @param specs The options of the command, by name.
 * @param args The arguments after the command.
 */
export function readOptionWords(
  specs: Readonly<Record<string, OptionSpec>>,
  args: readonly string[],
): OptionWords | ArgumentProblem {
  const reader = new Reader(specs, args);
  for (let arg = reader.next(); arg !== undefined; arg = reader.next()) {
    const problem = reader.take(arg);
    if (problem !== undefined) return problem;
  }
  return reader;
}

class Reader implements OptionWords {
  readonly given: GivenOption[] = [];
  readonly operands: string[] = [];
  /** A map, since a name such as `constructor` is a property of every object. */
  readonly #specs: ReadonlyMap<string, OptionSpec>;
  readonly #names: ReadonlyMap<string, string>;
  readonly #args: string[];

  constructor(specs: Readonly<Record<string, OptionSpec>>, args: readonly string[]) {
    this.#specs = new Map(Object.entries(specs));
    this.#names = new Map(
      Object.entries(specs).flatMap(([name, { short }]) =>
        short === undefined ? [] : [[short, name] as const]
      ),
    );
    this.#args = [...args];
  }

  next(): string | undefined {
    return this.#args.shift();
  }

  take(arg: string): ArgumentProblem | undefined {
    if (arg === "--") this.operands.push(...this.#args.splice(0));
    else if (arg.startsWith("--")) return this.#takeLong(arg);
    else if (arg.startsWith("-") && arg !== "-") return this.#takeLetters(arg);
    else this.operands.push(arg);
    return undefined;
  }

  #takeLong(arg: string): ArgumentProblem | undefined {
    const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    return this.#takeOption(`--${name}`, name, value);
  }

  /** `-abc`: flags. The last one may be an option with a value, which is the rest of the argument. */
  #takeLetters(arg: string): ArgumentProblem | undefined {
    const letters = [...arg].slice(1);
    for (const [i, letter] of letters.entries()) {
      const name = this.#names.get(letter);
      const rest = letters.slice(i + 1).join("");
      // Show a number below zero completely.
      const typed = name === undefined && /^-[.\d]/.test(arg) ? arg : `-${letter}`;
      const isFlag = name !== undefined && this.#specs.get(name)?.type === "flag";
      const value = rest.startsWith("=") ? rest.slice(1) : rest === "" || isFlag ? undefined : rest;
      const problem = this.#takeOption(typed, name, value);
      if (problem !== undefined || !isFlag) return problem;
    }
    return undefined;
  }

  #takeOption(
    typed: string,
    name: string | undefined,
    attached: string | undefined,
  ): ArgumentProblem | undefined {
    const spec = name === undefined ? undefined : this.#specs.get(name);
    const next = attached ?? this.#args[0];
    if (name === undefined || spec === undefined) {
      return new ArgumentProblem("unknown", typed, undefined, next);
    }
    if (spec.type === "flag") {
      if (attached !== undefined) return new ArgumentProblem("extra value", typed, name, attached);
      this.given.push({ name, value: undefined });
      return undefined;
    }
    if (next === undefined || (attached === undefined && !isValue(spec, next))) {
      return new ArgumentProblem("no value", typed, name, next);
    }
    if (attached === undefined) this.#args.shift();
    this.given.push({ name, value: next });
    return undefined;
  }
}

/** Whether the argument after an option is its value. */
function isValue(spec: OptionSpec, next: string): boolean {
  if (!next.startsWith("-") || next === "-") return true;
  return (spec.type === "integer" || spec.type === "number") && /^-[.\d]/.test(next);
}

/** Options by name, and the operands. A flag is a boolean, any other option a list of its values. */
export type RawArgs = Args;

/**
 * Reads options.
 *
 * @param specs The options of the command.
 * @param args The arguments after the command.
 * @returns The options and operands, or the first argument that is wrong.
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
  // parseArgs() loses empty values and bundled letters. It gets only the form --name=value, which it reads correctly.
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
