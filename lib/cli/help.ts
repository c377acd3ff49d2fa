/**
 * Usage: the help page of a command, and answers to wrong command lines.
 *
 * @module
 */

import { type Failure, nearest, usageFailure } from "../base/failure.ts";
import { quote, shellWord } from "../base/printable.ts";
import { BUILD } from "../os/build.ts";
import type { ArgumentProblem } from "./words.ts";
import {
  commandLine,
  type CommandSpec,
  helpHint,
  isRunnable,
  type OperandSpec,
  optionsOf,
  type OptionSpec,
  type PermissionName,
  wantedNumber,
} from "./spec.ts";

const WIDTH = 100;

/**
 * The help page of a command.
 *
 * @param path The command, after the groups that contain it.
 * @returns Plain text of at most 100 columns, ending in a line feed.
 */
export function helpPage(path: readonly CommandSpec[]): string {
  const command = path.at(-1)!;
  const parts = [
    `${command.summary}\n`,
    `Usage: ${usageLine(path)}\n`,
    command.details === undefined ? "" : `${command.details.trim()}\n`,
    section("Commands", (command.commands ?? []).map((c) => [c.name, c.summary])),
    section("Arguments", (command.operands ?? []).map(operandRow)),
    section("Options", Object.entries(optionsOf(command)).map(optionRow)),
    permissionsLine(command),
    examples(command),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** The usage line of a command. */
export function usageLine(path: readonly CommandSpec[]): string {
  const command = path.at(-1)!;
  const words = [commandLine(path)];
  if (command.commands !== undefined) {
    words.push(isRunnable(command) ? "[COMMAND]" : "COMMAND");
  }
  if (Object.keys(command.options ?? {}).length > 0) words.push("[OPTIONS]");
  for (const { name, optional, rest } of command.operands ?? []) {
    const word = rest === true ? `${name}…` : name;
    words.push(optional === true ? `[${word}]` : word);
  }
  return words.join(" ");
}

/** An option and its description. */
export function optionRow([name, spec]: [string, OptionSpec]): [string, string] {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const left = spec.type === "flag" ? `${short}--${name}` : `${short}--${name} ${spec.value}`;
  const notes = [];
  if (spec.type === "text" && spec.choices !== undefined) notes.push(spec.choices.join(" or "));
  if (spec.type === "text" && spec.repeat === true) notes.push("may be repeated");
  if (spec.type !== "flag" && spec.default !== undefined) notes.push(`default ${spec.default}`);
  if (spec.needs !== undefined && BUILD === "source") notes.push(`needs ${flags(spec.needs)}`);
  return [left, notes.length === 0 ? spec.help : `${spec.help} (${notes.join("; ")})`];
}

/** An argument and its description. */
export function operandRow({ name, help, choices, needs }: OperandSpec): [string, string] {
  const notes = [];
  if (choices !== undefined) notes.push(choices.join(" or "));
  if (needs !== undefined && BUILD === "source") {
    notes.push(`${needs.prefix} needs ${flags(needs.permissions)}`);
  }
  return [name, notes.length === 0 ? help : `${help} (${notes.join("; ")})`];
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return "";
  const left = Math.min(34, Math.max(...rows.map(([name]) => name.length)));
  const lines = rows.flatMap(([name, text]) => {
    const wrapped = wrap(text, WIDTH - left - 4);
    const indent = " ".repeat(left + 4);
    const first = name.length > left
      ? [`  ${name}`, `${indent}${wrapped[0]}`]
      : [`  ${name.padEnd(left)}  ${wrapped[0]}`];
    return [...first, ...wrapped.slice(1).map((line) => indent + line)];
  });
  return `${title}:\n${lines.join("\n")}\n`;
}

function permissionsLine(command: CommandSpec): string {
  // The permissions of a compiled program are fixed.
  if (!isRunnable(command) || BUILD !== "source") return "";
  const names = command.permissions ?? [];
  const kept = names.length === 0 ? "none" : flags(names);
  return `Permissions that the command keeps if granted: ${kept}\n`;
}

function flags(names: readonly PermissionName[]): string {
  return names.map((name) => `--allow-${name}`).join(", ");
}

function examples(command: CommandSpec): string {
  if (command.examples === undefined) return "";
  return `Examples:\n${command.examples.map((line) => `  ${line}`).join("\n")}\n`;
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

/**
 * Makes the failure of an unknown command.
 *
 * @param path The group, after the groups that contain it.
 * @param words The unknown word and the words after it.
 */
export async function unknownCommand(
  path: readonly CommandSpec[],
  words: readonly string[],
): Promise<Failure> {
  const [name = ""] = words;
  const names = path.at(-1)!.commands?.map((c) => c.name) ?? [];
  const meant = await meantCommand(path, words);
  const hint = meant === undefined ? helpHint(path) : `did you mean ${meant}?`;
  const why = `the commands of ${commandLine(path)} are ${names.join(", ")}`;
  return usageFailure(`no command ${quote(name)}`, why, hint);
}

async function meantCommand(
  path: readonly CommandSpec[],
  [name = "", behind]: readonly string[],
): Promise<string | undefined> {
  const here = path.at(-1)!;
  const flags = optionsOf(here);
  if (Object.hasOwn(flags, name) && flags[name]?.type === "flag") {
    const of = here.commands?.find((command) => command.name === behind);
    return `${commandLine(of === undefined ? path : [...path, of])} --${name}`;
  }
  const elsewhere = await findCommand(path[0]!, name);
  if (elsewhere !== undefined) return commandLine(elsewhere);
  const near = nearest(name, here.commands?.map((command) => command.name) ?? []);
  return near === undefined ? undefined : `${commandLine(path)} ${near}`;
}

/** Finds the first command with a name below a group. Returns it after the groups that contain it. */
async function findCommand(group: CommandSpec, name: string): Promise<CommandSpec[] | undefined> {
  const whole = await group.whole?.() ?? group;
  const direct = whole.commands?.find((command) => command.name === name);
  if (direct !== undefined) return [whole, direct];
  for (const command of whole.commands ?? []) {
    const found = await findCommand(command, name);
    if (found !== undefined) return [whole, ...found];
  }
  return undefined;
}

/**
 * Makes the failure of a wrong option.
 *
 * @param path The command, after the groups that contain it.
 * @param problem The option, and what is wrong with it.
 */
export function wrongArgument(path: readonly CommandSpec[], problem: ArgumentProblem): Failure {
  const { reason, typed, name, next } = problem;
  if (name === undefined || reason === "unknown") return unknownOption(path, problem);
  if (reason === "extra value") {
    return usageFailure(typed, "it does not take a value", `leave ${quote(`=${next}`)} out`);
  }
  return missingValue(path, typed, optionsOf(path.at(-1)!)[name]!, next);
}

function missingValue(
  path: readonly CommandSpec[],
  typed: string,
  spec: OptionSpec,
  next: string | undefined,
): Failure {
  const wanted = spec.type === "flag" ? "" : spec.type === "text" ? spec.value : wantedNumber(spec);
  if (next === undefined) return usageFailure(typed, `needs ${wanted}`, helpHint(path));
  const why = `needs ${wanted}, and ${quote(next)} starts with a dash`;
  const value = next.length > 60 ? "VALUE" : shellWord(next);
  return usageFailure(typed, why, `if that is its value: ${typed}=${value}`);
}

function unknownOption(path: readonly CommandSpec[], { typed, next }: ArgumentProblem): Failure {
  const command = path.at(-1)!;
  const why = `${commandLine(path)} does not have it`;
  return usageFailure(
    `no option ${quote(typed)}`,
    why,
    meantOption(command, typed, next) ?? helpHint(path),
  );
}

function meantOption(
  command: CommandSpec,
  typed: string,
  next: string | undefined,
): string | undefined {
  const { operands = [] } = command;
  if (/^-[.\d]/.test(typed) && operands.length > 0) return "put -- before a number below zero";
  const place = operands.find(({ name }) => name.replaceAll(/[[\]]/g, "").startsWith("HOST:PORT"));
  if ((typed === "--port" || typed === "-p") && place !== undefined) {
    const port = next !== undefined && /^\d{1,5}$/.test(next) ? next : "PORT";
    return `write the port after the host: HOST:${port}`;
  }
  const near = nearest(typed.replace(/^-+/, ""), Object.keys(optionsOf(command)));
  return near === undefined ? undefined : `did you mean --${near}?`;
}

/**
 * Makes the failure of an operand that is not one of the choices.
 *
 * @param name The operand's name in the help.
 */
export function unknownChoice(
  path: readonly CommandSpec[],
  name: string,
  word: string,
  choices: readonly string[],
): Failure {
  const near = nearest(word, choices);
  const hint = near === undefined ? helpHint(path) : `did you mean ${near}?`;
  return usageFailure(name, `${quote(word)} is not one of ${choices.join(", ")}`, hint);
}
