/**
 * From a host's name to its address.
 *
 * @module
 */

import { hostPort } from "../base/host_port.ts";
import { toFailure } from "../os/errors.ts";
import { requireZone } from "./link_local.ts";

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
  const { lookup } = await import("node:dns/promises");
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
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(name, { all: true, verbatim: true });
  const seen = new Map(found.map(({ address, family }) => [address, family]));
  return [...seen].map(([address, family]) => ({
    address,
    family: family === 6 ? "IPv6" : "IPv4",
  }));
}
