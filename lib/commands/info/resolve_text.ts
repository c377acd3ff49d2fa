/**
 * Formats the answers of `parley info resolve`: for people as a table or as a whole reply, for programs as JSON; and
 * completes its failures for the command line.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { printable } from "../../base/printable.ts";
import { type Cell, tableLines } from "../../cli/output.ts";
import { referralOf } from "../../info/dns/answer.ts";
import type { TextStyle } from "../../info/dns/fields.ts";
import { type DnsRecord, recordText } from "../../info/dns/record.ts";
import { failuresOf, type Resolution } from "../../info/dns/resolve.ts";
import type { TraceEnd, TraceStep } from "../../info/dns/trace.ts";
import type { Page } from "../../os/io.ts";
import { makeStyle, type Paint } from "../../terminal/terminal.ts";
import { INFO_RESOLVE } from "./spec.ts";

/** How much of an answer to show, and how. */
export interface Showing {
  readonly text: TextStyle;
  /** Whether to show the whole reply. */
  readonly all: boolean;
  /** The output. */
  readonly page: Page;
}

/** Formats the data of a record for a terminal. */
export function dataText(
  { type, data }: Pick<DnsRecord, "type" | "data">,
  text: TextStyle,
): string {
  return printable(recordText(type, data, text));
}

function nameText(name: string, { name: shown }: TextStyle): string {
  return printable(shown?.(name) ?? name);
}

/** Returns the records of an answer to show: aliases, the records, and their signatures. */
export function shownRecords({ chain, records, reply }: Resolution): DnsRecord[] {
  const aliases = (reply?.answer ?? []).filter(({ type, name }) => {
    return type === "CNAME" && chain.slice(0, -1).includes(name.toLowerCase());
  });
  const covered = new Set([...aliases, ...records].map(({ type }) => type));
  const signatures = (reply?.answer ?? []).filter(({ type, data }) => {
    return type === "RRSIG" && covered.has((data as { covered: string }).covered);
  });
  return [...aliases, ...records, ...signatures.filter((each) => !records.includes(each))];
}

/** Formats an answer as JSON: one object per record, or with `all` one per question. */
function answerObjects(resolution: Resolution, all: boolean): Record<string, unknown>[] {
  const { name, unicode, type, failure, chain, records } = resolution;
  const { server, time_ms, local, resolver, reply } = resolution;
  const asked = { name, ...(unicode === undefined ? {} : { unicode }), type };
  const how = { server, transport: reply?.transport ?? null, time_ms, local, resolver };
  const error = failure === undefined
    ? {}
    : { error: { code: failure.code, message: failure.why, hint: failure.hint } };
  if (all) return [{ ...asked, ...error, ...(reply ?? NO_REPLY), ...how, chain }];
  const referral = reply === null ? undefined : referralOf(reply, chain.at(-1)!);
  const whither = referral === undefined ? {} : { referral };
  if (failure !== undefined) return [{ ...asked, ...error, ...how, chain, ...whither }];
  return records.map((record) => ({ ...asked, ...record, ...how, chain, ...whither }));
}

/** Formats answers as JSON, with hints for the command line. */
export async function adviceObjects(
  resolutions: readonly Resolution[],
  all: boolean,
): Promise<Record<string, unknown>[]> {
  const withHints = await Promise.all(resolutions.map(async (resolution) => {
    const { failure } = resolution;
    return failure === undefined ? resolution : { ...resolution, failure: await advised(failure) };
  }));
  return withHints.flatMap((each) => answerObjects(each, all));
}

/** Puts the options that help into the hint of a failure. */
export async function advised(failure: Failure): Promise<Failure> {
  const { withAdvice, withPermissionHint } = await import("../../cli/help.ts");
  if (failure.code !== "NOT_PERMITTED") return withAdvice(failure);
  return withPermissionHint(failure, ["info", "resolve"], INFO_RESOLVE.permissions);
}

/**
 * Returns the failures to report, those of each server separately.
 *
 * @param resolutions The answers, those of one server after those of the other.
 * @param servers The number of named servers.
 * @param byDefault Whether the default types were requested.
 */
export function failuresAmong(
  resolutions: readonly Resolution[],
  servers: number,
  byDefault: boolean,
): Failure[] {
  const each = Math.max(1, servers);
  const perServer = resolutions.length / each;
  return Array.from({ length: each }, (_, i) => {
    return failuresOf(resolutions.slice(i * perServer, (i + 1) * perServer), byDefault);
  }).flat();
}

/** Returns 9 if no server answered, as dig(1) does; otherwise 1 if there is a failure. */
export function exitCode(
  failures: readonly Failure[],
  resolutions: readonly Resolution[],
): number {
  if (failures.length === 0) return 0;
  const silent = resolutions.every(({ failure }) => failure?.exitCode === 9);
  return silent ? 9 : 1;
}

/** The fields of a reply if there is none. */
const NO_REPLY = {
  status: null,
  flags: [],
  question: [],
  answer: [],
  authority: [],
  additional: [],
  size: null,
  edns: null,
};

