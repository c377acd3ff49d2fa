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

import { BUILD } from "./build.ts";
import { Failure, toFailure } from "./failure.ts";
import { parseCommandLine, type Parsed, subject } from "./cli/parse.ts";
import type { PartialGrant } from "./cli/partial_grants.ts";
import type { CommandSpec, Input, PermissionName } from "./cli/spec.ts";
import { printable } from "./printable.ts";
import { writeAll } from "./write_all.ts";
import { VERSION } from "./version.ts";

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
    if (args[0] === "--version" || args[0] === "-V") return printVersion();
    if (args[0] === "--verify-install") throw nothingInstalled();
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
  if (options.version === true) return printVersion();
  if (command.load === undefined || options.help === true) {
    const { helpPage } = await import("./cli/help.ts");
    writeAll(Deno.stdout, helpPage(path));
    return 0;
  }
  const granted = grantedPermissions();
  const inPart = command.tellsOfParts === true ? await grantedInPart() : [];
  keepOnly(permissions);
  const module = await command.load();
  return await module.run({ options, operands, granted, inPart } as unknown as Input<never>);
}

/** Every permission that the runtime knows. */
const ALL_PERMISSIONS = ["run", "read", "write", "net", "env", "sys", "ffi", "import"] as const;

function grantedPermissions(): string[] {
  return ALL_PERMISSIONS.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
}

async function grantedInPart(): Promise<PartialGrant[]> {
  const { partialGrants } = await import("./cli/partial_grants.ts");
  return partialGrants(ALL_PERMISSIONS);
}

/**
 * Gives up every permission but those named, for the rest of the process.
 *
 * @param names What is kept, as far as it was granted.
 */
export function keepOnly(names: readonly PermissionName[]): void {
  const kept: readonly string[] = names;
  for (const name of ALL_PERMISSIONS) {
    if (!kept.includes(name)) Deno.permissions.revokeSync({ name });
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

/** The self-contained program checks what it has unpacked before parley starts. */
function nothingInstalled(): Failure {
  return new Failure({
    what: "cannot check what is unpacked",
    why: `this parley is ${BUILD === "source" ? "run from source" : BUILD}: nothing is`,
    code: "NOT_UNPACKED",
  });
}

function printVersion(): number {
  const { deno, v8, typescript } = Deno.version;
  writeAll(Deno.stdout, `parley ${VERSION}\ndeno ${deno}, v8 ${v8}, typescript ${typescript}\n`);
  return 0;
}
