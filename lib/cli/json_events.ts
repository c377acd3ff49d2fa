/**
 * The output of commands: lines for people, one JSON object per line for programs, and failures.
 *
 * Field names are an interface: later versions only add.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { printable, printableJson } from "../base/printable.ts";
import { type Io, ReaderGone, writeAll, writeError } from "../os/io.ts";

/**
 * Prints lines.
 *
 * @param lines Text fit for a terminal, without line feeds.
 */
export function printLines({ output }: Pick<Io, "output">, lines: readonly string[]): void {
  if (lines.length > 0) writeAll(output, `${lines.join("\n")}\n`);
}

/**
 * Prints a value as JSON on a line of its own.
 *
 * @param value What `JSON.stringify` takes.
 */
export function printJson({ output }: Pick<Io, "output">, value: unknown): void {
  writeAll(output, `${printableJson(value)}\n`);
}

/** An event, as lines for people and as JSON for programs. */
export interface Said {
  /** Lines for people, fit for a terminal. */
  readonly lines: readonly string[];
  /** The name of the event. */
  readonly event: string;
  /** Its fields. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The lines that show an event: those for people, or one line of JSON with the time. */
export function voiced({ lines, event, fields }: Said, json: boolean): readonly string[] {
  return json ? [jsonEvent(event, fields)] : lines;
}

/**
 * Returns a function that formats a time, in milliseconds since 1970, by ISO 8601. It keeps the last time: many events
 * share a millisecond.
 */
export function timeFormat(): (ms: number) => string {
  let last = NaN;
  let text = "";
  return (ms) => {
    if (ms !== last) text = new Date(last = ms).toISOString();
    return text;
  };
}

const eventTime = timeFormat();

/** Formats an event as a line of JSON: its name, the time, and its fields. */
export function jsonEvent(event: string, fields: Readonly<Record<string, unknown>>): string {
  return printableJson({ event, at: eventTime(Date.now()), ...fields });
}

/** Prints an event. */
export function say(io: Pick<Io, "output">, said: Said, json: boolean): void {
  printLines(io, voiced(said, json));
}

/**
 * Runs a command. If it fails and the output is JSON, prints an event `error` before the failure reaches the
 * command line.
 *
 * @param json Whether the output is JSON.
 * @param run The command.
 */
export async function reportingFailure(
  io: Pick<Io, "output">,
  json: boolean,
  run: () => Promise<number>,
): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (json && error instanceof Failure && error.exitCode === 1) tellProgram(io, error);
    throw error;
  }
}

function tellProgram(io: Pick<Io, "output">, failure: Failure): void {
  try {
    printLines(io, [jsonEvent("error", failureFields(failure))]);
  } catch (error) {
    // The output itself may have failed. The command line reports the first failure.
    if (!(error instanceof Failure)) throw error;
  }
}

/**
 * Prints a failure on standard error: one line, a hint if there is one, and with `debug` the stack.
 * Prints nothing if the reader of the output has gone, as is usual for pipes.
 *
 * @param failure What failed.
 * @param debug Whether to print the stack.
 */
export function printFailure(io: Pick<Io, "errors">, failure: Failure, debug = false): void {
  if (failure instanceof ReaderGone) return;
  const line = `parley: ${printable(failure.what)}: ${printable(failure.why)} (${failure.code})\n`;
  const hint = failure.hint === undefined ? "" : `hint: ${printable(failure.hint)}\n`;
  const stack = debug ? `${failure.stack ?? ""}\n${causeStack(failure.cause)}` : "";
  writeError(io, line + hint + stack);
}

function causeStack(cause: unknown): string {
  return cause instanceof Error ? `Caused by: ${cause.stack ?? cause.message}\n` : "";
}

/** A failure as fields of an event. */
export function failureFields(
  { code, what, why }: Failure,
): { readonly code: string; readonly message: string } {
  return { code, message: `${what}: ${why}` };
}

/** An address as fields of an event. */
export function addressFields(
  { hostname, port }: Deno.NetAddr,
): { readonly host: string; readonly port: number } {
  return { host: hostname, port };
}

/** Formats a number of things: `1 datagram`, `1,024 datagrams`. */
export function counted(count: number, thing: string): string {
  return `${count.toLocaleString("en-US")} ${thing}${count === 1 ? "" : "s"}`;
}
