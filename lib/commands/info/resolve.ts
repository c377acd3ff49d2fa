/**
 * `parley info resolve`: one answer, the answers to the lines of a file, the changes of an answer, or a trace.
 *
 * @module
 */

import { Failure, usageFailure } from "../../base/failure.ts";
import { inOrder, pause } from "../../base/clock.ts";
import { printable, printableJson, quote } from "../../base/printable.ts";
import { readAddress } from "../../cli/words.ts";
import { printFailure, printJson, printLines, tableLines } from "../../cli/output.ts";
import type { Input } from "../../cli/spec.ts";
import { SocketPool, type Transport } from "../../info/dns/ask.ts";
import {
  loadUnicode,
  type NameServer,
  readDnsName,
  readNameServers,
  readResolvConf,
  readServerUrl,
} from "../../info/dns/name.ts";
import { readRecordType } from "../../info/dns/record.ts";
import {
  nameToAsk,
  type Resolution,
  resolve,
  type ResolveOptions,
} from "../../info/dns/resolve.ts";
import type { TraceEnd, TraceOptions } from "../../info/dns/trace.ts";
import { toFailure } from "../../os/errors.ts";
import { type Io, StopSignals } from "../../os/io.ts";
import {
  adviceObjects,
  advised,
  answerLines,
  type Change,
  changeLines,
  changeOf,
  dataText,
  differenceLines,
  exitCode,
  failuresAmong,
  recordCells,
  recordLine,
  shortLines,
  type Showing,
  shownRecords,
  stateOf,
  stepLine,
  traceFailure,
} from "./resolve_text.ts";
import type { INFO_RESOLVE } from "./spec.ts";

/** The options of the command. */
type Options = Input<typeof INFO_RESOLVE>["options"];

/** A name and the types to resolve it to. */
interface Asked {
  readonly name: string;
  /** Undefined for the default types. */
  readonly types: readonly string[] | undefined;
}

/** What the command line asks for. */
interface Plan {
  readonly io: Io;
  readonly options: Options;
  /** Undefined if the command line has no name. */
  readonly asked: Asked | undefined;
  /** The named servers; empty for those of the system. */
  readonly servers: readonly NameServer[];
  readonly how: ResolveOptions;
  readonly showing: Showing;
}

/** Resolves a name, or the names of a file. */
export async function resolveName(
  { options, operands }: Input<typeof INFO_RESOLVE>,
  io: Io,
): Promise<number> {
  const plan = await readPlan(options, operands, io);
  if (options.file !== undefined) return await resolveFile(plan, options.file);
  const { asked } = plan;
  if (asked === undefined) {
    const hint = "parley info resolve --help lists what it takes";
    throw usageFailure("info resolve", "NAME is missing", hint);
  }
  if (options.trace) return await traceName(plan, asked);
  if (options.watch !== undefined) return await watchName(plan, asked, options.watch);
  return await show(plan, asked, await resolveAll(plan, asked));
}

/** Asks all servers at the same time. */
async function resolveAll({ servers, how }: Plan, { name, types }: Asked): Promise<Resolution[]> {
  const options = types === undefined ? how : { ...how, types };
  if (servers.length === 0) return await resolve(name, options);
  return (await Promise.all(servers.map((server) => resolve(name, { ...options, server })))).flat();
}

async function show(plan: Plan, asked: Asked, resolutions: readonly Resolution[]): Promise<number> {
  const { io, options, showing } = plan;
  const failures = failuresAmong(resolutions, plan.servers.length, asked.types === undefined);
  if (options.json) {
    for (const object of await adviceObjects(resolutions, options.all)) printJson(io, object);
    return exitCode(failures, resolutions);
  }
  printLines(
    io,
    options.short ? resolutions.flatMap((each) => shortLines(each, showing.text)) : [
      ...await answerLines(resolutions, showing),
      ...differenceLines(resolutions, showing.text),
    ],
  );
  for (const failure of failures) printFailure(io, await advised(failure), options.debug);
  return exitCode(failures, resolutions);
}

