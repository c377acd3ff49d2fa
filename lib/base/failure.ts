/**
 * What failed, why, and what to do: one shape for every error that reaches a person.
 *
 * {@linkcode Failure} is what parley throws on purpose; {@linkcode toFailure} turns an error of the
 * operating system or of the runtime into one. {@linkcode SOCKET_ERRORS} is the table behind both;
 * {@linkcode FILE_ERRORS} is that of files.
 *
 * @module
 */

/** Options of a {@linkcode Failure}. */
export interface FailureOptions {
  /** What was tried: the first half of the line, such as "cannot connect to 127.0.0.1:4396". */
  readonly what: string;
  /** Why it failed: the second half of the line. */
  readonly why: string;
  /** A short name that a program can match: `ECONNREFUSED`, `USAGE`. */
  readonly code: string;
  /** What to do, if anything helps. */
  readonly hint?: string | undefined;
  /** The exit code it ends the program with; 1 by default. */
  readonly exitCode?: number | undefined;
  /** The error beneath it, shown with `--debug` only. */
  readonly cause?: unknown;
}

/**
 * An error meant for a person. Its message is `WHAT: WHY (CODE)`.
 *
 * @example
 * ```ts ignore
 * throw new Failure({ what: "cannot listen on :80", why: "not permitted", code: "EACCES" });
 * ```
 */
export class Failure extends Error {
  /** What was tried. */
  readonly what: string;
  /** Why it failed. */
  readonly why: string;
  /** A short name that a program can match. */
  readonly code: string;
  /** What to do, if anything helps. */
  readonly hint: string | undefined;
  /** The exit code it ends the program with. */
  readonly exitCode: number;

  /** Makes a failure of its parts. */
  constructor(options: FailureOptions) {
    super(`${options.what}: ${options.why} (${options.code})`, { cause: options.cause });
    this.name = "Failure";
    this.what = options.what;
    this.why = options.why;
    this.code = options.code;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? 1;
  }
}

/**
 * The failure of wrong usage: an option, an operand or a value that the program cannot take.
 * It ends the program with 2.
 *
 * @param what What is wrong with the command line.
 * @param why Why it cannot be taken.
 * @param hint What to type instead.
 */
export function usageFailure(what: string, why: string, hint?: string): Failure {
  return new Failure({ what, why, hint, code: "USAGE", exitCode: 2 });
}
