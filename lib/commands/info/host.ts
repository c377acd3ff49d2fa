/**
 * The commands that describe this machine: `parley info host`, `service` and `runtime`.
 *
 * @module
 */

import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import type { PartialGrant } from "../../cli/spec.ts";
import type { Input } from "../../cli/spec.ts";
import { factLines, missingLines, notShown, tableLines } from "../../cli/table.ts";
import {
  describeHost,
  describeRuntime,
  ENVIRONMENT_STEPS,
  type HostFacts,
  type HostInterface,
  prefixLength,
} from "../../info/host.ts";
import { findServices, type Protocol } from "../../info/host.ts";
import { SOCKET_ERRORS } from "../../os/errors.ts";
import type { Io, Page } from "../../os/io.ts";
import type { INFO_HOST, INFO_RUNTIME, INFO_SERVICE } from "./spec.ts";

/** Shows this host's name, addresses, interfaces and system. */
export async function showHost({ options }: Input<typeof INFO_HOST>, io: Io): Promise<number> {
  const facts = await describeHost();
  if (options.json) {
    const { missing, ...rest } = facts;
    printJson(io, { ...rest, not_shown: notShown(missing) });
  } else printLines(io, await hostLines(facts, io.output));
  return 0;
}

async function hostLines(facts: HostFacts, page: Page): Promise<string[]> {
  const { name, addresses, lookup_error, interfaces, os, release, arch, missing } = facts;
  const named: [string, string][] = name === null ? [] : [
    ["host name", printable(name)],
    [
      "addresses",
      lookup_error === null
        ? addresses.join(", ") || "-"
        : `none: ${SOCKET_ERRORS[lookup_error]?.why} (${lookup_error})`,
    ],
  ];
  const system = [os, release ?? "", arch].filter((word) => word !== "").map(printable).join(" ");
  const rows = (interfaces ?? []).map((each) =>
    [each.name, each.family, each.address, maskText(each), each.mac].map(printable)
  );
  const titles = ["interface", "family", "address", "netmask", "MAC"];
  return [
    ...await factLines([...named, ["system", system]], page),
    ...(rows.length === 0 ? [] : ["", ...await tableLines(rows, page, { titles })]),
    ...await missingLines(missing, ["info", "host"], page),
  ];
}

/** Formats a netmask; an IPv6 netmask as its length, as is usual (RFC 4291 section 2.3). */
function maskText({ family, netmask }: HostInterface): string {
  return family === "IPv4" ? netmask : `/${prefixLength(netmask)}`;
}

/** Shows the services of a name or a port. */
export async function showServices(
  { options, operands }: Input<typeof INFO_SERVICE>,
  io: Io,
): Promise<number> {
  const protocol = options.protocol as Protocol | undefined; // one of its choices
  const { services, missing } = await findServices(operands[0] ?? "", { protocol });
  if (options.json) {
    for (const service of services) printJson(io, { ...service, not_shown: notShown(missing) });
    return 0;
  }
  const rows = services.map(({ name, port, protocol, aliases, description, source }) =>
    [name, `${port}/${protocol}`, aliases.join(" ") || "-", source, description].map(printable)
  );
  const titles = ["name", "port", "aliases", "source", "description"];
  printLines(io, [
    ...await tableLines(rows, io.output, { titles }),
    ...await missingLines(missing, ["info", "service"], io.output),
  ]);
  return 0;
}

const PARTS_NOTE = "Deno reveals only parts that are asked for by name: there may be others";

/** Shows the versions of the runtime, and the permissions that were granted. */
export async function showRuntime(
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
        `${runtime.parley}, ${runtime.build === "source" ? "run from source" : runtime.build}`,
      ],
      ["deno", runtime.deno],
      ["v8", runtime.v8],
      ["typescript", runtime.typescript],
      ["target", runtime.target],
      ["permissions", `${flags === "" ? "none" : flags} (this command has dropped them)`],
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

/** Formats a partial permission as the flag that grants its known parts. */
function partText({ name, whole, parts }: PartialGrant): string {
  if (!whole) return `--allow-${name}=${parts.join(",")}`;
  return parts.length > 0
    ? `--allow-${name} but --deny-${name}=${parts.join(",")}`
    : `--allow-${name} but for a part that is denied`;
}
