/**
 * {@linkcode Failure}: the one shape of every error that a person sees. It says what was tried, why it failed and what
 * to do about it.
 *
 * @module
 */

/** Options of a {@linkcode Failure}. */
export interface FailureOptions {
  /** What was tried: the first half of the message, such as "cannot connect to 127.0.0.1:4396". */
  readonly what: string;
  /** Why it failed: the second half of the message. */
  readonly why: string;
  /** A short name that programs can match, such as `ECONNREFUSED` or `USAGE`. */
  readonly code: string;
  /** What the person can do about it, if anything. */
  readonly hint?: string | undefined;
  /** The exit code of the program; 1 by default. */
  readonly exitCode?: number | undefined;
  /** The underlying error, shown only with `--debug`. */
  readonly cause?: unknown;
}

/**
 * An error meant for a person. Its message has the form `WHAT: WHY (CODE)`.
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
  /** A short name that programs can match. */
  readonly code: string;
  /** What the person can do about it, if anything. */
  readonly hint: string | undefined;
  /** The exit code of the program. */
  readonly exitCode: number;

  /** Creates a failure from its parts. */
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
 * Creates the failure of wrong usage: an option, an operand or a value that the program does not accept.
 * The program exits with code 2.
 *
 * @param what What is wrong with the command line.
 * @param why Why the program does not accept it.
 * @param hint What to type instead.
 */
export function usageFailure(what: string, why: string, hint?: string): Failure {
  return new Failure({ what, why, hint, code: "USAGE", exitCode: 2 });
}
