/**
 * The command line: from arguments to an exit code.
 *
 * It prints failures, and drops every permission that a command does not declare before it loads the
 * command's code.
 *
 * Exit codes: 0 success, 1 failure, 2 wrong usage, 9 no name server answered, 130 interrupted, 143 terminated.
 *
 * @module
 */

import { Failure, usageFailure } from "../base/failure.ts";
import { quote } from "../base/printable.ts";
import { toFailure } from "../os/errors.ts";
import { type Io, type KeptReading, ReaderGone, type Release, writeAll } from "../os/io.ts";
import { printFailure, tellProgram } from "./output.ts";
import type { RawArgs } from "./words.ts";
import {
  commandLine,
  type CommandSpec,
  type Grants,
  helpHint,
  type Input,
  isRunnable,
  type LoadCommand,
  type NumberOption,
  type OperandSpec,
  optionsOf,
  type OptionSpec,
  type PartialGrant,
  type PermissionName,
  type TextOption,
  wantedNumber,
} from "./spec.ts";

/**
 * Runs the command that a command line names.
 *
 * @param root The table's root.
 * @param args The arguments, without the program's name.
 * @param io Where it reads and prints.
 * @param load Loads the code of a command.
 * @returns The exit code.
 */
export async function runCommandLine(
  root: CommandSpec,
  args: readonly string[],
  io: Io,
  load: LoadCommand,
): Promise<number> {
  const debug = args.includes("--debug");
  let parsed: Parsed | undefined;
  let found: FoundCommand | undefined;
  try {
    if (args[0] === "--version" || args[0] === "-V") return await printVersion(io);
    if (args[0] === "--verify-install") throw await nothingInstalled();
    found = await findCommand(root, args);
    parsed = await parseFound(found);
    return await runParsed(parsed, io, load);
  } catch (error) {
    if (error instanceof Failure && isForPrograms(found)) tellProgram(io, error);
    const failure = await commandFailure(error, parsed);
    printFailure(io, failure, debug);
    return failure.exitCode;
  }
}

/** Turns an error into the failure that is printed, with advice for the command line. */
async function commandFailure(error: unknown, parsed: Parsed | undefined): Promise<Failure> {
  if (parsed === undefined) return toFailure(error, "the command line");
  const failure = toFailure(error, subject(parsed.path));
  if (failure instanceof ReaderGone) return failure;
  const { withAdvice, withPermissionHint } = await import("./help.ts");
  if (failure.code !== "NOT_PERMITTED") return withAdvice(failure);
  const words = parsed.path.slice(1).map(({ name }) => name);
  return withPermissionHint(failure, words, parsed.permissions);
}

async function runParsed(parsed: Parsed, io: Io, load: LoadCommand): Promise<number> {
  const { path, options, operands, permissions } = parsed;
  const command = path.at(-1)!;
  if (options.version === true) return await printVersion(io);
  if (!isRunnable(command) || options.help === true) {
    const { helpPage } = await import("./help.ts");
    writeAll(io.output, helpPage(path));
    return 0;
  }
  const grants = command.tellsOfGrants === true ? readGrants(ALL_PERMISSIONS) : undefined;
  keepOnly(permissions);
  const run = await load(path.slice(1).map(({ name }) => name));
  const release: Release = (kept) => keepOnly(command.permissions ?? [], kept);
  return await run({ options, operands, grants, release } as unknown as Input<never>, io);
}

/** Every permission that the runtime knows. */
const ALL_PERMISSIONS = ["run", "read", "write", "net", "env", "sys", "ffi", "import"] as const;

/**
 * Reads which permissions were granted.
 *
 * @param names The permissions to look at.
 */
function readGrants(names: readonly Deno.PermissionDescriptor["name"][]): Grants {
  const granted = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  return { granted, inPart: partialGrants(names) };
}

