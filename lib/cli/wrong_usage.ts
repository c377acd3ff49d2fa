/**
 * Wrong usage: what cannot be understood of a command line, and what was probably meant.
 *
 * @module
 */

import { type Failure, usageFailure } from "../base/failure.ts";
import { nearest } from "../base/nearest.ts";
import { quote, shellWord } from "../base/printable.ts";
import type { ArgumentProblem } from "./option_words.ts";
import {
  commandLine,
  type CommandSpec,
  helpHint,
  optionsOf,
  type OptionSpec,
  wantedNumber,
} from "./spec.ts";

/**
 * The failure of a word that is no command of a group.
 *
 * @param path The group and those above it, outermost first.
 * @param words The word, and those behind it.
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

/** The first command of a name below a group, with the groups that lead to it. */
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
 * The failure of an argument that cannot be understood.
 *
 * @param path The command and the groups above it, outermost first.
 * @param problem What is wrong with which argument.
 */
export function wrongArgument(path: readonly CommandSpec[], problem: ArgumentProblem): Failure {
  const { reason, typed, name, next } = problem;
  if (name === undefined || reason === "unknown") return unknownOption(path, problem);
  if (reason === "extra value") {
    return usageFailure(typed, "it takes no value", `leave ${quote(`=${next}`)} out`);
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

function unknownOption(
  path: readonly CommandSpec[],
  { typed, next }: ArgumentProblem,
): Failure {
  const command = path.at(-1)!;
  const why = `${commandLine(path)} takes none such`;
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
  if (/^-[.\d]/.test(typed) && operands.length > 0) return "a number below zero goes behind --";
  const place = operands.find(({ name }) => name.replaceAll(/[[\]]/g, "") === "HOST:PORT");
  if ((typed === "--port" || typed === "-p") && place !== undefined) {
    const port = next !== undefined && /^\d{1,5}$/.test(next) ? next : "PORT";
    return `the port stands behind the host: HOST:${port}`;
  }
  const near = nearest(typed.replace(/^-+/, ""), Object.keys(optionsOf(command)));
  return near === undefined ? undefined : `did you mean --${near}?`;
}

/**
 * The failure of an operand that is none of those that there are.
 *
 * @param name What stands for it in the help.
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
