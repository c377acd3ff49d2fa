/**
 * The commands about sockets: `parley info socket` and `parley info errors`.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import { permissionHint } from "../../cli/permissions.ts";
import type { Input } from "../../cli/spec.ts";
import { type Cell, factLines, missingLines, notShown, tableLines } from "../../cli/table.ts";
import {
  provokeSocketErrors,
  readErrorCode,
  type SocketErrorReport,
} from "../../info/socket/socket_errors.ts";
import {
  inspectSocket,
  type Setting,
  type SocketReport,
} from "../../info/socket/socket_options.ts";
import type { Io, Page } from "../../os/io.ts";
import { makeStyle } from "../../terminal/terminal.ts";
import type { INFO_ERRORS, INFO_SOCKET } from "./spec.ts";

/** Shows a socket before and after it is changed. */
export async function showSocket({ options }: Input<typeof INFO_SOCKET>, io: Io): Promise<number> {
  const report = inspectSocket({
    transport: options.transport === "udp" ? "udp" : "tcp",
    timeout: options.timeout,
    receiveBuffer: options.rcvbuf,
    sendBuffer: options.sndbuf,
    nonBlocking: options.nonblocking,
  });
  refuseUnread(report);
  if (options.json) {
    const { missing, ...rest } = report;
    printJson(io, { transport: options.transport, ...rest, not_shown: notShown(missing) });
  } else printLines(io, await socketLines(report, io.output));
  return 0;
}

/** Throws if a missing permission kept all values from being read. */
function refuseUnread({ missing }: SocketReport): void {
  const flag = notShown(missing).find(({ flag }) => flag !== null)?.flag;
  if (flag === undefined || flag === null) return;
  throw new Failure({
    what: "cannot read a socket",
    why: "its values come from the C library, which parley may not call",
    code: "NOT_PERMITTED",
    hint: permissionHint(["info", "socket"], [flag]),
  });
}

async function socketLines(report: SocketReport, page: Page): Promise<string[]> {
  const { descriptor, type, local, settings, missing } = report;
  const facts = await factLines([
    ["descriptor", descriptor === null ? "-" : String(descriptor)],
    ["type", type ?? "-"],
    ["local address", local === null ? "-" : `${local.address}:${local.port}, from bind to port 0`],
  ], page);
  const rows = settings.map((setting) => [
    setting.name,
    valueText(setting, setting.before),
    setting.requested === null ? "-" : valueText(setting, setting.requested),
    valueText(setting, setting.after),
  ]);
  const titles = ["setting", "before", "asked for", "after"];
  const meanings = settings.map(({ name, meaning }) => [name, meaning] as const);
  const inDeno = [
    ["descriptor", "the runtime has one, but does not expose it"] as const,
    ...settings.map(({ name, in_deno }) => [name, in_deno] as const),
  ];
  return [
    ...facts,
    "",
    ...await tableLines(rows, page, { titles, right: [1, 2, 3] }),
    "",
    "what it means",
    ...await factLines(meanings, page),
    "",
    "for Deno's own sockets",
    ...await factLines(inDeno, page),
    ...await missingLines(missing, ["info", "socket"], page),
  ];
}

function valueText({ name }: Setting, value: number | boolean | null): string {
  if (value === null) return "-";
  if (typeof value === "boolean") return value ? "on" : "off";
  return name === "SO_RCVTIMEO" ? `${value} s` : `${value} B`;
}

/** Provokes socket errors, and shows each of them. */
export async function showErrors(
  { options, operands }: Input<typeof INFO_ERRORS>,
  io: Io,
): Promise<number> {
  const [code] = operands;
  const codes = code === undefined ? undefined : [await readErrorCode(code)];
  const reports = await provokeSocketErrors(codes);
  if (options.json) reports.forEach((each) => printJson(io, each));
  else for (const [i, report] of reports.entries()) await showError(io, report, i > 0);
  return 0;
}

async function showError(io: Io, report: SocketErrorReport, apart: boolean): Promise<void> {
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
