/**
 * The forged reply at a terminal or in a pipe.
 *
 * @module
 */

import { COLOURED, makeStyle, type Paint } from "../../chat/style.ts";
import { printLines } from "../../cli/print.ts";
import { StopSignals } from "../../stop_signals.ts";
import { type ForgeryEvent, type ForgeryOutcome, playForgery } from "../forgery.ts";
import { forgerySaid, outcomeSaid, sceneSaid } from "./demo_text.ts";
import { reportingFailure } from "./reporting_failure.ts";
import { type Said, voiced } from "./voice.ts";

/** Where to show it. */
export interface DemoOptions {
  readonly hostname: string;
  readonly json: boolean;
}

/**
 * Shows both clients in the same scene: one that takes datagrams from anyone, one that checks.
 *
 * @returns The exit code: 0 where the first was fooled and the second was not, 1 where not.
 * @throws {Failure} Where a socket cannot be opened or used.
 */
export function demonstrate(options: DemoOptions): Promise<number> {
  return reportingFailure(options.json, () => demonstrateBoth(options));
}

async function demonstrateBoth({ hostname, json }: DemoOptions): Promise<number> {
  const say = (said: Said) => printLines(voiced(said, json));
  using signals = new StopSignals();
  const stop = new AbortController();
  const stopped = signals.stopped.then((code) => {
    stop.abort(new DOMException("Interrupted", "AbortError"));
    return code;
  });
  const scenes = playBoth(hostname, stop.signal, say);
  const outcome = await Promise.race([stopped, scenes]);
  if (typeof outcome !== "number") return outcome.asExpected ? 0 : 1;
  await scenes.catch(() => {}); // the reason of the abort
  return outcome;
}

async function playBoth(
  hostname: string,
  signal: AbortSignal,
  say: (said: Said) => void,
): Promise<{ readonly asExpected: boolean }> {
  const outcomes: ForgeryOutcome[] = [];
  for (const promiscuous of [true, false]) {
    say(sceneSaid(promiscuous));
    const event = (seen: ForgeryEvent) => say(forgerySaid(seen, paintOf(seen.party)));
    const outcome = await playForgery({ promiscuous, hostname, signal, event });
    say(outcomeSaid(outcome, promiscuous));
    outcomes.push(outcome);
  }
  const [first, second] = outcomes;
  return { asExpected: first!.fooled && !second!.fooled && second!.refused === 1 };
}

function paintOf(party: ForgeryEvent["party"]): Paint {
  const style = makeStyle(COLOURED);
  return { server: style.cyan, client: style.green, attacker: style.red }[party];
}
