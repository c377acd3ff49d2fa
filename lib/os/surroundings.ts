/**
 * The program's arguments, parent and terminal, as far as they are known without a permission.
 *
 * The tasks of `deno.json` pass the terminal type as the first argument, `--task=$TERM`. Without a task, the program
 * reads it from the environment if it is run with `--allow-env=TERM`.
 *
 * @module
 */

const [first = "", ...rest] = Deno.args;
const task = /^--task=(.*)$/s.exec(first);

/** The program's arguments. */
export const ARGS: readonly string[] = task === null ? Deno.args : rest;

/**
 * Whether `deno task` is the parent process. It does not notice that a child stops (SIGTSTP), and keeps the shell from
 * the terminal meanwhile.
 */
export const UNDER_TASK: boolean = task !== null;

/** Whether the terminal has no escape codes: its type is `dumb` (terminfo(5)). */
export const DUMB_TERMINAL: boolean = (task?.[1] ?? readableTerm()) === "dumb";

function readableTerm(): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: "TERM" });
  return state === "granted" ? Deno.env.get("TERM") : undefined;
}