/** The parts that parley itself may ask for. */
const PARTS = {
  read: ["/etc/services", "/etc/hosts"],
  net: ["127.0.0.1", "localhost", "0.0.0.0", "[::1]"],
  sys: [
    ...["hostname", "osRelease", "osUptime", "loadavg", "networkInterfaces", "systemMemoryInfo"],
    ...["cpus", "uid", "gid", "username", "userInfo", "homedir", "statfs", "inspector"],
    ...["getPriority", "setPriority"],
  ],
} as const;

/**
 * Finds permissions that were granted in part. The runtime answers only questions about a named part, so this
 * function finds only the parts that {@linkcode PARTS} names. The runtime does report whether a permission lacks some
 * part.
 *
 * @param names The permissions to look at.
 */
function partialGrants(names: readonly Deno.PermissionDescriptor["name"][]): PartialGrant[] {
  return names.flatMap((name): PartialGrant[] => {
    const { state, partial } = Deno.permissions.querySync({ name });
    if (state === "denied" || (state === "granted" && !partial)) return [];
    const whole = state === "granted";
    const parts = partsOf(name, whole ? "denied" : "granted");
    return whole || parts.length > 0 ? [{ name, whole, parts }] : [];
  });
}

function partsOf(name: Deno.PermissionDescriptor["name"], state: Deno.PermissionState): string[] {
  const among = descriptorsOf(name);
  return among.filter(([, each]) => Deno.permissions.querySync(each).state === state)
    .map(([part]) => part);
}

function descriptorsOf(
  name: Deno.PermissionDescriptor["name"],
): [string, Deno.PermissionDescriptor][] {
  if (name === "read") return PARTS.read.map((path) => [path, { name, path }]);
  if (name === "net") return PARTS.net.map((host) => [host, { name, host }]);
  // The runtime knows more kinds than its types.
  if (name === "sys") return PARTS.sys.map((kind) => [kind, { name, kind: kind as "hostname" }]);
  return [];
}

/**
 * Drops every permission except those named, for the rest of the process.
 *
 * @param names The permissions to keep, if they were granted.
 * @param reading The files that stay readable. The runtime can keep them only if the permission to read was granted for
 * single files; it cannot keep a part of a permission for everything or for a directory.
 */
export function keepOnly(names: readonly PermissionName[], reading?: KeptReading): void {
  const kept: readonly string[] = names;
  for (const name of ALL_PERMISSIONS) {
    if (kept.includes(name)) continue;
    if (name !== "read" || reading === undefined) Deno.permissions.revokeSync({ name });
    else for (const path of reading.done) Deno.permissions.revokeSync({ name, path });
  }
}

async function printVersion({ output }: Io): Promise<number> {
  const { versionText } = await import("../os/build.ts");
  writeAll(output, versionText());
  return 0;
}

/** The self-contained program answers --verify-install before parley starts. Any other parley fails. */
async function nothingInstalled(): Promise<Failure> {
  const { buildText } = await import("../os/build.ts");
  return new Failure({
    what: "cannot verify the installation",
    why: `this parley is ${buildText()}, and has unpacked nothing`,
    code: "NOT_UNPACKED",
  });
}

