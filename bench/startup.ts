/**
 * `deno task bench startup`: how long a command takes from start to end, beside an empty program.
 *
 * Whole processes, taken in turns and each round in another order, so that a busy moment, or what the
 * program before left behind, meets all of them; medians.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { median } from "./chat/figures.ts";

interface Program {
  readonly what: string;
  readonly args: readonly string[];
  /** The most that it may take, in times of the empty program. */
  readonly goal?: number;
}

const PARLEY = ["run", "--no-prompt", "--allow-net", "main.ts"];

const PROGRAMS: readonly Program[] = [
  { what: "parley info byteorder 1234", args: [...PARLEY, "info", "byteorder", "1234"], goal: 1.5 },
  { what: "parley --help", args: [...PARLEY, "--help"] },
];

const USAGE = `usage: deno task bench startup [--runs N]

  --runs N  how many runs of each a median is taken of (default 21)`;

/**
 * Measures, and prints the medians and their ratios.
 *
 * @param args The arguments behind `bench startup`.
 * @returns 0 where every goal was met, 1 where one was not, 2 for wrong usage.
 */
export async function run(args: string[]): Promise<number> {
  let known = true;
  const given = parseArgs(args, { string: ["runs", "_"], unknown: () => known = false });
  const runs = given.runs === undefined ? 21 : Number(given.runs);
  if (!known || !Number.isInteger(runs) || runs < 1 || runs > 1000) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  const empty = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    return await measure({ what: "an empty file", args: ["run", "--no-prompt", empty] }, runs);
  } finally {
    await Deno.remove(empty);
  }
}

async function measure(empty: Program, runs: number): Promise<number> {
  const programs = [empty, ...PROGRAMS];
  const times = programs.map((): number[] => []);
  // One round that does not count: it fills the caches.
  for (let round = 0; round <= runs; round++) {
    const order = [...programs.keys()];
    for (const i of round % 2 === 0 ? order : order.reverse()) {
      const took = await timeOf(programs[i]!);
      if (round > 0) times[i]!.push(took);
    }
  }
  const medians = times.map((each) => median(each));
  console.log(
    `medians of ${runs}, ${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}\n`,
  );
  let met = true;
  for (const [i, { what, goal }] of programs.entries()) {
    const ratio = medians[i]! / medians[0]!;
    if (goal !== undefined && ratio > goal) met = false;
    const verdict = goal === undefined ? "" : `goal ${goal}: ${ratio <= goal ? "met" : "NOT MET"}`;
    const took = `${medians[i]!.toFixed(1)} ms`;
    console.log(
      `${what.padEnd(28)}${took.padStart(10)}  ${ratio.toFixed(2)}x  ${verdict}`.trimEnd(),
    );
  }
  return met ? 0 : 1;
}

/** How long a process takes, in milliseconds. */
async function timeOf({ what, args }: Program): Promise<number> {
  const start = performance.now();
  // What it prints is read by nobody: to read it would cost this process, and so the two cores, too.
  const command = new Deno.Command("deno", { args: [...args], stdin: "null", stdout: "null" });
  const { success } = await command.spawn().status;
  const took = performance.now() - start;
  if (!success) throw new Error(`${what} failed`);
  return took;
}
