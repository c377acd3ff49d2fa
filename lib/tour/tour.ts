/**
 * The tour: its steps, and how they are played.
 *
 * @module
 */

import type { PermissionName } from "../cli/spec.ts";
import type { CommandSpec, LoadCommand } from "../cli/spec.ts";
import { type Io, writeAll } from "../os/io.ts";
import { makeStyle, type Style } from "../terminal/terminal.ts";
import {
  Console,
  type Job,
  type JobOptions,
  shellLines,
  type Viewer,
  withMargin,
} from "./console.ts";

/** Options of {@linkcode playTour}. */
export interface TourOptions {
  /** The output to show the tour on. */
  readonly io: Pick<Io, "output">;
  /** The root of the command table. */
  readonly root: CommandSpec;
  /** Loads the code of a command. */
  readonly load: LoadCommand;
  /** The permissions of this process. */
  readonly kept: readonly PermissionName[];
  readonly sections: readonly Section[];
  /** Called before each step but the first, which then waits for the promise. */
  readonly pause: (() => Promise<void>) | undefined;
  /** Stops the tour. */
  readonly signal: AbortSignal;
  /** How long a step may print nothing before a notice says that the tour waits, in milliseconds; 20,000 by default. */
  readonly quietMs?: number;
}

/** How long a step may print nothing before a notice. No step fails because the machine is slow. */
const QUIET_MS = 20_000;
const STILL_WAITING = "(still waiting for this step; Ctrl-C ends the tour)";

/** The widest column of prose. */
const WIDEST = 100;

/**
 * Runs every step.
 *
 * @returns The number of steps that failed.
 * @throws The signal's reason if the tour is stopped, or the error of a failed write.
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
    ? style.green(`all ${steps} steps succeeded`)
    : style.red(`${failed} of ${steps} steps failed`);
  stage.show(`\n${verdict}\n`);
  return failed;
}

/** Runs steps, and shows them to the person. */
class Stage implements Viewer {
  readonly columns: number | undefined;
  readonly coloured: boolean;
  readonly style: Style;
  readonly #output: Io["output"];
  readonly #console: Console;
  readonly #broken = new AbortController();
  readonly #stopped: AbortSignal;
  readonly #quietMs: number;
  #quiet: ReturnType<typeof setTimeout> | undefined;

  constructor({ io, root, load, kept, signal, quietMs = QUIET_MS }: TourOptions) {
    this.#output = io.output;
    this.#quietMs = quietMs;
    this.columns = io.output.columns;
    this.coloured = io.output.coloured;
    this.style = makeStyle(this.coloured);
    this.#console = new Console(root, load, kept, this);
    this.#stopped = AbortSignal.any([signal, this.#broken.signal]);
  }

  /**
   * Shows text.
   *
   * @throws {unknown} The error of the failed write. The tour then ends: its output is gone.
   */
  show(text: string): void {
    if (this.#quiet !== undefined) this.#watch();
    this.#write(text);
    this.#broken.signal.throwIfAborted();
  }

  #write(text: string): void {
    try {
      writeAll(this.#output, text);
    } catch (error) {
      this.#broken.abort(error);
    }
  }

  /** Shows what is about to happen. */
  announce(number: string, says: string): void {
    const { columns } = this;
    const text = columns === undefined ? says : says.replaceAll("\n", " ");
    const room = columns === undefined ? undefined : Math.min(columns, WIDEST);
    const next = " ".repeat(number.length + 2);
    const body = withMargin({ first: next, next, breakWords: false }, text, room).trimStart();
    this.show(`\n${this.style.cyan(number)}  ${body}\n`);
  }

  #prompt(line: string): void {
    const { dim, bold } = this.style;
    const room = this.columns === undefined ? undefined : this.columns - 2;
    const [first = "", ...rest] = shellLines(line, room).map(bold);
    this.show(`\n${dim("$")} ${[first, ...rest.map((more) => `  ${more}`)].join("\n")}\n`);
  }

