/**
 * Wrong usage: which part of a command line is wrong, and what was probably meant.
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

function unknownOption(
  path: readonly CommandSpec[],
  { typed, next }: ArgumentProblem,
): Failure {
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
  const place = operands.find(({ name }) => name.replaceAll(/[[\]]/g, "") === "HOST:PORT");
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
