/**
 * Formats the help page of a command.
 *
 * @module
 */

import { BUILD } from "../os/build.ts";
import type { PermissionName } from "./spec.ts";
import {
  commandLine,
  type CommandSpec,
  isRunnable,
  type OperandSpec,
  optionsOf,
  type OptionSpec,
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
