/**
 * What a shell can complete, from the table of commands.
 *
 * @module
 */

import { optionsOf } from "../parse.ts";
import type { CommandSpec, OperandSpec, OptionSpec, TextForm } from "../spec.ts";

/** What stands for a value: some words, the name of a file, or anything. */
export type Value = { readonly words: readonly string[] } | "file" | "any";

/** An option, as a shell sees it. */
export interface OptionWords {
  /** Its name, with `--`. */
  readonly long: string;
  /** Its letter, with `-`. */
  readonly short: string | undefined;
  readonly help: string;
  /** The name of its value, where it takes one. */
  readonly label: string | undefined;
  readonly value: Value;
  readonly repeat: boolean;
}

/** An argument, as a shell sees it. */
export interface OperandWords {
  readonly label: string;
  readonly value: Value;
  readonly rest: boolean;
}

/** A command, as a shell sees it. */
export interface CommandWords {
  /** The words that lead to it: `parley`, `chat`, `server`. */
  readonly path: readonly string[];
  /** The commands below it, with what they do. */
  readonly commands: readonly (readonly [name: string, summary: string])[];
  readonly options: readonly OptionWords[];
  readonly operands: readonly OperandWords[];
}

/** Every command of a table, the root first. */
export function commandWords(root: CommandSpec, above: readonly string[] = []): CommandWords[] {
  const path = [...above, root.name];
  const commands = root.commands ?? [];
  const own: CommandWords = {
    path,
    commands: commands.map(({ name, summary }) => [name, withoutStop(summary)]),
    options: Object.entries(optionsOf(root)).map(optionWords),
    operands: (root.operands ?? []).map(operandWords),
  };
  return [own, ...commands.flatMap((command) => commandWords(command, path))];
}

function optionWords([name, spec]: [string, OptionSpec]): OptionWords {
  return {
    long: `--${name}`,
    short: spec.short === undefined ? undefined : `-${spec.short}`,
    help: withoutStop(spec.help),
    label: spec.type === "flag" ? undefined : spec.value,
    value: spec.type === "text" ? valueOf(spec) : "any",
    repeat: spec.type === "text" && spec.repeat === true,
  };
}

function operandWords(spec: OperandSpec): OperandWords {
  return {
    label: spec.name,
    value: valueOf(spec),
    rest: spec.rest === true,
  };
}

function valueOf(
  { choices, form }: { readonly choices?: readonly string[]; readonly form?: TextForm },
): Value {
  if (choices !== undefined) return { words: choices };
  return form === "file" ? "file" : "any";
}

function withoutStop(text: string): string {
  return text.replace(/\.$/, "");
}
