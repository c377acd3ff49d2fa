/**
 * Fan-out: how many deliveries a second a relay makes of texts of 128 bytes. Beside it, in the same run and under the same
 * load: `ncat -l --broker` with 128 bytes, ncat with as many bytes as a frame has, and the same hops in plain Deno.
 *
 * @module
 */

import { type Bench, type Figure, leftOut } from "./bench.ts";
import { type CrowdOptions, type CrowdProcess, type Delivered, startCrowd } from "./crowd.ts";
import { median, spread, thousands } from "./figures.ts";
import type { Processes } from "./processes.ts";
import { processorMs } from "./processor.ts";
import {
  hasNcat,
  NO_NCAT,
  type RunningRelay,
  startBare,
  startNcat,
  startParley,
} from "./relays.ts";

const TEXT_BYTES = 128;
/** The sealed frame of such a text. */
const FRAME_BYTES = 270;

/** What the relay is measured beside. */
const OTHERS = {
  ncat: { kind: "plain", bytes: TEXT_BYTES, start: startNcat, name: "ncat" },
  same: { kind: "plain", bytes: FRAME_BYTES, start: startNcat, name: "ncat with as many bytes" },
  bare: { kind: "plain", bytes: FRAME_BYTES, start: startBare, name: "bare" },
} as const;

type Other = keyof typeof OTHERS;

/** Rooms and windows, with how much of each other rate the relay should reach. */
const CASES = [
  { receivers: 100, window: 1, goals: { ncat: 0.92, same: 0.95, bare: 0.95 } },
  { receivers: 100, window: 32, goals: { ncat: 0.8, same: 1.3, bare: 0.9 } },
  { receivers: 1000, window: 1, goals: { ncat: 0.8, same: 0.9, bare: 1 } },
  { receivers: 1000, window: 32, goals: { ncat: 0.7, same: 1.1, bare: 0.95 } },
] as const;

type Case = typeof CASES[number];

interface Side {
  readonly relay: RunningRelay;
  readonly crowd: CrowdProcess;
}

/** One run, and the processor time of the relay for each delivery, in microseconds. */
interface Run extends Delivered {
  readonly cost: number;
}

/** Measures every case. */
export async function fanout(bench: Bench): Promise<Figure[]> {
  const ncat = await hasNcat();
  const figures: Figure[] = ncat ? [] : [leftOut("fan-out beside ncat", NO_NCAT)];
  for (const receivers of [100, 1000]) {
    const ours = await startSide(bench.processes, startParley, { kind: "parley" }, receivers);
    const others = new Map<Other, Side>();
    for (const name of Object.keys(OTHERS) as Other[]) {
      const { start, kind, bytes } = OTHERS[name];
      if (start === startNcat && !ncat) continue;
      others.set(name, await startSide(bench.processes, start, { kind, bytes }, receivers));
    }
    for (const one of CASES) {
      if (one.receivers === receivers) figures.push(...await compare(bench, one, ours, others));
    }
    for (const side of [ours, ...others.values()]) await stop(side);
  }
  return figures;
}

async function startSide(
  processes: Processes,
  start: (processes: Processes) => Promise<RunningRelay>,
  options: Pick<CrowdOptions, "kind" | "bytes">,
  receivers: number,
): Promise<Side> {
  const relay = await start(processes);
  const members = receivers + 1;
  return { relay, crowd: await startCrowd(processes, { ...options, port: relay.port, members }) };
}

async function stop({ relay, crowd }: Side): Promise<void> {
  await crowd.stop();
  await relay.process.stop("SIGKILL");
}

/**
 * Measures all in turns, so that whatever else this machine does falls on all of them. The relays' processor times are
 * compared too, as other work changes them less than rates.
 */
async function compare(
  { runs, quick }: Bench,
  { receivers, window, goals }: Case,
  ours: Side,
  others: ReadonlyMap<Other, Side>,
): Promise<Figure[]> {
  const ms = quick ? 500 : 2000;
  const mine: Run[] = [];
  const theirs = new Map<Other, Run[]>([...others.keys()].map((name) => [name, []]));
  for (let run = -1; run < runs; run++) {
    const own = await measure(ours, window, ms);
    if (run >= 0) mine.push(own); // the first run warms up
    for (const [name, side] of others) {
      const other = await measure(side, window, ms);
      if (run >= 0) theirs.get(name)!.push(other);
    }
  }
  const flight = window === 1 ? "one at a time" : `${window} in flight`;
  const what = `fan-out to ${thousands(receivers)}, ${flight}`;
  const measured = `${thousands(median(mine.map(rateOf)))} deliveries/s`;
  const own = {
    what,
    goal: undefined,
    measured,
    met: undefined,
    note: `crowd ${share(mine)} busy; ${median(mine.map(costOf)).toFixed(2)} us of processor each`,
  };
  return [own, ...[...theirs].map(([name, runs]) => beside(name, what, goals[name], mine, runs))];
}

function beside(
  other: Other,
  what: string,
  goal: number,
  mine: readonly Run[],
  theirs: readonly Run[],
): Figure {
  // Each run against the one beside it.
  const work = median(mine.map((one, i) => costOf(theirs[i]!) / costOf(one)));
  const ratios = mine.map((one, i) => rateOf(one) / rateOf(theirs[i]!));
  const ratio = median(ratios);
  const rate = thousands(median(theirs.map(rateOf)));
  const format = (value: number) => value.toFixed(2);
  return {
    what: `${what}, of ${OTHERS[other].name}`,
    goal: `>= ${format(goal)}`,
    measured: format(ratio),
    met: ratio >= goal,
    note: `${spread(ratios, format)}; by processor time ${format(work)}; ` +
      `it delivers ${rate}/s; crowd ${share(theirs)} busy`,
  };
}

async function measure({ relay, crowd }: Side, window: number, ms: number): Promise<Run> {
  const before = await processorMs(relay.process.pid);
  const delivered = await crowd.measure(window, ms);
  const used = await processorMs(relay.process.pid) - before;
  return { ...delivered, cost: used * 1000 / delivered.deliveries };
}

function costOf({ cost }: Run): number {
  return cost;
}

function rateOf({ deliveries, seconds }: Delivered): number {
  return deliveries / seconds;
}

function share(runs: readonly Delivered[]): string {
  return `${Math.round(median(runs.map(({ busy }) => busy)) * 100)} %`;
}