/** Formats answers for people. */
export async function answerLines(
  resolutions: readonly Resolution[],
  showing: Showing,
): Promise<string[]> {
  if (showing.all) return await wholeLines(resolutions, showing);
  const several = new Set(resolutions.map(({ server }) => server)).size > 1;
  const seen = new Set<string>();
  const rows = resolutions.flatMap((each) => rowsOf(each, showing.text, several, seen));
  if (rows.length === 0) return [];
  const titles = ["name", "type", "time", ...(several ? ["server"] : []), "data"];
  return [
    ...await tableLines(rows, showing.page, { titles, right: [2] }),
    "",
    ...await paintedLines(sourceLines(resolutions, several), "dim", showing.page),
  ];
}

/** Wraps lines of one colour. */
async function paintedLines(
  lines: readonly string[],
  colour: "bold" | "dim",
  page: Page,
): Promise<string[]> {
  const paint: Paint = makeStyle(page.coloured)[colour];
  return await tableLines(lines.map((text) => [{ text, paint }]), page);
}

/** Returns a row for each record. An alias that the answer to another type contained is left out. */
function rowsOf(
  resolution: Resolution,
  text: TextStyle,
  several: boolean,
  seen: Set<string>,
): Cell[][] {
  const { name, unicode, time_ms, server } = resolution;
  const asked = unicode === undefined ? name : `${printable(unicode)} (${name})`;
  const records = shownRecords(resolution).filter((record) => {
    const key = `${server} ${record.name} ${record.type} ${JSON.stringify(record.data)}`;
    return !seen.has(key) && seen.add(key);
  });
  return records.map((record) => [
    record.name.toLowerCase() === name ? asked : nameText(record.name, text),
    record.type,
    `${time_ms.toFixed(1)} ms`,
    ...(several ? [server ?? "-"] : []),
    dataText(record, text),
  ]);
}

/** Describes the servers and replies: one line for all types if they agree, otherwise one for each type. */
function sourceLines(resolutions: readonly Resolution[], several: boolean): string[] {
  const answered = resolutions.filter(({ data }) => data.length > 0);
  return [
    ...(several ? [] : alikeLines(answered, sourceText)),
    ...alikeLines(answered, replyText, several),
  ];
}

function alikeLines(
  resolutions: readonly Resolution[],
  textOf: (resolution: Resolution) => string,
  several = false,
): string[] {
  const texts = new Set(resolutions.map(textOf));
  if (texts.size === 1) return [...texts].filter((text) => text !== "");
  return resolutions.map((each) => {
    return `${each.type}${several ? ` ${each.server}` : ""}: ${textOf(each)}`;
  });
}

function sourceText({ server, local, resolver }: Resolution): string {
  if (server !== null) return `server: ${server}`;
  if (local === true) {
    return "server: none, this machine answered (hosts file or localhost)";
  }
  if (local === false) {
    return resolver === "parley"
      ? "server: one of the system's"
      : "server: one of the system's, asked by the runtime's resolver; for TTLs use @SERVER or --allow-sys";
  }
  return "server: not known, run with --allow-net";
}

/** Describes a reply: TTLs, flags, size and transport. */
function replyText({ reply, records, chain }: Resolution): string {
  if (reply === null) return "";
  const ttls = [...new Set(records.map(({ ttl }) => ttl))].join(", ");
  const { transport, size, flags } = reply;
  const isReferral = referralOf(reply, chain.at(-1)!) !== undefined;
  return `TTL ${ttls} s, flags ${flags.join(" ")}, ${size} bytes by ${transport}` +
    (isReferral ? "; the server refers to these name servers and does not answer itself" : "");
}

/** Formats whole replies, separated by blank lines. */
async function wholeLines(resolutions: readonly Resolution[], showing: Showing): Promise<string[]> {
  const lines: string[] = [];
  for (const resolution of resolutions) {
    if (lines.length > 0) lines.push("");
    lines.push(...await wholeReply(resolution, showing));
  }
  return lines;
}

async function wholeReply(resolution: Resolution, { text, page }: Showing): Promise<string[]> {
  const { name, type, reply, server, time_ms, records } = resolution;
  if (reply === null) {
    const rows = records.map((each) => recordCells(each, text));
    const why = await paintedLines(["the runtime's resolver hides the rest"], "dim", page);
    return rows.length === 0 ? [] : [...await tableLines(rows, page), "", ...why];
  }
  const { status, flags, transport, size, edns } = reply;
  const heading = `${name} ${type}: ${status}, flags ${flags.join(" ")}`;
  const lines = await paintedLines([heading], "bold", page);
  if (edns !== null) {
    const { udp_size, dnssec_ok, subnet, extended_errors } = edns;
    const parts = [
      `EDNS: datagrams of ${udp_size} bytes${dnssec_ok ? ", DO" : ""}`,
      ...(subnet === null ? [] : [`client subnet ${subnet}`]),
      ...extended_errors.map((each) => {
        return `extended error ${each.code}, ${each.meaning ?? "unknown"} ${each.text}`.trimEnd();
      }),
    ];
    lines.push(...await tableLines([[printable(parts.join("; "))]], page));
  }
  for (const section of ["answer", "authority", "additional"] as const) {
    const rows = reply[section].map((each) => recordCells(each, text));
    if (rows.length === 0) continue;
    const title = await paintedLines([section], "dim", page);
    lines.push("", ...title, ...await tableLines(rows, page));
  }
  const end = `server: ${server}, ${size} bytes by ${transport}, ${time_ms.toFixed(1)} ms`;
  return [...lines, "", ...await paintedLines([end], "dim", page)];
}

