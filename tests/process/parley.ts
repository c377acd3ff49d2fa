/**
 * parley as a process: started by the tests as a person starts it.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url).pathname;
const decoder = new TextDecoder();

/** How a finished process ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command that starts parley with the given permission flags. */
export function command(
  args: readonly string[],
  flags: readonly string[] = ["--allow-net"],
  options: Deno.CommandOptions = {},
): Deno.Command {
  return new Deno.Command("deno", {
    args: ["run", "--no-prompt", "--frozen", ...flags, "main.ts", ...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
  });
}

/**
 * Runs parley to its end.
 *
 * @param args Its arguments.
 * @param flags The permissions it is given; the network alone by default.
 */
export async function parley(args: readonly string[], flags?: readonly string[]): Promise<Ended> {
  const { code, stdout, stderr } = await command(args, flags).output();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
