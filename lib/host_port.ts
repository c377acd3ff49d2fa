/**
 * A host and a port as they are written.
 *
 * @module
 */

/** `127.0.0.1:1060`, `[::1]:1060`: an IPv6 address stands in brackets (RFC 3986 section 3.2.2). */
export function hostPort({ hostname, port }: Pick<Deno.NetAddr, "hostname" | "port">): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
