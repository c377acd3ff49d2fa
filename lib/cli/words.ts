/**
 * Reads the words of a command line: options and operands by the rules of POSIX (XBD 12.2, guidelines 3 to 10) and of
 * getopt_long(3); hosts, ports and the paths of Unix sockets.
 *
 * @module
 */

// @ts-types="../../types/std.d.ts"
import type { Args } from "@std/cli/parse-args";
import { usageFailure } from "../base/failure.ts";
import { LOOPBACK } from "../base/host_port.ts";
import { quote } from "../base/printable.ts";
import type { OptionSpec } from "./spec.ts";

/** An option that was given, with its value if it takes one. */
export interface GivenOption {
  readonly name: string;
  readonly value: string | undefined;
}

/** Arguments that were read. */
export interface OptionWords {
  /** In the order in which they were given. */
  readonly given: readonly GivenOption[];
  readonly operands: readonly string[];
}

/** The first argument that is wrong. */
export class ArgumentProblem {
  /**
   * @param reason The option is unknown, its value is missing, or it has a value and takes none.
   * @param typed The option as it was typed, without a value: `-p`, `--port`.
   * @param name The option's name if the option exists.
   * @param next The text in the place of its value: after `=`, or the next argument.
   */
  constructor(
    readonly reason: "unknown" | "no value" | "extra value",
    readonly typed: string,
    readonly name: string | undefined,
    readonly next: string | undefined,
  ) {}
}

/**
 * Reads arguments. An option's value follows `=`, follows the option's letter, or is the next argument. A
 * next argument that starts with a dash is not a value, except `-`, and a number for an option that takes numbers.
 *
 * @param specs The options of the command, by name.
 * @param args The arguments after the command.
 */
export function readOptionWords(
  specs: Readonly<Record<string, OptionSpec>>,
  args: readonly string[],
): OptionWords | ArgumentProblem {
  const reader = new Reader(specs, args);
  for (let arg = reader.next(); arg !== undefined; arg = reader.next()) {
    const problem = reader.take(arg);
    if (problem !== undefined) return problem;
  }
  return reader;
}

class Reader implements OptionWords {
  readonly given: GivenOption[] = [];
  readonly operands: string[] = [];
  /** A map, since a name such as `constructor` is a property of every object. */
  readonly #specs: ReadonlyMap<string, OptionSpec>;
  readonly #names: ReadonlyMap<string, string>;
  readonly #args: string[];

  constructor(specs: Readonly<Record<string, OptionSpec>>, args: readonly string[]) {
    this.#specs = new Map(Object.entries(specs));
    this.#names = new Map(
      Object.entries(specs).flatMap(([name, { short }]) =>
        short === undefined ? [] : [[short, name] as const]
      ),
    );
    this.#args = [...args];
  }

  next(): string | undefined {
    return this.#args.shift();
  }

  take(arg: string): ArgumentProblem | undefined {
    if (arg === "--") this.operands.push(...this.#args.splice(0));
    else if (arg.startsWith("--")) return this.#takeLong(arg);
    else if (arg.startsWith("-") && arg !== "-") return this.#takeLetters(arg);
    else this.operands.push(arg);
    return undefined;
  }

  #takeLong(arg: string): ArgumentProblem | undefined {
    const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    return this.#takeOption(`--${name}`, name, value);
  }

  /** `-abc`: flags. The last one may be an option with a value, which is the rest of the argument. */
  #takeLetters(arg: string): ArgumentProblem | undefined {
    const letters = [...arg].slice(1);
    for (const [i, letter] of letters.entries()) {
      const name = this.#names.get(letter);
      const rest = letters.slice(i + 1).join("");
      // Show a number below zero completely.
      const typed = name === undefined && /^-[.\d]/.test(arg) ? arg : `-${letter}`;
      const isFlag = name !== undefined && this.#specs.get(name)?.type === "flag";
      const value = rest.startsWith("=") ? rest.slice(1) : rest === "" || isFlag ? undefined : rest;
      const problem = this.#takeOption(typed, name, value);
      if (problem !== undefined || !isFlag) return problem;
    }
    return undefined;
  }

  #takeOption(
    typed: string,
    name: string | undefined,
    attached: string | undefined,
  ): ArgumentProblem | undefined {
    const spec = name === undefined ? undefined : this.#specs.get(name);
    const next = attached ?? this.#args[0];
    if (name === undefined || spec === undefined) {
      return new ArgumentProblem("unknown", typed, undefined, next);
    }
    if (spec.type === "flag") {
      if (attached !== undefined) return new ArgumentProblem("extra value", typed, name, attached);
      this.given.push({ name, value: undefined });
      return undefined;
    }
    if (next === undefined || (attached === undefined && !isValue(spec, next))) {
      return new ArgumentProblem("no value", typed, name, next);
    }
    if (attached === undefined) this.#args.shift();
    this.given.push({ name, value: next });
    return undefined;
  }
}

