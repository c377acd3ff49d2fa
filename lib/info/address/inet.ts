/**
 * What `<arpa/inet.h>` declares: numbers in host and network byte order, `htons`, `htonl`, `ntohs` and `ntohl`
 * (byteorder(3)), and IPv4 and IPv6 addresses as text (inet(3), RFC 4291 section 2.2, RFC 4007 for zones).
 *
 * Networks put the most significant byte first, "big endian" (RFC 1700, "Data Notations"). Most processors put it
 * last. On a big-endian host, the four functions return their argument unchanged.
 *
 * @module
 */

import { type Failure, usageFailure } from "../../base/failure.ts";

/** The width of a number in bits: 16 for a port, 32 for an IPv4 address. */
export type Bits = 16 | 32;

/** Which end of a number comes first in memory. */
export type ByteOrder = "little-endian" | "big-endian";

/** The byte order of this host. */
export const HOST_BYTE_ORDER: ByteOrder = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
  ? "little-endian"
  : "big-endian";

/**
 * Returns the bytes of a number as they are stored in memory.
 *
 * @param value A whole number from 0 to 2^bits - 1.
 * @param bits Its width.
 * @param order The byte order: this host's by default, `"big-endian"` for the network's.
 * @returns 2 or 4 bytes.
 * @throws {Failure} `USAGE`, if the number does not fit.
 */
export function bytesOf(
  value: number,
  bits: Bits,
  order: ByteOrder = HOST_BYTE_ORDER,
): Uint8Array<ArrayBuffer> {
  requireWidth(value, bits);
  const view = new DataView(new ArrayBuffer(bits / 8));
  const little = order === "little-endian";
  if (bits === 16) view.setUint16(0, value, little);
  else view.setUint32(0, value, little);
  return new Uint8Array(view.buffer);
}

/**
 * Converts a 16-bit number from host to network byte order.
 *
 * @param value From 0 to 65535.
 * @param order The host's byte order; this one's by default.
 * @throws {Failure} `USAGE`, if it does not fit.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { htons } from "./inet.ts";
 *
 * assertEquals(htons(1234, "little-endian"), 53764);
 * assertEquals(htons(1234, "big-endian"), 1234);
 * ```
 */
export function htons(value: number, order: ByteOrder = HOST_BYTE_ORDER): number {
  return swapped(value, 16, order);
}

/**
 * Converts a 32-bit number from host to network byte order.
 *
 * @param value From 0 to 4294967295.
 * @param order The host's byte order; this one's by default.
 * @throws {Failure} `USAGE`, if it does not fit.
 */
export function htonl(value: number, order: ByteOrder = HOST_BYTE_ORDER): number {
  return swapped(value, 32, order);
}

/**
 * Converts a 16-bit number from network to host byte order, which exchanges bytes as {@linkcode htons} does.
 *
 * @param value From 0 to 65535.
 * @param order The host's byte order; this one's by default.
 * @throws {Failure} `USAGE`, if it does not fit.
 */
export function ntohs(value: number, order: ByteOrder = HOST_BYTE_ORDER): number {
  return swapped(value, 16, order);
}

/**
 * Converts a 32-bit number from network to host byte order, which exchanges bytes as {@linkcode htonl} does.
 *
 * @param value From 0 to 4294967295.
 * @param order The host's byte order; this one's by default.
 * @throws {Failure} `USAGE`, if it does not fit.
 */
export function ntohl(value: number, order: ByteOrder = HOST_BYTE_ORDER): number {
  return swapped(value, 32, order);
}

/** Returns the number whose bytes in the host's order equal those of `value` in the network's order. */
function swapped(value: number, bits: Bits, order: ByteOrder): number {
  const view = new DataView(bytesOf(value, bits, "big-endian").buffer);
  const little = order === "little-endian";
  return bits === 16 ? view.getUint16(0, little) : view.getUint32(0, little);
}

