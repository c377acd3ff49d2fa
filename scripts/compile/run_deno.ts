/**
 * Deno, run to its end.
 *
 * @module
 */

/** How a process ended, and what it said. */
export interface Ended {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the Deno that runs this. */
export function runDeno(args: readonly string[], options?: Deno.CommandOptions): Promise<Ended> {
  return runToEnd(Deno.execPath(), args, options);
}

/** Runs a program without input, and gives what it said without colours. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<Ended> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    ...options,
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  const decoder = new TextDecoder();
  return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
