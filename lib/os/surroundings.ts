/**
 * What the program was started in, as far as it may know without a permission of its own.
 *
 * The tasks of `deno.json` say it by their first argument, `--task=$TERM`. Who starts the program otherwise may let it
 * read that one variable: `--allow-env=TERM`.
 *
 * @module
 */

const [first = "", ...rest] = Deno.args;
const task = /^--task=(.*)$/s.exec(first);

/** The arguments for the program. */
export const ARGS: readonly string[] = task === null ? Deno.args : rest;

/**
 * Whether `deno task` is the parent. It takes no notice of a child that stops, and keeps the terminal from the shell
 * meanwhile.
 */
export const UNDER_TASK: boolean = task !== null;

/** Whether the terminal obeys no escape codes: it calls itself `dumb` (terminfo(5)). */
export const DUMB_TERMINAL: boolean = (task?.[1] ?? readableTerm()) === "dumb";

function readableTerm(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" ? Deno.env.get("TERM") : undefined;
}
