/**
 * Every static check: format, lint, types, floor plan, number of modules, needs of tests, the page of the chat,
 * documentation, lock file, and what would be published.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { floorPlanFaults } from "./check/floor_plan.ts";
import { moduleCountFaults, type ModuleGraph } from "./check/module_count.ts";
import { needsFaults } from "./check/needs.ts";
import { pageFaults } from "./page.ts";
import { sourcesIn } from "./test/files.ts";

const TESTS = [...sourcesIn("tests")];

/** The code of the tests, except the file whose types are wrong on purpose. */
const TEST_CODE = TESTS.map(({ path }) => path).filter((path) => !path.endsWith("/std_misuse.ts"));

/** Checks that are a command of Deno. */
const COMMANDS: readonly (readonly string[])[] = [
  ["fmt", "--check"],
  ["lint"],
  ["check", "--frozen", "main.ts", "lib/", "scripts/", "bench/", ...TEST_CODE],
  // By itself: it brings the types of a browser.
  ["check", "--frozen", "web/"],
  ["doc", "--lint", ...Object.values(config.exports)],
  ["doc", "--html", "--name=parley", "--output=.doc", "mod.ts"],
  ["publish", "--dry-run", "--allow-dirty", "--quiet"],
];

/** Checks of this project. Each returns one line for a fault. */
const OWN_CHECKS: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  "floor plan of lib/": () => Promise.resolve(floorPlanFaults([...sourcesIn("lib")])),
  "needs of tests": () => Promise.resolve(needsFaults(TESTS)),
  "page of the chat": pageFaults,
  "number of modules": async () => moduleCountFaults(await moduleGraph()),
};

async function runDeno(args: readonly string[]): Promise<boolean> {
  console.log(`== deno ${args.slice(0, 8).join(" ")}${args.length > 8 ? " …" : ""}`);
  const { success, stderr } = await new Deno.Command("deno", {
    args: [...args],
    stdin: "null",
    // The documentation itself is discarded. The linter's messages are on standard error.
    stdout: args[0] === "doc" ? "null" : "inherit",
  }).output();
  Deno.stdout.writeSync(stderr);
  return success;
}

async function runOwn(name: string, check: () => Promise<readonly string[]>): Promise<boolean> {
  console.log(`== ${name}`);
  const faults = await check();
  for (const fault of faults) console.log(fault);
  return faults.length === 0;
}

async function moduleGraph(): Promise<ModuleGraph> {
  const { success, stdout, stderr } = await new Deno.Command("deno", {
    args: ["info", "--json", "--frozen", "main.ts"],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`deno info failed: ${decoder.decode(stderr)}`);
  return JSON.parse(decoder.decode(stdout));
}

let failed = 0;
for (const args of COMMANDS) if (!await runDeno(args)) failed++;
for (const [name, check] of Object.entries(OWN_CHECKS)) if (!await runOwn(name, check)) failed++;
const count = COMMANDS.length + Object.keys(OWN_CHECKS).length;
console.log(failed === 0 ? "every check passed" : `${failed} of ${count} checks failed`);
Deno.exit(failed === 0 ? 0 : 1);
