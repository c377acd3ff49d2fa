/**
 * `deno task bench dns`: how long `parley info resolve` takes beside dig(1), asking BIND's server on the
 * loopback.
 *
 * Whole processes, taken in turns and each round in another order, so that a busy moment meets both;
 * medians, and the median of the rounds' ratios.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { Scratch } from "../tests/fixtures/scratch.ts";
import { HAS_BIND, Named } from "../tests/info/dns/named.ts";
import { median } from "./chat/figures.ts";
import { makeSelfContained } from "./startup.ts";

const FROM_SOURCE = ["deno", "run", "--no-prompt", "--allow-net", "--allow-read", "main.ts"];

const USAGE = `usage: deno task bench dns [--runs N] [--names N]

  --runs N   how many runs of each a median is taken of (default 21)
  --names N  how many names are in the file that is asked for (default 10000)`;

/** Two programs that do the same. */
interface Pair {
  readonly what: string;
  /** The arguments of dig. */
  readonly dig: readonly string[];
  /** The command that runs parley, with its arguments. */
  readonly parley: readonly string[];
  /** The most that parley may take, in times of dig. */
  readonly goal: number;
  readonly runs: number;
}

/**
 * Measures, and prints the medians and their ratios.
 *
 * @param args The arguments behind `bench dns`.
 * @returns 0 where every goal was met, 1 where one was not, 2 for wrong usage.
 */
export async function run(args: string[]): Promise<number> {
  let known = true;
  const given = parseArgs(args, { string: ["runs", "names", "_"], unknown: () => known = false });
  const [runs, count] = [Number(given.runs ?? 21), Number(given.names ?? 10_000)];
  const good = [runs, count].every((number) => Number.isInteger(number) && number > 0);
  if (!known || !good) {
    console.error(USAGE);
    return args.includes("--help") ? 0 : 2;
  }
  if (!HAS_BIND) {
    console.error("named and dig are not here: they are in bind9 and bind9-dnsutils");
    return 1;
  }
  await using scratch = await Scratch.make();
  const names = await makeZone(scratch, count);
  await using server = await Named.start({
    directory: scratch.path,
    zones: [{ name: "many.test", file: "many.zone" }],
  });
  const { hostname, port } = server.address;
  const dig = [`@${hostname}`, "-p", String(port)];
  const resolve = ["info", "resolve", `@${hostname}:${port}`];
  const file = await makeSelfContained(scratch.path);
  const inFolder = ["env", `XDG_CACHE_HOME=${scratch.path}`, file];
  const one = { dig: [...dig, "n1.many.test", "A"], goal: 2, runs };
  const pairs: Pair[] = [
    {
      what: "one name, from source",
      parley: [...FROM_SOURCE, ...resolve, "n1.many.test", "A"],
      ...one,
    },
    {
      what: "one name, self-contained",
      parley: [...inFolder, ...resolve, "n1.many.test", "A"],
      ...one,
    },
    {
      what: `${count} names from a file`,
      dig: [...dig, "+short", "-f", names],
      parley: [...FROM_SOURCE, ...resolve, "--short", "--parallel", "200", "-f", names],
      goal: 1,
      runs: Math.ceil(runs / 4),
    },
  ];
  console.log(`${navigator.hardwareConcurrency} cores, Deno ${Deno.version.deno}\n`);
  let met = true;
  for (const pair of pairs) {
    // deno-lint-ignore no-await-in-loop -- one after the other
    if (!await measure(pair)) met = false;
  }
  return met ? 0 : 1;
}

/** Writes a zone of `count` addresses, and a file with its names. Returns the path of that file. */
async function makeZone(scratch: Scratch, count: number): Promise<string> {
  const owners = Array.from({ length: count }, (_, i) => `n${i}`);
  await scratch.write(
    "many.zone",
    "$TTL 300\n@ IN SOA ns.many.test. admin.many.test. 1 7200 900 1209600 300\n@ IN NS ns\n" +
      "ns IN A 127.0.0.1\n" +
      owners.map((owner, i) => `${owner} IN A 192.0.2.${i % 256}\n`).join(""),
  );
  return await scratch.write("names", owners.map((owner) => `${owner}.many.test A\n`).join(""));
}

async function measure({ what, dig, parley, goal, runs }: Pair): Promise<boolean> {
  const run = [() => timeOf(["dig", ...dig]), () => timeOf(parley)] as const;
  const times: [number[], number[]] = [[], []];
  // One round that does not count: it fills the caches.
  for (let round = 0; round <= runs; round++) {
    for (const i of round % 2 === 0 ? [0, 1] as const : [1, 0] as const) {
      // deno-lint-ignore no-await-in-loop -- in turns
      const took = await run[i]();
      if (round > 0) times[i].push(took);
    }
  }
  const ratio = median(times[0].map((time, i) => times[1][i]! / time));
  const [digs, own] = times.map((each) => `${median(each).toFixed(1)} ms`);
  const verdict = `goal ${goal}: ${ratio <= goal ? "met" : "NOT MET"}`;
  console.log(`${what}: dig ${digs}, parley ${own}, ${ratio.toFixed(2)} of dig, ${verdict}`);
  return ratio <= goal;
}

/** How long a process takes, in milliseconds. */
async function timeOf([program = "", ...args]: readonly string[]): Promise<number> {
  const start = performance.now();
  // The output is discarded: reading it would load the cores that the command is measured on.
  const command = new Deno.Command(program, { args, stdin: "null", stdout: "null" });
  const { success, stderr } = await command.output();
  const took = performance.now() - start;
  if (!success) {
    throw new Error(`${program} failed: ${new TextDecoder().decode(stderr.slice(0, 500))}`);
  }
  return took;
}
