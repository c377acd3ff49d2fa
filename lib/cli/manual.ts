/**
 * The manual page, `parley(1)`, made from the table of commands.
 *
 * @module
 */

import { operandRow, optionRow, usageLine } from "./help.ts";
import { type CommandSpec, GLOBAL_OPTIONS, type OptionSpec } from "./spec.ts";

/**
 * The manual page in the macros of man(7).
 *
 * @param root The table's root.
 * @param version The version that its foot names.
 */
export function manualPage(root: CommandSpec, version: string): string {
  const summary = root.summary.replace(/\.$/, "");
  return [
    `.TH ${root.name.toUpperCase()} 1 "" "${root.name} ${version}" "User Commands"`,
    ".SH NAME",
    `${root.name} \\- ${escape(lowerFirst(summary))}`,
    ".SH SYNOPSIS",
    ".B " + escape(root.name),
    ".I COMMAND",
    "[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]",
    ...(root.details === undefined ? [] : [".SH DESCRIPTION", ...prose(root.details)]),
    ".SH COMMANDS",
    ...(root.commands ?? []).flatMap((command) => commandPart([root, command])),
    ".SH OPTIONS",
    "Every command has these options; the first one is used alone.",
    ...options({ ...root.options, ...GLOBAL_OPTIONS }),
    ".SH EXIT STATUS",
    ...row("0", "Success."),
    ...row("1", "Failure. One line on standard error says what failed, why, and a code."),
    ...row("2", "Wrong usage."),
    ...row("130", "Interrupted."),
    ".SH ENVIRONMENT",
    ...row("NO_COLOR", "If it is set, output has no colours."),
    ...row(
      "XDG_CACHE_HOME",
      "The self-contained program unpacks itself there (default: ~/.cache).",
    ),
  ].join("\n") + "\n";
}

function commandPart(path: readonly CommandSpec[]): string[] {
  const command = path.at(-1)!;
  const own = [
    `.SS ${escape(usageLine(path))}`,
    escape(command.summary),
    ...(command.details === undefined ? [] : prose(command.details)),
    ...(command.operands ?? []).map(operandRow).flatMap(([name, help]) => row(name, help)),
    ...options(command.options ?? {}),
    ...(command.examples === undefined ? [] : verbatim(command.examples.join("\n"), "Examples:")),
  ];
  return [...own, ...(command.commands ?? []).flatMap((inner) => commandPart([...path, inner]))];
}

function options(specs: Readonly<Record<string, OptionSpec>>): string[] {
  return Object.entries(specs).map(optionRow).flatMap(([name, help]) => row(name.trim(), help));
}

function row(name: string, text: string): string[] {
  return [".TP", `.B ${escape(name)}`, escape(text)];
}

/** Formats paragraphs. Those in columns keep their lines. */
function prose(text: string): string[] {
  return text.trim().split("\n\n").flatMap((paragraph) =>
    / {2}/.test(paragraph) ? verbatim(paragraph) : [".PP", ...paragraph.split("\n").map(escape)]
  );
}

/** Formats lines without filling them. */
function verbatim(text: string, title?: string): string[] {
  const lines = text.trim().split("\n").map(escape);
  return [".PP", ...(title === undefined ? [] : [title]), ".nf", ...lines, ".fi"];
}

/** Escapes a text for roff: no escapes, no requests, hyphens that can be copied, ASCII only. */
function escape(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replace(/^(?=[.'])/, "\\&")
    .replace(/[^ -~]/gu, unicodeEscape);
}

/** A character by its number: `\\[u2026]` (groff_char(7)). */
function unicodeEscape(char: string): string {
  return `\\[u${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}]`;
}

function lowerFirst(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}
