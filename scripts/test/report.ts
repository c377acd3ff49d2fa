/**
 * What `deno test` reports: how many tests there were, and what failed.
 *
 * @module
 */

/** How many tests there were. */
export interface Counts {
  passed: number;
  failed: number;
  ignored: number;
}

function withoutColours(output: string): string {
  // deno-lint-ignore no-control-regex -- the colours of the report
  return output.replace(/\x1b\[[0-9;]*m/g, "");
}

/** The counts that `deno test` closes with: `ok | 5 passed (2 steps) | 0 failed | 1 ignored (1s)`. */
export function readCounts(output: string): Counts | undefined {
  const line = withoutColours(output).match(/^(?:ok|FAILED) \| .*$/gm)?.at(-1);
  if (line === undefined) return undefined;
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(line)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

/** How many tests have ended, by lines of a report as it comes: `name ... ok (3ms)`. */
export function countEnded(lines: readonly string[]): number {
  return lines.filter((line) => /\.\.\. (ok|FAILED|ignored)\b/.test(withoutColours(line))).length;
}

/**
 * What a report says of the tests that failed, without colours: from its last heading ` ERRORS ` on, or, where
 * it ended before that, its last lines.
 *
 * @param lines So many at most where there is no such heading.
 */
export function readFailures(output: string, lines = 30): string {
  const plain = withoutColours(output).trimEnd();
  const at = plain.lastIndexOf("\n ERRORS ");
  return at >= 0 ? plain.slice(at + 1) : plain.split("\n").slice(-lines).join("\n");
}