/** A parsed command line. */
export interface Parsed {
  /** The command, after the groups that contain it. */
  readonly path: readonly CommandSpec[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly operands: readonly string[];
  /** The permissions that the command keeps while it runs: its own, and those of the given options. */
  readonly permissions: readonly PermissionName[];
}

/**
 * Parses a command line. Code that few command lines need is loaded only for those: the package that
 * reads options, and the one that finds similar words.
 *
 * @param root The table's root.
 * @param args The arguments, without the program's name.
 * @throws {Failure} With exit code 2, for an unknown command or option or a value out of bounds.
 */
export async function parseCommandLine(
  root: CommandSpec,
  args: readonly string[],
): Promise<Parsed> {
  return await parseFound(await findCommand(root, args));
}

/** A command, after the groups that contain it, and the arguments that follow its name. */
interface FoundCommand {
  readonly path: readonly CommandSpec[];
  readonly rest: readonly string[];
}

/** Returns whether a command has `--json` and was given it, even if other arguments are wrong. */
function isForPrograms(found: FoundCommand | undefined): boolean {
  if (found === undefined || found.path.at(-1)?.options?.json === undefined) return false;
  const end = found.rest.indexOf("--");
  return found.rest.slice(0, end < 0 ? undefined : end).includes("--json");
}

async function parseFound({ path, rest }: FoundCommand): Promise<Parsed> {
  return { path, ...await parseOptions(path, rest) };
}

async function findCommand(root: CommandSpec, args: readonly string[]): Promise<FoundCommand> {
  const path = [root];
  let command = root;
  let rest = [...args];
  while (command.commands !== undefined && rest[0] !== undefined && !rest[0].startsWith("-")) {
    const name = rest[0];
    const next = command.commands.find((c) => c.name === name);
    if (next === undefined) {
      const { unknownCommand } = await import("./help.ts");
      throw await unknownCommand(path, rest);
    }
    command = await next.whole?.() ?? next;
    path.push(command);
    rest = rest.slice(1);
  }
  return { path, rest };
}

/** The subject of a failure: the words of the command without the program's name, which starts the line anyway. */
export function subject(path: readonly CommandSpec[]): string {
  return path.length === 1 ? "the command line" : commandLine(path.slice(1));
}

async function parseOptions(path: readonly CommandSpec[], args: readonly string[]) {
  const command = path.at(-1)!;
  const specs = optionsOf(command);
  const raw = await readArgs(path, specs, args);
  const given: Given = { path, options: {}, operands: [...raw._] };
  const permissions = new Set(command.permissions);
  for (const [name, spec] of Object.entries(specs)) {
    given.options[name] = spec.type === "flag"
      ? raw[name] === true
      : readValues(path, name, spec, raw[name]);
    if (!isGiven(raw[name])) continue;
    for (const one of [...spec.needs ?? [], ...spec.uses ?? []]) permissions.add(one);
  }
  for (const [i, { needs }] of (command.operands ?? []).entries()) {
    if (needs === undefined || raw._[i]?.startsWith(needs.prefix) !== true) continue;
    for (const permission of needs.permissions) permissions.add(permission);
  }
  // Neither --help nor --version needs operands.
  if (given.options.help !== true && given.options.version !== true) {
    await checkOperands(path, given.operands);
    await readForms(given, raw);
  }
  const { options, operands } = given;
  return { options, operands, permissions: [...permissions] };
}

async function readArgs(
  path: readonly CommandSpec[],
  specs: Readonly<Record<string, OptionSpec>>,
  args: readonly string[],
): Promise<RawArgs> {
  if (!args.some((arg) => arg.startsWith("-"))) return { _: args };
  const { ArgumentProblem, rawArgs } = await import("./words.ts");
  const raw = await rawArgs(specs, args);
  if (!(raw instanceof ArgumentProblem)) return raw;
  const { wrongArgument } = await import("./help.ts");
  throw wrongArgument(path, raw);
}

/** Whether an option was given: a flag is set, or a list is not empty. */
function isGiven(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value === true;
}

function readValues(
  path: readonly CommandSpec[],
  name: string,
  spec: TextOption | NumberOption,
  given: unknown,
): unknown {
  const texts = Array.isArray(given) ? given.map(String) : [];
  const values = texts.map((text) =>
    spec.type === "text" ? readText(path, name, spec, text) : readNumber(path, name, spec, text)
  );
  if (spec.type === "text" && spec.repeat === true) return values;
  if (values.length > 1) {
    throw usageFailure(`--${name}`, "given more than once", helpHint(path));
  }
  return values[0] ?? spec.default;
}

function readText(path: readonly CommandSpec[], name: string, spec: TextOption, text: string) {
  if (spec.choices !== undefined && !spec.choices.includes(text)) {
    const why = `${quote(text)} is not one of ${spec.choices.join(", ")}`;
    throw usageFailure(`--${name}`, why, helpHint(path));
  }
  return text;
}

function readNumber(path: readonly CommandSpec[], name: string, spec: NumberOption, text: string) {
  const wanted = wantedNumber(spec);
  if (text === "") throw usageFailure(`--${name}`, `needs ${wanted}`, helpHint(path));
  const form = spec.type === "integer" ? /^-?\d+$/ : /^-?(\d+\.?\d*|\.\d+)$/;
  const value = form.test(text) ? Number(text) : NaN;
  if (!(value >= spec.min && value <= spec.max)) {
    throw usageFailure(`--${name}`, `${quote(text)} is not ${wanted}`, helpHint(path));
  }
  return value;
}

async function checkOperands(
  path: readonly CommandSpec[],
  operands: readonly string[],
): Promise<void> {
  const specs = path.at(-1)!.operands ?? [];
  const missing = specs.find((spec, i) => spec.optional !== true && operands[i] === undefined);
  if (missing !== undefined && isRunnable(path.at(-1)!)) {
    throw usageFailure(subject(path), `${missing.name} is missing`, helpHint(path));
  }
  for (const [i, { name, choices }] of specs.entries()) {
    const word = operands[i];
    if (word === undefined || choices === undefined || choices.includes(word)) continue;
    const { unknownChoice } = await import("./help.ts");
    throw unknownChoice(path, name, word, choices);
  }
  if (operands.length > specs.length && specs.at(-1)?.rest !== true) {
    const extra = quote(operands[specs.length] ?? "");
    throw usageFailure(subject(path), `${extra} is an unexpected argument`, helpHint(path));
  }
}

/** The options and operands of a command line, while hosts and files in them are checked. */
interface Given {
  readonly path: readonly CommandSpec[];
  readonly options: Record<string, unknown>;
  readonly operands: string[];
}

/** Checks values that are hosts and files, and splits `HOST:PORT` if the value must be a host. */
async function readForms(given: Given, raw: RawArgs): Promise<void> {
  const command = given.path.at(-1)!;
  for (const [i, spec] of (command.operands ?? []).entries()) {
    const word = given.operands[i];
    if (word === undefined || spec.form === undefined) continue;
    given.operands[i] = await readForm(given, raw, spec.name, spec.form, word);
  }
  for (const [name, spec] of Object.entries(command.options ?? {})) {
    if (spec.type !== "text" || spec.form === undefined || !isGiven(raw[name])) continue;
    for (const text of [given.options[name]].flat()) {
      const read = await readForm(given, raw, `--${name}`, spec.form, String(text));
      if (spec.repeat !== true) given.options[name] = read;
    }
  }
}

async function readForm(
  given: Given,
  raw: RawArgs,
  name: string,
  form: NonNullable<OperandSpec["form"]>,
  text: string,
): Promise<string> {
  if (form === "file") {
    if (text === "") throw usageFailure(name, "the name of a file is empty", helpHint(given.path));
    return text;
  }
  const { readHost } = await import("./words.ts");
  const { hostname, port } = readHost(text);
  if (form === "address") return text;
  if (port !== undefined) takePort(given, raw, text, port);
  return hostname;
}

/** Stores the port of `HOST:PORT` as the option `--port`. */
function takePort({ path, options }: Given, raw: RawArgs, text: string, port: number): void {
  const spec = path.at(-1)!.options?.port;
  if (spec?.type !== "integer") {
    throw usageFailure(
      `cannot read the host ${quote(text)}`,
      "a port is not allowed here",
      helpHint(path),
    );
  }
  const stated = isGiven(raw.port) ? options.port : port;
  if (stated !== port) {
    const why = `it gives port ${port}, and --port gives ${stated}`;
    throw usageFailure(`cannot read the host ${quote(text)}`, why, "leave out one of them");
  }
  options.port = readNumber(path, "port", spec, String(port));
}
