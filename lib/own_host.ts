/**
 * Whether a request over HTTP is meant for this server: what keeps a web page from asking it under a name of
 * the page's own that it lets resolve to this machine (DNS rebinding).
 *
 * @module
 */

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
