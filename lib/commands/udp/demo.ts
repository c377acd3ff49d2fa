/**
 * The forged reply at a terminal or in a pipe.
 *
 * @module
 */

import { reportingFailure, type Said, say as sayTo } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { StopSignals } from "../../os/process.ts";
import { makeStyle, type Style } from "../../terminal/terminal.ts";
import { type ForgeryEvent, type ForgeryOutcome, playForgery } from "../../udp/forgery.ts";
import { forgerySaid, outcomeSaid, sceneSaid } from "./demo_text.ts";
import type { UDP_DEMO } from "./spec.ts";

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
export function demonstrate(io: Io, options: DemoOptions): Promise<number> {
  return reportingFailure(io, options.json, () => demonstrateBoth(io, options));
}

async function demonstrateBoth(io: Io, { hostname, json }: DemoOptions): Promise<number> {
  const say = (said: Said) => sayTo(io, said, json);
  using signals = new StopSignals(io);
  const stop = new AbortController();
  const stopped = signals.stopped.then((code) => {
    stop.abort(new DOMException("Interrupted", "AbortError"));
    return code;
  });
  const scenes = playBoth(hostname, stop.signal, makeStyle(io.output.coloured), say);
  const outcome = await Promise.race([stopped, scenes]);
  if (typeof outcome !== "number") return outcome.asExpected ? 0 : 1;
  await scenes.catch(() => {}); // the reason of the abort
  return outcome;
}

async function playBoth(
  hostname: string,
  signal: AbortSignal,
  style: Style,
  say: (said: Said) => void,
): Promise<{ readonly asExpected: boolean }> {
  const outcomes: ForgeryOutcome[] = [];
  for (const promiscuous of [true, false]) {
    say(sceneSaid(promiscuous));
    const event = (seen: ForgeryEvent) => say(forgerySaid(seen, style[COLOUR[seen.party]]));
    const outcome = await playForgery({ promiscuous, hostname, signal, event });
    say(outcomeSaid(outcome, promiscuous));
    outcomes.push(outcome);
  }
  const [first, second] = outcomes;
  return { asExpected: first!.fooled && !second!.fooled && second!.refused === 1 };
}

/** The colour of each party. */
const COLOUR: Readonly<Record<ForgeryEvent["party"], keyof Style>> = {
  server: "cyan",
  client: "green",
  attacker: "red",
};

/** Shows the forged reply. */
export function run({ options }: Input<typeof UDP_DEMO>, io: Io): Promise<number> {
  return demonstrate(io, { hostname: options.host, json: options.json });
}
