/**
 * Shows how far the tests are: a line that is rewritten at a terminal, a line for each group in a pipe.
 *
 * @module
 */

import type { GroupRun } from "./group_run.ts";
import { groupLine, progressLine, type Standing } from "./progress.ts";
import type { Counts } from "./report.ts";

/** How often the line at a terminal is rewritten, in milliseconds. */
const REWRITE_MS = 500;

/** What is shown of several groups. */
export class Display implements Disposable {
  readonly #groups: number;
  readonly #running = new Set<GroupRun>();
  readonly #columns: number | undefined;
  readonly #started = performance.now();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #done = 0;
  #failed = 0;
  #shown = 0;

  /**
   * Starts to show.
   *
   * @param groups How many groups there are.
   */
  constructor(groups: number) {
    this.#groups = groups;
    this.#columns = Deno.stdout.isTerminal() ? Deno.consoleSize().columns || 80 : undefined;
    if (this.#columns !== undefined) this.#timer = setInterval(() => this.#rewrite(), REWRITE_MS);
  }

  /** A group has started. */
  start(run: GroupRun): void {
    this.#running.add(run);
    this.#rewrite();
  }

  /** A group has ended. */
  end(run: GroupRun, counts: Counts): void {
    this.#running.delete(run);
    this.#done += 1;
    this.#failed += counts.failed;
    this.#clear();
    console.log(groupLine(run.group.name, counts, this.#standing()));
    this.#rewrite();
  }

  #standing(): Standing {
    return {
      groups: this.#groups,
      done: this.#done,
      failed: this.#failed,
      running: [...this.#running].map(({ group, tests }) => ({ name: group.name, tests })),
      seconds: (performance.now() - this.#started) / 1000,
    };
  }

  #rewrite(): void {
    if (this.#columns === undefined || this.#running.size === 0) return;
    const line = progressLine(this.#standing(), this.#columns);
    write(`\r${line.padEnd(this.#shown)}`);
    this.#shown = line.length;
  }

  /** Blanks the line: without an escape sequence, so that any terminal can do it. */
  #clear(): void {
    if (this.#shown > 0) write(`\r${" ".repeat(this.#shown)}\r`);
    this.#shown = 0;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#clear();
  }
}

/** Writes a text to standard output. */
export function write(text: string): void {
  let rest = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(Deno.stdout.writeSync(rest));
}
