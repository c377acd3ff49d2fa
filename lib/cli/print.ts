/**
 * What a command says on standard output: lines for people, one JSON object a line for programs.
 *
 * @module
 */

import { printableJson } from "../printable.ts";
import { writeAll } from "../write_all.ts";

/**
 * Prints lines.
 *
 * @param lines Text fit for a terminal, without line feeds.
 */
export function printLines(lines: readonly string[]): void {
  if (lines.length > 0) writeAll(Deno.stdout, `${lines.join("\n")}\n`);
}

/**
 * Prints a value as JSON on a line of its own.
 *
 * @param value What `JSON.stringify` takes.
 */
export function printJson(value: unknown): void {
  writeAll(Deno.stdout, `${printableJson(value)}\n`);
}

/** The columns of the terminal that standard output is, or undefined where it is none. */
export function terminalWidth(): number | undefined {
  if (!Deno.stdout.isTerminal()) return undefined;
  // Some terminals have no size (expect(1) makes such): nothing is wrapped for those.
  return Deno.consoleSize().columns || undefined;
}
