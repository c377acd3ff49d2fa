/**
 * The specification of a command: its options, operands and permissions. It is data alone.
 *
 * The table of commands (`lib/commands/table.ts`) has these types. Parsing, help, completions and permissions
 * are derived from it. `lib/commands/load.ts` knows where the code of each command is.
 *
 * @module
 */

import { usageFailure } from "../base/failure.ts";
import type { Io, Release } from "../os/io.ts";

/**
 * The form of a text. `file`: a path that is not empty. `host`: a host; the port of `HOST:PORT` becomes the option
 * `port`. `address`: `HOST` or `HOST:PORT`, kept as typed.
 */
export type TextForm = "file" | "host" | "address";

interface OptionBase {
  /** The one-letter form: `p` for `-p`. */
  readonly short?: string;
  /** One line for the help. */
  readonly help: string;
  /**
   * The permissions that the command keeps only if this option is given, besides its own. The command may drop them
   * early ({@linkcode Release}).
   */
  readonly needs?: readonly PermissionName[];
  /** The permissions that the command keeps in the same way if they are granted, and can do without. */
  readonly uses?: readonly PermissionName[];
}

/** An option without a value. */
export interface FlagOption extends OptionBase {
  readonly type: "flag";
}

/** An option with a text as its value. */
export interface TextOption extends OptionBase {
  readonly type: "text";
  /** The name of the value in the help. */
  readonly value: string;
  readonly default?: string;
  /** The allowed values; any text by default. */
  readonly choices?: readonly string[];
  /** Set if the option may be repeated. Its value is then a list. */
  readonly repeat?: true;
  /** The form of the value; any text by default. */
  readonly form?: TextForm;
}

/** An option with a number between bounds as its value. */
export interface NumberOption extends OptionBase {
  readonly type: "integer" | "number";
  /** The name of the value in the help. */
  readonly value: string;
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}

/** Any option of a command. */
export type OptionSpec = FlagOption | TextOption | NumberOption;

/** An operand: an argument with a position instead of a name. */
export interface OperandSpec {
  /** Its name in the help. */
  readonly name: string;
  readonly help: string;
  readonly optional?: true;
  /** The allowed values; any text by default. */
  readonly choices?: readonly string[];
  /** Set if it is a number that is never below zero. */
  readonly natural?: true;
  /** Set if it takes all remaining arguments. */
  readonly rest?: true;
  /** The form of the value; any text by default. */
  readonly form?: TextForm;
  /** The permissions that are kept only if the argument starts with the prefix, such as `unix:`. */
  readonly needs?: { readonly prefix: string; readonly permissions: readonly PermissionName[] };
}

/** The kinds of permission that a command can keep while it runs. */
export type PermissionName = "net" | "read" | "write" | "sys" | "env" | "ffi" | "run";

/** A permission that was granted for a part only. */
export interface PartialGrant {
  /** `read`, `net` … */
  readonly name: string;
  /** Whether it was granted except for parts. Otherwise only parts were granted. */
  readonly whole: boolean;
  /** The known parts: the granted ones, or the refused ones if `whole` is set. */
  readonly parts: readonly string[];
}

/** What the process was granted. */
export interface Grants {
  /** The permissions that were granted completely. */
  readonly granted: readonly string[];
  readonly inPart: readonly PartialGrant[];
}

/** A command or a group of commands. */
export interface CommandSpec {
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** More text for its help page. */
  readonly details?: string;
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly operands?: readonly OperandSpec[];
  /**
   * The permissions that it keeps while it runs, besides those that its options need. All others are revoked
   * before its code is loaded.
   */
  readonly permissions?: readonly PermissionName[];
  /** Set if it receives what the process was granted, which takes time to find out. */
  readonly tellsOfGrants?: true;
  readonly examples?: readonly string[];
  readonly commands?: readonly CommandSpec[];
  /** Set for a group that runs by itself as well. A group without it shows its help. */
  readonly runs?: true;
  /** Loads the complete specification, if this is only a name and a summary. */
  readonly whole?: () => Promise<CommandSpec>;
}

/** Whether a command has code to run. A group without code shows its help. */
export function isRunnable({ commands, runs }: CommandSpec): boolean {
  return commands === undefined || runs === true;
}

/**
 * The code of a command.
 *
 * It takes the command's options and operands, and the streams that it reads and prints on. It returns the
 * exit code: 0 for success, 1 for failure. It throws a `Failure` if it cannot do what was asked.
 */
// A method's parameters are bivariant: each command declares its own Input<typeof spec>.
export type RunCommand = { run(input: Input<never>, io: Io): Promise<number> }["run"];

/**
 * Loads the code of a command.
 *
 * @param words The words of the command without the program's name: `["chat", "client"]`.
 */
export type LoadCommand = (words: readonly string[]) => Promise<RunCommand>;

type ValueOf<O extends OptionSpec> = O extends FlagOption ? boolean
  : O extends { type: "text"; repeat: true } ? readonly string[]
  : O extends { type: "text" } ? (O extends { default: string } ? string : string | undefined)
  : O extends { default: number } ? number
  : number | undefined;

/** The input of a command: its options by name, with the types of its specification, and its operands in order. */
export interface Input<
  C extends {
    name?: string;
    options?: Readonly<Record<string, OptionSpec>>;
    tellsOfGrants?: true;
  },
> {
  readonly options:
    & {
      readonly [N in keyof NonNullable<C["options"]>]: ValueOf<NonNullable<C["options"]>[N]>;
    }
    & GlobalValues;
  readonly operands: readonly string[];
  /** What the process was granted before permissions were revoked, if the command shows it. */
  readonly grants: C extends { tellsOfGrants: true } ? Grants : undefined;
  /** For a command that needs the files of its options only in the beginning. */
  readonly release: Release;
}

/** The options that every command has. */
export const GLOBAL_OPTIONS = {
  help: { type: "flag", short: "h", help: "Show this help and exit" },
  version: { type: "flag", short: "V", help: "Show the version and exit" },
  debug: { type: "flag", help: "Show the stack trace of a failure" },
} as const satisfies Record<string, OptionSpec>;

/** The values of {@linkcode GLOBAL_OPTIONS}. */
export interface GlobalValues {
  readonly help: boolean;
  readonly version: boolean;
  readonly debug: boolean;
}

/** All options of a command: its own, then {@linkcode GLOBAL_OPTIONS}. */
export function optionsOf(command: CommandSpec): Record<string, OptionSpec> {
  return { ...command.options, ...GLOBAL_OPTIONS };
}

/** The words that start a command: `parley chat server`. */
export function commandLine(path: readonly CommandSpec[]): string {
  return path.map((c) => c.name).join(" ");
}

/** Describes the numbers that an option accepts. */
export function wantedNumber({ type, min, max }: NumberOption): string {
  return `${type === "integer" ? "a whole number" : "a number"} from ${min} to ${max}`;
}

/** The hint to read the help of a command. */
export function helpHint(path: readonly CommandSpec[]): string {
  return `${commandLine(path)} --help shows the usage`;
}

/** `--json` of a command that prints one object or more. */
export const JSON_LINES = {
  type: "flag",
  help: "Print one JSON object per line on standard output, and nothing else",
} as const;

/**
 * Returns the value of a required option.
 *
 * @param name The option with the name of its value: `--key PRIV`.
 * @param value The value, if one was given.
 * @throws {Failure} `USAGE`, if none was given.
 */
export function required(name: string, value: string | undefined): string {
  if (value !== undefined && value !== "") return value;
  throw usageFailure(name, "it is missing", "--help lists what the command takes");
}
