/**
 * One group of tests as it runs: what it prints is kept, and its tests are counted as they end.
 *
 * @module
 */

import type { Group } from "./groups.ts";
import { countEnded, type Counts, readCounts, readFailures } from "./report.ts";

/** A group that runs, or has run. */
export class GroupRun {
  readonly group: Group;
  /** How many tests there were, once the group has ended; it never fails. */
  readonly counts: Promise<Counts>;
  /** How many of its tests have ended. */
  tests = 0;
  readonly #show: ((text: string) => void) | undefined;
  #output = "";
  #line = "";

  /**
   * Starts a group.
   *
   * @param group The group.
   * @param extra What else is passed to `deno test`.
   * @param show Shows what it prints.
   */
  constructor(group: Group, extra: readonly string[], show?: (text: string) => void) {
    this.group = group;
    this.#show = show;
    this.counts = this.#run(extra).catch((error) => {
      this.#take(`the group could not be run: ${error}\n`);
      return { passed: 0, failed: 1, ignored: 0 };
    });
  }

  async #run(extra: readonly string[]): Promise<Counts> {
    const { permissions, paths } = this.group;
    const child = new Deno.Command("deno", {
      // `deno task check` checks the types, once for all groups.
      args: ["test", "--no-check", "--frozen", "--no-prompt", ...permissions, ...paths, ...extra],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await Promise.all([this.#keep(child.stdout), this.#keep(child.stderr)]);
    const { success } = await child.status;
    const counts = readCounts(this.#output) ?? { passed: 0, failed: 1, ignored: 0 };
    // A file that does not load or a leak in the runner fails the group without failing a test.
    if (!success && counts.failed === 0) counts.failed = 1;
    return counts;
  }

  async #keep(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#take(text);
  }

  #take(text: string): void {
    this.#output += text;
    this.#show?.(text);
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop()!;
    this.tests += countEnded(lines);
  }

  /** What its report says of the tests that failed. */
  failures(): string {
    return readFailures(this.#output);
  }
}
