/**
 * One group of tests as it runs: what it prints is kept, and shown from when it is its turn.
 *
 * @module
 */

import type { Group } from "./groups.ts";
import { type Counts, readCounts, readFailures } from "./report.ts";

/** A group that runs, or has run. */
export class GroupRun {
  readonly group: Group;
  /** How many tests there were, once the group has ended; it never fails. */
  readonly counts: Promise<Counts>;
  #output = "";
  #shown = false;

  /**
   * Starts a group.
   *
   * @param extra What else is passed to `deno test`.
   */
  constructor(group: Group, extra: readonly string[]) {
    this.group = group;
    this.counts = this.#run(extra).catch((error) => {
      this.#take(`the group could not be run: ${error}\n`);
      return { passed: 0, failed: 1, ignored: 0 };
    });
  }

  async #run(extra: readonly string[]): Promise<Counts> {
    const { permissions, paths } = this.group;
    const child = new Deno.Command("deno", {
      args: ["test", "--frozen", "--no-prompt", ...permissions, ...paths, ...extra],
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
    if (this.#shown) print(text);
  }

  /** Shows what it has printed, and from now on what it prints. */
  show(): void {
    this.#shown = true;
    print(`\n== ${this.group.name}: deno test ${this.group.permissions.join(" ")}\n`);
    print(this.#output);
  }

  /** What its report says of the tests that failed. */
  failures(): string {
    return readFailures(this.#output);
  }
}

function print(text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}
