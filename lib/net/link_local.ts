/**
 * Link-local addresses of IPv6 (RFC 4291 section 2.5.6): the same one may be on every link, so that the interface
 * stands behind it, as a zone (RFC 4007 section 11): `fe80::1%eth0`.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";

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