async function readPlan(options: Options, operands: readonly string[], io: Io): Promise<Plan> {
  const words = operands.filter((operand) => !operand.startsWith("@"));
  const named = operands.filter((operand) => operand.startsWith("@")).map((word) => word.slice(1));
  const transport = readTransport(options, named);
  const text = options.idn ? { name: await loadUnicode() } : {};
  return {
    io,
    options,
    asked: words.length === 0 ? undefined : await readAsked(words, options),
    servers: await Promise.all(named.map((word) => readServer(word, transport, options))),
    how: {
      timeoutMs: options.timeout,
      transport,
      recurse: !options.norecurse,
      dnssec: options.dnssec,
      subnet: options.subnet,
      serverName: options["server-name"],
      ...(options.ca === undefined ? {} : await readAuthority(options.ca)),
      ...(options.search ? await readSearch() : {}),
    },
    showing: { text, all: options.all, page: io.output },
  };
}

/** Parses `NAME [TYPE]…`. */
async function readAsked(
  [name = "", ...types]: readonly string[],
  { reverse }: Pick<Options, "reverse">,
): Promise<Asked> {
  const second = types.find((type) => /[.:/]/.test(type));
  if (second !== undefined) {
    const hint =
      "-f FILE resolves the names of a file, one on each line; -f - those of standard input";
    throw usageFailure(`cannot resolve ${quote(second)}`, "one call resolves one name", hint);
  }
  return {
    name: reverse ? await plainAddress(name) : name,
    types: types.length === 0 ? undefined : [...new Set(types.map(readRecordType))],
  };
}

/** Converts an address from any notation to the usual one. */
async function plainAddress(text: string): Promise<string> {
  const { addressText, readIp } = await import("../../info/address/address.ts");
  return addressText(readIp(text).bytes);
}

