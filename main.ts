/**
 * Runs parley: prints the version, or loads the command line and the command.
 *
 * @module
 */

/** Runs the command that the command line names, and returns its exit code. */
async function main(): Promise<number> {
  if (isVersion(Deno.args) && await printVersion()) return 0;
  // One import: of several that run at the same time, Deno loads the modules that they share several times.
  const { runProgram } = await import("./lib/commands/load.ts");
  return await runProgram();
}

function isVersion([first]: readonly string[]): boolean {
  return first === "--version" || first === "-V";
}

/**
 * Prints the version without loading the rest of the program.
 *
 * @returns Whether it was printed. If not, the command line tries again and reports the failure.
 */
async function printVersion(): Promise<boolean> {
  const { versionText } = await import("./lib/os/build.ts");
  const text = new TextEncoder().encode(versionText());
  try {
    return Deno.stdout.writeSync(text) === text.length;
  } catch {
    return false;
  }
}

if (import.meta.main) Deno.exit(await main());
