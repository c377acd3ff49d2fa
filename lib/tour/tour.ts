/**
 * The tour: every section of the tutorial, run live on this machine.
 *
 * @module
 */

import type { CommandSpec, PermissionName } from "../cli/spec.ts";
import { makeStyle, type Style } from "../chat/style.ts";
import { writeAll } from "../write_all.ts";
import { Console } from "./console.ts";
import type { Section, Step } from "./step.ts";

/** How the tour is taken. */
export interface TourOptions {
  /** The table's root. */
  readonly root: CommandSpec;
  /** What this process may do. */
  readonly kept: readonly PermissionName[];
  readonly sections: readonly Section[];
  /** Waits before the next step; nothing waits without. */
  readonly pause: (() => Promise<void>) | undefined;
  readonly coloured: boolean;
  /** Stops the tour. */
  readonly signal: AbortSignal;
}

/** How long a step may take before it counts as failed, in milliseconds. */
const STEP_MS = 30_000;

/**
 * Plays every step.
 *
 * @returns How many of them did not do what they said.
 * @throws The signal's reason, where the tour is stopped.
 */
export async function playTour(options: TourOptions): Promise<number> {
  using console = new Console(options.root, options.kept);
  const style = makeStyle(options.coloured);
  const steps = options.sections.reduce((sum, { steps }) => sum + steps.length, 0);
  let number = 0;
  let failed = 0;
  for (const { title, setting, steps: own } of options.sections) {
    print(`\n${style.bold(title)}\n`);
    await using _setting = await setting?.();
    for (const step of own) {
      number += 1;
      if (number > 1) await options.pause?.();
      print(`\n${style.cyan(`${number}/${steps}`)}  ${step.says.replaceAll("\n", "\n     ")}\n`);
      if (!await playStep(step, console, style, options.signal)) failed += 1;
    }
  }
  const verdict = failed === 0
    ? style.green(`all ${steps} steps did what they said`)
    : style.red(`${failed} of ${steps} steps did not do what they said`);
  print(`\n${verdict}\n`);
  return failed;
}

async function playStep(
  step: Step,
  console: Console,
  style: Style,
  stopped: AbortSignal,
): Promise<boolean> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(STEP_MS)]);
  const prompt = (line: string) => print(`\n${style.dim("$")} ${style.bold(line)}\n`);
  try {
    await step.play({ console, signal, prompt });
    return true;
  } catch (error) {
    stopped.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    print(`${style.red("this step failed")}: ${why}\n`);
    return false;
  }
}

function print(text: string): void {
  writeAll(Deno.stdout, text);
}
