/**
 * A host's addresses as every program sees them: getaddrinfo(3), with hosts(5) and what else the
 * system consults.
 *
 * @module
 */

/** An address of a host. */
export interface HostAddress {
  /** As text. */
  readonly address: string;
  /** Which protocol's address it is. */
  readonly family: "IPv4" | "IPv6";
}

/**
 * Looks a host up.
 *
 * @param name A host name or an address.
 * @returns Its addresses, in the system's order; at least one.
 * @throws {Error} With `code` `ENOTFOUND` or `EAI_AGAIN`.
 */
export async function lookUpHost(name: string): Promise<HostAddress[]> {
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(name, { all: true, verbatim: true });
  const seen = new Map(found.map(({ address, family }) => [address, family]));
  return [...seen].map(([address, family]) => ({
    address,
    family: family === 6 ? "IPv6" : "IPv4",
  }));
}
