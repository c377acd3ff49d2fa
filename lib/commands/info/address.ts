/**
 * `parley info address`.
 *
 * @module
 */

import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { factLines, tableLines } from "../../cli/table.ts";
import { type AddressFacts, describeAddress } from "../../info/address/address.ts";
import type { Io, Page } from "../../os/io.ts";
import type { INFO_ADDRESS } from "./spec.ts";

/** Shows an address in every notation. */
export async function run(
  { options, operands }: Input<typeof INFO_ADDRESS>,
  io: Io,
): Promise<number> {
  const facts = await describeAddress(operands[0] ?? "", { strict: options.strict });
  if (options.json) printJson(io, facts);
  else printLines(io, await lines(facts, io.output));
  return 0;
}

async function lines(facts: AddressFacts, page: Page): Promise<string[]> {
  const zone = facts.zone === null ? "" : printable(`%${facts.zone}`);
  const rows: [string, string][] = [
    ["address", facts.address + zone],
    ["read as", facts.read_as],
    ["kind", `${facts.kind} (${facts.block}, ${facts.reference})`],
    ["packed", facts.packed],
    ["integer", facts.integer],
    ["reverse", facts.reverse],
  ];
  if (facts.ipv4 !== null) rows.push(["IPv4 in it", `${facts.ipv4.address}, ${facts.ipv4.kind}`]);
  const bytes = facts.bytes.map((byte, i) => [
    String(i + 1),
    String(byte),
    facts.packed.slice(2 * i, 2 * i + 2),
    facts.binary[i]!,
  ]);
  const titles = ["byte", "decimal", "hex", "binary"];
  return [
    ...await factLines(rows, page),
    "",
    ...await tableLines(bytes, page, { titles, right: [0, 1, 2] }),
  ];
}
