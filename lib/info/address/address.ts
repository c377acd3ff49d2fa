/**
 * An address in every notation.
 *
 * @module
 */

import { ipv4Within, ipv6Text, readInetAton, type Reading, readIpv6, unreadable } from "./inet.ts";

/** An address in every notation. */
export interface AddressFacts {
  /** The text that was given. */
  readonly input: string;
  /** The notation of the text, in words. */
  readonly read_as: string;
  /** The protocol that the address belongs to. */
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
  /** The address as one integer, in decimal. It is text, because JSON's numbers cannot hold an IPv6 address. */
  readonly integer: string;
  /** The name to ask for its PTR record: `1.0.0.127.in-addr.arpa`. */
  readonly reverse: string;
  /** The kind of the address: `loopback`, `private` … */
  readonly kind: string;
  /** The registered block that contains the address: `127.0.0.0/8`. */
  readonly block: string;
  /** The document that assigns the block: `RFC 1122`. */
  readonly reference: string;
  /** The IPv4 address in a mapped or translated IPv6 address, and its kind; null if there is none. */
  readonly ipv4: { readonly address: string; readonly kind: string } | null;
}

/**
 * Reads an address in any notation: a dotted quad or what else inet_aton(3) takes, packed hex,
 * IPv6 text with a zone or an IPv4 address in it, a reverse name; with a port and in brackets too.
 *
 * @param text The address.
 * @param options With `strict`, only the notations of inet_pton(3): `127.0.0.1`, `::1`.
 * @throws {Failure} `USAGE`, naming the part that is wrong and how.
 */
export function readIp(text: string, { strict = false } = {}): Reading {
  const place = strict ? undefined : withoutPort(text);
  if (place !== undefined) return place;
  if (text.includes(":")) return readIpv6(text);
  if (!strict && PACKED.test(text)) return { bytes: Uint8Array.fromHex(text), form: "packed hex" };
  if (!strict && /\.arpa\.?$/i.test(text)) return readReverse(text);
  return readInetAton(text, { strict });
}

/** An address with a port, or in brackets (RFC 3986 section 3.2.2), without them; undefined where it has neither. */
function withoutPort(text: string): Reading | undefined {
  const [, inBrackets, bracketPort] = /^\[([^[\]]*)\](?::(\d{1,5}))?$/.exec(text) ?? [];
  const [, ipv4, ipv4Port] = /^([^:[\]]+\.[^:[\]]+):(\d{1,5})$/.exec(text) ?? [];
  const port = bracketPort ?? ipv4Port;
  const address = inBrackets ?? ipv4;
  if (address === undefined || Number(port ?? 0) > 65_535) return undefined;
  const { form, ...reading } = inBrackets === undefined ? readIp(address) : readIpv6(address);
  const left = [
    ...(inBrackets === undefined ? [] : ["the brackets"]),
    ...(port === undefined ? [] : [`the port, ${port}`]),
  ];
  return { ...reading, form: `${form}, without ${left.join(" and ")}` };
}

/** 4 bytes, with a letter to tell them from a decimal number; or 16. */
const PACKED = /^((?=\d*[a-f])[0-9a-f]{8}|[0-9a-f]{32})$/i;

/**
 * Describes an address in every notation.
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
 * const { packed, bytes, kind } = describeAddress("127.0.0.1");
 * assertEquals([packed, bytes[0], kind], ["7f000001", 127, "loopback"]);
 * ```
 */
export function describeAddress(
  text: string,
  options: { readonly strict?: boolean } = {},
): AddressFacts {
  const { bytes, form, zone } = readIp(text, options);
  const packed = bytes.toHex();
  const within = bytes.length === 16 ? ipv4Within(bytes) : undefined;
  return {
    input: text,
    read_as: form,
    family: bytes.length === 4 ? "IPv4" : "IPv6",
    address: addressText(bytes),
    zone: zone ?? null,
    packed,
    bytes: [...bytes],
    binary: Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")),
    integer: BigInt(`0x${packed}`).toString(),
    reverse: reverseName(bytes),
    ...addressKind(bytes),
    ipv4: within === undefined
      ? null
      : { address: within.bytes.join("."), kind: addressKind(within.bytes).kind },
  };
}

