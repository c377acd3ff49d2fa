/**
 * Runs every test with exactly the permissions that its file declares, and adds up the counts.
 *
 * `deno task test` runs all of them, `deno task test PATH…` those under the paths; `--without=PROGRAM` leaves out those
 * that run a program, and the arguments behind `--` go to `deno test`. Files with the same needs form a group, or
 * several if they are very many; one process runs each. Four groups run at a time, because most tests wait for processes
 * or terminals. The report of `deno test` is shown as it comes if there is one group. If there are several, one line says
 * how many have ended: at a terminal it is rewritten, in a pipe a line follows each group. The reports of failed tests
 * come at the end. The last line is
 * `N passed, N failed`, with the number of skipped tests if there are any.
 *
 * @module
 */

import { Display, write } from "./test/display.ts";
import { isTest, sourcesIn } from "./test/files.ts";
import { GroupRun } from "./test/group_run.ts";
import type { Group } from "./test/groups.ts";
import { startLine } from "./test/progress.ts";
import type { Counts } from "./test/report.ts";
import { nextGroup } from "./test/schedule.ts";
import { select, without } from "./test/select.ts";

const AT_A_TIME = 4;
/** How many groups two cores run in the time of one. More at a time fill each other's pauses only. */
const PACE = 3;
/** The option that leaves out the tests that run a program. */
const WITHOUT = "--without=";

/** Runs groups, some at a time, and shows how far they are. */
async function runGroups(groups: readonly Group[], extra: readonly string[]): Promise<GroupRun[]> {
  console.log(startLine(groups, PACE));
  const start = (group: Group, show?: (text: string) => void) => new GroupRun(group, extra, show);
  if (groups.length === 1) return [await runAlone(groups[0]!, start)];
  using display = new Display(groups.length);
  const runs: GroupRun[] = [];
  const waiting = [...groups];
  const going = new Map<Group, Promise<void>>();
  while (waiting.length > 0 || going.size > 0) {
    const group = going.size < AT_A_TIME ? nextGroup(waiting, [...going.keys()]) : undefined;
    if (group === undefined) {
      await Promise.race(going.values());
      continue;
    }
    waiting.splice(waiting.indexOf(group), 1);
    const run = start(group);
    runs.push(run);
    display.start(run);
    const ended = run.counts.then((counts) => {
      going.delete(group);
      display.end(run, counts);
    });
    going.set(group, ended);
  }
  return runs;
}

/** Runs one group, and shows its report as it comes. */
async function runAlone(
  group: Group,
  start: (group: Group, show: (text: string) => void) => GroupRun,
): Promise<GroupRun> {
  console.log(`\n== ${group.name}: deno test ${group.permissions.join(" ")}`);
  const run = start(group, write);
  await run.counts;
  return run;
}

/** Says what failed or was left out; gives the counts of all. */
async function sumUp(runs: readonly GroupRun[]): Promise<Counts> {
  const total: Counts = { passed: 0, failed: 0, ignored: 0 };
  for (const run of runs) {
    const { name, tools } = run.group;
    const counts = await run.counts;
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.ignored += counts.ignored;
    if (counts.failed > 0) console.log(`\n== failed in "${name}"\n${run.failures()}`);
    if (counts.ignored > 0 && tools.length > 0) {
      console.log(`left out: ${counts.ignored} of "${name}", which need ${tools.join(" or ")}`);
    }
  }
  return total;
}

async function main(args: readonly string[]): Promise<number> {
  const cut = args.indexOf("--");
  const paths = cut < 0 ? args : args.slice(0, cut);
  const extra = cut < 0 ? [] : args.slice(cut + 1);
  const { options = [], places = [] } = Object.groupBy(
    paths,
    (path) => path.startsWith(WITHOUT) ? "options" : "places",
  );
  const groups = chosen(places);
  if (typeof groups === "string") {
    console.error(groups);
    return 2;
  }
  const unwanted = options.map((option) => option.slice(WITHOUT.length));
  const { wanted, left } = without(groups, unwanted);
  const total = await sumUp(await runGroups(wanted, extra));
  for (const { name, paths } of left) {
    console.log(`left out: the ${paths.length} files of "${name}", by ${WITHOUT}${unwanted}`);
  }
  const skipped = total.ignored === 0 ? "" : `, ${total.ignored} skipped`;
  console.log(`\n${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed === 0 && total.passed > 0 ? 0 : 1;
}

/** The groups under paths, or what is wrong with a path or a declaration. */
function chosen(paths: readonly string[]): Group[] | string {
  try {
    return select([...sourcesIn("tests")].filter(isTest), paths);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return error.message;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
