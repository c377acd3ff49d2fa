/**
 * `HOST[:PORT]` on a command line.
 *
 * @module
 */

import { readHost } from "../cli/host.ts";

/** A host and a port. */
export interface HostAndPort {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Reads `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare IPv6 address.
 *
 * @param text What was typed.
 * @param defaultPort The port where none is given.
 * @throws {Failure} Usage, where it is none of these.
 */
export function readAddress(text: string, defaultPort: number): HostAndPort {
  const { hostname, port = defaultPort } = readHost(text);
  return { hostname, port };
}
