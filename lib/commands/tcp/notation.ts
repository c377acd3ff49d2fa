/**
 * How endpoints and ports are written on a command line and shown on an output, and how lines are ended.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";
import { readListenPlace, readPlace, readPort } from "../../cli/host.ts";
import { type Endpoint, endpointText } from "../../tcp/connect.ts";

/** Returns an endpoint as fields of an event. */
export function endpointFields(endpoint: Endpoint): Readonly<Record<string, string | number>> {
  return "path" in endpoint
    ? { path: endpoint.path }
    : { host: endpoint.hostname, port: endpoint.port };
}

/** Returns an endpoint as text for people. A client of a Unix socket usually has no path. */
export function shownEndpoint(endpoint: Endpoint): string {
  return "path" in endpoint && endpoint.path === "" ? "a client" : endpointText(endpoint);
}

const UNIX = "unix:";

/**
 * Parses an endpoint to connect to: `HOST PORT`, `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.
 *
 * @param words One or two words.
 * @throws {Failure} Usage, if it is none of these.
 */
export function readEndpoint(words: readonly string[]): Endpoint {
  return readUnix(words) ?? readPlace(words);
}

/**
 * Parses an endpoint to listen on: the same forms, or `PORT` alone for 127.0.0.1. The port 0 picks a free one.
 *
 * @param words One or two words.
 * @throws {Failure} Usage, if it is none of these.
 */
export function readListenEndpoint(words: readonly string[]): Endpoint {
  return readUnix(words) ?? readListenPlace(words);
}

function readUnix([first = "", second]: readonly string[]): Endpoint | undefined {
  if (!first.startsWith(UNIX)) return undefined;
  const path = first.slice(UNIX.length);
  if (path === "") throw usageFailure("cannot read the address", "unix: needs a path");
  if (second !== undefined) {
    throw usageFailure("cannot read the address", "a Unix socket has a path and no port");
  }
  return { path };
}

/** The number of ports, and the most ranges that are read. */
const MAX_PORTS = 65_535;

/**
 * Parses ports and ranges of ports.
 *
 * @param words Each one is `22`, `8000-8010` or several of these separated by commas.
 * @returns Each port once, in the given order.
 * @throws {Failure} Usage, if a part is neither a port nor a range.
 */
export function readPorts(words: readonly string[]): number[] {
  const ports = new Set<number>();
  const parts = words.flatMap((word) => word.split(","));
  if (parts.length > MAX_PORTS) throw usageFailure("PORTS", "too many ranges");
  for (const part of parts) {
    const [, from, to] = /^(\d+)-(\d+)$/.exec(part) ?? [, part, part];
    const [first, last] = [readPort(from!), readPort(to!)];
    if (last < first) {
      throw usageFailure(`cannot read the ports ${part}`, `${last} is less than ${first}`);
    }
    if (ports.size === MAX_PORTS) continue;
    for (let port = first; port <= last; port++) ports.add(port);
  }
  return [...ports];
}

const NEWLINE = 10;
const RETURN = 13;

/** Returns a function that ends each line with CR LF instead of LF. It remembers the last byte of each chunk. */
export function crlfEncoder(): (chunk: Uint8Array) => Uint8Array {
  let last = 0;
  return (chunk) => {
    const feeds = chunk.reduce((sum, byte) => sum + (byte === NEWLINE ? 1 : 0), 0);
    const bytes = new Uint8Array(chunk.length + feeds);
    let at = 0;
    for (const byte of chunk) {
      if (byte === NEWLINE && last !== RETURN) bytes[at++] = RETURN;
      bytes[at++] = byte;
      last = byte;
    }
    return bytes.subarray(0, at);
  };
}
