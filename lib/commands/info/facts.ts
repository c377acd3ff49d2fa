/**
 * The commands that state facts and ask no server: `parley info host`, `service` and `runtime` about this machine,
 * `socket` and `errors` about its sockets, `byteorder` and `address` about numbers and addresses. Each command loads
 * what it shows when it runs.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/output.ts";
import type { Input, PartialGrant } from "../../cli/spec.ts";
import { type Cell, factLines, missingLines, notShown, tableLines } from "../../cli/output.ts";
import type { AddressFacts } from "../../info/address/address.ts";
import {
  type Bits,
  bytesOf,
  HOST_BYTE_ORDER,
  htonl,
  htons,
  ntohl,
  ntohs,
  readNumber,
} from "../../info/address/inet.ts";
import type { HostFacts, HostInterface, Protocol } from "../../info/host.ts";
import type { SocketErrorReport } from "../../info/socket/socket_errors.ts";
import type { Setting, SocketReport } from "../../info/socket/socket_options.ts";
import { SOCKET_ERRORS } from "../../os/errors.ts";
import type { Io, Page } from "../../os/io.ts";
import { makeStyle } from "../../terminal/terminal.ts";
import type {
  INFO_ADDRESS,
  INFO_BYTEORDER,
  INFO_ERRORS,
  INFO_HOST,
  INFO_RUNTIME,
  INFO_SERVICE,
  INFO_SOCKET,
} from "./spec.ts";

/** Shows this host's name, addresses, interfaces and system. */
export async function showHost({ options }: Input<typeof INFO_HOST>, io: Io): Promise<number> {
  const { describeHost, prefixLength } = await import("../../info/host.ts");
  const facts = await describeHost();
  if (options.json) {
    const { missing, ...rest } = facts;
    printJson(io, { ...rest, not_shown: notShown(missing) });
  } else printLines(io, await hostLines(facts, prefixLength, io.output));
  return 0;
}

async function hostLines(
  facts: HostFacts,
  prefixLength: (netmask: string) => number,
  page: Page,
): Promise<string[]> {
  const { name, addresses, lookup_error, interfaces, os, release, arch, missing } = facts;
  const named: [string, string][] = name === null ? [] : [
    ["host name", printable(name)],
    [
      "addresses",
      lookup_error === null
        ? addresses.join(", ") || "-"
        : `none: ${SOCKET_ERRORS[lookup_error]?.why} (${lookup_error})`,
    ],
  ];
  const system = [os, release ?? "", arch].filter((word) => word !== "").map(printable).join(" ");
  const rows = (interfaces ?? []).map((each) =>
    [each.name, each.family, each.address, maskText(each, prefixLength), each.mac].map(printable)
  );
  const titles = ["interface", "family", "address", "netmask", "MAC"];
  return [
    ...await factLines([...named, ["system", system]], page),
    ...(rows.length === 0 ? [] : ["", ...await tableLines(rows, page, { titles })]),
    ...await missingLines(missing, ["info", "host"], page),
  ];
}

/** Formats a netmask; an IPv6 netmask as its length, as is usual (RFC 4291 section 2.3). */
function maskText(
  { family, netmask }: HostInterface,
  prefixLength: (netmask: string) => number,
): string {
  return family === "IPv4" ? netmask : `/${prefixLength(netmask)}`;
}

/** Shows the services of a name or a port. */
export async function showServices(
  { options, operands }: Input<typeof INFO_SERVICE>,
  io: Io,
): Promise<number> {
  const { findServices } = await import("../../info/host.ts");
  const protocol = options.protocol as Protocol | undefined; // one of its choices
  const { services, missing } = await findServices(operands[0] ?? "", { protocol });
  if (options.json) {
    for (const service of services) printJson(io, { ...service, not_shown: notShown(missing) });
    return 0;
  }
  const rows = services.map(({ name, port, protocol, aliases, description, source }) =>
    [name, `${port}/${protocol}`, aliases.join(" ") || "-", source, description].map(printable)
  );
  const titles = ["name", "port", "aliases", "source", "description"];
  printLines(io, [
    ...await tableLines(rows, io.output, { titles }),
    ...await missingLines(missing, ["info", "service"], io.output),
  ]);
  return 0;
}

const PARTS_NOTE = "Deno reveals only parts that are asked for by name: there may be others";

/** Shows the versions of the runtime, and the permissions that were granted. */
export async function showRuntime(
  { options, grants: { granted, inPart } }: Input<typeof INFO_RUNTIME>,
  io: Io,
): Promise<number> {
  const { describeRuntime, ENVIRONMENT_STEPS } = await import("../../info/host.ts");
  const runtime = describeRuntime();
  if (options.json) {
    printJson(io, {
      ...runtime,
      permissions: granted,
      permissions_in_part: inPart,
      environments: ENVIRONMENT_STEPS,
    });
    return 0;
  }
  const page = io.output;
  const flags = granted.map((name) => `--allow-${name}`).join(", ");
  const parts = inPart.map(partText).join(", ");
  printLines(io, [
    ...await factLines([
      [
        "parley",
        `${runtime.parley}, ${runtime.build === "source" ? "run from source" : runtime.build}`,
      ],
      ["deno", runtime.deno],
      ["v8", runtime.v8],
      ["typescript", runtime.typescript],
      ["target", runtime.target],
      ["permissions", `${flags === "" ? "none" : flags} (this command has dropped them)`],
      ["in part", `${parts === "" ? "none that parley asks for" : parts} (${PARTS_NOTE})`],
    ], page),
    "",
    ...await tableLines(
      ENVIRONMENT_STEPS.map(({ virtualenv, deno }) => [virtualenv, deno]),
      page,
      { titles: ["virtual environments", "deno"] },
    ),
  ]);
  return 0;
}

