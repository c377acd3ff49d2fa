/**
 * How long it takes to come into a room of a hundred, from the connection's start to being able to speak.
 *
 * @module
 */

import type { Bench, Figure } from "./bench.ts";
import { startCrowd } from "./crowd.ts";
import { median, spread } from "./figures.ts";
import { startParley } from "./relays.ts";

const GOAL_MS = 100;
const MEMBERS = 99;

/** Measures joins, each by a process of its own that has just started: nothing is warm. */
export async function joining({ processes, runs }: Bench): Promise<Figure[]> {
  const relay = await startParley(processes);
  const crowd = await startCrowd(processes, { kind: "parley", port: relay.port, members: MEMBERS });
  const taken: number[] = [];
  for (let run = 0; run < runs; run++) {
    const args = [String(relay.port), `newcomer-${run}`];
    const newcomer = processes.deno(["--allow-net"], "bench/chat/newcomer.ts", args);
    const { ms, members } = JSON.parse(await newcomer.line());
    if (members !== MEMBERS + 1) throw new Error(`the newcomer saw ${members} members`);
    taken.push(ms);
    await newcomer.status;
  }
  await crowd.stop();
  await relay.process.stop();
  const ms = median(taken);
  return [{
    what: "joining: into a room of 100, connect to ready",
    goal: `<= ${GOAL_MS} ms`,
    measured: milliseconds(ms),
    met: ms <= GOAL_MS,
    note: `${spread(taken, milliseconds)}; without the making of RSA keys; a new process each`,
  }];
}

function milliseconds(value: number): string {
  return `${value.toFixed(0)} ms`;
}
