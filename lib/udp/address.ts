/**
 * Addresses of datagrams, and whether two are one.
 *
 * @module
 */

/** The port of the tutorial's echo server. */
export const DEFAULT_PORT = 1060;

/** Where datagrams go to or come from. */
type Place = Pick<Deno.NetAddr, "hostname" | "port">;

/** Whether a host is an IPv6 address, and not a name or an IPv4 address. */
export function isIPv6(hostname: string): boolean {
  return hostname.includes(":");
}

/** Whether two addresses are one: `::1` is `0:0:0:0:0:0:0:1`, and `127.1` is `127.0.0.1`. */
export function sameAddress(a: Place, b: Place): boolean {
  return a.port === b.port &&
    (a.hostname === b.hostname || canonical(a.hostname) === canonical(b.hostname));
}

/** An address in its one form (RFC 5952 for IPv6), as URLs have it; anything else as it is. */
function canonical(hostname: string): string {
  const host = isIPv6(hostname) ? `[${hostname}]` : hostname;
  return URL.parse(`http://${host}`)?.hostname ?? hostname;
}
