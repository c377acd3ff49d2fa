/**
 * Command line to command and typed options, by the table; wrong usage names the nearest right one.
 *
 * @module
 */

import { type Failure, usageFailure } from "../failure.ts";
import { printable } from "../printable.ts";
import type { RawArgs } from "./raw_args.ts";
import {
  type CommandSpec,
  GLOBAL_OPTIONS,
  type NumberOption,
  type OptionSpec,
  type PermissionName,
  type TextOption,
} from "./spec.ts";

/** A command line that was understood. */
export interface Parsed {
  /** The command and the groups above it, outermost first. */
  readonly path: readonly CommandSpec[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly operands: readonly string[];
  /** What the command keeps while it runs: its own permissions, and those of the options given. */
  readonly permissions: readonly PermissionName[];
}

/** The options of a command: its own, then those that every command takes. */
export function optionsOf(command: CommandSpec): Record<string, OptionSpec> {
  return { ...command.options, ...GLOBAL_OPTIONS };
}

/**
 * Reads a command line. What only some command lines need is loaded by those: the package that reads
 * options, and the one that knows a near word.
 *
 * @param root The table's root.
 * @param args The arguments, without the program's name.
 * @throws {Failure} With exit code 2, for an unknown command or option or a value out of bounds.
 */
export async function parseCommandLine(
  root: CommandSpec,
  args: readonly string[],
): Promise<Parsed> {
  const path = [root];
  let command = root;
  let rest = [...args];
  while (command.commands !== undefined && rest[0] !== undefined && !rest[0].startsWith("-")) {
    const name = rest[0];
    const next = command.commands.find((c) => c.name === name);
    if (next === undefined) throw await unknownCommand(path, name);
    command = await next.whole?.() ?? next;
    path.push(command);
    rest = rest.slice(1);
  }
  return { path, ...await parseOptions(path, rest) };
}

/** The words that start a command: `parley chat server`. */
export function commandLine(path: readonly CommandSpec[]): string {
  return path.map((c) => c.name).join(" ");
}

/** What a failure says that it is of: the same words without the program's name, which it has already. */
export function subject(path: readonly CommandSpec[]): string {
  return path.length === 1 ? "the command line" : commandLine(path.slice(1));
}

async function parseOptions(path: readonly CommandSpec[], args: readonly string[]) {
  const command = path.at(-1)!;
  const specs = optionsOf(command);
  const raw = await readArgs(path, specs, args);
  const options: Record<string, unknown> = {};
  const permissions = new Set(command.permissions);
  for (const [name, spec] of Object.entries(specs)) {
    options[name] = spec.type === "flag"
      ? raw[name] === true
      : readValues(path, name, spec, raw[name]);
    if (isGiven(raw[name])) spec.needs?.forEach((permission) => permissions.add(permission));
  }
  // Help is for people who do not know the operands yet, and the version takes none.
  if (options.help !== true && options.version !== true) await checkOperands(path, raw._);
  return { options, operands: raw._, permissions: [...permissions] };
}

async function readArgs(
  path: readonly CommandSpec[],
  specs: Readonly<Record<string, OptionSpec>>,
  args: readonly string[],
): Promise<RawArgs> {
  if (!args.some((arg) => arg.startsWith("-"))) return { _: args };
  const { rawArgs } = await import("./raw_args.ts");
  const { raw, unknown } = rawArgs(specs, args);
  if (unknown !== undefined) throw await unknownOption(path, unknown, specs);
  return raw;
}

/** Whether an option stands on the command line: a flag that is set, or a list that is not empty. */
function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value === true;
}

function readValues(
  path: readonly CommandSpec[],
  name: string,
  spec: TextOption | NumberOption,
  given: unknown,
): unknown {
  const texts = Array.isArray(given) ? given.map(String) : [];
  const values = texts.map((text) =>
    spec.type === "text" ? readText(path, name, spec, text) : readNumber(path, name, spec, text)
  );
  if (spec.type === "text" && spec.repeat === true) return values;
  if (values.length > 1) {
    throw usageFailure(`--${name}`, "given more than once", helpHint(path));
  }
  return values[0] ?? spec.default;
}

