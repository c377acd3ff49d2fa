/**
 * What a relay's memory is with a room full of members who say nothing.
 *
 * @module
 */

import type { Bench, Figure } from "./bench.ts";
import { startCrowd } from "./crowd.ts";
import { median, spread } from "./figures.ts";
import { memoryOf } from "./memory.ts";
import { pause } from "./processes.ts";
import { startParley } from "./relays.ts";

const GOAL_MIB = 100;
const MEMBERS = 1000;
/** How long the room is left alone before it is looked at, in milliseconds: the runtime gives memory back when idle. */
const SETTLE_MS = 30_000;

/** Measures the resident memory of a relay with a thousand idle members. */
export async function idle({ processes, runs, quick }: Bench): Promise<Figure[]> {
  const sizes: number[] = [];
  const peaks: number[] = [];
  for (let run = 0; run < (quick ? 1 : runs); run++) {
    const relay = await startParley(processes);
    const crowd = await startCrowd(processes, {
      kind: "parley",
      port: relay.port,
      members: MEMBERS,
    });
    await pause(SETTLE_MS);
    const { VmRSS, VmHWM } = await memoryOf(relay.process.pid);
    sizes.push(VmRSS);
    peaks.push(VmHWM);
    await crowd.stop();
    await relay.process.stop();
  }
  const size = median(sizes);
  return [{
    what: "memory: a relay with 1,000 idle members, resident",
    goal: `<= ${GOAL_MIB} MiB`,
    measured: mebibytes(size),
    met: size <= GOAL_MIB,
    note: `${spread(sizes, mebibytes)}; peak while they joined ${mebibytes(median(peaks))}`,
  }];
}

function mebibytes(value: number): string {
  return `${value.toFixed(0)} MiB`;
}
