/**
 * `deno task bench tcp`: `parley tcp connect` and `listen` beside ncat, in one run.
 *
 * A gibibyte goes from the standard input of the one that connects to the standard output of the one that listens;
 * then, at the same time, another the other way. The two programs take turns, so that whatever else the machine does
 * is shared. The time is that from the start of the one that connects until both have ended, so the start of the
 * runtime is in it; what arrives is counted. Then 1,000 ports of the loopback are checked.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { type Figure, leftOut } from "./chat/bench.ts";
import { median, spread } from "./chat/figures.ts";
import { pause, type Processes, withProcesses } from "./chat/processes.ts";
import { printFigures } from "./chat/table.ts";
import { hasTool } from "./udp/tools.ts";

const USAGE = `usage: deno task bench tcp [--quick] [--runs N] [--mebibytes N]

  --quick        3 runs of 256 MiB: figures to look at, not to quote
  --runs N       how many runs a median is taken of (default 5)
  --mebibytes N  how much each run carries (default 1024)`;

/** What parley is to reach, as a share of ncat's rate. */
const SHARE = 1.2;
/** How long the check of 1,000 ports may take, in seconds. */
const CHECK_SECONDS = 1;
/** Where the system does not tell who listens: long enough for either to have started. */
const STARTING_MS = 3_000;

interface Options {
  readonly runs: number;
  readonly bytes: number;
}

/** A program that connects and one that listens, as a shell's command lines. */
interface Contestant {
  readonly name: "parley" | "ncat";
  readonly connect: (port: number) => string;
  readonly listen: (port: number) => string;
}

const PARLEY = "deno run --no-prompt --frozen --allow-net main.ts tcp";
const CONTESTANTS: readonly Contestant[] = [
  {
    name: "parley",
    connect: (port) => `${PARLEY} connect --quiet 127.0.0.1 ${port}`,
    listen: (port) => `${PARLEY} listen --quiet 127.0.0.1 ${port}`,
  },
  {
    name: "ncat",
    connect: (port) => `ncat 127.0.0.1 ${port}`,
    listen: (port) => `ncat -l 127.0.0.1 ${port}`,
  },
];

/**
 * Measures, and prints a table.
 *
 * @param args The arguments behind `bench tcp`.
 * @returns 0 where every goal was met, 1 where one was not, 2 for wrong usage.
 */
export async function run(args: string[]): Promise<number> {
  const options = readOptions(args);
  if (options === undefined) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  const figures = await withProcesses((processes) => measureAll(options, processes));
  printFigures(figures, options.runs);
  return figures.some(({ met }) => met === false) ? 1 : 0;
}

function readOptions(args: readonly string[]): Options | undefined {
  let known = true;
  const given = parseArgs(args, {
    boolean: ["quick", "help"],
    string: ["runs", "mebibytes", "_"],
    unknown: () => known = false,
  });
  const quick = given.quick === true;
  const runs = Number(given.runs ?? (quick ? 3 : 5));
  const mebibytes = Number(given.mebibytes ?? (quick ? 256 : 1024));
  const good = known && given.help !== true && Number.isInteger(runs) && runs > 0 && runs <= 100 &&
    Number.isInteger(mebibytes) && mebibytes > 0 && mebibytes <= 65_536;
  return good ? { runs, bytes: mebibytes * 2 ** 20 } : undefined;
}

async function measureAll(options: Options, processes: Processes): Promise<Figure[]> {
  const figures: Figure[] = [];
  const there = await hasTool("ncat");
  if (!there) figures.push(leftOut("ncat", "it is not installed"));
  const contestants = CONTESTANTS.filter(({ name }) => name === "parley" || there);
  for (const both of [false, true]) {
    const what = both ? "each way at once" : "one way";
    console.error(`measuring ${what} …`);
    const copies = await measure(contestants, both, options, processes);
    figures.push(...ratesOf(copies, what, options));
    const goal = goalOf(copies, what, both);
    if (goal !== undefined) figures.push(goal);
  }
  figures.push(await measureCheck(options, processes));
  return figures;
}

/** What one copy did. */
interface Copy {
  readonly seconds: number;
  /** How much arrived, in bytes, and whether that is all. */
  readonly arrived: number;
  readonly whole: boolean;
}

type Copies = ReadonlyMap<Contestant["name"], Copy[]>;

