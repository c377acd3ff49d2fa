/**
 * Every static check: format, lint, types, floor plan, number of modules, needs of tests, the page of the chat,
 * documentation, lock file, and what would be published.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { inOrder } from "../lib/base/clock.ts";
import { floorPlanFaults } from "./check/floor_plan.ts";
import { moduleCountFaults, type ModuleGraph } from "./check/module_count.ts";
import { needsFaults } from "./check/needs.ts";
import { pageFaults } from "./page.ts";
import { write } from "./test/display.ts";
import { sourcesIn } from "./test/files.ts";

const TESTS = [...sourcesIn("tests")];

/** The code of the tests, except the file whose types are wrong on purpose. */
const TEST_CODE = TESTS.map(({ path }) => path).filter((path) => !path.endsWith("/std_misuse.ts"));

/** How many checks run at a time. Two are as many as the cores of a small machine. */
const AT_A_TIME = 2;

/** Checks that are a command of Deno, the longest first. */
const COMMANDS: readonly (readonly string[])[] = [
  ["check", "--frozen", "main.ts", "lib/", "scripts/", "bench/", ...TEST_CODE],
  // By itself: it brings the types of a browser.
  ["check", "--frozen", "web/"],
  ["lint"],
  ["fmt", "--check"],
  // The types are checked above.
  ["publish", "--dry-run", "--allow-dirty", "--no-check", "--quiet"],
  ["doc", "--lint", ...Object.values(config.exports)],
  ["doc", "--html", "--name=parley", "--output=.doc", "mod.ts"],
];

/** Checks of this project. Each returns one line for a fault. */
const OWN_CHECKS: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  "page of the chat": pageFaults,
  "floor plan of lib/": () => Promise.resolve(floorPlanFaults([...sourcesIn("lib")])),
  "needs of tests": () => Promise.resolve(needsFaults(TESTS)),
  "number of modules": async () => moduleCountFaults(await moduleGraph()),
};

/** How a check ended. */
interface Checked {
  readonly name: string;
  readonly success: boolean;
  /** What it says. */
  readonly said: string;
}

const decoder = new TextDecoder();

async function runDeno(args: readonly string[]): Promise<Checked> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: [...args],
    stdin: "null",
  }).output();
  // The documentation itself is discarded. The linter's messages are on standard error.
  const said = args[0] === "doc" ? "" : decoder.decode(stdout);
  const name = `deno ${args.slice(0, 8).join(" ")}${args.length > 8 ? " …" : ""}`;
  return { name, success, said: said + decoder.decode(stderr) };
}

async function runOwn(
  name: string,
  check: () => Promise<readonly string[]>,
): Promise<Checked> {
  const faults = await check();
  return { name, success: faults.length === 0, said: faults.map((fault) => `${fault}\n`).join("") };
}

async function moduleGraph(): Promise<ModuleGraph> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: ["info", "--json", "--frozen", "main.ts"],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`deno info failed: ${decoder.decode(stderr)}`);
  return JSON.parse(decoder.decode(stdout));
}

const checks = [
  ...COMMANDS.map((args) => () => runDeno(args)),
  ...Object.entries(OWN_CHECKS).map(([name, check]) => () => runOwn(name, check)),
];
let failed = 0;
for await (const { name, success, said } of inOrder(checks, AT_A_TIME, (check) => check())) {
  if (!success) failed++;
  write(`== ${name}\n${said}`);
}
console.log(failed === 0 ? "every check passed" : `${failed} of ${checks.length} checks failed`);
Deno.exit(failed === 0 ? 0 : 1);
