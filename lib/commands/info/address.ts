/**
 * The commands for byte order and addresses: `parley info byteorder` and `parley info address`.
 *
 * @module
 */

import { printable } from "../../base/printable.ts";
import { printJson, printLines } from "../../cli/json_events.ts";
import type { Input } from "../../cli/spec.ts";
import { type Cell, factLines, tableLines } from "../../cli/table.ts";
import type { AddressFacts } from "../../info/address/address.ts";
import {
  type Bits,
  bytesOf,
  HOST_BYTE_ORDER,
  htonl,
  htons,
  ntohl,
  ntohs,
  readNumber,
} from "../../info/address/byte_order.ts";
import type { Io, Page } from "../../os/io.ts";
import type { INFO_ADDRESS, INFO_BYTEORDER } from "./spec.ts";

const FUNCTIONS = {
  16: { htons, ntohs },
  32: { htonl, ntohl },
} as const;

/** Shows a number in both byte orders. */
export async function showByteOrder(
  { options, operands }: Input<typeof INFO_BYTEORDER>,
  io: Io,
): Promise<number> {
  const asked = options.bits === undefined ? undefined : Number(options.bits) as Bits;
  const value = readNumber(operands[0] ?? "", asked ?? 32);
  const widths: Bits[] = asked === undefined ? (value < 2 ** 16 ? [16, 32] : [32]) : [asked];
  if (options.json) printJson(io, byteOrderFields(value, widths));
  else printLines(io, await byteOrderLines(value, widths, io.output));
  return 0;
}

function byteOrderFields(value: number, widths: readonly Bits[]): Record<string, unknown> {
  const object: Record<string, unknown> = { value, host_order: HOST_BYTE_ORDER };
  for (const bits of widths) {
    for (const [name, convert] of Object.entries(FUNCTIONS[bits])) object[name] = convert(value);
    object[`host_bytes_${bits}`] = hex(value, bits, "");
    object[`network_bytes_${bits}`] = hex(value, bits, "", "big-endian");
  }
  return object;
}

async function byteOrderLines(
  value: number,
  widths: readonly Bits[],
  page: Page,
): Promise<string[]> {
  const results: Cell[][] = [];
  const bytes: Cell[][] = [];
  for (const bits of widths) {
    for (const [name, convert] of Object.entries(FUNCTIONS[bits])) {
      const result = convert(value);
      results.push([
        `${name}(${value})`,
        String(result),
        `0x${result.toString(16).padStart(bits / 4, "0")}`,
      ]);
    }
    const network = hex(value, bits, " ", "big-endian");
    bytes.push([`${bits} bits`, hex(value, bits, " "), network]);
  }
  const titles = ["in memory", `here (${HOST_BYTE_ORDER})`, "on the network (big-endian)"];
  return [
    ...await tableLines(results, page, { right: [1] }),
    "",
    ...await tableLines(bytes, page, { titles }),
  ];
}

function hex(
  value: number,
  bits: Bits,
  between: string,
  order: typeof HOST_BYTE_ORDER = HOST_BYTE_ORDER,
): string {
  return Array.from(bytesOf(value, bits, order), (byte) => byte.toString(16).padStart(2, "0"))
    .join(between);
}

/** Shows an address in every notation. */
export async function showAddress(
  { options, operands }: Input<typeof INFO_ADDRESS>,
  io: Io,
): Promise<number> {
  // Only this command needs it, and byteorder starts faster without it.
  const { describeAddress } = await import("../../info/address/address.ts");
  const facts = describeAddress(operands[0] ?? "", { strict: options.strict });
  if (options.json) printJson(io, facts);
  else printLines(io, await addressLines(facts, io.output));
  return 0;
}

async function addressLines(facts: AddressFacts, page: Page): Promise<string[]> {
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
