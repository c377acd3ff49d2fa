/**
 * IPv6 addresses as text (RFC 4291 section 2.2), with a zone (RFC 4007) where they have one.
 *
 * @module
 */

import { readInetAton, type Reading, unreadable } from "./inet_aton.ts";

/**
 * Reads an IPv6 address: `::1`, `2001:db8::1`, `::ffff:192.0.2.1`, `fe80::1%eth0`.
 *
 * @param text The address.
 * @throws {Failure} `USAGE`, naming the group that is wrong and how.
 */
export function readIpv6(text: string): Reading {
  const [address = "", ...zones] = text.split("%");
  const zone = zones.length === 0 ? undefined : zones.join("%");
  if (zone !== undefined && !/^[^\s%/]+$/.test(zone)) {
    throw unreadable(text, "the zone behind % is not the name or number of an interface");
  }
  const halves = address.split("::");
  if (halves.length > 2 || address.includes(":::")) {
    throw unreadable(text, `"::" stands for one run of zeros, and only once`);
  }
  const [before = [], after] = halves.map((half) => half === "" ? [] : half.split(":"));
  const groups = [...before, ...after ?? []];
  const quad = DOTTED_QUAD.exec(address)?.[0];
  if (quad !== undefined) groups.pop();
  const bytes = groups.flatMap((group, i) => groupBytes(text, group, i + 1));
  if (quad !== undefined) bytes.push(...readInetAton(quad).bytes);
  const missing = 16 - bytes.length;
  if (after === undefined ? missing !== 0 : missing < 2) {
    const count = `it has ${bytes.length / 2} groups of 16 bits`;
    const why = after === undefined ? ", not 8" : ` beside "::", which leaves no room for zeros`;
    throw unreadable(text, count + why);
  }
  const whole = new Uint8Array(16);
  const gap = after === undefined ? 0 : before.length * 2;
  whole.set(bytes.slice(0, gap));
  whole.set(bytes.slice(gap), gap + missing);
  const form = quad === undefined ? "IPv6 text" : "IPv6 text with an IPv4 address in it";
  return zone === undefined ? { bytes: whole, form } : { bytes: whole, form, zone };
}

/** The IPv4 address at the end of an IPv6 one: four decimal parts, nothing shorter. */
const DOTTED_QUAD = /(?<=:)(0|[1-9]\d*)(\.(0|[1-9]\d*)){3}$/;

function groupBytes(text: string, group: string, number: number): number[] {
  if (/^[0-9a-f]{1,4}$/i.test(group)) {
    const value = parseInt(group, 16);
    return [value >> 8, value & 0xff];
  }
  const what = group === "" ? " is empty" : `, ${JSON.stringify(group)}, is not 1 to 4 hex digits`;
  throw unreadable(text, `group ${number}${what}`);
}

/**
 * An IPv6 address as canonical text (RFC 5952); where its prefix says that an IPv4 address is in it,
 * with that as a dotted quad (section 5).
 *
 * @param bytes 16 bytes.
 */
export async function ipv6Text(bytes: Uint8Array): Promise<string> {
  const ipv4 = ipv4Within(bytes);
  if (ipv4 !== undefined) return `${ipv4.prefix}${ipv4.bytes.join(".")}`;
  const { default: ipaddr } = await import("ipaddr.js");
  return new ipaddr.IPv6([...bytes]).toRFC5952String();
}

/** The IPv4 address in a mapped (RFC 4291) or translated (RFC 6052) IPv6 address, and what precedes it. */
export function ipv4Within(
  bytes: Uint8Array,
): { readonly prefix: string; readonly bytes: Uint8Array } | undefined {
  const start = Array.from(bytes.subarray(0, 12), (byte) => byte.toString(16).padStart(2, "0"));
  const prefix = IPV4_PREFIXES[start.join("")];
  return prefix === undefined ? undefined : { prefix, bytes: bytes.subarray(12) };
}

const IPV4_PREFIXES: Readonly<Record<string, string>> = {
  "00000000000000000000ffff": "::ffff:",
  "0064ff9b0000000000000000": "64:ff9b::",
};
