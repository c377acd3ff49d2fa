/**
 * `parley info host`.
 *
 * @module
 */

import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { factLines, missingLines, tableLines } from "../../cli/table.ts";
import { describeHost, type HostFacts, type HostInterface, prefixLength } from "../../info/host.ts";
import { SOCKET_ERRORS } from "../../os/errors.ts";
import type { Io, Page } from "../../os/io.ts";
import type { INFO_HOST } from "./spec.ts";

/** Shows what this host says of itself. */
export async function run({ options }: Input<typeof INFO_HOST>, io: Io): Promise<number> {
  const facts = await describeHost();
  if (options.json) {
    const { missing, ...rest } = facts;
    printJson(io, { ...rest, not_shown: missing });
  } else printLines(io, await lines(facts, io.output));
  return 0;
}

async function lines(facts: HostFacts, page: Page): Promise<string[]> {
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

/** A netmask; of IPv6 its length, as it is written everywhere (RFC 4291 section 2.3). */
function maskText({ family, netmask }: HostInterface): string {
  return family === "IPv4" ? netmask : `/${prefixLength(netmask)}`;
}
