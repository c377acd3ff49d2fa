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
 * The address of a host: replies are told by it, so it has to be known before anything is asked.
 *
 * @param hostname An address, which is given back, or a name, which `getaddrinfo` looks up.
 * @param port The port, for the address that is returned.
 * @throws {Failure} Where there is no such host, or a link-local address names no interface.
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
 * Refuses a link-local address that names no interface, before the system does so in no words at all.
 *
 * @param hostname An address or a name.
 * @param what What is tried, such as "cannot connect to [fe80::1]:4396".
 * @throws {Failure} `EINVAL`, with what to write.
 */
export function requireZone(hostname: string, what: string): void {
  if (!LINK_LOCAL.test(hostname) || hostname.includes("%")) return;
  throw new Failure({
    what,
    why: "the address is link-local: on which interface is not said",
    code: "EINVAL",
    hint: `name the interface behind it, such as ${hostname}%eth0`,
  });
}

/**
 * The address that a socket has been given, with the zone that was asked for: the runtime leaves it out, and nobody
 * can dial it without.
 *
 * @param addr The address, as the runtime tells it.
 * @param asked The hostname that the socket was opened at.
 */
export function withZone(addr: Deno.NetAddr, asked: string): Deno.NetAddr {
  const zone = asked.indexOf("%");
  if (zone < 0 || !LINK_LOCAL.test(addr.hostname) || addr.hostname.includes("%")) return addr;
  return { ...addr, hostname: addr.hostname + asked.slice(zone) };
}
