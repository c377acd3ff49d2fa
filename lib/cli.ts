/**
 * The command line: from arguments to an exit code.
 *
 * This is the one place that prints failures, and the one that gives up the permissions that a
 * command does not declare before its code is loaded.
 *
 * Exit codes: 0 done, 1 it failed, 2 wrong usage, 130 interrupted.
 *
 * @module
 */

import { Failure, toFailure } from "./failure.ts";
import type { Grants } from "./cli/grants.ts";
import { parseCommandLine, type Parsed, subject } from "./cli/parse.ts";
import type { CommandSpec, Input, PermissionName } from "./cli/spec.ts";
import type { KeptReading, Release } from "./held_file.ts";
import { printable } from "./printable.ts";
import { writeAll } from "./write_all.ts";

/**
 * Runs the command that a command line names.
 *
 * @param root The table's root.
 * @param args The arguments, without the program's name.
 * @returns The exit code.
 */
export async function runCommandLine(root: CommandSpec, args: readonly string[]): Promise<number> {
  const debug = args.includes("--debug");
  let what = subject([root]);
  try {
    if (args[0] === "--version" || args[0] === "-V") return await printVersion();
    if (args[0] === "--verify-install") throw await nothingInstalled();
    const parsed = await parseCommandLine(root, args);
    what = subject(parsed.path);
    return await runParsed(parsed);
  } catch (error) {
    // The reader of our output has gone (`parley … | head`): there is nobody to tell.
    if (error instanceof Deno.errors.BrokenPipe) return 1;
    const failure = toFailure(error, what);
    printFailure(failure, debug);
    return failure.exitCode;
  }
}

async function runParsed({ path, options, operands, permissions }: Parsed): Promise<number> {
  const command = path.at(-1)!;
  if (options.version === true) return await printVersion();
  if (command.load === undefined || options.help === true) {
    const { helpPage } = await import("./cli/help.ts");
    writeAll(Deno.stdout, helpPage(path));
    return 0;
  }
  const grants = command.tellsOfGrants === true ? await currentGrants() : undefined;
  keepOnly(permissions);
  const module = await command.load();
  const release: Release = (kept) => keepOnly(command.permissions ?? [], kept);
  return await module.run({ options, operands, grants, release } as unknown as Input<never>);
}

/** Every permission that the runtime knows. */
const ALL_PERMISSIONS = ["run", "read", "write", "net", "env", "sys", "ffi", "import"] as const;

async function currentGrants(): Promise<Grants> {
  const { readGrants } = await import("./cli/grants.ts");
  return readGrants(ALL_PERMISSIONS);
}

/**
 * Gives up every permission but those named, for the rest of the process.
 *
 * @param names What is kept, as far as it was granted.
 * @param reading What is kept of the permission to read. Of one that was granted as a whole, or for a directory,
 * the runtime can keep no part: only a permission for single files is left for some of them.
 */
export function keepOnly(names: readonly PermissionName[], reading?: KeptReading): void {
  const kept: readonly string[] = names;
  for (const name of ALL_PERMISSIONS) {
    if (kept.includes(name)) continue;
    if (name !== "read" || reading === undefined) Deno.permissions.revokeSync({ name });
    else for (const path of reading.done) Deno.permissions.revokeSync({ name, path });
  }
}

/**
 * Prints a failure on stderr: one line, a hint where there is one, and with `debug` the stack.
 *
 * @param failure What failed.
 * @param debug Whether to show where in the code.
 */
export function printFailure(failure: Failure, debug = false): void {
  const line = `parley: ${printable(failure.what)}: ${printable(failure.why)} (${failure.code})\n`;
  const hint = failure.hint === undefined ? "" : `hint: ${printable(failure.hint)}\n`;
  const stack = debug ? `${failure.stack ?? ""}\n${causeStack(failure.cause)}` : "";
  writeAll(Deno.stderr, line + hint + stack);
}

function causeStack(cause: unknown): string {
  return cause instanceof Error ? `Caused by: ${cause.stack ?? cause.message}\n` : "";
}

async function printVersion(): Promise<number> {
  const { versionText } = await import("./cli/build_text.ts");
  writeAll(Deno.stdout, versionText());
  return 0;
}

/** The self-contained program checks what it has unpacked before parley starts. */
async function nothingInstalled(): Promise<Failure> {
  const { buildText } = await import("./cli/build_text.ts");
  return new Failure({
    what: "cannot check what is unpacked",
    why: `this parley is ${buildText()}: nothing is`,
    code: "NOT_UNPACKED",
  });
}
