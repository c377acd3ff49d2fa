/**
 * `parley info errors`.
 *
 * @module
 */

import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { type Cell, factLines, tableLines } from "../../cli/table.ts";
import {
  provokeSocketErrors,
  readErrorCode,
  type SocketErrorReport,
} from "../../info/socket/socket_errors.ts";
import type { Io } from "../../os/io.ts";
import { makeStyle } from "../../terminal/terminal.ts";
import type { INFO_ERRORS } from "./spec.ts";

/** Provokes socket errors, and shows each. */
export async function run(
  { options, operands }: Input<typeof INFO_ERRORS>,
  io: Io,
): Promise<number> {
  const [code] = operands;
  const codes = code === undefined ? undefined : [await readErrorCode(code)];
  const reports = await provokeSocketErrors(codes);
  if (options.json) reports.forEach((each) => printJson(io, each));
  else for (const [i, report] of reports.entries()) await show(io, report, i > 0);
  return 0;
}

async function show(io: Io, report: SocketErrorReport, apart: boolean): Promise<void> {
  const { code, errno, why, hint, provoked, by } = report;
  const { columns, coloured } = io.output;
  const head: Cell[] = [
    { text: code, paint: makeStyle(coloured).bold },
    errno === null ? "no errno" : `errno ${errno}`,
  ];
  if (report.class !== null) head.push(report.class);
  const page = { columns: columns === undefined ? undefined : columns - 2, coloured };
  const facts = await factLines([
    ["means", why],
    ["do", hint],
    provoked ? ["provoked", `by ${by.replace(/,$/, "")}`] : ["not provoked", printable(by)],
  ], page);
  printLines(io, [
    ...(apart ? [""] : []),
    ...await tableLines([head], io.output),
    ...facts.map((line) => `  ${line}`),
  ]);
}
