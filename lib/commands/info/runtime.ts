/**
 * `parley info runtime`.
 *
 * @module
 */

import type { PartialGrant } from "../../cli/grants.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { factLines, tableLines } from "../../cli/table.ts";
import { describeRuntime, ENVIRONMENT_STEPS } from "../../info/runtime.ts";
import type { Io } from "../../os/io.ts";
import type { INFO_RUNTIME } from "./spec.ts";

const PARTS_NOTE = "Deno tells of a part by its name alone: there may be others";

/** Shows what parley runs on, and what it was given. */
export async function run(
  { options, grants: { granted, inPart } }: Input<typeof INFO_RUNTIME>,
  io: Io,
): Promise<number> {
  const runtime = describeRuntime();
  if (options.json) {
    printJson(io, {
      ...runtime,
      permissions: granted,
      permissions_in_part: inPart,
      environments: ENVIRONMENT_STEPS,
    });
    return 0;
  }
  const page = io.output;
  const flags = granted.map((name) => `--allow-${name}`).join(", ");
  const parts = inPart.map(partText).join(", ");
  printLines(io, [
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
      ["in part", `${parts === "" ? "none that parley asks for" : parts} (${PARTS_NOTE})`],
    ], page),
    "",
    ...await tableLines(
      ENVIRONMENT_STEPS.map(({ virtualenv, deno }) => [virtualenv, deno]),
      page,
      { titles: ["virtual environments", "deno"] },
    ),
  ]);
  return 0;
}

/** A permission in part as the flag that grants it, as far as it is known. */
function partText({ name, whole, parts }: PartialGrant): string {
  if (!whole) return `--allow-${name}=${parts.join(",")}`;
  return parts.length > 0
    ? `--allow-${name} but --deny-${name}=${parts.join(",")}`
    : `--allow-${name} but for a part that is denied`;
}