/**
 * Reads a whole number as it is typed: `1234`, or `0x4d2`.
 *
 * @param text The number.
 * @param bits The width that it must fit.
 * @throws {Failure} `USAGE`, if the text is not a whole number or does not fit.
 */
export function readNumber(text: string, bits: Bits): number {
  if (!/^(\d+|0x[0-9a-f]+)$/i.test(text)) {
    throw usageFailure(
      `cannot read the number ${JSON.stringify(text)}`,
      `it is not a whole number ${range(bits)}`,
      "write it as 1234 or as 0x4d2",
    );
  }
  return requireWidth(Number(text), bits);
}

function requireWidth(value: number, bits: Bits): number {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** bits) return value;
  const hint = bits === 16 && value < 2 ** 32 ? "it would fit 32 bits" : undefined;
  throw usageFailure(`cannot take ${value}`, `${bits} bits hold a number ${range(bits)}`, hint);
}

function range(bits: Bits): string {
  return `from 0 to ${2 ** bits - 1}`;
}

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

/** Matches the IPv4 address at the end of an IPv6 address. It has four decimal parts. */
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
 * Formats an IPv6 address as canonical text (RFC 5952). An IPv4 address that its prefix announces is
 * written as a dotted quad (section 5).
 *
 * @param bytes 16 bytes.
 */
export function ipv6Text(bytes: Uint8Array): string {
  const ipv4 = ipv4Within(bytes);
  return ipv4 === undefined ? hexText(groupsOf(bytes)) : `${ipv4.prefix}${ipv4.bytes.join(".")}`;
}

/**
 * An IPv6 address as inet_ntop(3) writes it, and dig(1): as RFC 5952 has it, with a dotted quad where
 * the address is IPv4-mapped or IPv4-compatible (RFC 4291 section 2.5.5) alone.
 *
 * @param bytes 16 bytes.
 */
export function ipv6Plain(bytes: Uint8Array): string {
  const groups = groupsOf(bytes);
  const { start, length } = longestZeros(groups);
  const mapped = length === 5 && groups[5] === 0xffff;
  if (start !== 0 || !(mapped || length === 6)) return hexText(groups);
  return `${mapped ? "::ffff:" : "::"}${bytes.subarray(12).join(".")}`;
}

/** The 8 numbers of 16 bits in 16 bytes. */
function groupsOf(bytes: Uint8Array): number[] {
  return Array.from({ length: 8 }, (_, i) => bytes[2 * i]! << 8 | bytes[2 * i + 1]!);
}

function hexText(groups: readonly number[]): string {
  const texts = groups.map((group) => group.toString(16));
  const { start, length } = longestZeros(groups);
  if (length < 2) return texts.join(":");
  return `${texts.slice(0, start).join(":")}::${texts.slice(start + length).join(":")}`;
}

/** The longest run of zeros; the first of those that are as long (RFC 5952 section 4.2.3). */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > longest.length) longest = { start: i + 1 - length, length };
  }
  return longest;
}

/**
 * Returns the IPv4 address in a mapped (RFC 4291) or translated (RFC 6052) IPv6 address, and the prefix as text;
 * undefined if there is none.
 */
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

/** An address, and how its text was read. */
export interface Reading {
  /** 4 bytes for IPv4, 16 for IPv6, in network byte order. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The notation of the text, in words. */
  readonly form: string;
  /** The zone of a scoped IPv6 address (RFC 4007): `eth0`, or undefined. */
  readonly zone?: string;
}

/**
 * Reads an IPv4 address as inet_aton(3) does: `127.0.0.1`, `127.1`, `0x7f.1`, `017700000001`,
 * `2130706433`. Each part but the last is one byte; the last part fills the remaining bytes.
 *
 * @param text The address.
 * @param options With `strict`, only four decimal parts without leading zeros, as inet_pton(3).
 * @throws {Failure} `USAGE`, naming the part that is wrong and how.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { readInetAton } from "./inet.ts";
 *
 * assertEquals([...readInetAton("127.1").bytes], [127, 0, 0, 1]);
 * ```
 */
