/**
 * Host names and their addresses, and the zone of a link-local address.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { hostPort } from "../base/host_port.ts";
import { toFailure } from "../os/errors.ts";

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * Returns the address of a host, for UDP. Replies are matched by address, so it must be known before the first request.
 *
 * @param hostname An address, which is returned unchanged, or a name, which `getaddrinfo` looks up.
 * @param port The port of the returned address.
 * @throws {Failure} If the host does not exist, or a link-local address has no zone.
 */
export async function resolveHost(hostname: string, port: number): Promise<Deno.NetAddr> {
  requireZone(hostname, `cannot send to ${hostPort({ hostname, port })}`);
  if (IPV4.test(hostname) || hostname.includes(":")) return { transport: "udp", hostname, port };
  const { promises: { lookup } } = await import("node:dns");
  try {
    const { address } = await lookup(hostname);
    return { transport: "udp", hostname: address, port };
  } catch (error) {
    throw toFailure(error, `cannot find ${hostname}`);
  }
}

/** An address of a host. */
export interface HostAddress {
  /** The address as text. */
  readonly address: string;
  /** The protocol that the address belongs to. */
  readonly family: "IPv4" | "IPv6";
}

/**
 * Looks up all addresses of a host.
 *
 * @param name A host name or an address.
 * @returns Its addresses in the system's order, without duplicates; at least one.
 * @throws {Error} With the `code` `ENOTFOUND` or `EAI_AGAIN`.
 */
export async function lookUpHost(name: string): Promise<HostAddress[]> {
  const { promises: { lookup } } = await import("node:dns");
  const found = await lookup(name, { all: true, verbatim: true });
  const seen = new Map(found.map(({ address, family }) => [address, family]));
  return [...seen].map(([address, family]) => ({
    address,
    family: family === 6 ? "IPv6" : "IPv4",
  }));
}

const LINK_LOCAL = /^fe[89ab][0-9a-f]:/i;

/**
 * Throws for a link-local address without a zone. The system's own error for it does not say what is wrong.
 *
 * @param hostname An address or a name.
 * @param what What is being tried, such as "cannot connect to [fe80::1]:4396".
 * @throws {Failure} `EINVAL`, with a hint that shows how to write the zone.
 */
export function requireZone(hostname: string, what: string): void {
  if (!LINK_LOCAL.test(hostname) || hostname.includes("%")) return;
  throw new Failure({
    what,
    why: "the address is link-local and names no interface",
    code: "EINVAL",
    hint: `add the interface, such as ${hostname}%eth0`,
  });
}

/**
 * Adds the zone that was asked for to the address of a socket. The runtime omits it, and a link-local address cannot be
 * dialled without one.
 *
 * @param addr The address, as the runtime reports it.
 * @param asked The hostname passed when the socket was opened.
 */
export function withZone(addr: Deno.NetAddr, asked: string): Deno.NetAddr {
  const zone = asked.indexOf("%");
  if (zone < 0 || !LINK_LOCAL.test(addr.hostname) || addr.hostname.includes("%")) return addr;
  return { ...addr, hostname: addr.hostname + asked.slice(zone) };
}
