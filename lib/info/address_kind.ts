/**
 * What an address is for: the IANA registries of special-purpose addresses (RFC 6890), with multicast
 * and what is not assigned.
 *
 * @module
 */

/** What an address is for. */
export interface AddressKind {
  /** `loopback`, `private`, `link-local`, `documentation`, `multicast`, `global` … */
  readonly kind: string;
  /** The block that says so, such as `127.0.0.0/8`. */
  readonly block: string;
  /** The document that assigns it. */
  readonly reference: string;
}

type Block = readonly [block: string, kind: string, reference: string];

/** IANA IPv4 Special-Purpose Address Registry, and RFC 5771. */
const IPV4_BLOCKS: readonly Block[] = [
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
  ["192.0.0.170/31", "NAT64/DNS64 discovery", "RFC 8880"],
  ["192.0.2.0/24", "documentation", "RFC 5737"],
  ["192.31.196.0/24", "AS112", "RFC 7535"],
  ["192.52.193.0/24", "automatic multicast tunneling", "RFC 7450"],
  ["192.88.99.0/24", "deprecated 6to4 relay anycast", "RFC 7526"],
  ["192.168.0.0/16", "private", "RFC 1918"],
  ["192.175.48.0/24", "AS112", "RFC 7534"],
  ["198.18.0.0/15", "benchmarking", "RFC 2544"],
  ["198.51.100.0/24", "documentation", "RFC 5737"],
  ["203.0.113.0/24", "documentation", "RFC 5737"],
  ["224.0.0.0/4", "multicast", "RFC 5771"],
  ["240.0.0.0/4", "reserved", "RFC 1112"],
  ["255.255.255.255/32", "limited broadcast", "RFC 919"],
];

/** IANA IPv6 Special-Purpose Address Registry, and RFC 4291. */
const IPV6_BLOCKS: readonly Block[] = [
  ["::/0", "reserved", "RFC 4291"],
  ["2000::/3", "global", "RFC 4291"],
  ["::/128", "unspecified", "RFC 4291"],
  ["::1/128", "loopback", "RFC 4291"],
  ["::ffff:0:0/96", "IPv4-mapped", "RFC 4291"],
  ["64:ff9b::/96", "IPv4-IPv6 translation", "RFC 6052"],
  ["64:ff9b:1::/48", "local IPv4-IPv6 translation", "RFC 8215"],
  ["100::/64", "discard only", "RFC 6666"],
  ["100:0:0:1::/64", "dummy prefix", "RFC 9780"],
  ["2001::/23", "IETF protocol assignments", "RFC 2928"],
  ["2001::/32", "Teredo", "RFC 4380"],
  ["2001:1::1/128", "Port Control Protocol anycast", "RFC 7723"],
  ["2001:1::2/128", "TURN anycast", "RFC 8155"],
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

/**
 * What an address is for, by the smallest block of the registries that holds it.
 *
 * @param bytes 4 or 16 bytes.
 */
export async function addressKind(bytes: Uint8Array): Promise<AddressKind> {
  const { default: ipaddr } = await import("ipaddr.js");
  const address = ipaddr.fromByteArray([...bytes]);
  const holding = (bytes.length === 4 ? IPV4_BLOCKS : IPV6_BLOCKS)
    .map(([block, kind, reference]) => ({ block, kind, reference, cidr: ipaddr.parseCIDR(block) }))
    .filter(({ cidr }) => address.match(cidr))
    .toSorted((a, b) => b.cidr[1] - a.cidr[1]);
  const { block, kind, reference } = holding[0]!; // the first of each list holds every address
  return { block, kind, reference };
}
