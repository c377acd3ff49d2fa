/**
 * `deno task bench udp`: parley's echo servers beside one in C and one in Python, in one run.
 *
 * Every server answers every datagram with its length, and says nothing else. The load comes from a program in C, which
 * takes and gives many datagrams at a call and so is never what is measured; where there is no gcc, from
 * `parley udp bench`, which is, and then that is said. The servers take turns, so that whatever else the machine
 * does is shared; each figure is the median of the runs.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { type Figure, leftOut } from "./chat/bench.ts";
import { median, spread, thousands } from "./chat/figures.ts";
import { type Processes, withProcesses } from "./chat/processes.ts";
import { printFigures } from "./chat/table.ts";
import { cpuSeconds } from "./udp/cpu.ts";
import { cLoad, type Load, parleyLoad } from "./udp/load.ts";
import {
  type EchoProcess,
  startC,
  startParley,
  startParleyFfi,
  startPython,
} from "./udp/servers.ts";
import { compile, hasTool } from "./udp/tools.ts";

const USAGE = `usage: deno task bench udp [--quick] [--runs N] [--seconds S]

  --quick      3 runs of a second: figures to look at, not to quote
  --runs N     how many runs a median is taken of (default 9)
  --seconds S  how long a run puts load on one server (default 2)`;

/** The tutorial's text is 38 bytes long. */
const SIZE = 38;
/** The share of another server's rate that a server is to reach. */
interface Goal {
  readonly server: EchoProcess["name"];
  readonly share: number;
  readonly of: EchoProcess["name"];
}

/** The windows, and the goals at each of them. */
const WINDOWS: readonly { readonly window: number; readonly goals: readonly Goal[] }[] = [
  {
    window: 32,
    goals: [
      { server: "parley", share: 0.7, of: "Python" },
      { server: "parley --ffi", share: 0.9, of: "C" },
    ],
  },
  { window: 1, goals: [{ server: "parley", share: 0.8, of: "C" }] },
];

interface Options {
  readonly runs: number;
  readonly seconds: number;
}

/**
 * Measures, and prints a table.
 *
 * @param args The arguments behind `bench udp`.
 * @returns 0 where every goal was met, 1 where one was not, 2 for wrong usage.
 */
export async function run(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  const directory = await Deno.makeTempDir({ prefix: "parley-bench-" });
  try {
    const figures = await withProcesses((processes) => measureAll(options, processes, directory));
    printFigures(figures, options.runs);
    return figures.some(({ met }) => met === false) ? 1 : 0;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function readOptions(args: readonly string[]): Options | undefined {
  let known = true;
  const given = parseArgs(args, {
    boolean: ["quick", "help"],
    string: ["runs", "seconds", "_"],
    unknown: () => known = false,
  });
  const quick = given.quick === true;
  const runs = Number(given.runs ?? (quick ? 3 : 9));
  const seconds = Number(given.seconds ?? (quick ? 1 : 2));
  const good = known && given.help !== true && Number.isInteger(runs) && runs > 0 && runs <= 100 &&
    seconds > 0 && seconds <= 60;
  return good ? { runs, seconds } : undefined;
}

async function measureAll(
  options: Options,
  processes: Processes,
  directory: string,
): Promise<Figure[]> {
  const [gcc, python] = await Promise.all([hasTool("gcc"), hasTool("python3")]);
  const servers = [await startParley(processes)];
  if (Deno.build.os === "linux") servers.push(await startParleyFfi(processes));
  if (python) servers.push(await startPython(processes));
  if (gcc) servers.push(await startC(processes, await compile("echo_server", directory)));
  const load = gcc ? cLoad(await compile("load", directory)) : parleyLoad;
  const figures: Figure[] = [];
  if (!gcc) {
    figures.push(leftOut("C", "gcc is not installed; the load is parley's own, and slower"));
  }
  if (!python) figures.push(leftOut("Python", "python3 is not installed"));
  for (const { window, goals } of WINDOWS) {
    console.error(`measuring with window ${window} …`);
    const rates = await measure(servers, load, window, options);
    figures.push(...figuresOf(rates, window));
    figures.push(...goals.flatMap((goal) => goalFigure(rates, window, goal) ?? []));
  }
  return figures;
}

/** What a server did in each run. */
interface Rates {
  readonly name: string;
  readonly rates: number[];
  /** Processor time for a reply, in microseconds, where the system tells. */
  readonly cpu: number[];
  lost: number;
}

async function measure(
  servers: readonly EchoProcess[],
  load: Load,
  window: number,
  { runs, seconds }: Options,
): Promise<Rates[]> {
  const results = servers.map(({ name }): Rates => ({ name, rates: [], cpu: [], lost: 0 }));
  for (const { port } of servers) await load(port, window, SIZE, 0.5); // compilers warm up
  for (let run = 0; run < runs; run++) {
    for (const [i, { port, process }] of servers.entries()) {
      const before = await cpuSeconds(process.pid);
      const { rate, replies, lost } = await load(port, window, SIZE, seconds);
      const after = await cpuSeconds(process.pid);
      const result = results[i]!;
      result.rates.push(rate);
      result.lost += lost;
      if (before !== undefined && after !== undefined) {
        result.cpu.push((after - before) / replies * 1e6);
      }
    }
  }
  return results;
}

function figuresOf(results: readonly Rates[], window: number): Figure[] {
  return results.map(({ name, rates, cpu, lost }) => ({
    what: `window ${window}, ${SIZE} bytes: ${name}`,
    goal: undefined,
    measured: `${thousands(median(rates))} replies/s`,
    met: undefined,
    note: [
      spread(rates, thousands),
      ...(cpu.length === 0 ? [] : [`${median(cpu).toFixed(1)} us of processor a reply`]),
      ...(lost === 0 ? [] : [`${thousands(lost)} lost`]),
    ].join(", "),
  }));
}

/** The share of another server's rate: the median of the shares of each run, for the two ran side by side. */
function goalFigure(
  results: readonly Rates[],
  window: number,
  { server, share, of }: Goal,
): Figure | undefined {
  const ours = results.find(({ name }) => name === server)?.rates;
  const theirs = results.find(({ name }) => name === of)?.rates;
  if (ours === undefined || theirs === undefined) return undefined;
  const shares = ours.map((rate, i) => rate / theirs[i]!);
  return {
    what: `window ${window}: ${server} beside ${of}`,
    goal: `>= ${share}`,
    measured: median(shares).toFixed(2),
    met: median(shares) >= share,
    note: spread(shares, (value) => value.toFixed(2)),
  };
}
