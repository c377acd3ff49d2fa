/**
 * Runs every test, each group with exactly the permissions that it needs, and adds up the counts.
 *
 * `deno task test` runs all groups; `deno task test NAME…` those named; what follows `--` is passed to
 * `deno test`. Two groups run at a time, since most tests wait: for processes, terminals or time. What failed
 * is said once more at the end; the last line is `N passed, N failed`, followed by the number skipped where
 * any were.
 *
 * @module
 */

import { GroupRun } from "./test/group_run.ts";
import { type Group, GROUPS } from "./test/groups.ts";
import type { Counts } from "./test/report.ts";

const AT_A_TIME = 2;

/** Runs groups, some at a time, and shows what each prints in their order. */
async function runGroups(groups: readonly Group[], extra: readonly string[]): Promise<GroupRun[]> {
  const runs: GroupRun[] = [];
  const going = new Set<Promise<unknown>>();
  let shown: Promise<unknown> = Promise.resolve();
  for (const group of groups) {
    while (going.size >= AT_A_TIME) await Promise.race(going);
    const run = new GroupRun(group, extra);
    runs.push(run);
    going.add(run.counts);
    run.counts.finally(() => going.delete(run.counts));
    shown = shown.then(() => {
      run.show();
      return run.counts;
    });
  }
  await shown;
  return runs;
}

/** Says what failed or was left out; gives the counts of all. */
async function sumUp(runs: readonly GroupRun[]): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, ignored: 0 };
  for (const run of runs) {
    const { name, tool } = run.group;
    const counts = await run.counts;
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.ignored += counts.ignored;
    if (counts.failed > 0) console.log(`\n== failed in "${name}"\n${run.failures()}`);
    if (counts.ignored > 0 && tool !== undefined) {
      console.log(`left out: ${counts.ignored} of "${name}", which need ${tool}`);
    }
  }
  return total;
}

async function main(args: readonly string[]): Promise<number> {
  const cut = args.indexOf("--");
  const names = cut < 0 ? args : args.slice(0, cut);
  const extra = cut < 0 ? [] : args.slice(cut + 1);
  const unknown = names.filter((name) => !GROUPS.some((group) => group.name === name));
  if (unknown.length > 0) {
    console.error(`no test group ${unknown.join(", ")}: ${GROUPS.map((g) => g.name).join(", ")}`);
    return 2;
  }
  const groups = GROUPS.filter(({ name }) => names.length === 0 || names.includes(name));
  const total = await sumUp(await runGroups(groups, extra));
  const skipped = total.ignored === 0 ? "" : `, ${total.ignored} skipped`;
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
