/**
 * Every static check: format, lint, types, documentation, lock file, what would be published.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };

/** The programs that tests start, but the one whose types are wrong on purpose. */
const FIXTURES: readonly string[] = Array.from(Deno.readDirSync("tests/fixtures"))
  .filter(({ name }) => name.endsWith(".ts") && name !== "std_misuse.ts")
  .map(({ name }) => `tests/fixtures/${name}`);

const CHECKS: readonly (readonly string[])[] = [
  ["fmt", "--check"],
  ["lint"],
  ["check", "--frozen", "main.ts", "lib/", "scripts/", "tests/**/*_test.ts", ...FIXTURES],
  ["doc", "--lint", ...Object.values(config.exports)],
  ["doc", "--html", "--name=parley", "--output=.doc", "mod.ts"],
  ["publish", "--dry-run", "--allow-dirty", "--quiet"],
];

let failed = 0;
for (const args of CHECKS) {
  console.log(`== deno ${args.join(" ")}`);
  const { success } = await new Deno.Command("deno", {
    args: [...args],
    stdin: "null",
    // The documentation itself is not wanted, only what the linter says of it, on stderr.
    stdout: args[0] === "doc" ? "null" : "inherit",
  }).output().then((output) => {
    Deno.stdout.writeSync(output.stderr);
    return output;
  });
  if (!success) failed++;
}
console.log(failed === 0 ? "every check passed" : `${failed} of ${CHECKS.length} checks failed`);
Deno.exit(failed === 0 ? 0 : 1);