/** Whether the argument after an option is its value. */
function isValue(spec: OptionSpec, next: string): boolean {
  if (!next.startsWith("-") || next === "-") return true;
  return (spec.type === "integer" || spec.type === "number") && /^-[.\d]/.test(next);
}

/** Options by name, and the operands. A flag is a boolean, any other option a list of its values. */
export type RawArgs = Args;

/**
 * Reads options.
 *
 * @param specs The options of the command.
 * @param args The arguments after the command.
 * @returns The options and operands, or the first argument that is wrong.
 */
export async function rawArgs(
  specs: Readonly<Record<string, OptionSpec>>,
  args: readonly string[],
): Promise<RawArgs | ArgumentProblem> {
  const read = readOptionWords(specs, args);
  if (read instanceof ArgumentProblem) return read;
  // Loaded here, since hosts and ports are read without it.
  // @ts-types="../../types/std.d.ts"
  const { parseArgs } = await import("@std/cli/parse-args");
  const names = Object.keys(specs);
  const isFlag = (name: string) => specs[name]?.type === "flag";
  const valued = names.filter((name) => !isFlag(name));
  // parseArgs() loses empty values and bundled letters. It gets only the form --name=value, which it reads correctly.
  return parseArgs([...read.given.map(wordOf), "--", ...read.operands], {
    string: ["_", ...valued],
    boolean: names.filter(isFlag),
    collect: valued,
  });
}

/** `--name=value`, or `--name` of a flag. */
function wordOf({ name, value }: GivenOption): string {
  return value === undefined ? `--${name}` : `--${name}=${value}`;
}

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

/** A host name in ASCII: labels (RFC 1123 section 2.1, and underscores as systems accept them), with or without the final dot. */
const ASCII_NAME = /^[\w-]{1,63}(\.[\w-]{1,63})*\.?$/;
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
  return { hostname, port: port === undefined ? undefined : readPort(port, { what }) };
}

/**
 * Reads a port.
 *
 * @param text The text that was typed.
 * @param options The subject of a failure, and the least port.
 * @throws {Failure} `USAGE`, if the text is not a port.
 */
export function readPort(
  text: string,
  { what = `cannot read the port ${quote(text)}`, least = 1 }: {
    readonly what?: string;
    readonly least?: 0 | 1;
  } = {},
): number {
  const number = Number(text);
  if (/^\d{1,5}$/.test(text) && number >= least && number <= 65_535) return number;
  throw usageFailure(what, `a port is a number from ${least} to 65535`);
}

function isName(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH && (ASCII_NAME.test(text) || isUnicodeName(text));
}

/** Whether a text is such a name in any script. The tables of Unicode for the pattern take 1 to 3 ms to make. */
function isUnicodeName(text: string): boolean {
  return /^[\p{L}\p{M}\p{N}_-]{1,63}(\.[\p{L}\p{M}\p{N}_-]{1,63})*\.?$/u.test(text);
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
  return text === "0" ? 0 : readPort(text, { least: 0 });
}

/** Reads a host whose port is a word of its own. An IPv6 address may have brackets. */
function hostAlone(text: string): string {
  const { hostname, port } = readHost(text);
  if (port === undefined) return hostname;
  throw usageFailure(`cannot read the host ${quote(text)}`, "it has a port, and PORT is given too");
}

/** The path of a Unix socket (`unix(7)`). */
export interface UnixPath {
  readonly path: string;
}

/** A host and a port, or the path of a Unix socket. */
export type PlaceOrPath = HostAndPort | UnixPath;

const UNIX = "unix:";

/**
 * Parses an endpoint to connect to: `HOST PORT`, `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.
 *
 * @param words One or two words.
 * @throws {Failure} Usage, if it is none of these.
 */
export function readEndpoint(words: readonly string[]): PlaceOrPath {
  return readUnix(words) ?? readPlace(words);
}

/**
 * Parses an endpoint to listen on: the same forms, or `PORT` alone for 127.0.0.1. The port 0 picks a free one.
 *
 * @param words One or two words.
 * @throws {Failure} Usage, if it is none of these.
 */
export function readListenEndpoint(words: readonly string[]): PlaceOrPath {
  return readUnix(words) ?? readListenPlace(words);
}

function readUnix([first = "", second]: readonly string[]): UnixPath | undefined {
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
