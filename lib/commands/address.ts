/**
 * `HOST[:PORT]` on a command line.
 *
 * @module
 */

import { usageFailure } from "../failure.ts";

/** A host and a port. */
export interface HostAndPort {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Reads `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare IPv6 address (RFC 3986 section 3.2.2).
 *
 * @param text What was typed.
 * @param defaultPort The port where none is given.
 * @throws {Failure} Usage, where it is none of these.
 */
export function readAddress(text: string, defaultPort: number): HostAndPort {
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/\s]*)/i.exec(text);
  if (url !== null) {
    const host = url[1]!.replace(/^.*@/, "");
    throw usageFailure(
      `cannot read the address ${JSON.stringify(text)}`,
      "it is a URL, not HOST or HOST:PORT",
      host === "" ? undefined : `did you mean ${host}?`,
    );
  }
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/.exec(text);
  // More than one colon and no brackets: an address without a port.
  const bare = /^([^:[\]]*:[^:[\]]*:[^[\]]*)$/.exec(text);
  const plain = /^([^:\s[\]]+)(?::(.*))?$/.exec(text);
  const [, hostname, port] = bracketed ?? bare ?? plain ?? [];
  if (hostname === undefined || hostname === "") {
    throw usageFailure(
      `cannot read the address ${JSON.stringify(text)}`,
      "it is not HOST, HOST:PORT or [IPv6]:PORT",
    );
  }
  return { hostname, port: readAddressPort(text, port, defaultPort) };
}

/**
 * Reads a port on its own.
 *
 * @param text What was typed.
 * @throws {Failure} Usage, where it is none.
 */
export function readPort(text: string): number {
  const port = portOf(text);
  if (port === undefined) {
    throw usageFailure(`cannot read the port ${JSON.stringify(text)}`, NO_PORT);
  }
  return port;
}

const NO_PORT = "a port is a number from 1 to 65535";

function readAddressPort(text: string, port: string | undefined, defaultPort: number): number {
  if (port === undefined) return defaultPort;
  const number = portOf(port);
  if (number === undefined) {
    throw usageFailure(`cannot read the address ${JSON.stringify(text)}`, NO_PORT);
  }
  return number;
}

function portOf(text: string): number | undefined {
  const number = Number(text);
  return /^\d{1,5}$/.test(text) && number >= 1 && number <= 65_535 ? number : undefined;
}
