/**
 * How endpoints, ports and the bytes of a connection are written: read from a command line, and shown on an output.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";
import { LOOPBACK } from "../../base/host_port.ts";
import { printableBytes, quote } from "../../base/printable.ts";
import { readAddress, readHost, readPort } from "../../cli/host.ts";
import { dataFields, say } from "../../cli/json_events.ts";
import { type OutputStream, writeAll } from "../../os/io.ts";
import { type Endpoint, endpointText, writeWhole } from "../../tcp/connect.ts";

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
  const [first = "", second] = words;
  if (first.startsWith(UNIX)) return readUnix(first, second);
  if (second !== undefined) return { hostname: hostAlone(first), port: readPort(second) };
  const { hostname, port } = readAddress(first, 0);
  if (port === 0) throw portMissing(first);
  return { hostname, port };
}

/**
 * Parses an endpoint to listen on: the same forms, or `PORT` alone for 127.0.0.1. The port 0 picks a free one.
 *
 * @param words One or two words.
 * @throws {Failure} Usage, if it is none of these.
 */
export function readListenEndpoint(words: readonly string[]): Endpoint {
  const [first = "", second] = words;
  if (first.startsWith(UNIX)) return readUnix(first, second);
  if (second === undefined && /^\d+$/.test(first)) {
    return { hostname: LOOPBACK, port: readAnyPort(first) };
  }
  if (second !== undefined) return { hostname: hostAlone(first), port: readAnyPort(second) };
  // Without brackets, the last colon of an IPv6 address separates no port.
  const host = /^([^:]*|\[.*\]):0$/s.exec(first)?.[1];
  return host === undefined ? readEndpoint(words) : { hostname: hostAlone(host), port: 0 };
}

function readAnyPort(text: string): number {
  return text === "0" ? 0 : readPort(text);
}

/** Parses a host whose port is a word of its own. An IPv6 address may have brackets. */
function hostAlone(text: string): string {
  const { hostname, port } = readHost(text);
  if (port === undefined) return hostname;
  throw usageFailure(`cannot read the host ${quote(text)}`, "it has a port, and PORT is given too");
}

function readUnix(first: string, second: string | undefined): Endpoint {
  const path = first.slice(UNIX.length);
  if (path === "") throw usageFailure("cannot read the address", "unix: needs a path");
  if (second !== undefined) {
    throw usageFailure("cannot read the address", "a Unix socket has a path and no port");
  }
  return { path };
}

function portMissing(host: string) {
  return usageFailure("PORT", "it is missing", `type it after the host, such as ${host} 80`);
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

/** Prints the bytes of one connection. */
export interface Display {
  /** Prints sent bytes. Undefined if they are not shown. */
  readonly sent: ((bytes: Uint8Array) => void) | undefined;
  /** Prints received bytes. */
  received(bytes: Uint8Array): Promise<void> | void;
  /** Prints the bytes that it held back, which may be the start of a character. */
  end(): void;
}

/** The form in which bytes are printed. */
export interface DisplayOptions {
  readonly json: boolean;
  readonly hex: boolean;
  /** Whether a terminal gets the bytes unchanged. */
  readonly raw: boolean;
}

/** Returns a display for one connection. */
export function makeDisplay(output: OutputStream, { json, hex, raw }: DisplayOptions): Display {
  if (json) return jsonDisplay(output);
  if (hex) return hexDisplay(output);
  return output.isTerminal && !raw ? terminalDisplay(output) : plainDisplay(output);
}

function plainDisplay(output: OutputStream): Display {
  return { sent: undefined, received: (bytes) => writeWhole(output, bytes), end: () => {} };
}

function jsonDisplay(output: OutputStream): Display {
  const event = (name: string) => (bytes: Uint8Array) =>
    say({ output }, { event: name, fields: dataFields(bytes), lines: [] }, true);
  return { sent: event("sent"), received: event("received"), end: () => {} };
}

function hexDisplay(output: OutputStream): Display {
  const rowBytes = rowBytesFor(output.columns);
  const dump = (mark: string) => {
    let offset = 0;
    return (bytes: Uint8Array) => {
      writeAll(output, hexRows(bytes, mark, offset, rowBytes));
      offset += bytes.length;
    };
  };
  return { sent: dump(">"), received: dump("<"), end: () => {} };
}

/** A row of 16 bytes takes 79 columns. */
function rowBytesFor(columns = 80): number {
  if (columns >= 79) return 16;
  return columns >= 47 ? 8 : 4;
}

/**
 * Formats bytes as rows of an offset, the bytes in hexadecimal, and their printable ASCII characters.
 *
 * @param mark The direction: `>` for sent bytes, `<` for received ones.
 * @param offset The offset of the first byte in the stream.
 * @param rowBytes The number of bytes in a row.
 * @returns Lines, each with its line feed.
 */
export function hexRows(bytes: Uint8Array, mark: string, offset: number, rowBytes = 16): string {
  let rows = "";
  for (let at = 0; at < bytes.length; at += rowBytes) {
    const row = bytes.subarray(at, at + rowBytes);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const text = Array.from(
      row,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    ).join("");
    const where = (offset + at).toString(16).padStart(8, "0");
    rows += `${mark} ${where}  ${hex.padEnd(rowBytes * 3 - 1)}  |${text}|\n`;
  }
  return rows;
}

function terminalDisplay(output: OutputStream): Display {
  const text = new TerminalText();
  return {
    sent: undefined,
    received: (bytes) => writeAll(output, text.add(bytes)),
    end: () => writeAll(output, text.end()),
  };
}

const TAB = 9;
const NEWLINE = 10;
const RETURN = 13;

/** Turns a stream of bytes into text for a terminal. Control characters except line ends and tabs are made visible. */
export class TerminalText {
  #held: Uint8Array = new Uint8Array(0);

  /** Returns the text that can be shown now. It holds back the start of a character, and a CR that may end a line. */
  add(bytes: Uint8Array): string {
    const all = new Uint8Array(this.#held.length + bytes.length);
    all.set(this.#held);
    all.set(bytes, this.#held.length);
    const end = all.length - heldBack(all);
    this.#held = all.slice(end);
    return shown(all.subarray(0, end));
  }

  /** Returns the text that was held back. */
  end(): string {
    const held = this.#held;
    this.#held = new Uint8Array(0);
    return shown(held);
  }
}

function shown(bytes: Uint8Array): string {
  let text = "";
  let from = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte !== NEWLINE && byte !== TAB) continue;
    const end = byte === NEWLINE && at > from && bytes[at - 1] === RETURN ? at - 1 : at;
    text += printableBytes(bytes.subarray(from, end)) + String.fromCharCode(byte);
    from = at + 1;
  }
  return text + printableBytes(bytes.subarray(from));
}

/** Returns the number of bytes at the end that are an incomplete character (RFC 3629) or a CR. */
function heldBack(bytes: Uint8Array): number {
  if (bytes.at(-1) === RETURN) return 1;
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? back : 0;
    }
  }
  return 0;
}

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
