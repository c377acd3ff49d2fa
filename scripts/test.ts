/**
 * Runs every test, each group with exactly the permissions that it needs, and adds up the counts.
 *
 * `deno task test` runs all groups; `deno task test NAME…` those named; what follows `--` is passed to
 * `deno test`. Two groups run at a time, since most tests wait for processes or terminals. One group alone shows
 * the report of `deno test` as it comes; of several, a line says how far they are, at a terminal all the time and
 * in a pipe when one has ended. The reports of the tests that failed follow at the end; the last line is
 * `N passed, N failed`, followed by the number skipped where any were.
 *
 * @module
 */

import { Display, write } from "./test/display.ts";
import { GroupRun } from "./test/group_run.ts";
import { type Group, GROUPS } from "./test/groups.ts";
import { startLine } from "./test/progress.ts";
import type { Counts } from "./test/report.ts";

const AT_A_TIME = 2;

/** Runs groups, some at a time, and shows how far they are. */
async function runGroups(groups: readonly Group[], extra: readonly string[]): Promise<GroupRun[]> {
  console.log(startLine(groups, AT_A_TIME));
  if (groups.length === 1) return [await runAlone(groups[0]!, extra)];
  using display = new Display(groups.length);
  const runs: GroupRun[] = [];
  const going = new Set<Promise<void>>();
  for (const group of groups) {
    while (going.size >= AT_A_TIME) await Promise.race(going);
    const run = new GroupRun(group, extra);
    runs.push(run);
    display.start(run);
    const ending: Promise<void> = run.counts.then((counts) => {
      going.delete(ending);
      display.end(run, counts);
    });
    going.add(ending);
  }
  await Promise.all(going);
  return runs;
}

/** Runs one group, and shows its report as it comes. */
async function runAlone(group: Group, extra: readonly string[]): Promise<GroupRun> {
  console.log(`\n== ${group.name}: deno test ${group.permissions.join(" ")}`);
  const run = new GroupRun(group, extra, write);
  await run.counts;
  return run;
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
