/**
 * The command line: from arguments to an exit code.
 *
 * It prints failures, and drops every permission that a command does not declare before it loads the
 * command's code.
 *
 * Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { toFailure } from "../os/errors.ts";
import type { KeptReading, Release } from "../os/held_file.ts";
import { type Io, ReaderGone, writeAll } from "../os/io.ts";
import { printFailure } from "./json_events.ts";
import { parseCommandLine, type Parsed, subject } from "./parse.ts";
import {
  type CommandSpec,
  type Grants,
  type Input,
  isRunnable,
  type LoadCommand,
  type PermissionName,
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
  try {
    if (args[0] === "--version" || args[0] === "-V") return await printVersion(io);
    if (args[0] === "--verify-install") throw await nothingInstalled();
    parsed = await parseCommandLine(root, args);
    return await runParsed(parsed, io, load);
  } catch (error) {
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
  if (failure.code !== "NOT_PERMITTED") {
    const { withAdvice } = await import("./permissions.ts");
    return withAdvice(failure);
  }
  const { withPermissionHint } = await import("./permissions.ts");
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
  const grants = command.tellsOfGrants === true ? await currentGrants() : undefined;
  keepOnly(permissions);
  const run = await load(path.slice(1).map(({ name }) => name));
  const release: Release = (kept) => keepOnly(command.permissions ?? [], kept);
  return await run({ options, operands, grants, release } as unknown as Input<never>, io);
}

/** Every permission that the runtime knows. */
const ALL_PERMISSIONS = ["run", "read", "write", "net", "env", "sys", "ffi", "import"] as const;

async function currentGrants(): Promise<Grants> {
  const { readGrants } = await import("./permissions.ts");
  return readGrants(ALL_PERMISSIONS);
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
