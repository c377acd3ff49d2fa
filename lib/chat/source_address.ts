/**
 * Where a connection comes from, as far as limits tell addresses apart.
 *
 * @module
 */

/** Where a connection comes from. */
export interface Source {
  /** The same for all that count as one. */
  readonly key: string;
  /** Whether it is this machine itself. */
  readonly local: boolean;
}

const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;
const GROUPS = 8;
/** Whoever has one IPv6 address has a /64 of them (RFC 6177, RFC 7421). */
const PREFIX_GROUPS = 4;

/**
 * The source of an address: an IPv4 address as it is, an IPv6 address by its first 64 bits, and an IPv4 address
 * mapped into IPv6 (RFC 4291 section 2.5.5.2) as the IPv4 address that it is.
 *
 * @param address An address as the runtime writes it.
 */
export function sourceOf(address: string): Source {
  const ipv4 = MAPPED.exec(address)?.[1] ?? (address.includes(":") ? undefined : address);
  if (ipv4 !== undefined) return { key: ipv4, local: ipv4.startsWith("127.") };
  const groups = groupsOf(address);
  const local = groups.every((group, i) => group === (i === GROUPS - 1 ? 1 : 0));
  const prefix = groups.slice(0, PREFIX_GROUPS).map((group) => group.toString(16)).join(":");
  return { key: local ? "::1" : `${prefix}::/64`, local };
}

/** The groups of an IPv6 address; a zone at its end counts for nothing. */
function groupsOf(address: string): number[] {
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const read = (part: string) => part === "" ? [] : part.split(":").map((g) => parseInt(g, 16));
  const before = read(head);
  const after = read(tail ?? "");
  const between = Math.max(0, GROUPS - before.length - after.length);
  return [...before, ...new Array<number>(between).fill(0), ...after];
}
