/**
 * Host and network byte order: `htons`, `htonl`, `ntohs`, `ntohl` (byteorder(3)).
 *
 * Networks put the most significant byte first, "big endian" (RFC 1700, "Data Notations"). Most
 * processors put it last. On a big-endian host, the four functions return their argument unchanged.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";

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
 * import { htons } from "./byte_order.ts";
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
