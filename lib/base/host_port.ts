/**
 * Writes, reads and compares hosts and ports.
 *
 * @module
 */

/** This machine, over IPv4: where servers listen and clients connect by default. */
export const LOOPBACK = "127.0.0.1";

/** A host (an address or a name) and a port. */
export interface HostPort {
  /** A name or an address, without brackets. */
  readonly hostname: string;
  /** The port. */
  readonly port: number;
}

/**
 * Formats a host and a port, such as `127.0.0.1:1060`. An IPv6 address gets brackets: `[::1]:1060` (RFC 3986 section
 * 3.2.2).
 */
export function hostPort({ hostname, port }: HostPort): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** The host and port that a client connected to. */
export interface Dialled {
  readonly host: string;
  readonly port: number;
}

/**
 * Returns the canonical form of a host: as the URL standard serialises it, without brackets and without a zone, which
 * has a meaning only on one machine. `0::1`, `[::1]` and `::1` have the same form, as do `CHAT.example.` and
 * `chat.example`.
 *
 * @param host A name or an address.
 * @returns The canonical form, or the lower-case text if `host` is not a valid host.
 */
export function canonicalHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/s, "$1");
  const isAddress = bare.includes(":");
  const plain = isAddress ? bare.replace(/%.*$/s, "") : bare.replace(/\.$/, "");
  if (!/^[^\s%/?#@\\]+$/.test(plain)) return plain.toLowerCase();
  const parsed = URL.parse(`http://${isAddress ? `[${plain}]` : plain}/`)?.hostname;
  return parsed?.replace(/^\[(.*)\]$/, "$1") ?? plain.toLowerCase();
}

/** A public name of a relay. An undefined port matches every port. */
export interface PublicName {
  readonly host: string;
  readonly port: number | undefined;
}

/**
 * Parses a public name of a relay: `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare IPv6 address.
 *
 * @param name The name.
 */
export function readPublicName(name: string): PublicName {
  const [, host, port] = /^([^:]+|\[.*\]):(\d{1,5})$/s.exec(name) ?? [];
  if (host === undefined) return { host: canonicalHost(name), port: undefined };
  return { host: canonicalHost(host), port: Number(port) };
}

/** The hosts that a server accepts in a URL, besides `localhost`. */
export interface OwnHosts {
  /** Names, such as those of the server's certificate, without a port. */
  readonly names?: readonly string[];
  /**
   * Tells whether the server accepts an address in URL form, such as `127.0.0.1` or `[::1]`. By default it accepts
   * every address.
   */
  readonly address?: (address: string) => boolean;
}

/**
 * Tells whether a `Host` header (RFC 9110 section 7.2) names this server. A request that a browser sends because of DNS
 * rebinding carries the attacker's host name, so a name is accepted only if the server knows it as its own. An address
 * cannot be rebound.
 *
 * @param host The header's value, `HOST` or `HOST:PORT`. A request without the header is refused.
 * @param own The hosts that the server accepts.
 */
export function isOwnHost(host: string | null, { names = [], address }: OwnHosts = {}): boolean {
  const hostname = hostnameOf(host);
  if (hostname === undefined) return false;
  if (isAddress(hostname)) return address?.(hostname) ?? true;
  return hostname === "localhost" || names.some((name) => hostnameOf(name) === hostname);
}

/** Tells whether a host in URL form is a loopback address. */
export function isLoopback(address: string): boolean {
  return address === "[::1]" || /^127(\.\d+){3}$/.test(address);
}

/** Returns the host of `HOST` or `HOST:PORT` in URL form: lower case, addresses in canonical form. */
function hostnameOf(host: string | null): string | undefined {
  // The URL parser would read these characters as the start of another part.
  if (host === null || host === "" || /[/\\?#@\s]/.test(host)) return undefined;
  // A fully qualified name may end in a dot.
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, "");
}

/**
 * Tells whether a host in URL form is an address. The last label of a name is never a number (URL Standard, host
 * parsing).
 */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);
}

/** Tells whether a host is an IPv6 address rather than a name or an IPv4 address. */
export function isIPv6(hostname: string): boolean {
  return hostname.includes(":");
}

/** Tells whether two places are the same: `::1` equals `0:0:0:0:0:0:0:1`, and `127.1` equals `127.0.0.1`. */
export function sameAddress(a: HostPort, b: HostPort): boolean {
  return a.port === b.port &&
    (a.hostname === b.hostname || canonical(a.hostname) === canonical(b.hostname));
}

/** Returns an address in the canonical form of URLs (RFC 5952 for IPv6), and any other text unchanged. */
function canonical(hostname: string): string {
  const host = isIPv6(hostname) ? `[${hostname}]` : hostname;
  return URL.parse(`http://${host}`)?.hostname ?? hostname;
}