export function readInetAton(text: string, { strict = false } = {}): Reading {
  if (text === "") throw unreadable(text, "it is empty");
  const parts = text.split(".");
  if (parts.length > 4) throw unreadable(text, `it has ${parts.length} parts, and four at most`);
  const values = parts.map((part, i) => {
    const last = i === parts.length - 1;
    const filled = last ? 4 - i : 1;
    return readPart(text, part, i + 1, 256 ** filled - 1);
  });
  const bytes = new Uint8Array(4);
  bytes.set(values.slice(0, -1));
  // The last part is a number that ends at the last byte. It does not reach the bytes of the other parts.
  const view = new DataView(bytes.buffer);
  view.setUint32(0, view.getUint32(0) + values.at(-1)!);
  const plain = parts.length === 4 && parts.every((part) => part === String(Number(part)));
  if (strict && !plain) throw notStrict(text, parts);
  return { bytes, form: plain ? "dotted quad" : `inet_aton(3): ${wording(parts)}` };
}

function readPart(text: string, part: string, number: number, max: number): number {
  const wrong = (why: string) => unreadable(text, `part ${number}${why}`);
  if (part === "") throw wrong(" is empty");
  const [, hex, digits] = /^(0x)?([0-9a-z]*)$/i.exec(part) ?? [];
  if (digits === undefined || (hex === undefined && !/^[0-9]/.test(digits))) {
    throw wrong(`, ${quoted(part)}, is not a number`);
  }
  const octal = hex === undefined && digits.length > 1 && digits.startsWith("0");
  const base = hex !== undefined ? 16 : octal ? 8 : 10;
  const allowed = { 8: /[0-7]/, 10: /[0-9]/, 16: /[0-9a-f]/i }[base];
  const stranger = [...digits].find((digit) => !allowed.test(digit));
  if (hex !== undefined && digits === "") throw wrong(`, ${quoted(part)}, has no digits`);
  if (stranger !== undefined) {
    const because = octal ? "starts with 0, so it is octal, and" : `is ${NAMES[base]}, but`;
    throw wrong(`, ${quoted(part)}, ${because} ${stranger} is no ${NAMES[base]} digit`);
  }
  const value = parseInt(digits, base);
  if (value > max) throw wrong(`, ${quoted(part)}, is more than ${max}`);
  return value;
}

const NAMES = { 8: "octal", 10: "decimal", 16: "hexadecimal" } as const;

/** Describes the notation of an address that is not a dotted quad. */
function wording(parts: readonly string[]): string {
  const fills = 5 - parts.length;
  const count = parts.length === 1
    ? "one part, which fills all 4 bytes"
    : parts.length === 4
    ? "four parts"
    : `${parts.length} parts, the last of which fills ${fills} bytes`;
  const others = parts.flatMap((part, i) => {
    const base = /^0x/i.test(part) ? 16 : /^0./.test(part) ? 8 : 10;
    return base === 10 ? [] : [`part ${i + 1} is ${NAMES[base]}`];
  });
  return [count, ...others].join("; ");
}

function notStrict(text: string, parts: readonly string[]): Failure {
  return usageFailure(
    `cannot read the address ${quoted(text)}`,
    parts.length < 4
      ? `it is short, ${parts.length} of 4 parts`
      : "a part is not decimal, or starts with 0",
    "inet_aton(3) accepts it",
  );
}

/** Makes the failure of a text that is not an address. */
export function unreadable(text: string, why: string): Failure {
  const name = /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)*$/i.test(text);
  return usageFailure(
    `cannot read the address ${quoted(text)}`,
    why,
    name
      ? `resolve the name ${text} to its addresses`
      : "an address is 127.0.0.1, 127.1, 0x7f000001, 7f000001, ::1, fe80::1%eth0",
  );
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
