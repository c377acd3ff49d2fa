/**
 * The tour: every section of the tutorial, run live on this machine.
 *
 * @module
 */

import type { CommandSpec, LoadCommand, PermissionName } from "../cli/spec.ts";
import { type Io, writeAll } from "../os/io.ts";
import { makeStyle, type Style } from "../terminal/terminal.ts";
import { Console, type Viewer } from "./console.ts";
import { behind, shellLines } from "./margin.ts";
import { type Section, type Step, untilAborted } from "./step.ts";

/** How the tour is taken. */
export interface TourOptions {
  /** Whose output it is shown on. */
  readonly io: Pick<Io, "output">;
  /** The table's root. */
  readonly root: CommandSpec;
  /** Loads the code of a command. */
  readonly load: LoadCommand;
  /** What this process may do. */
  readonly kept: readonly PermissionName[];
  readonly sections: readonly Section[];
  /** Waits before the next step; nothing waits without. */
  readonly pause: (() => Promise<void>) | undefined;
  /** Stops the tour. */
  readonly signal: AbortSignal;
}

/** How long a step may take before it counts as failed, in milliseconds. */
const STEP_MS = 30_000;

/** Prose is not wider than this, however wide the terminal is. */
const WIDEST = 100;

/**
 * Plays every step.
 *
 * @returns How many of them did not do what they said.
 * @throws The signal's reason, where the tour is stopped; what writing failed with.
 */
export async function playTour(options: TourOptions): Promise<number> {
  const stage = new Stage(options);
  const { style } = stage;
  const steps = options.sections.reduce((sum, { steps }) => sum + steps.length, 0);
  let number = 0;
  let failed = 0;
  for (const { title, setting, steps: own } of options.sections) {
    stage.show(`\n${style.bold(title)}\n`);
    await using _setting = await setting?.();
    for (const step of own) {
      number += 1;
      if (number > 1 && options.pause !== undefined) {
        await untilAborted(options.pause(), options.signal);
      }
      stage.announce(`${number}/${steps}`, step.says);
      if (!await stage.play(step)) failed += 1;
    }
  }
  const verdict = failed === 0
    ? style.green(`all ${steps} steps did what they said`)
    : style.red(`${failed} of ${steps} steps did not do what they said`);
  stage.show(`\n${verdict}\n`);
  return failed;
}

/** Where the steps are played, before whoever looks on. */
class Stage implements Viewer {
  readonly columns: number | undefined;
  readonly coloured: boolean;
  readonly style: Style;
  readonly #output: Io["output"];
  readonly #console: Console;
  readonly #broken = new AbortController();
  readonly #stopped: AbortSignal;

  constructor({ io, root, load, kept, signal }: TourOptions) {
    this.#output = io.output;
    this.columns = io.output.columns;
    this.coloured = io.output.coloured;
    this.style = makeStyle(this.coloured);
    this.#console = new Console(root, load, kept, this);
    this.#stopped = AbortSignal.any([signal, this.#broken.signal]);
  }

  /** Shows text. Where that fails nobody looks on any longer, and the tour is over. */
  show(text: string): void {
    try {
      writeAll(this.#output, text);
    } catch (error) {
      this.#broken.abort(error);
      throw error;
    }
  }

  /** Says what is about to happen. */
  announce(number: string, says: string): void {
    const { columns } = this;
    const text = columns === undefined ? says : says.replaceAll("\n", " ");
    const room = columns === undefined ? undefined : Math.min(columns, WIDEST);
    const next = " ".repeat(number.length + 2);
    const body = behind({ first: next, next, breakWords: false }, text, room).trimStart();
    this.show(`\n${this.style.cyan(number)}  ${body}\n`);
  }

  #prompt(line: string): void {
    const { dim, bold } = this.style;
    const room = this.columns === undefined ? undefined : this.columns - 2;
    const [first = "", ...rest] = shellLines(line, room).map(bold);
    this.show(`\n${dim("$")} ${[first, ...rest.map((more) => `  ${more}`)].join("\n")}\n`);
  }

  /** Plays a step: whether it did what it says. */
  async play(step: Step): Promise<boolean> {
    const signal = AbortSignal.any([this.#stopped, AbortSignal.timeout(STEP_MS)]);
    try {
      await step.play({
        signal,
        start: (args, options) => this.#console.start(args, options),
        prompt: (line) => this.#prompt(line),
      });
      return true;
    } catch (error) {
      this.#stopped.throwIfAborted();
      const why = error instanceof Error ? error.message : String(error);
      this.show(`${this.style.red("this step failed")}: ${why}\n`);
      return false;
    }
  }
}
