/**
 * {@linkcode Failure}: the one shape of every error that a person sees. It says what was tried, why it failed and what
 * to do about it. {@linkcode nearest} finds the word to suggest for a mistyped one.
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

/** One wrong letter is allowed for each group of this many letters. */
const LETTERS_A_SLIP = 3;

/**
 * Finds the word that a mistyped word stands for: the only word that starts with it, or else the closest word if it is
 * near enough to be a typing error. Swapping two neighbouring letters counts as one error.
 *
 * @param word The word as it was typed.
 * @param words The valid words.
 * @returns The valid word, or undefined if none is near enough.
 */
export function nearest(word: string, words: readonly string[]): string | undefined {
  if (words.length === 0) return undefined;
  const prefixed = words.filter((w) => word !== "" && w.startsWith(word));
  if (prefixed.length === 1) return prefixed[0];
  const closest = closestTo(word, words);
  const letters = Math.max(word.length, closest.length);
  return slips(word, closest) * LETTERS_A_SLIP <= letters ? closest : undefined;
}

/** The word that is the fewest slips away, upper case counting as lower case; of several, the first. */
function closestTo(word: string, words: readonly string[]): string {
  const far = (other: string) => slips(word.toLowerCase(), other.toLowerCase());
  return words.reduce((best, other) => far(other) < far(best) ? other : best);
}

/**
 * Counts the letters that are wrong, missing or added, and the swaps of two neighbours: the distance of "optimal string
 * alignment". The usual distance, that of Levenshtein, counts a swap twice.
 */
function slips(word: string, meant: string): number {
  let [above, last] = [[] as number[], Array.from({ length: meant.length + 1 }, (_, i) => i)];
  for (let i = 1; i <= word.length; i++) {
    const row = [i];
    for (let j = 1; j <= meant.length; j++) {
      const changed = last[j - 1]! + Number(word[i - 1] !== meant[j - 1]);
      const isSwap = word[i - 1] === meant[j - 2] && word[i - 2] === meant[j - 1];
      const swapped = i > 1 && j > 1 && isSwap ? above[j - 2]! + 1 : changed;
      row.push(Math.min(changed, swapped, last[j]! + 1, row[j - 1]! + 1));
    }
    [above, last] = [last, row];
  }
  return last[meant.length]!;
}
