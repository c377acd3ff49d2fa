/**
 * An address in every notation.
 *
 * @module
 */

// @ts-types="../../types/std_encoding_hex.d.ts"
import { decodeHex, encodeHex } from "@std/encoding/hex";
import { addressKind } from "./address_kind.ts";
import { readInetAton, type Reading, unreadable } from "./inet_aton.ts";
import { ipv4Within, ipv6Text, readIpv6 } from "./ipv6.ts";

/** An address in every notation. */
export interface AddressFacts {
  /** What was given. */
  readonly input: string;
  /** The notation that it was in, in words. */
  readonly read_as: string;
  /** Which protocol's address it is. */
  readonly family: "IPv4" | "IPv6";
  /** Canonical text: a dotted quad, or RFC 5952; without the zone. */
  readonly address: string;
  /** The zone of a scoped address (RFC 4007), or null. */
  readonly zone: string | null;
  /** The bytes in network order as hex: `7f000001`. */
  readonly packed: string;
  /** Each byte as a number. */
  readonly bytes: readonly number[];
  /** Each byte as 8 binary digits. */
  readonly binary: readonly string[];
  /** The whole as one integer, in decimal: text, for an IPv6 address is more than JSON's numbers hold. */
  readonly integer: string;
  /** The name to ask for its PTR record: `1.0.0.127.in-addr.arpa`. */
  readonly reverse: string;
  /** What it is for: `loopback`, `private` … */
  readonly kind: string;
  /** The registered block that says so: `127.0.0.0/8`. */
  readonly block: string;
  /** The document that assigns the block: `RFC 1122`. */
  readonly reference: string;
  /** The IPv4 address in a mapped or translated IPv6 address, and what that is for; or null. */
  readonly ipv4: { readonly address: string; readonly kind: string } | null;
}

/**
 * Reads an address in any notation: a dotted quad or what else inet_aton(3) takes, packed hex,
 * IPv6 text with a zone or an IPv4 address in it, a reverse name.
 *
 * @param text The address.
 * @param options With `strict`, only what inet_pton(3) takes: `127.0.0.1`, `::1`.
 * @throws {Failure} `USAGE`, naming the part that is wrong and how.
 */
export function readIp(text: string, { strict = false } = {}): Reading {
  if (text.includes(":")) return readIpv6(text);
  if (!strict && PACKED.test(text)) return { bytes: decodeHex(text), form: "packed hex" };
  if (!strict && /\.arpa\.?$/i.test(text)) return readReverse(text);
  return readInetAton(text, { strict });
}

/** 4 bytes, with a letter to tell them from a decimal number; or 16. */
const PACKED = /^((?=\d*[a-f])[0-9a-f]{8}|[0-9a-f]{32})$/i;

/**
 * Shows an address in every notation.
 *
 * @param text The address, in any notation that {@linkcode readIp} takes.
 * @param options As there.
 * @throws {Failure} As there.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { describeAddress } from "./address.ts";
 *
 * const { packed, bytes, kind } = await describeAddress("127.0.0.1");
 * assertEquals([packed, bytes[0], kind], ["7f000001", 127, "loopback"]);
 * ```
 */
export async function describeAddress(
  text: string,
  options: { readonly strict?: boolean } = {},
): Promise<AddressFacts> {
  const { bytes, form, zone } = readIp(text, options);
  const packed = encodeHex(bytes);
  const within = bytes.length === 16 ? ipv4Within(bytes) : undefined;
  return {
    input: text,
    read_as: form,
    family: bytes.length === 4 ? "IPv4" : "IPv6",
    address: await addressText(bytes),
    zone: zone ?? null,
    packed,
    bytes: [...bytes],
    binary: Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")),
    integer: BigInt(`0x${packed}`).toString(),
    reverse: reverseName(bytes),
    ...await addressKind(bytes),
    ipv4: within === undefined
      ? null
      : { address: within.bytes.join("."), kind: (await addressKind(within.bytes)).kind },
  };
}

/**
 * An address as canonical text.
 *
 * @param bytes 4 or 16 bytes in network order.
 * @returns A dotted quad, or RFC 5952.
 */
export async function addressText(bytes: Uint8Array): Promise<string> {
  return bytes.length === 4 ? bytes.join(".") : await ipv6Text(bytes);
}

/**
 * The name under which the domain name system knows an address (RFC 1035 section 3.5, RFC 3596
 * section 2.5).
 *
 * @param bytes 4 or 16 bytes in network order.
 */
export function reverseName(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes.toReversed().join(".")}.in-addr.arpa`;
  return `${[...encodeHex(bytes)].toReversed().join(".")}.ip6.arpa`;
}

function readReverse(text: string): Reading {
  const name = text.toLowerCase().replace(/\.$/, "");
  const labels = name.split(".").slice(0, -2).toReversed();
  if (name.endsWith(".in-addr.arpa") && labels.length === 4) {
    return { ...readInetAton(labels.join("."), { strict: true }), form: "reverse name" };
  }
  if (name.endsWith(".ip6.arpa") && labels.length === 32 && labels.every(isNibble)) {
    return { bytes: decodeHex(labels.join("")), form: "reverse name" };
  }
  throw unreadable(
    text,
    "a reverse name has 4 numbers and in-addr.arpa, or 32 digits and ip6.arpa",
  );
}

function isNibble(label: string): boolean {
  return /^[0-9a-f]$/.test(label);
}
