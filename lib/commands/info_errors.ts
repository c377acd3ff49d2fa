/**
 * `parley info errors`.
 *
 * @module
 */

import { style } from "../chat/style.ts";
import { printJson, printLines, terminalWidth } from "../cli/print.ts";
import type { Input } from "../cli/spec.ts";
import { factLines } from "../cli/table.ts";
import {
  provokeSocketErrors,
  readErrorCode,
  type SocketErrorReport,
} from "../info/socket_errors.ts";
import { printable } from "../printable.ts";
import type { INFO_ERRORS } from "./info_spec.ts";

/** Provokes socket errors, and shows each. */
export async function run({ options, operands }: Input<typeof INFO_ERRORS>): Promise<number> {
  const [code] = operands;
  const codes = code === undefined ? undefined : [await readErrorCode(code)];
  const reports = await provokeSocketErrors(codes);
  if (options.json) reports.forEach(printJson);
  else for (const [i, report] of reports.entries()) await show(report, i > 0);
  return 0;
}

async function show(report: SocketErrorReport, apart: boolean): Promise<void> {
  const { code, errno, why, hint, provoked, by } = report;
  const head = [style.bold(code), errno === null ? "no errno" : `errno ${errno}`];
  if (report.class !== null) head.push(report.class);
  const width = terminalWidth();
  const facts = await factLines([
    ["means", why],
    ["do", hint],
    provoked ? ["provoked", `by ${by.replace(/,$/, "")}`] : ["not provoked", printable(by)],
  ], width === undefined ? undefined : width - 2);
  printLines([...(apart ? [""] : []), head.join("  "), ...facts.map((line) => `  ${line}`)]);
}