function readTransport({ tcp, tls, https }: Options, servers: readonly string[]): Transport {
  const urls = servers.filter((server) => /^https:\/\//i.test(server));
  const named = [
    ...(tcp ? ["tcp"] as const : []),
    ...(tls ? ["tls"] as const : []),
    ...(https || urls.length > 0 ? ["https"] as const : []),
  ];
  if (named.length > 1) {
    const why = "choose one of --tcp, --tls, --https and @https://…";
    throw usageFailure("cannot use two protocols", why);
  }
  const [transport = "udp"] = named;
  if ((transport === "tls" || transport === "https") && servers.length === 0) {
    throw usageFailure(`--${transport}`, "it needs a name server: add @SERVER");
  }
  return transport;
}

const PORTS: Readonly<Record<Transport, number>> = { udp: 53, tcp: 53, tls: 853, https: 443 };

async function readServer(
  word: string,
  transport: Transport,
  { port = PORTS[transport] }: Options,
): Promise<NameServer> {
  if (/^https:\/\//i.test(word)) return readServerUrl(word);
  const place = readAddress(word, port);
  const isAddress = /^[\d.]+$|:/.test(place.hostname);
  if (transport === "https") {
    const host = place.hostname.includes(":") ? `[${place.hostname}]` : place.hostname;
    return readServerUrl(`https://${host}:${place.port}/dns-query`);
  }
  // With TLS the certificate is for the name, and the runtime looks it up when it connects.
  if (isAddress || transport === "tls") return place;
  const { lookUpHost } = await import("../../net/resolve_host.ts");
  try {
    const [first] = await lookUpHost(place.hostname);
    return { hostname: first!.address, port: place.port };
  } catch (error) {
    throw toFailure(error, `cannot ask @${printable(word)}`);
  }
}

async function readAuthority(file: string): Promise<Pick<ResolveOptions, "caCerts">> {
  const { readClientFiles } = await import("../../net/tls.ts");
  return await readClientFiles({ ca: file });
}

/** Reads the search domains and the name servers of the system. */
async function readSearch(): Promise<Pick<ResolveOptions, "search" | "systemServers">> {
  const { readWhole } = await import("../../os/files.ts");
  const bytes = await readWhole("/etc/resolv.conf", 1 << 16);
  const { nameServers, ...search } = readResolvConf(new TextDecoder().decode(bytes));
  return { search, systemServers: readNameServers(nameServers) };
}

/** The most bytes of a file of names. */
const MAX_FILE = 64 << 20;

/** The number of lines to print with one write. */
const AT_A_TIME = 256;

/**
 * Resolves each line of a file, several at a time, and prints the answers in order.
 *
 * @param plan The command line.
 * @param path The path of the file, or `-` for standard input.
 */
async function resolveFile(plan: Plan, path: string): Promise<number> {
  const { io, options, asked } = plan;
  if (options.trace || options.watch !== undefined || asked !== undefined) {
    throw usageFailure("--file", "it cannot be combined with NAME, --trace or --watch");
  }
  const lines = await readNames(io, path);
  using sockets = new SocketPool();
  const asking = { ...plan, how: { ...plan.how, sockets } };
  const codes = new Set<number>();
  let waiting: Row[] = [];
  for await (const told of inOrder(lines, options.parallel, (line) => tell(asking, line))) {
    codes.add(told.code);
    waiting.push(...told.rows);
    if (waiting.length >= AT_A_TIME || told.failures.length > 0) {
      await printRows(plan, waiting);
      waiting = [];
    }
    for (const failure of told.failures) printFailure(io, failure, options.debug);
  }
  await printRows(plan, waiting);
  if (codes.size < 2) return [...codes][0] ?? 0;
  return 1;
}

/** The cells of a line of output. */
type Row = readonly string[];

/** Prints the rows that have come. On a terminal those of one write stand under one another. */
async function printRows({ io, options }: Plan, rows: readonly Row[]): Promise<void> {
  const isTable = io.output.isTerminal && !options.json && !options.short;
  printLines(io, isTable ? await tableLines(rows, io.output) : rows.map((row) => row.join("  ")));
}

/** Reads the lines of a file without blank lines and comments. */
async function readNames({ input }: Io, path: string): Promise<string[]> {
  const { readStream, readWhole } = await import("../../os/files.ts");
  const bytes = path === "-"
    ? await readStream(input.chunks(), MAX_FILE, () => undefined)
    : await readWhole(path, MAX_FILE);
  const lines = new TextDecoder().decode(bytes).split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && !/^[#;]/.test(line));
}

/** The output for one line of a file. */
interface Told {
  readonly rows: readonly Row[];
  readonly failures: readonly Failure[];
  readonly code: number;
}

async function tell(plan: Plan, line: string): Promise<Told> {
  const { options, showing } = plan;
  try {
    const asked = await readAsked(line.split(/\s+/), options);
    const resolutions = await resolveAll(plan, asked);
    const failures = failuresAmong(resolutions, plan.servers.length, asked.types === undefined);
    const code = exitCode(failures, resolutions);
    if (options.json) {
      const objects = await adviceObjects(resolutions, options.all);
      return { rows: objects.map((object) => [printableJson(object)]), failures: [], code };
    }
    const rows = options.short
      ? resolutions.flatMap((each) => shortLines(each, showing.text)).map((text) => [text])
      : distinct(
        resolutions.flatMap(shownRecords).map((record) => recordCells(record, showing.text)),
      );
    return { rows, failures: await Promise.all(failures.map(advised)), code };
  } catch (error) {
    const failure = await advised(toFailure(error, `cannot resolve ${printable(line)}`));
    const { code, why, hint } = failure;
    if (!options.json) return { rows: [], failures: [failure], code: 1 };
    const said = { name: line, error: { code, message: why, hint } };
    return { rows: [[printableJson(said)]], failures: [], code: 1 };
  }
}

/** Returns each row once. */
function distinct(rows: readonly Row[]): Row[] {
  return [...new Map(rows.map((row) => [row.join("  "), row])).values()];
}

/**
 * Resolves a name again and again, and prints what has changed, until a signal stops it.
 *
 * @param plan The command line.
 * @param asked The name and types.
 * @param seconds The pause between two lookups.
 */
async function watchName(plan: Plan, asked: Asked, seconds: number): Promise<number> {
  using signals = new StopSignals(plan.io);
  const stop = new AbortController();
  const stopping = signals.stopped.then((code) => {
    stop.abort();
    return code;
  });
  let before: readonly string[] = [];
  while (!stop.signal.aborted) {
    const resolutions = await Promise.race([resolveAll(plan, asked), stopping]);
    if (typeof resolutions === "number") break;
    const now = stateOf(resolutions, plan.showing.text);
    printChange(plan, changeOf(before, now));
    before = now;
    await pause(seconds * 1000, stop.signal);
  }
  return await stopping;
}

function printChange({ io, options, showing }: Plan, change: Change): void {
  const { added, removed } = change;
  if (added.length + removed.length === 0) return;
  const at = new Date().toISOString();
  if (options.json) printJson(io, { event: "change", at, added, removed });
  else printLines(io, changeLines(change, at.slice(11, 19), showing));
}

/**
 * Traces a name from the root servers down, and prints each step when it is done.
 *
 * @param plan The command line.
 * @param asked The name and types.
 */
async function traceName(plan: Plan, asked: Asked): Promise<number> {
  const { options, servers, how } = plan;
  if (servers.length > 0 || how.transport === "tls" || how.transport === "https") {
    throw usageFailure("--trace", "it asks the servers that it finds, over UDP or TCP");
  }
  const tracing = {
    transport: how.transport,
    dnssec: options.dnssec,
    port: options.port,
    timeoutMs: options.timeout,
    ...(options["root-hints"] === undefined ? {} : await readHints(options["root-hints"])),
  };
  const { name, isReverse } = await nameToAsk(asked.name);
  const { ascii } = await readDnsName(name);
  const codes = new Set<number>();
  for (const type of asked.types ?? [isReverse ? "PTR" : "A"]) {
    codes.add(await traceType(plan, ascii, type, tracing));
  }
  return codes.size < 2 ? [...codes][0]! : 1;
}

async function readHints(path: string): Promise<Pick<TraceOptions, "hints">> {
  const { readRootHints } = await import("../../info/dns/trace.ts");
  const { readWhole } = await import("../../os/files.ts");
  const hints = readRootHints(new TextDecoder().decode(await readWhole(path, 1 << 20)));
  if (hints.length > 0) return { hints };
  throw new Failure({
    what: `cannot use ${printable(path)}`,
    why: "it contains no root server with an address",
    code: "NO_ROOT_HINTS",
    hint: "it must be a master file such as IANA's named.root: " +
      ". 3600000 NS a.root.; a.root. 3600000 A ADDRESS",
  });
}

async function traceType(
  { io, options, showing }: Plan,
  name: string,
  type: string,
  tracing: TraceOptions,
): Promise<number> {
  const { trace } = await import("../../info/dns/trace.ts");
  const steps = trace(name, type, tracing);
  let next = await steps.next();
  for (; next.done !== true; next = await steps.next()) {
    if (options.json) printJson(io, { event: "step", ...next.value });
    else if (!options.short) printLines(io, [stepLine(next.value, showing)]);
  }
  return printEnd(next.value, name, type, { io, options, showing });
}

function printEnd(
  end: TraceEnd,
  name: string,
  type: string,
  { io, options, showing }: Pick<Plan, "io" | "options" | "showing">,
): number {
  const { code, records, chain } = end;
  if (options.json) printJson(io, { event: "answer", status: code, chain, answer: records });
  else {
    const format = options.short ? dataText : recordLine;
    printLines(io, records.map((record) => format(record, showing.text)));
  }
  if (records.length > 0) return 0;
  const failure = traceFailure(end, name, type);
  if (!options.json) printFailure(io, failure, options.debug);
  return failure.exitCode;
}