/** Formats a record for a master file (RFC 1035 section 5.1). */
export function recordCells(
  { name, ttl, class: of, type, data }: DnsRecord,
  text: TextStyle,
): string[] {
  const whole = name === "." ? name : `${name}.`;
  const shown = dataText({ type, data }, { ...text, ascii: true });
  return [nameText(whole, text), ttl === null ? "-" : String(ttl), of, type, shown];
}

/** Formats a record as one line. */
export function recordLine(record: DnsRecord, text: TextStyle): string {
  return recordCells(record, text).join("  ");
}

/** Formats the data of records, one line for each. */
export function shortLines({ records }: Resolution, text: TextStyle): string[] {
  return records.map((record) => dataText(record, text));
}

/** Compares the answers of several servers: one line for each type in which they differ. */
export function differenceLines(resolutions: readonly Resolution[], text: TextStyle): string[] {
  const servers = new Set(resolutions.map(({ server }) => server));
  if (servers.size < 2) return [];
  const differing = [...new Set(resolutions.map(({ type }) => type))].filter((type) => {
    const same = resolutions.filter((each) => each.type === type);
    return new Set(same.map((each) => saidText(each, text))).size > 1;
  });
  if (differing.length === 0) return [`the ${servers.size} servers agree`];
  return differing.map((type) => `the servers differ in ${type}`);
}

/** Returns text that is equal for equal answers in any order. */
function saidText(resolution: Resolution, text: TextStyle): string {
  return resolution.failure?.code ?? shortLines(resolution, text).toSorted().join("\n");
}

/** The difference between two answers. */
export interface Change {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** Returns the content of answers as lines: records, and codes of failures. */
export function stateOf(resolutions: readonly Resolution[], text: TextStyle): string[] {
  return resolutions.flatMap((resolution) => {
    const { failure, name, type } = resolution;
    if (failure !== undefined) return [`${name} ${type} ${failure.code}`];
    return shownRecords(resolution).map((record) => {
      return `${nameText(record.name, text)} ${record.type} ${dataText(record, text)}`;
    });
  });
}

/** Compares two results of {@linkcode stateOf}. */
export function changeOf(before: readonly string[], now: readonly string[]): Change {
  return {
    added: now.filter((line) => !before.includes(line)),
    removed: before.filter((line) => !now.includes(line)),
  };
}

/** Formats a difference. */
export function changeLines({ added, removed }: Change, at: string, { page }: Showing): string[] {
  const { dim, red, green } = makeStyle(page.coloured);
  return [
    ...removed.map((line) => `${dim(at)} ${red(`- ${line}`)}`),
    ...added.map((line) => `${dim(at)} ${green(`+ ${line}`)}`),
  ];
}

/** Formats a step of a trace as one line. */
export function stepLine(step: TraceStep, { text, page }: Showing): string {
  const { dim } = makeStyle(page.coloured);
  const { depth, zone, server, server_name, time_ms, status, referral, answer } = step;
  const indent = "  ".repeat(depth);
  const who = `${zone === "." ? "." : `${zone}.`}  ${server} (${printable(server_name)})`;
  const what = referral !== null
    ? `refers to ${referral.zone}. (${referral.servers.length} servers${
      signedText(referral.signed)
    })`
    : answer.length > 0
    ? answer.map((record) => `${record.type} ${dataText(record, text)}`).join("; ")
    : status;
  return `${indent}${printable(who)}  ${dim(`${time_ms.toFixed(1)} ms`)}  ${printable(what)}`;
}

function signedText(signed: boolean | null): string {
  return signed === null ? "" : signed ? ", signed" : ", not signed";
}

/** Returns the failure of a trace that found no record. */
export function traceFailure({ code, chain }: TraceEnd, name: string, type: string): Failure {
  const silent = ["NO_SERVER", "TIMEOUT", "NO_REPLY"].includes(code);
  const alias = chain.length === 1 ? "" : `it is an alias of ${chain.at(-1)}: `;
  const why = TRACE_ENDS[code] ?? `the last server replied ${code}`;
  return new Failure({
    what: `cannot resolve ${name} ${type}`,
    why: alias + why,
    code,
    exitCode: silent ? 9 : 1,
  });
}

const TRACE_ENDS: Readonly<Record<string, string>> = {
  NXDOMAIN: "there is no such name",
  NODATA: "there is no such record",
  NO_SERVER: "no server of the last zone knows the name",
  TIMEOUT: "no server of the last zone answered in time",
  NO_REPLY: "no server of the last zone could be reached",
  ALIAS_LOOP: "its aliases form a loop or a chain that is too long",
};
