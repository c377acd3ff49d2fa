/**
 * Fan-out: how many deliveries a second a relay makes of 128-byte ciphertexts, beside `ncat -l --broker` under the same
 * load in the same run.
 *
 * @module
 */

import { type Bench, type Figure, leftOut } from "./bench.ts";
import { type CrowdProcess, type Delivered, startCrowd } from "./crowd.ts";
import { median, spread, thousands } from "./figures.ts";
import type { Processes } from "./processes.ts";
import { hasNcat, NO_NCAT, type RunningRelay, startNcat, startParley } from "./relays.ts";

/** Rooms and windows, with how much of ncat's rate the relay should reach. */
const CASES = [
  { receivers: 100, window: 1, goal: 1 },
  { receivers: 100, window: 32, goal: 1 },
  { receivers: 1000, window: 1, goal: 0.8 },
  { receivers: 1000, window: 32, goal: 0.5 },
] as const;

type Case = typeof CASES[number];

interface Side {
  readonly relay: RunningRelay;
  readonly crowd: CrowdProcess;
}

/** Measures every case. */
export async function fanout(bench: Bench): Promise<Figure[]> {
  const ncat = await hasNcat();
  const figures: Figure[] = [];
  for (const receivers of [100, 1000]) {
    const ours = await startSide(bench.processes, "parley", receivers);
    const theirs = ncat ? await startSide(bench.processes, "ncat", receivers) : undefined;
    for (const one of CASES) {
      if (one.receivers === receivers) figures.push(await compare(bench, one, ours, theirs));
    }
    await stop(ours);
    if (theirs !== undefined) await stop(theirs);
  }
  return figures;
}

async function startSide(
  processes: Processes,
  kind: "parley" | "ncat",
  receivers: number,
): Promise<Side> {
  const relay = await (kind === "parley" ? startParley(processes) : startNcat(processes));
  const members = receivers + 1;
  return { relay, crowd: await startCrowd(processes, { kind, port: relay.port, members }) };
}

async function stop({ relay, crowd }: Side): Promise<void> {
  await crowd.stop();
  await relay.process.stop("SIGKILL");
}

/** Measures both in turns, so that whatever else this machine does falls on both. */
async function compare(
  { runs, quick }: Bench,
  { receivers, window, goal }: Case,
  ours: Side,
  theirs: Side | undefined,
): Promise<Figure> {
  const ms = quick ? 500 : 2000;
  const mine: Delivered[] = [];
  const ncats: Delivered[] = [];
  for (let run = -1; run < runs; run++) {
    const own = await ours.crowd.measure(window, ms);
    const other = await theirs?.crowd.measure(window, ms);
    if (run < 0) continue; // to warm up
    mine.push(own);
    if (other !== undefined) ncats.push(other);
  }
  const flight = window === 1 ? "one at a time" : `${window} in flight`;
  const what = `fan-out to ${thousands(receivers)}, ${flight}`;
  const rate = median(mine.map(rateOf));
  const measured = `${thousands(rate)} deliveries/s`;
  const busy = `crowd busy ${share(mine)}`;
  if (theirs === undefined) return { ...leftOut(what, `${NO_NCAT}; ${busy}`), measured };
  // Each run against the one beside it.
  const ratios = mine.map((one, i) => rateOf(one) / rateOf(ncats[i]!));
  const ratio = median(ratios);
  const ncat = thousands(median(ncats.map(rateOf)));
  return {
    what,
    goal: `>= ${goal.toFixed(1)} of ncat`,
    measured: `${measured}, ${ratio.toFixed(2)} of ncat`,
    met: ratio >= goal,
    note: `${spread(ratios, (value) => value.toFixed(2))}; ncat ${ncat}; ${busy}, ${share(ncats)}`,
  };
}

function rateOf({ deliveries, seconds }: Delivered): number {
  return deliveries / seconds;
}

function share(runs: readonly Delivered[]): string {
  return `${Math.round(median(runs.map(({ busy }) => busy)) * 100)} %`;
}
