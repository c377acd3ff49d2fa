/**
 * `deno task bench startup`: how long a command takes from start to end, compared with an empty program.
 *
 * It measures whole processes, from source and as the self-contained file. Every round runs all of them, and every
 * other round in reverse order, so that a busy moment of the machine meets all of them alike. Medians.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { median } from "./chat/figures.ts";

interface Program {
  readonly what: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The longest time that it may take, in times of the empty program. */
  readonly goal?: number;
}

/** What is measured of parley, with the goals from source and of the self-contained file. */
const COMMANDS = [
  { args: ["--version"], source: 1.45, file: 1.25 },
  { args: ["info", "byteorder", "1234"], source: 1.6, file: 1.35 },
] as const;

const USAGE = `usage: deno task bench startup [--runs N] [--source]

  --runs N  how many rounds the medians are of (default 21)
  --source  without the self-contained file, which takes a minute to make`;

/**
 * Measures, and prints the medians and their ratios.
 *
 * @param args The arguments behind `bench startup`.
 * @returns 0 if every goal was met, 1 if one was not, 2 for wrong usage.
 */
export async function run(args: string[]): Promise<number> {
  let known = true;
  const given = parseArgs(args, {
    string: ["runs", "_"],
    boolean: ["source"],
    unknown: () => known = false,
  });
  const runs = given.runs === undefined ? 21 : Number(given.runs);
  if (!known || !Number.isInteger(runs) || runs < 1 || runs > 1000) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  const folder = await Deno.makeTempDir();
  try {
    const programs = fromSource(folder);
    if (given.source !== true) {
      const file = await makeSelfContained(folder);
      programs.push(...COMMANDS.map(({ args, file: goal }) => ({
        what: `self-contained: ${args.join(" ")}`,
        command: file,
        args,
        env: { XDG_CACHE_HOME: folder },
        goal,
      })));
    }
    return await measure(programs, runs);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** An empty program, and parley run from its files. */
function fromSource(folder: string): Program[] {
  const empty = `${folder}/empty.ts`;
  Deno.writeTextFileSync(empty, "");
  const parley = ["run", "--no-prompt", "--allow-net", "main.ts"];
  return [
    { what: "an empty file", command: Deno.execPath(), args: ["run", "--no-prompt", empty] },
    ...COMMANDS.map(({ args, source }) => ({
      what: `source: ${args.join(" ")}`,
      command: Deno.execPath(),
      args: [...parley, ...args],
      goal: source,
    })),
  ];
}

/**
 * Makes the self-contained file. It unpacks itself into `XDG_CACHE_HOME` when it first runs.
 *
 * @param folder Where to make it.
 * @returns Its path.
 */
export async function makeSelfContained(folder: string): Promise<string> {
  const file = `${folder}/parley`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "compile", "--self-contained", "--fast", "-o", file],
    stdin: "null",
    stdout: "null",
  }).spawn().status;
  if (!success) throw new Error("the self-contained file cannot be made");
  return file;
}

async function measure(programs: readonly Program[], runs: number): Promise<number> {
  const times = programs.map((): number[] => []);
  // Round 0 does not count: it fills the caches.
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
      `${what.padEnd(38)}${took.padStart(10)}  ${ratio.toFixed(2)}x  ${verdict}`.trimEnd(),
    );
  }
  return met ? 0 : 1;
}

/** How long a process takes, in milliseconds. */
async function timeOf({ what, command, args, env = {} }: Program): Promise<number> {
  const start = performance.now();
  // The output is not read: reading takes processor time that the measured program would lack.
  const child = new Deno.Command(command, { args: [...args], env, stdin: "null", stdout: "null" });
  const { success } = await child.spawn().status;
  const took = performance.now() - start;
  if (!success) throw new Error(`${what} failed`);
  return took;
}
