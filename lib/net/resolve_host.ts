/**
 * Host names and their addresses, the zone of a link-local address, and multicast groups.
 *
 * @module
 */

import { Failure, usageFailure } from "../base/failure.ts";
import { hostPort, isIPv6 } from "../base/host_port.ts";
import { quote } from "../base/printable.ts";
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

/** A multicast group, and the interface to join it on. */
export interface MulticastGroup {
  /** Its address: IPv4 in 224.0.0.0/4, or IPv6 in ff00::/8. */
  readonly address: string;
  /** The interface: its IPv4 address, its name, or its number. Undefined for the one that the system routes to. */
  readonly network: string | undefined;
}

/** Tells whether an address is one of multicast groups (RFC 5771, RFC 4291 section 2.7). */
export function isMulticast(address: string): boolean {
  if (isIPv6(address)) return /^ff[0-9a-f]{2}:/i.test(address);
  const first = Number(address.split(".")[0]);
  return IPV4.test(address) && first >= 224 && first <= 239;
}

/**
 * Parses a multicast group: an address, or an address and its interface, such as `239.1.2.3%192.0.2.7` or
 * `ff02::1234%eth0`.
 *
 * @param text The text that was typed.
 * @throws {Failure} `USAGE`, if it is none.
 */
export function readGroup(text: string): MulticastGroup {
  const [, bracketed, plain, network] = /^(?:\[([^\]%]*)\]|([^%]*))(?:%(.+))?$/s.exec(text) ?? [];
  const address = bracketed ?? plain ?? "";
  const host = isIPv6(address) ? `[${address}]` : address;
  if (isMulticast(address) && URL.canParse(`http://${host}`)) return { address, network };
  throw usageFailure(
    `cannot join ${quote(text)}`,
    "it is not the address of a multicast group",
    "IPv4 groups are 224.0.0.0 to 239.255.255.255, and IPv6 groups start with ff",
  );
}

/**
 * Makes a socket receive the datagrams that are sent to a multicast group.
 *
 * @param socket A socket of the group's family, on all addresses or on that of the group.
 * @param group The group. To find an interface by its name, the permission `sys` is needed.
 * @throws {Failure} If the interface does not exist, or no route leads to the group.
 */
export async function joinGroup(socket: Deno.DatagramConn, group: MulticastGroup): Promise<void> {
  const { address, network } = group;
  const what = `cannot join ${network === undefined ? address : `${address}%${network}`}`;
  try {
    if (isIPv6(address)) await socket.joinMulticastV6(address, interfaceNumber(network));
    else await socket.joinMulticastV4(address, interfaceAddress(network));
  } catch (error) {
    const absent = error instanceof Error && error.message.includes("No such device");
    throw absent ? noInterface(what, group) : toFailure(error, what);
  }
}

function interfaceNumber(network: string | undefined): number {
  if (network === undefined) return 0;
  if (/^\d{1,9}$/.test(network)) return Number(network);
  // The runtime reports the number with the link-local address, and 0 with others.
  const found = Deno.networkInterfaces().find(({ name, scopeid }) => name === network && scopeid);
  return found?.scopeid ?? NO_INTERFACE;
}

/** A number that no interface has. */
const NO_INTERFACE = 0x7fff_ffff;

function interfaceAddress(network: string | undefined): string {
  if (network === undefined) return "0.0.0.0";
  if (IPV4.test(network)) return network;
  const found = Deno.networkInterfaces().find(({ name, family }) =>
    name === network && family === "IPv4"
  );
  return found?.address ?? NO_ADDRESS;
}

/** An address that no interface has: it is reserved for documentation (RFC 5737). */
const NO_ADDRESS = "192.0.2.255";

function noInterface(what: string, { address, network }: MulticastGroup): Failure {
  const example = isIPv6(address)
    ? `its number, such as ${address}%1, or its name, such as ${address}%eth0`
    : `its address, such as ${address}%127.0.0.1, or its name, such as ${address}%eth0`;
  return new Failure({
    what,
    why: network === undefined ? "no interface has a route to it" : "there is no such interface",
    code: "ENODEV",
    hint: `name the interface by ${example}`,
  });
}
