/**
 * `deno task bench chat`: what the chat is to be measured by, measured, as a table.
 *
 * Every figure is the median of several runs, taken by separate processes on the loopback.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { type Bench, type Figure, leftOut, type Measurement } from "./chat/bench.ts";
import { HAS_CROWDS, NO_CROWDS } from "./chat/crowd.ts";
import { fanout } from "./chat/fanout.ts";
import { idle } from "./chat/idle.ts";
import { joining } from "./chat/joining.ts";
import { largeRoom } from "./chat/large_room.ts";
import { latency } from "./chat/latency.ts";
import { type Processes, within, withProcesses } from "./chat/processes.ts";
import { printFigures } from "./chat/table.ts";
import { throughput } from "./chat/throughput.ts";

const MEASUREMENTS: Readonly<Record<string, { measure: Measurement; needsCrowd?: true }>> = {
  throughput: { measure: throughput },
  latency: { measure: latency },
  fanout: { measure: fanout, needsCrowd: true },
  joining: { measure: joining, needsCrowd: true },
  idle: { measure: idle, needsCrowd: true },
  large: { measure: largeRoom, needsCrowd: true },
};

/** How long one measurement may take, in milliseconds. */
const TIME_LIMIT_MS = 600_000;

const USAGE = `usage: deno task bench chat [--quick] [--only NAME] [--runs N]

  --quick      less of everything, and 3 runs: figures to look at, not to quote
  --only NAME  one measurement: ${Object.keys(MEASUREMENTS).join(", ")}
  --runs N     how many runs a median is taken of (default 5)`;

interface Options {
  readonly quick: boolean;
  readonly names: readonly string[];
  readonly runs: number;
}

/**
 * Runs the measurements and prints their table.
 *
 * @param args The arguments behind `bench chat`.
 * @returns 0 where every goal was met, 1 where one was not or nothing could be measured, 2 for wrong usage.
 */
export async function run(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  const figures = await withProcesses((processes) => measureAll(options, processes));
  printFigures(figures, options.runs);
  return figures.some((figure) => figure.met === false) ? 1 : 0;
}

function readOptions(args: readonly string[]): Options | undefined {
  let known = true;
  const given = parseArgs(args, {
    boolean: ["quick", "help"],
    string: ["only", "runs", "_"],
    unknown: () => known = false,
  });
  const quick = given.quick === true;
  const runs = given.runs === undefined ? (quick ? 3 : 5) : Number(given.runs);
  const names = given.only === undefined ? Object.keys(MEASUREMENTS) : [String(given.only)];
  const good = known && given.help !== true && Number.isInteger(runs) && runs > 0 && runs <= 100 &&
    names.every((name) => Object.hasOwn(MEASUREMENTS, name));
  return good ? { quick, names, runs } : undefined;
}

async function measureAll(
  { names, quick, runs }: Options,
  processes: Processes,
): Promise<Figure[]> {
  const bench: Bench = { processes, quick, runs };
  const figures: Figure[] = [];
  for (const name of names) {
    const { measure, needsCrowd } = MEASUREMENTS[name]!;
    if (needsCrowd && !HAS_CROWDS) {
      figures.push(leftOut(name, NO_CROWDS));
      continue;
    }
    console.error(`measuring ${name} …`);
    figures.push(...await within(TIME_LIMIT_MS, name, measure(bench)));
  }
  return figures;
}