async function measure(
  contestants: readonly Contestant[],
  both: boolean,
  { runs, bytes }: Options,
  processes: Processes,
): Promise<Copies> {
  const copies = new Map(contestants.map(({ name }) => [name, [] as Copy[]]));
  for (let run = 0; run < runs; run++) {
    for (const contestant of contestants) {
      copies.get(contestant.name)!.push(await copy(contestant, both, bytes, processes));
    }
  }
  return copies;
}

/**
 * Copies once.
 *
 * @throws {Error} Where parley loses something. ncat does, each way at once: it gives up what it has still to send when
 * the other side has ended.
 */
async function copy(
  { name, listen, connect }: Contestant,
  both: boolean,
  bytes: number,
  processes: Processes,
): Promise<Copy> {
  const port = freePort();
  const source = `head -c ${bytes} /dev/zero`;
  const back = both ? source : "true";
  const listening = processes.start("sh", ["-c", `${back} | ${listen(port)} | wc -c`]);
  await listened(port);
  const start = performance.now();
  const connecting = processes.start("sh", ["-c", `${source} | ${connect(port)} | wc -c`]);
  const counts = await Promise.all([listening.line(), connecting.line()]);
  const seconds = (performance.now() - start) / 1000;
  const arrived = counts.reduce((sum, count) => sum + Number(count), 0);
  const whole = arrived === (both ? bytes * 2 : bytes);
  if (!whole && name === "parley") throw new Error(`${counts.join(" and ")} bytes arrived`);
  return { seconds, arrived, whole };
}

/** Returns a port on which no program listens. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Waits until a program listens on a port. It does not connect: the program accepts one connection only. */
async function listened(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const table = await socketTable();
    if (table === "") break;
    const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
    if (table.includes(`${local} 00000000:0000 0A`)) return;
    await pause(50);
  }
  await pause(STARTING_MS);
}

/** Returns the system's table of sockets, which the runtime does not let a program read; empty if there is none. */
async function socketTable(): Promise<string> {
  const { stdout } = await new Deno.Command("sh", { args: ["-c", "cat /proc/net/tcp"] }).output();
  return new TextDecoder().decode(stdout);
}

function ratesOf(copies: Copies, what: string, { bytes }: Options): Figure[] {
  return [...copies].map(([name, all]) => {
    const lost = all.filter(({ whole }) => !whole).length;
    return {
      what: `${bytes / 2 ** 20} MiB, ${what}: ${name}`,
      goal: undefined,
      measured: `${Math.round(median(all.map(rateOf)))} MiB/s`,
      met: undefined,
      note: spread(all.map(({ seconds }) => seconds), (value) => `${value.toFixed(2)} s`) +
        (lost === 0 ? "" : `, a part lost in ${lost} of ${all.length}`),
    };
  });
}

function rateOf({ arrived, seconds }: Copy): number {
  return arrived / 2 ** 20 / seconds;
}

/** The share of ncat's rate: the median of the shares of each run, for the two ran one after the other. */
function goalOf(copies: Copies, what: string, both: boolean): Figure | undefined {
  const [ours, theirs] = [copies.get("parley")!, copies.get("ncat")];
  if (theirs === undefined) return undefined;
  const shares = ours.map((copy, i) => rateOf(copy) / rateOf(theirs[i]!));
  return {
    what: `${what}: parley beside ncat`,
    goal: both ? undefined : `>= ${SHARE}`,
    measured: median(shares).toFixed(2),
    met: both ? undefined : median(shares) >= SHARE,
    note: spread(shares, (value) => value.toFixed(2)),
  };
}

async function measureCheck({ runs }: Options, processes: Processes): Promise<Figure> {
  const all: number[] = [];
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    const checking = processes.start("sh", [
      "-c",
      `${PARLEY} check 127.0.0.1 20000-20999 --json | tail -1`,
    ]);
    await checking.line();
    all.push((performance.now() - start) / 1000);
  }
  return {
    what: "tcp check of 1,000 ports of the loopback, the whole process",
    goal: `<= ${CHECK_SECONDS} s`,
    measured: `${median(all).toFixed(2)} s`,
    met: median(all) <= CHECK_SECONDS,
    note: spread(all, (value) => `${value.toFixed(2)} s`),
  };
}
