/**
 * Fuzzing: `deno task fuzz [--runs N] [--seed N] [NAME]…`.
 *
 * Every parser is given inputs that are nearly right; a failure prints the smallest input that it finds. The same
 * seed gives the same inputs.
 *
 * @module
 */

// @ts-types="../types/std.d.ts"
import { parseArgs } from "@std/cli/parse-args";
import { TARGETS } from "../tests/fuzz/targets.ts";

const USAGE = `usage: deno task fuzz [--runs N] [--seed N] [NAME]...

  --runs N  inputs for each (default 100000)
  --seed N  which inputs (default: others every time)
  NAME      ${TARGETS.map(({ name }) => name).join(", ")}`;

async function main(args: string[]): Promise<number> {
  let known = true;
  const given = parseArgs(args, {
    string: ["runs", "seed", "_"],
    unknown: (arg) => {
      if (arg.startsWith("-")) known = false;
    },
  });
  const runs = Number(given.runs ?? 100_000);
  const seed = Number(given.seed ?? crypto.getRandomValues(new Uint16Array(1))[0]);
  const names = given._.map(String);
  const chosen = TARGETS.filter(({ name }) => names.length === 0 || names.includes(name));
  const good = known && Number.isInteger(runs) && runs > 0 && Number.isInteger(seed) &&
    (names.length === 0 || chosen.length === names.length);
  if (!good) {
    console.error(USAGE);
    return 2;
  }
  console.log(`seed ${seed}, ${runs} inputs each`);
  let failed = 0;
  for (const target of chosen) {
    const started = performance.now();
    try {
      await target.run({ runs, seed });
      console.log(`${target.name.padEnd(18)} ok  ${seconds(started)}`);
    } catch (error) {
      failed += 1;
      console.log(`${target.name.padEnd(18)} FAILED  ${seconds(started)}`);
      console.error(error);
    }
  }
  return failed === 0 ? 0 : 1;
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
