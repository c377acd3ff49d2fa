/**
 * What a tour is made of: sections of steps.
 *
 * @module
 */

import { type Io, writeAll } from "../os/io.ts";
import type { Job, JobOptions } from "./console.ts";

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
