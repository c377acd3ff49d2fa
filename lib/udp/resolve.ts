/**
 * From a host's name to its address.
 *
 * @module
 */

import { toFailure } from "../failure.ts";
import { hostPort } from "../host_port.ts";
import { requireZone } from "../link_local.ts";

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
