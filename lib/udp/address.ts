/**
 * Addresses of datagrams, as they are shown and compared.
 *
 * @module
 */

/** The port of the tutorial's echo server. */
export const DEFAULT_PORT = 1060;

/** An address as it is shown: `127.0.0.1:1060`, `[::1]:1060` (RFC 3986 section 3.2.2). */
export function addressText({ hostname, port }: Deno.NetAddr): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Whether a host is an IPv6 address, and not a name or an IPv4 address. */
export function isIPv6(hostname: string): boolean {
  return hostname.includes(":");
}

/** Whether two addresses are one: `::1` is `0:0:0:0:0:0:0:1`. */
export function sameAddress(a: Deno.NetAddr, b: Deno.NetAddr): boolean {
  return a.port === b.port &&
    (a.hostname === b.hostname || canonical(a.hostname) === canonical(b.hostname));
}

/** An IPv6 address in its one short form (RFC 5952), as URLs have it; anything else as it is. */
function canonical(hostname: string): string {
  return URL.parse(`http://[${hostname}]`)?.hostname.slice(1, -1) ?? hostname;
}
