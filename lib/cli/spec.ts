/**
 * The specification of a command: its options, operands and permissions. It is data alone.
 *
 * The table of commands (`lib/commands/table.ts`) has these types. Parsing, help, completions and permissions
 * are derived from it. `lib/commands/load.ts` knows where the code of each command is.
 *
 * @module
 */

import { usageFailure } from "../base/failure.ts";
import type { Release } from "../os/held_file.ts";
import type { Io } from "../os/io.ts";
import type { Grants } from "./permissions.ts";

/**
 * What a text must be, beyond any text: `file`, a path, which is not empty; `host`, a host, whose `HOST:PORT` is read
 * as one with the option `port`; `address`, `HOST` or `HOST:PORT`, kept as it was typed.
 */
export type TextForm = "file" | "host" | "address";

interface OptionBase {
  /** One letter that may stand for the name: `-p`. */
  readonly short?: string;
  /** One line for the help. */
  readonly help: string;
  /**
   * The permissions that are kept only where this option is given, beyond those of its command; until the command
   * gives them up ({@linkcode Release}).
   */
  readonly needs?: readonly PermissionName[];
}

/** An option that is there or not. */
export interface FlagOption extends OptionBase {
  readonly type: "flag";
}

/** An option that takes any text. */
export interface TextOption extends OptionBase {
  readonly type: "text";
  /** What stands for the value in the help. */
  readonly value: string;
  readonly default?: string;
  /** The values that are taken; any, without. */
  readonly choices?: readonly string[];
  /** Whether it may be given several times; its value is then a list. */
  readonly repeat?: true;
  /** What it must be; any text, without. */
  readonly form?: TextForm;
}

/** An option that takes a number between bounds. */
export interface NumberOption extends OptionBase {
  readonly type: "integer" | "number";
  /** What stands for the value in the help. */
  readonly value: string;
  readonly min: number;
  readonly max: number;
  readonly default?: number;
}

/** Any option of a command. */
export type OptionSpec = FlagOption | TextOption | NumberOption;

/** An argument that is told by its place. */
export interface OperandSpec {
  /** What stands for it in the help. */
  readonly name: string;
  readonly help: string;
  readonly optional?: true;
  /** The values that are taken; any, without. */
  readonly choices?: readonly string[];
  /** Whether it takes all that is left. */
  readonly rest?: true;
  /** What it must be; any text, without. */
  readonly form?: TextForm;
}

/** The kinds of permission that a command can keep while it runs. */
export type PermissionName = "net" | "read" | "write" | "sys" | "env" | "ffi" | "run";

/** A command or a group of commands. */
export interface CommandSpec {
  readonly name: string;
  /** One line: what it does. */
  readonly summary: string;
  /** More, for its own help page. */
  readonly details?: string;
  readonly options?: Readonly<Record<string, OptionSpec>>;
  readonly operands?: readonly OperandSpec[];
  /**
   * What it keeps while it runs, with what the options that are given need; everything else is revoked
   * before its code loads.
   */
  readonly permissions?: readonly PermissionName[];
  /** Whether it is told what the process was granted, which takes time to find out. */
  readonly tellsOfGrants?: true;
  readonly examples?: readonly string[];
  readonly commands?: readonly CommandSpec[];
  /** Set for a group that runs by itself as well. A group without it shows its help. */
  readonly runs?: true;
  /** Loads all of it, where this is no more than its name and summary. */
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

/** What a command is given: its options by name, typed by its spec, and its operands in order. */
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
  /** What the process was granted, before the command kept its own of it; for a command that tells of it. */
  readonly grants: C extends { tellsOfGrants: true } ? Grants : undefined;
  /** For a command that needs the files of its options only in the beginning. */
  readonly release: Release;
}

/** The options that every command takes. */
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

/** The options of a command: its own, then those that every command takes. */
export function optionsOf(command: CommandSpec): Record<string, OptionSpec> {
  return { ...command.options, ...GLOBAL_OPTIONS };
}

/** The words that start a command: `parley chat server`. */
export function commandLine(path: readonly CommandSpec[]): string {
  return path.map((c) => c.name).join(" ");
}

/** What an option with a number takes, in words. */
export function wantedNumber({ type, min, max }: NumberOption): string {
  return `${type === "integer" ? "a whole number" : "a number"} from ${min} to ${max}`;
}

/** How to learn what a command takes. */
export function helpHint(path: readonly CommandSpec[]): string {
  return `${commandLine(path)} --help lists what it takes`;
}

/** `--json` of a command that prints one object or more. */
export const JSON_LINES = {
  type: "flag",
  help: "One JSON object a line on stdout, and nothing else there",
} as const;

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
