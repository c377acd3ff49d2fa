/**
 * `HOST` and `HOST:PORT` on a command line.
 *
 * @module
 */

import { LOOPBACK } from "../base/host_port.ts";
import { usageFailure } from "../base/failure.ts";
import { quote } from "../base/printable.ts";

/** A host and a port. */
export interface HostAndPort {
  readonly hostname: string;
  readonly port: number;
}

/** A host, and its port if one is given. */
export interface HostMaybePort {
  readonly hostname: string;
  readonly port: number | undefined;
}

/** A host name: labels (RFC 1123 section 2.1, and Unicode and underscores as systems accept them), with or without the final dot. */
const NAME = /^[\p{L}\p{M}\p{N}_-]{1,63}(\.[\p{L}\p{M}\p{N}_-]{1,63})*\.?$/u;
/** The longest name (RFC 1035 section 2.3.4). */
const MAX_NAME_LENGTH = 253;

/**
 * Reads `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare IPv6 address (RFC 3986 section 3.2.2).
 *
 * @param text The text that was typed.
 * @returns The host without brackets, and the port.
 * @throws {Failure} `USAGE`, if the text is none of these.
 */
export function readHost(text: string): HostMaybePort {
  const what = `cannot read the address ${quote(text)}`;
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/\s]*)/i.exec(text);
  if (url !== null) {
    const host = url[1]!.replace(/^.*@/, "");
    const hint = host === "" ? undefined : `did you mean ${host}?`;
    throw usageFailure(what, "it is a URL, not HOST or HOST:PORT", hint);
  }
  const bracketed = /^\[([^\]]+)\](?::(.*))?$/s.exec(text);
  // More than one colon and no brackets: an address without a port.
  const bare = /^([^:[\]]*:[^:[\]]*:[^[\]]*)$/s.exec(text);
  const plain = /^([^:\s[\]]+)(?::(.*))?$/s.exec(text);
  const [, hostname = "", port] = bracketed ?? bare ?? plain ?? [];
  const isHost = bracketed === null && bare === null ? isName(hostname) : isIpv6(hostname);
  if (!isHost) {
    throw usageFailure(what, "it is not HOST, HOST:PORT or [IPv6]:PORT");
  }
  return { hostname, port: port === undefined ? undefined : readPort(port, what) };
}

/**
 * Reads a port.
 *
 * @param text The text that was typed.
 * @param what The subject of a failure.
 * @throws {Failure} `USAGE`, if the text is not a port.
 */
export function readPort(text: string, what = `cannot read the port ${quote(text)}`): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number >= 1 && number <= 65_535) return number;
  throw usageFailure(what, "a port is a number from 1 to 65535");
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && NAME.test(text);
}

/** Whether a text is an IPv6 address, with or without a zone (RFC 4007 section 11). */
function isIpv6(text: string): boolean {
  return URL.canParse(`http://[${text.replace(/%[\w.-]+$/, "")}]`);
}

/**
 * Reads `HOST`, `HOST:PORT`, `[IPv6]`, `[IPv6]:PORT` or a bare IPv6 address.
 *
 * @param text The text that was typed.
 * @param defaultPort The port if none is given.
 * @throws {Failure} `USAGE`, if the text is none of these.
 */
export function readAddress(text: string, defaultPort: number): HostAndPort {
  const { hostname, port = defaultPort } = readHost(text);
  return { hostname, port };
}

/**
 * Reads a host and a port: `HOST PORT`, `HOST:PORT` or `[IPv6]:PORT`.
 *
 * @param words One or two words.
 * @throws {Failure} `USAGE`, if they are none of these.
 */
export function readPlace(words: readonly string[]): HostAndPort {
  const [first = "", second] = words;
  if (second !== undefined) return { hostname: hostAlone(first), port: readPort(second) };
  const { hostname, port } = readAddress(first, 0);
  if (port !== 0) return { hostname, port };
  throw usageFailure("PORT", "it is missing", `type it after the host, such as ${first} 80`);
}

/**
 * Reads a host and a port to listen on: the same forms, or `PORT` alone for 127.0.0.1. The port 0 picks a free one.
 *
 * @param words One or two words.
 * @param defaultHost The host of a `PORT` alone.
 * @throws {Failure} `USAGE`, if they are none of these.
 */
export function readListenPlace(words: readonly string[], defaultHost = LOOPBACK): HostAndPort {
  const [first = "", second] = words;
  if (second === undefined && /^\d+$/.test(first)) {
    return { hostname: defaultHost, port: readAnyPort(first) };
  }
  if (second !== undefined) return { hostname: hostAlone(first), port: readAnyPort(second) };
  // Without brackets, the last colon of an IPv6 address separates no port.
  const host = /^([^:]*|\[.*\]):0$/s.exec(first)?.[1];
  return host === undefined ? readPlace(words) : { hostname: hostAlone(host), port: 0 };
}

function readAnyPort(text: string): number {
  return text === "0" ? 0 : readPort(text);
}

/** Reads a host whose port is a word of its own. An IPv6 address may have brackets. */
function hostAlone(text: string): string {
  const { hostname, port } = readHost(text);
  if (port === undefined) return hostname;
  throw usageFailure(`cannot read the host ${quote(text)}`, "it has a port, and PORT is given too");
}

/** `--host` of a server. */
export const LISTEN_HOST = {
  type: "text",
  value: "HOST",
  form: "host",
  default: LOOPBACK,
  help: "Address to listen on; 0.0.0.0 or :: for all interfaces",
} as const;

/** `--port` of a server, without a default. */
export const LISTEN_PORT = {
  type: "integer",
  short: "p",
  value: "PORT",
  min: 0,
  max: 65_535,
  help: "Port to listen on; 0 picks a free one and prints it",
} as const;