function readText(path: readonly CommandSpec[], name: string, spec: TextOption, text: string) {
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    const why = `${quote(text)} is not one of ${spec.choices.join(", ")}`;
    throw usageFailure(`--${name}`, why, helpHint(path));
  }
  return text;
}

function readNumber(path: readonly CommandSpec[], name: string, spec: NumberOption, text: string) {
  const kind = spec.type === "integer" ? "a whole number" : "a number";
  const wanted = `${kind} from ${spec.min} to ${spec.max}`;
  if (text === "") throw usageFailure(`--${name}`, `needs ${wanted}`, helpHint(path));
  const form = spec.type === "integer" ? /^-?\d+$/ : /^-?(\d+\.?\d*|\.\d+)$/;
  const value = form.test(text) ? Number(text) : NaN;
  if (!(value >= spec.min && value <= spec.max)) {
    throw usageFailure(`--${name}`, `${quote(text)} is not ${wanted}`, helpHint(path));
  }
  return value;
}

async function checkOperands(
  path: readonly CommandSpec[],
  operands: readonly string[],
): Promise<void> {
  const specs = path.at(-1)!.operands ?? [];
  const missing = specs.find((spec, i) => spec.optional !== true && operands[i] === undefined);
  if (missing !== undefined && path.at(-1)!.load !== undefined) {
    throw usageFailure(subject(path), `${missing.name} is missing`, helpHint(path));
  }
  for (const [i, { name, choices }] of specs.entries()) {
    const word = operands[i];
    if (word === undefined || choices === undefined || choices.includes(word)) continue;
    const near = await nearWord(word, choices);
    const hint = near === undefined ? helpHint(path) : `did you mean ${near}?`;
    throw usageFailure(name, `${quote(word)} is not one of ${choices.join(", ")}`, hint);
  }
  if (operands.length > specs.length && specs.at(-1)?.rest !== true) {
    const extra = quote(operands[specs.length] ?? "");
    throw usageFailure(subject(path), `${extra} is one argument too many`, helpHint(path));
  }
}

async function unknownCommand(path: readonly CommandSpec[], name: string): Promise<Failure> {
  const names = path.at(-1)!.commands?.map((c) => c.name) ?? [];
  const near = await nearWord(name, names);
  const hint = near === undefined ? helpHint(path) : `did you mean ${commandLine(path)} ${near}?`;
  const why = `the commands of ${commandLine(path)} are ${names.join(", ")}`;
  return usageFailure(`no command ${quote(name)}`, why, hint);
}

async function unknownOption(
  path: readonly CommandSpec[],
  arg: string,
  specs: Readonly<Record<string, OptionSpec>>,
): Promise<Failure> {
  const name = arg.replace(/^-+/, "").replace(/=.*$/s, "");
  const near = await nearWord(name, Object.keys(specs));
  const negative = /^-[.\d]/.test(arg) && path.at(-1)!.operands !== undefined;
  const hint = negative
    ? "a number below zero goes behind --"
    : near === undefined
    ? helpHint(path)
    : `did you mean --${near}?`;
  const shown = arg.replace(/=.*$/s, "");
  return usageFailure(`no option ${quote(shown)}`, `${commandLine(path)} takes none such`, hint);
}

async function nearWord(word: string, words: readonly string[]): Promise<string | undefined> {
  const { nearest } = await import("../nearest.ts");
  return nearest(word, words);
}

function helpHint(path: readonly CommandSpec[]): string {
  return `${commandLine(path)} --help lists what it takes`;
}

/** A word of the command line as it may be shown: controls made visible, long ones cut. */
export function quote(word: string): string {
  return `"${printable(word.length > 60 ? `${word.slice(0, 60)}…` : word)}"`;
}