/** Formats a partial permission as the flag that grants its known parts. */
function partText({ name, whole, parts }: PartialGrant): string {
  if (!whole) return `--allow-${name}=${parts.join(",")}`;
  return parts.length > 0
    ? `--allow-${name} but --deny-${name}=${parts.join(",")}`
    : `--allow-${name} but for a part that is denied`;
}

/** Shows a socket before and after it is changed. */
export async function showSocket({ options }: Input<typeof INFO_SOCKET>, io: Io): Promise<number> {
  const { inspectSocket } = await import("../../info/socket/socket_options.ts");
  const report = inspectSocket({
    transport: options.transport === "udp" ? "udp" : "tcp",
    timeout: options.timeout,
    receiveBuffer: options.rcvbuf,
    sendBuffer: options.sndbuf,
    nonBlocking: options.nonblocking,
  });
  await refuseUnread(report);
  if (options.json) {
    const { missing, ...rest } = report;
    printJson(io, { transport: options.transport, ...rest, not_shown: notShown(missing) });
  } else printLines(io, await socketLines(report, io.output));
  return 0;
}

/** Throws if a missing permission kept all values from being read. */
async function refuseUnread({ missing }: SocketReport): Promise<void> {
  const flag = notShown(missing).find(({ flag }) => flag !== null)?.flag;
  if (flag === undefined || flag === null) return;
  const { permissionHint } = await import("../../cli/help.ts");
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
  const { provokeSocketErrors, readErrorCode } = await import(
    "../../info/socket/socket_errors.ts"
  );
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

const FUNCTIONS = {
  16: { htons, ntohs },
  32: { htonl, ntohl },
} as const;

/** Shows a number in both byte orders. */
export async function showByteOrder(
  { options, operands }: Input<typeof INFO_BYTEORDER>,
  io: Io,
): Promise<number> {
  const asked = options.bits === undefined ? undefined : Number(options.bits) as Bits;
  const value = readNumber(operands[0] ?? "", asked ?? 32);
  const widths: Bits[] = asked === undefined ? (value < 2 ** 16 ? [16, 32] : [32]) : [asked];
  if (options.json) printJson(io, byteOrderFields(value, widths));
  else printLines(io, await byteOrderLines(value, widths, io.output));
  return 0;
}

function byteOrderFields(value: number, widths: readonly Bits[]): Record<string, unknown> {
  const object: Record<string, unknown> = { value, host_order: HOST_BYTE_ORDER };
  for (const bits of widths) {
    for (const [name, convert] of Object.entries(FUNCTIONS[bits])) object[name] = convert(value);
    object[`host_bytes_${bits}`] = hex(value, bits, "");
    object[`network_bytes_${bits}`] = hex(value, bits, "", "big-endian");
  }
  return object;
}

async function byteOrderLines(
  value: number,
  widths: readonly Bits[],
  page: Page,
): Promise<string[]> {
  const results: Cell[][] = [];
  const bytes: Cell[][] = [];
  for (const bits of widths) {
    for (const [name, convert] of Object.entries(FUNCTIONS[bits])) {
      const result = convert(value);
      results.push([
        `${name}(${value})`,
        String(result),
        `0x${result.toString(16).padStart(bits / 4, "0")}`,
      ]);
    }
    const network = hex(value, bits, " ", "big-endian");
    bytes.push([`${bits} bits`, hex(value, bits, " "), network]);
  }
  const titles = ["in memory", `here (${HOST_BYTE_ORDER})`, "on the network (big-endian)"];
  return [
    ...await tableLines(results, page, { right: [1] }),
    "",
    ...await tableLines(bytes, page, { titles }),
  ];
}

function hex(
  value: number,
  bits: Bits,
  between: string,
  order: typeof HOST_BYTE_ORDER = HOST_BYTE_ORDER,
): string {
  return Array.from(bytesOf(value, bits, order), (byte) => byte.toString(16).padStart(2, "0"))
    .join(between);
}

/** Shows an address in every notation. */
export async function showAddress(
  { options, operands }: Input<typeof INFO_ADDRESS>,
  io: Io,
): Promise<number> {
  const { describeAddress } = await import("../../info/address/address.ts");
  const facts = describeAddress(operands[0] ?? "", { strict: options.strict });
  if (options.json) printJson(io, facts);
  else printLines(io, await addressLines(facts, io.output));
  return 0;
}

async function addressLines(facts: AddressFacts, page: Page): Promise<string[]> {
  const zone = facts.zone === null ? "" : printable(`%${facts.zone}`);
  const rows: [string, string][] = [
    ["address", facts.address + zone],
    ["read as", facts.read_as],
    ["kind", `${facts.kind} (${facts.block}, ${facts.reference})`],
    ["packed", facts.packed],
    ["integer", facts.integer],
    ["reverse", facts.reverse],
  ];
  if (facts.ipv4 !== null) rows.push(["IPv4 in it", `${facts.ipv4.address}, ${facts.ipv4.kind}`]);
  const bytes = facts.bytes.map((byte, i) => [
    String(i + 1),
    String(byte),
    facts.packed.slice(2 * i, 2 * i + 2),
    facts.binary[i]!,
  ]);
  const titles = ["byte", "decimal", "hex", "binary"];
  return [
    ...await factLines(rows, page),
    "",
    ...await tableLines(bytes, page, { titles, right: [0, 1, 2] }),
  ];
}
