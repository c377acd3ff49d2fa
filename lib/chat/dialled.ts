/**
 * The name by which a relay is dialled: one form for what a member has dialled and for what its keeper calls it.
 *
 * @module
 */

/** What was dialled. */
export interface Dialled {
  readonly host: string;
  readonly port: number;
}

/**
 * The one form of a host: as the URL standard serialises it, without brackets and without a zone, which means
 * something on one machine only. `0::1`, `[::1]` and `::1` are one; so are `CHAT.example.` and `chat.example`.
 *
 * @param host A name or an address.
 * @returns Its one form; what is no host, in lower case.
 */
export function canonicalHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/s, "$1");
  const isAddress = bare.includes(":");
  const plain = isAddress ? bare.replace(/%.*$/s, "") : bare.replace(/\.$/, "");
  if (!/^[^\s%/?#@\\]+$/.test(plain)) return plain.toLowerCase();
  const parsed = URL.parse(`http://${isAddress ? `[${plain}]` : plain}/`)?.hostname;
  return parsed?.replace(/^\[(.*)\]$/, "$1") ?? plain.toLowerCase();
}

/** A name of a relay: the port matters where it is given. */
export interface PublicName {
  readonly host: string;
  readonly port: number | undefined;
}

/**
 * Reads a name of a relay: `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare IPv6 address.
 *
 * @param name The name.
 */
export function readPublicName(name: string): PublicName {
  const [, host, port] = /^([^:]+|\[.*\]):(\d{1,5})$/s.exec(name) ?? [];
  if (host === undefined) return { host: canonicalHost(name), port: undefined };
  return { host: canonicalHost(host), port: Number(port) };
}
