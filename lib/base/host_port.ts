/**
 * A host and a port as they are written.
 *
 * @module
 */

/** This machine, over IPv4: where servers listen and clients connect by default. */
export const LOOPBACK = "127.0.0.1";

/** An address or a name, and a port. */
export interface Place {
  readonly hostname: string;
  readonly port: number;
}

/** `127.0.0.1:1060`, `[::1]:1060`: an IPv6 address stands in brackets (RFC 3986 section 3.2.2). */
export function hostPort({ hostname, port }: Place): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

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

/** What a server may be called in a URL, beside `localhost`. */
export interface OwnHosts {
  /** Names, such as those of its certificate; without a port. */
  readonly names?: readonly string[];
  /** Which addresses it may be called by, as a URL has them: `127.0.0.1`, `[::1]`; any, without. */
  readonly address?: (address: string) => boolean;
}

/**
 * Whether a `Host` (RFC 9110 section 7.2) names a server. An address does, since nobody lets one resolve to
 * another; a name does only where the server knows it for its own.
 *
 * @param host `HOST` or `HOST:PORT`, as the request has it. A request without one is meant for nobody.
 * @param own What the server may be called.
 */
export function isOwnHost(host: string | null, { names = [], address }: OwnHosts = {}): boolean {
  const hostname = hostnameOf(host);
  if (hostname === undefined) return false;
  if (isAddress(hostname)) return address?.(hostname) ?? true;
  return hostname === "localhost" || names.some((name) => hostnameOf(name) === hostname);
}

/** Whether a host, as a URL has it, is an address of this machine's loopback. */
export function isLoopback(address: string): boolean {
  return address === "[::1]" || /^127(\.\d+){3}$/.test(address);
}

/** The host of `HOST` or `HOST:PORT` as a URL has it: in lower case, an address in its canonical form. */
function hostnameOf(host: string | null): string | undefined {
  // A URL would take these for its other parts.
  if (host === null || host === "" || /[/\\?#@\s]/.test(host)) return undefined;
  // The dot at the end of a name that is complete is no part of it.
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, "");
}

/** A URL's host is IPv4 where its last label is a number: no name ends in one (URL Standard, host parsing). */
function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+(\.\d+){3}$/.test(hostname);
}

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
