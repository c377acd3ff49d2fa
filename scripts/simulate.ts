/**
 * Runs the simulation: `deno task simulate --seed N --runs K`.
 *
 * Each run is made from one seed, from `--seed` on; `--trace` prints what happens. A run that goes wrong prints its seed and what is wrong; the
 * same seed goes wrong in the same way again.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { simulate } from "../tests/simulation/run.ts";

/** How often progress is printed, in runs. */
const PROGRESS_RUNS = 100;
/** So many problems of one run are printed. */
const MAX_PRINTED = 10;

async function main(args: readonly string[]): Promise<number> {
  const options = parseArgs([...args], { string: ["seed", "runs"], boolean: ["trace"] });
  const build = options.trace ? { tell: (what: string) => console.log(what) } : {};
  const seed = Number(options.seed ?? 1);
  const runs = Number(options.runs ?? 1);
  if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(runs) || runs < 1) {
    console.error("usage: deno task simulate [--seed N] [--runs K] [--trace]");
    return 2;
  }
  const failed: number[] = [];
  const done: Record<string, number> = {};
  let entered = 0;
  let shown = 0;
  for (let at = seed; at < seed + runs; at++) {
    const result = await simulate(at, build);
    entered += result.entered;
    shown += result.shown;
    for (const [what, count] of Object.entries(result.done)) done[what] = (done[what] ?? 0) + count;
    if (result.problems.length > 0) {
      failed.push(at);
      console.log(`seed ${at}, trace ${result.trace.slice(0, 16)}:`);
      for (const problem of result.problems.slice(0, MAX_PRINTED)) console.log(`  ${problem}`);
    }
    const count = at - seed + 1;
    if (count % PROGRESS_RUNS === 0 && count < runs) {
      console.log(`${count} runs, ${failed.length} failed`);
    }
  }
  const actions = Object.entries(done).map(([what, count]) => `${what} ${count}`).join(", ");
  console.log(`${runs} runs from seed ${seed}: ${entered} messages entered, ${shown} shown`);
  console.log(`what was done: ${actions}`);
  console.log(
    failed.length === 0 ? "every run was good" : `failed: seeds ${failed.slice(0, 50).join(", ")}`,
  );
  return failed.length === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
