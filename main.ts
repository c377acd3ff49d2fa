/**
 * parley: picks the command; nothing else.
 *
 * @module
 */

/** Runs the command that the command line names, and gives its exit code. */
async function main(args: readonly string[]): Promise<number> {
  if (isVersion(args) && await printVersion()) return 0;
  const [{ runCommandLine }, { loadCommand, PROGRAM }, { processIo }] = await Promise.all([
    import("./lib/cli/run.ts"),
    import("./lib/commands/load.ts"),
    import("./lib/os/io.ts"),
  ]);
  return await runCommandLine(PROGRAM, args, processIo(), loadCommand);
}
import { ARGS } from "./lib/os/surroundings.ts";

if (import.meta.main) Deno.exit(await runCommandLine(PROGRAM, ARGS, processIo(), loadCommand));
