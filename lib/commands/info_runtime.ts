/**
 * `parley info runtime`.
 *
 * @module
 */

import { printJson, printLines, terminalWidth } from "../cli/print.ts";
import type { Input } from "../cli/spec.ts";
import { factLines, tableLines } from "../cli/table.ts";
import { describeRuntime, ENVIRONMENT_STEPS } from "../info/runtime.ts";
import type { INFO_RUNTIME } from "./info_spec.ts";

/** Shows what parley runs on, and what it was given. */
export async function run({ options, granted }: Input<typeof INFO_RUNTIME>): Promise<number> {
  const runtime = describeRuntime();
  if (options.json) {
    printJson({ ...runtime, permissions: granted, environments: ENVIRONMENT_STEPS });
    return 0;
  }
  const width = terminalWidth();
  const flags = granted.map((name) => `--allow-${name}`).join(", ");
  printLines([
    ...await factLines([
      [
        "parley",
        `${runtime.parley}, ${runtime.build === "source" ? "not compiled" : runtime.build}`,
      ],
      ["deno", runtime.deno],
      ["v8", runtime.v8],
      ["typescript", runtime.typescript],
      ["target", runtime.target],
      ["permissions", `${flags === "" ? "none" : flags} (this command has given them up)`],
    ], width),
    "",
    ...await tableLines(
      ENVIRONMENT_STEPS.map(({ virtualenv, deno }) => [virtualenv, deno]),
      { titles: ["virtual environments", "deno"], width },
    ),
  ]);
  return 0;
}
