/**
 * Every static check: format, lint, types, floor plan, number of modules, documentation, lock file, and what
 * would be published.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { floorPlanFaults, type SourceFile } from "./check/floor_plan.ts";
import { moduleCountFaults, type ModuleGraph } from "./check/module_count.ts";

/** The programs that tests start, but the one whose types are wrong on purpose. */
const FIXTURES: readonly string[] = Array.from(Deno.readDirSync("tests/fixtures"))
  .filter(({ name }) => name.endsWith(".ts") && name !== "std_misuse.ts")
  .map(({ name }) => `tests/fixtures/${name}`);

/** Checks that are a command of Deno. */
const COMMANDS: readonly (readonly string[])[] = [
  ["fmt", "--check"],
  ["lint"],
  ["check", "--frozen", "main.ts", "lib/", "scripts/", "bench/", "tests/**/*_test.ts", ...FIXTURES],
  ["doc", "--lint", ...Object.values(config.exports)],
  ["doc", "--html", "--name=parley", "--output=.doc", "mod.ts"],
  ["publish", "--dry-run", "--allow-dirty", "--quiet"],
];

/** Checks of this project. Each returns one line for a fault. */
const OWN_CHECKS: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  "floor plan of lib/": () => Promise.resolve(floorPlanFaults([...sourceFiles("lib")])),
  "number of modules": async () => moduleCountFaults(await moduleGraph()),
};

async function runDeno(args: readonly string[]): Promise<boolean> {
  console.log(`== deno ${args.join(" ")}`);
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

/** The TypeScript files of a folder and its subfolders. */
function* sourceFiles(folder: string): Generator<SourceFile, void> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourceFiles(path);
    else if (name.endsWith(".ts")) yield { path, text: Deno.readTextFileSync(path) };
  }
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
