/**
 * The tour: its steps, and how they are played.
 *
 * @module
 */

import type { PermissionName } from "../cli/permissions.ts";
import type { CommandSpec, LoadCommand } from "../cli/spec.ts";
import { type Io, writeAll } from "../os/io.ts";
import { makeStyle, type Style } from "../terminal/terminal.ts";
import { behind, Console, type Job, type JobOptions, shellLines, type Viewer } from "./console.ts";

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

/** What a step plays on. */
export interface Scene {
  /**
   * Starts a command of parley.
   *
   * @param args Its arguments, without the program's name.
   */
  start(args: readonly string[], options?: JobOptions): Job;
  /** Ends the waiting of a step that takes too long, or of a tour that is stopped. */
  readonly signal: AbortSignal;
  /** Shows the line that one types to have the same. */
  prompt(line: string): void;
}

/** One thing that is shown. */
export interface Step {
  /** What is about to happen, in two or three lines. */
  readonly says: string;
  /**
   * Does it.
   *
   * @throws {Error} Where it does not do what it says; the message tells what was missing.
   */
  play(scene: Scene): Promise<void>;
}

/** The steps about one subject. */
export interface Section {
  /** The word that picks it. */
  readonly name: string;
  readonly title: string;
  /** Prepares what its steps need, and clears it away when it is disposed. */
  readonly setting?: () => Promise<AsyncDisposable>;
  readonly steps: readonly Step[];
}

/** What a command must print, and how it must end, for its step to have done what it says. */
export interface Expectation {
  readonly patterns: readonly RegExp[];
  /** The exit code; 0 without. */
  readonly code?: number;
  /** What is typed for it; nothing without. */
  readonly input?: string;
}

/**
 * A step that runs one command.
 *
 * @param says What is about to happen.
 * @param line The command line, as one types it.
 * @param expected What shows that it happened.
 */
export function command(says: string, line: string, expected: Expectation): Step {
  return { says, play: (scene) => runLine(scene, line, expected) };
}

/** A step that runs several commands, one after the other. */
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

/** Runs a command line to its end, and checks what it did. */
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

/** Throws unless a command has ended with the code that it had to. */
export function requireCode(line: string, code: number, expected: number): void {
  if (code !== expected) throw new Error(`${line} ended with ${code}, not with ${expected}`);
}

function requirePattern(line: string, job: Job, pattern: RegExp): void {
  if (!pattern.test(job.said)) throw new Error(`${line} did not print ${pattern}`);
}

/** Waits for a promise, no longer than a signal lets it. */
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

/** The arguments of a command line of parley, without its name. A quoted argument is one. */
export function wordsOf(line: string): string[] {
  const words = [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) =>
    double ?? single ?? plain ?? ""
  );
  return words.slice(1);
}

function quoted(text: string): string {
  return `"${text}"`;
}

/** Somebody at a keyboard. */
export interface EnterKey extends Disposable {
  /** Asks for Enter, and waits for it, or for the end of the input. */
  pressed(): Promise<void>;
}

/** Listens to standard input, until it is disposed. */
export function enterKey({ input, output }: Io): EnterKey {
  const chunks = input.chunks()[Symbol.asyncIterator]();
  let over = false;
  return {
    pressed: async () => {
      if (over) return;
      writeAll(output, "\n(Enter goes on) ");
      for (;;) {
        const { done, value } = await chunks.next();
        over = done === true;
        if (done === true || value.includes(0x0a)) return;
      }
    },
    [Symbol.dispose]: () => void chunks.return?.(),
  };
}
