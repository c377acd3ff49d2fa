/**
 * Writes, reads and compares hosts and ports, and converts them to the addresses of Linux.
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
  /** Names, such as those of the server's certificate, without a port. `*.HOST` is every name one label below HOST. */
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
  const parent = hostname.replace(/^[^.]+/, "*");
  return hostname === "localhost" ||
    names.map(hostnameOf).some((name) => name === hostname || name === parent);
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

/** Address families on Linux. */
export const AF_INET = 2;
export const AF_INET6 = 10;

/** The size of a struct sockaddr_in (ip(7)), and of a struct sockaddr_in6 (ipv6(7)). */
export const IPV4_NAME_BYTES = 16;
export const NAME_BYTES = 28;

/**
 * Encodes an address as the system takes it.
 *
 * @param addr An IPv4 or IPv6 address and a port.
 * @param scope The number of the interface of a link-local address, otherwise 0.
 * @returns A struct sockaddr_in or sockaddr_in6.
 */
export function encodeAddress(
  { hostname, port }: HostPort,
  scope: number,
): Uint8Array<ArrayBuffer> {
  const host = hostname.replace(/%.*$/s, "");
  if (!isIPv6(host)) {
    const view = new DataView(new ArrayBuffer(IPV4_NAME_BYTES));
    view.setUint16(0, AF_INET, true);
    view.setUint16(2, port);
    host.split(".").forEach((byte, i) => view.setUint8(4 + i, Number(byte)));
    return new Uint8Array(view.buffer);
  }
  const view = new DataView(new ArrayBuffer(NAME_BYTES));
  view.setUint16(0, AF_INET6, true);
  view.setUint16(2, port);
  const [head, tail] = new URL(`http://[${host}]`).hostname.slice(1, -1).split("::");
  const words = (part = "") => part === "" ? [] : part.split(":").map((word) => parseInt(word, 16));
  words(head).forEach((word, i) => view.setUint16(8 + 2 * i, word));
  words(tail).reverse().forEach((word, i) => view.setUint16(22 - 2 * i, word));
  view.setUint32(24, scope, true);
  return new Uint8Array(view.buffer);
}

/**
 * Decodes an address that the system wrote.
 *
 * @param name A struct sockaddr_in or sockaddr_in6.
 * @returns The address, with the number of the interface if it is link-local, and the port.
 */
export function decodeAddress(name: Uint8Array): HostPort {
  const view = new DataView(name.buffer, name.byteOffset, name.byteLength);
  const port = view.getUint16(2);
  if (view.getUint16(0, true) === AF_INET) return { hostname: name.slice(4, 8).join("."), port };
  const words = Array.from({ length: 8 }, (_, i) => view.getUint16(8 + 2 * i));
  const scope = view.getUint32(24, true);
  const zone = scope === 0 ? "" : `%${scope}`;
  const mapped = words.slice(0, 5).every((word) => word === 0) && words[5] === 0xffff;
  if (mapped) return { hostname: `::ffff:${name.slice(20, 24).join(".")}`, port };
  const text = words.map((word) => word.toString(16)).join(":");
  return { hostname: new URL(`http://[${text}]`).hostname.slice(1, -1) + zone, port };
}