/**
 * Formats an address as canonical text.
 *
 * @param bytes 4 or 16 bytes in network order.
 * @returns A dotted quad, or RFC 5952.
 */
export function addressText(bytes: Uint8Array): string {
  return bytes.length === 4 ? bytes.join(".") : ipv6Text(bytes);
}

/**
 * Returns the name of an address's PTR record in DNS (RFC 1035 section 3.5, RFC 3596 section 2.5).
 *
 * @param bytes 4 or 16 bytes in network order.
 */
export function reverseName(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes.toReversed().join(".")}.in-addr.arpa`;
  return `${[...bytes.toHex()].toReversed().join(".")}.ip6.arpa`;
}

function readReverse(text: string): Reading {
  const name = text.toLowerCase().replace(/\.$/, "");
  const labels = name.split(".").slice(0, -2).toReversed();
  if (name.endsWith(".in-addr.arpa") && labels.length === 4) {
    return { ...readInetAton(labels.join("."), { strict: true }), form: "reverse name" };
  }
  if (name.endsWith(".ip6.arpa") && labels.length === 32 && labels.every(isNibble)) {
    return { bytes: Uint8Array.fromHex(labels.join("")), form: "reverse name" };
  }
  throw unreadable(
    text,
    "a reverse name has 4 numbers and in-addr.arpa, or 32 digits and ip6.arpa",
  );
}

function isNibble(label: string): boolean {
  return /^[0-9a-f]$/.test(label);
}

/** The kind of an address. */
export interface AddressKind {
  /** `loopback`, `private`, `link-local`, `documentation`, `multicast`, `global` … */
  readonly kind: string;
  /** The registered block that contains the address, such as `127.0.0.0/8`. */
  readonly block: string;
  /** The document that assigns the block. */
  readonly reference: string;
}

/**
 * What an address is for, by the smallest block of the registries that holds it.
 *
 * @param bytes 4 or 16 bytes.
 */
export function addressKind(bytes: Uint8Array): AddressKind {
  const holding = (bytes.length === 4 ? IPV4_BLOCKS : IPV6_BLOCKS)
    .map(([block, kind, reference]) => ({ block, kind, reference, ...readBlock(block) }))
    .filter(({ start, bits }) => sharesPrefix(bytes, start, bits))
    .toSorted((a, b) => b.bits - a.bits);
  const { block, kind, reference } = holding[0]!; // the first of each list holds every address
  return { block, kind, reference };
}

function readBlock(block: string): { readonly start: Uint8Array; readonly bits: number } {
  const [address = "", bits] = block.split("/");
  return { start: readIp(address).bytes, bits: Number(bits) };
}

/** Whether two addresses have the same first `bits` bits. */
function sharesPrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  return a.every((byte, i) => {
    const mask = 0xff & 0xff << Math.max(0, Math.min(8, 8 * (i + 1) - bits));
    return ((byte ^ b[i]!) & mask) === 0;
  });
}

/**
 * When both registries were last updated. Blocks and references were compared with IANA's CSV files as fetched on
 * 2026-07-18, which have no block of a later date.
 */
export const REGISTRY_DATE = "2025-10-09";

/** A block, what it is for, and the document that says so. */
export type Block = readonly [block: string, kind: string, reference: string];

/** The IPv4 Special-Purpose Address Registry, and around it the whole and multicast (RFC 5771). */
export const IPV4_BLOCKS: readonly Block[] = [
  ["0.0.0.0/0", "global", "RFC 791"],
  ["0.0.0.0/8", "this network", "RFC 791"],
  ["0.0.0.0/32", "unspecified", "RFC 1122"],
  ["10.0.0.0/8", "private", "RFC 1918"],
  ["100.64.0.0/10", "shared (carrier-grade NAT)", "RFC 6598"],
  ["127.0.0.0/8", "loopback", "RFC 1122"],
  ["169.254.0.0/16", "link-local", "RFC 3927"],
  ["172.16.0.0/12", "private", "RFC 1918"],
  ["192.0.0.0/24", "IETF protocol assignments", "RFC 6890"],
  ["192.0.0.0/29", "IPv4 service continuity prefix", "RFC 7335"],
  ["192.0.0.8/32", "IPv4 dummy address", "RFC 7600"],
  ["192.0.0.9/32", "Port Control Protocol anycast", "RFC 7723"],
  ["192.0.0.10/32", "TURN anycast", "RFC 8155"],
  ["192.0.0.170/32", "NAT64/DNS64 discovery", "RFC 8880"],
  ["192.0.0.171/32", "NAT64/DNS64 discovery", "RFC 8880"],
  ["192.0.2.0/24", "documentation", "RFC 5737"],
  ["192.31.196.0/24", "AS112", "RFC 7535"],
  ["192.52.193.0/24", "automatic multicast tunneling", "RFC 7450"],
  ["192.88.99.0/24", "deprecated 6to4 relay anycast", "RFC 7526"],
  ["192.88.99.2/32", "6a44 relay anycast", "RFC 6751"],
  ["192.168.0.0/16", "private", "RFC 1918"],
  ["192.175.48.0/24", "AS112", "RFC 7534"],
  ["198.18.0.0/15", "benchmarking", "RFC 2544"],
  ["198.51.100.0/24", "documentation", "RFC 5737"],
  ["203.0.113.0/24", "documentation", "RFC 5737"],
  ["224.0.0.0/4", "multicast", "RFC 5771"],
  ["240.0.0.0/4", "reserved", "RFC 1112"],
  ["255.255.255.255/32", "limited broadcast", "RFC 919"],
];

/** The IPv6 Special-Purpose Address Registry, and around it the blocks of RFC 4291. */
export const IPV6_BLOCKS: readonly Block[] = [
  ["::/0", "reserved", "RFC 4291"],
  ["2000::/3", "global", "RFC 4291"],
  ["::1/128", "loopback", "RFC 4291"],
  ["::/128", "unspecified", "RFC 4291"],
  ["::ffff:0:0/96", "IPv4-mapped", "RFC 4291"],
  ["64:ff9b::/96", "IPv4-IPv6 translation", "RFC 6052"],
  ["64:ff9b:1::/48", "local IPv4-IPv6 translation", "RFC 8215"],
  ["100::/64", "discard only", "RFC 6666"],
  ["100:0:0:1::/64", "dummy prefix", "RFC 9780"],
  ["2001::/23", "IETF protocol assignments", "RFC 2928"],
  ["2001::/32", "Teredo", "RFC 4380"],
  ["2001:1::1/128", "Port Control Protocol anycast", "RFC 7723"],
  ["2001:1::2/128", "TURN anycast", "RFC 8155"],
  ["2001:1::3/128", "DNS-SD service registration anycast", "RFC 9665"],
  ["2001:2::/48", "benchmarking", "RFC 5180"],
  ["2001:3::/32", "automatic multicast tunneling", "RFC 7450"],
  ["2001:4:112::/48", "AS112", "RFC 7535"],
  ["2001:10::/28", "deprecated ORCHID", "RFC 4843"],
  ["2001:20::/28", "ORCHIDv2", "RFC 7343"],
  ["2001:30::/28", "drone remote identification", "RFC 9374"],
  ["2001:db8::/32", "documentation", "RFC 3849"],
  ["2002::/16", "6to4", "RFC 3056"],
  ["2620:4f:8000::/48", "AS112", "RFC 7534"],
  ["3fff::/20", "documentation", "RFC 9637"],
  ["5f00::/16", "segment routing", "RFC 9602"],
  ["fc00::/7", "unique local", "RFC 4193"],
  ["fe80::/10", "link-local", "RFC 4291"],
  ["fec0::/10", "deprecated site-local", "RFC 3879"],
  ["ff00::/8", "multicast", "RFC 4291"],
];