  /** Waits for output anew. After a long silence, a notice says that the tour waits, and how to end it. */
  #watch(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      this.#quiet = undefined;
      const margin = { first: "", next: "", breakWords: false };
      const notice = withMargin(margin, `${STILL_WAITING}\n`, this.columns);
      this.#write(this.style.dim(notice));
    }, this.#quietMs);
  }

  /** Runs a step. Returns whether it succeeded. */
  async play(step: Step): Promise<boolean> {
    const signal = this.#stopped;
    this.#watch();
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
    } finally {
      clearTimeout(this.#quiet);
      this.#quiet = undefined;
    }
  }
}

/** What a step may use. */
export interface Scene {
  /**
   * Starts a parley command.
   *
   * @param args Its arguments, without the program's name.
   */
  start(args: readonly string[], options?: JobOptions): Job;
  /** Aborts if the tour is stopped, or can no longer be shown. */
  readonly signal: AbortSignal;
  /** Shows a command line that the person can type to get the same result. */
  prompt(line: string): void;
}

/** One demonstration. */
export interface Step {
  /** What is about to happen, in two or three lines. Shown before the step runs. */
  readonly says: string;
  /**
   * Runs the step.
   *
   * @throws {Error} If the result is not as announced. The message says what is missing.
   */
  play(scene: Scene): Promise<void>;
}

/** The steps on one subject. */
export interface Section {
  /** The name that selects the section. */
  readonly name: string;
  readonly title: string;
  /** Prepares what the steps need. Disposing the result cleans up. */
  readonly setting?: () => Promise<AsyncDisposable>;
  readonly steps: readonly Step[];
}

/** The output and exit code that a command must produce. */
export interface Expectation {
  readonly patterns: readonly RegExp[];
  /** The exit code; 0 by default. */
  readonly code?: number;
  /** The text for standard input; empty by default. */
  readonly input?: string;
}

/**
 * Creates a step that runs one command.
 *
 * @param says What is about to happen.
 * @param line The command line as a person types it.
 * @param expected The expected result.
 */
export function command(says: string, line: string, expected: Expectation): Step {
  return { says, play: (scene) => runLine(scene, line, expected) };
}

/** Creates a step that runs several commands, one after another. */
export function commands(
  says: string,
  lines: readonly (readonly [line: string, expected: Expectation])[],
): Step {
  return {
    says,
    play: async (scene) => {
      for (const [line, expected] of lines) await runLine(scene, line, expected);
    },
  };
}

/** Runs a command line to its end and checks the result. */
export async function runLine(scene: Scene, line: string, expected: Expectation): Promise<void> {
  const { input } = expected;
  scene.prompt(input === undefined ? line : `echo ${quoted(input.trimEnd())} | ${line}`);
  const job = scene.start(wordsOf(line));
  if (input !== undefined) await job.type(input);
  await job.endInput();
  const code = await untilAborted(job.ended, scene.signal);
  requireCode(line, code, expected.code ?? 0);
  for (const pattern of expected.patterns) requirePattern(line, job, pattern);
}

/** Throws unless the exit code is as expected. */
export function requireCode(line: string, code: number, expected: number): void {
  if (code !== expected) throw new Error(`${line} ended with ${code}, not with ${expected}`);
}

function requirePattern(line: string, job: Job, pattern: RegExp): void {
  if (!pattern.test(job.said)) throw new Error(`${line} did not print ${pattern}`);
}

/** Waits for a promise. Rejects with the signal's reason if it aborts first. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Splits a command line into arguments, without the program's name. Quotes group words. */
export function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) =>
    double ?? single ?? plain ?? ""
  );
  return words.slice(1);
}

function quoted(text: string): string {
  return `"${text}"`;
}

/** The Enter key of the person who takes the tour. */
export interface EnterKey extends Disposable {
  /** Prompts for Enter, and waits for it or for the end of the input. */
  pressed(): Promise<void>;
}

/** Reads standard input until it is disposed. */
export function enterKey({ input, output }: Io): EnterKey {
  const chunks = input.chunks()[Symbol.asyncIterator]();
  let over = false;
  return {
    pressed: async () => {
      if (over) return;
      writeAll(output, "\n(press Enter to continue) ");
      for (;;) {
        const { done, value } = await chunks.next();
        over = done === true;
        if (done === true || value.includes(0x0a)) return;
      }
    },
    [Symbol.dispose]: () => void chunks.return?.(),
  };
}
