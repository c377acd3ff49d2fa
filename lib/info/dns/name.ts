/**
 * Domain names, name servers, and what this machine itself knows of names. Names may contain any bytes (RFC 2181
 * section 11).
 *
 * Inside parley a name is text in the form of RFC 1035 section 5.1 with a final dot. Each name has exactly one such
 * text, so names are compared as text.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import { isGranted } from "../../os/io.ts";

/** The most bytes of a label (RFC 1035 section 2.3.4). */
const MAX_LABEL = 63;

/** The most bytes of an encoded name, length bytes included (RFC 1035 section 2.3.4). */
export const MAX_NAME = 255;

/** The text of each byte in a name. */
export const NAME_OCTETS: readonly string[] = Array.from({ length: 256 }, (_, octet) => {
  const char = String.fromCharCode(octet);
  if (octet < 0x21 || octet > 0x7e) return decimalEscape(octet);
  return '"().;\\@$'.includes(char) ? `\\${char}` : char;
});

/** Formats a byte as `\DDD`, in decimal. */
export function decimalEscape(octet: number): string {
  return `\\${String(octet).padStart(3, "0")}`;
}

/**
 * Formats labels as text.
 *
 * @param labels The bytes of each label; empty for the root.
 * @returns The name with a final dot.
 */
export function nameText(labels: readonly Uint8Array[]): string {
  if (labels.length === 0) return ".";
  return labels.map((label) => `${labelText(label)}.`).join("");
}

function labelText(label: Uint8Array): string {
  let text = "";
  for (const octet of label) text += NAME_OCTETS[octet];
  return text;
}

/**
 * Parses a name into labels.
 *
 * @param text A name in the form of RFC 1035 section 5.1, with or without a final dot. Characters outside ASCII are
 * encoded as UTF-8.
 * @returns The bytes of each label; empty for the root, `.`.
 * @throws {NameError} If the name or a label is empty or too long, or an escape is invalid.
 */
export function readLabels(text: string): Uint8Array<ArrayBuffer>[] {
  if (text === ".") return [];
  const labels = splitLabels(text).map(labelOctets);
  if (labels.length > 1 && labels.at(-1)!.length === 0) labels.pop();
  return checkedLabels(labels, text);
}

/** Thrown for text that is not a domain name. */
export class NameError extends Error {}

function checkedLabels<L extends Uint8Array>(labels: readonly L[], text: string): L[] {
  if (text === "") throw new NameError("it is empty");
  const length = labels.reduce((sum, label) => sum + label.length + 1, 1);
  // The length is the more useful error if a label is empty too.
  if (length > MAX_NAME) throw new NameError("it has more than 253 characters");
  const empty = labels.findIndex((label) => label.length === 0);
  if (empty >= 0) throw new NameError(`label ${empty + 1} is empty`);
  const long = labels.find((label) => label.length > MAX_LABEL);
  if (long === undefined) return [...labels];
  const shown = labelText(long.subarray(0, 16));
  throw new NameError(`the label ${shown}… has more than 63 characters`);
}

/** One character of a name: an escape, a dot or any other. */
const CHARACTER = /\\\d{3}|\\[^\d]|\\|[^\\]/gsu;

/** Splits a name at the dots that end labels. Keeps escapes. */
function splitLabels(text: string): string[] {
  if (!text.includes("\\")) return text.split(".");
  const labels = [""];
  for (const [character] of text.matchAll(CHARACTER)) {
    if (character === ".") labels.push("");
    else labels[labels.length - 1] += character;
  }
  return labels;
}

const encoder = new TextEncoder();

function labelOctets(text: string): Uint8Array<ArrayBuffer> {
  if (!text.includes("\\")) return encoder.encode(text);
  const octets = Array.from(text.matchAll(CHARACTER)).flatMap(([character]) => {
    if (!character.startsWith("\\")) return [...encoder.encode(character)];
    const escaped = character.slice(1);
    if (escaped === "") {
      throw new NameError("a \\ is followed by neither a character nor three digits");
    }
    if (!/^\d{3}$/.test(escaped)) return [...encoder.encode(escaped)];
    if (Number(escaped) > 255) {
      throw new NameError(`\\${escaped} is not a byte: the largest is \\255`);
    }
    return [Number(escaped)];
  });
  return Uint8Array.from(octets);
}

/**
 * Returns the form of a name that is equal for equal names: with ASCII letters in lower case (RFC 4343) and a final
 * dot.
 *
 * @param name A name in the form of {@linkcode nameText}, with or without the final dot.
 */
export function comparable(name: string): string {
  const lower = /[A-Z]/.test(name)
    ? name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    : name;
  return endsWithDot(lower) ? lower : `${lower}.`;
}

/** Removes the final dot of a name, except from the root. */
export function withoutDot(name: string): string {
  return name !== "." && endsWithDot(name) ? name.slice(0, -1) : name;
}

/** Returns whether a name has a final dot. In `a\.` the dot is part of the label. */
function endsWithDot(name: string): boolean {
  if (!name.endsWith(".")) return false;
  let backslashes = 0;
  while (name[name.length - 2 - backslashes] === "\\") backslashes += 1;
  return backslashes % 2 === 0;
}

/** Returns whether a name is equal to another or a subdomain of it. */
export function isWithin(name: string, ancestor: string): boolean {
  if (ancestor === ".") return true;
  const [low, high] = [comparable(name), comparable(ancestor)];
  if (low === high) return true;
  // The dot before the ancestor must end a label.
  return low.endsWith(`.${high}`) && endsWithDot(low.slice(0, -high.length));
}

/** A name in ASCII and in Unicode. */
export interface DnsName {
  /** The name in ASCII without a final dot: `xn--bcher-kva.example`, `my\032printer.example`; `.` is the root. */
  readonly ascii: string;
  /** The name in Unicode: `bücher.example`; undefined if it is the same. */
  readonly unicode: string | undefined;
}

/**
 * Parses a name that a person typed.
 *
 * @param text A name in ASCII, in which `\DDD` stands for any byte, or in Unicode, which is mapped by UTS #46.
 * @throws {Failure} `USAGE` if it is not a name.
 */
export async function readDnsName(text: string): Promise<DnsName> {
  const url = /^[a-z][a-z0-9+.-]*:\/\/([^/\s]*)/i.exec(text);
  if (url !== null) throw unreadable(text, "it is a URL, not a name", url[1]);
  const plain = ASCII.test(text);
  try {
    const given = plain ? text : await toAscii(text);
    const ascii = withoutDot(comparable(nameText(readLabels(given))));
    const international = !plain || /(^|\.)xn--/.test(ascii);
    const unicode = international ? await toUnicode(ascii) : ascii;
    return { ascii, unicode: unicode === ascii ? undefined : unicode };
  } catch (error) {
    if (error instanceof NameError) throw unreadable(text, error.message);
    throw error;
  }
}

// deno-lint-ignore no-control-regex -- a name may contain any byte
const ASCII = /^[\x00-\x7f]*$/;

/** Characters of URLs and addresses. An internationalized name has none of them, in any width. */
const OF_URLS = /[/:@[\]]/;

const FILLERS = /[\u115f\u1160\u17b4\u17b5\u3164\uffa0]/g;

async function toAscii(text: string): Promise<string> {
  const { domainToASCII } = await import("node:url");
  // The runtime's tables are those of Unicode 15. Unicode 16 maps more capitals to small letters and ignores fillers.
  // Each letter is mapped alone, because a sigma at the end of a word has another small letter.
  const small = Array.from(text.replace(FILLERS, ""), (character) => character.toLowerCase()).join(
    "",
  );
  const ascii = text.includes("\\") ? "" : domainToASCII(small);
  if (ascii !== "" && !OF_URLS.test(text.normalize("NFKC"))) return ascii;
  throw new NameError("it is not an internationalized name");
}

async function toUnicode(ascii: string): Promise<string> {
  return /(^|\.)xn--/.test(ascii) ? (await loadUnicode())(ascii) : ascii;
}

/**
 * Loads the decoder of punycode (RFC 3492).
 *
 * @returns A function that decodes the punycode labels of a name.
 */
export async function loadUnicode(): Promise<(name: string) => string> {
  const { domainToUnicode } = await import("node:url");
  const readable = (label: string) => {
    if (!/^xn--/i.test(label) || label.includes("\\")) return label;
    return domainToUnicode(label) || label; // "" for invalid punycode
  };
  return (name) => splitLabels(name).map(readable).join(".");
}

function unreadable(text: string, why: string, meant?: string) {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  const hint = meant === undefined || meant === "" ? undefined : `did you mean ${meant}?`;
  return usageFailure(`cannot read the name ${JSON.stringify(shown)}`, why, hint);
}

/** How to complete a name that is not fully qualified, from resolv.conf(5). */
export interface SearchList {
  /** The domains to append. */
  readonly domains: readonly string[];
  /** A name with at least this number of dots is tried unchanged first. */
  readonly ndots: number;
}

/** The content of resolv.conf(5). */
export interface ResolvConf extends SearchList {
  /** The name servers, in order. */
  readonly nameServers: readonly string[];
}

/** The limits of the C library. */
const MAX_DOMAINS = 32;
const MAX_NDOTS = 15;

/**
 * Parses resolv.conf(5).
 *
 * @param text The content of the file.
 */
export function readResolvConf(text: string): ResolvConf {
  const nameServers: string[] = [];
  let domains: readonly string[] = [];
  let ndots = 1;
  for (const line of text.split(/\r?\n/)) {
    const [keyword, ...words] = line.trim().split(/\s+/);
    if (keyword === "nameserver" && words[0] !== undefined) nameServers.push(words[0]);
    // The last of these lines applies.
    if (keyword === "domain" || keyword === "search") domains = words.slice(0, MAX_DOMAINS);
    if (keyword !== "options") continue;
    const dots = words.map((word) => /^ndots:(\d+)$/.exec(word)?.[1]).findLast(Boolean);
    if (dots !== undefined) ndots = Math.min(Number(dots), MAX_NDOTS);
  }
  return { nameServers, domains, ndots };
}

/**
 * Returns the fully qualified names to try for a name, in order.
 *
 * @param name A name. With a final dot it is fully qualified.
 * @param search The domains to append.
 */
export function candidates(name: string, { domains, ndots }: SearchList): string[] {
  if (name.endsWith(".")) return [name];
  const dots = name.split(".").length - 1;
  const longer = domains.map((domain) => domain === "." ? name : `${name}.${domain}`);
  return [...new Set(dots >= ndots ? [name, ...longer] : [...longer, name])];
}

/** The address of a name server. */
export interface NameServer {
  /** An IP address. With TLS, a host name is possible too. */
  readonly hostname: string;
  /** Usually 53, with TLS 853, with HTTPS 443. */
  readonly port: number;
  /** The URL for HTTPS (RFC 8484): `https://dns.example/dns-query`. */
  readonly url?: string;
}

/**
 * Parses the URL of a name server over HTTPS.
 *
 * @throws {Failure} `USAGE`, if it is not a URL of https.
 */
export function readServerUrl(text: string): NameServer {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:") {
    const what = `cannot ask ${printable(text)}`;
    throw usageFailure(what, "it is not a URL such as https://NAME/dns-query");
  }
  const port = url.port === "" ? 443 : Number(url.port);
  return { hostname: url.hostname.replace(/^\[|\]$/g, ""), port, url: url.href };
}

/** Formats a name server as `ADDRESS:PORT` or as its URL. */
export function serverText(server: NameServer): string {
  return server.url ?? hostPort(server);
}

/**
 * Parses the addresses of name servers.
 *
 * @param servers Addresses with or without a port: `192.0.2.53`, `[2001:db8::53]:5353`.
 * @returns The servers without duplicates. The default port is 53.
 */
export function readNameServers(servers: readonly string[]): NameServer[] {
  return [...new Set(servers)].map((server) => {
    const [, hostname, port] = /^\[(.+)\](?::(\d+))?$/.exec(server) ??
      /^([^:]+):(\d+)$/.exec(server) ?? [];
    return { hostname: hostname ?? server, port: Number(port ?? 53) };
  });
}

/** Appends the final dot, so that the runtime adds no search domain (resolv.conf(5)). */
export function whole(name: string): string {
  return name.endsWith(".") ? name : `${name}.`;
}

const HOST = "127.0.0.1";

/** The types that a hosts file can answer. */
const LOCAL_TYPES: readonly string[] = ["A", "AAAA", "PTR"];

/**
 * Returns whether the runtime answers a question without a name server. It does not report that, so it gets a socket of
 * this process as its name server: an answer without a datagram on that socket comes from this machine. Nothing is
 * sent to other hosts.
 *
 * @param name An ASCII name.
 * @param type The record type.
 * @param signal Aborts the question.
 * @returns Undefined without the permission to receive on 127.0.0.1.
 * @throws {unknown} The signal's reason.
 */
export async function isAnsweredHere(
  name: string,
  type: string,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  if (!LOCAL_TYPES.includes(type)) return false;
  if (!isGranted({ name: "net", host: HOST })) return undefined;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: HOST, port: 0 });
  const done = new AbortController();
  const { port } = socket.addr as Deno.NetAddr;
  const options = {
    nameServer: { ipAddr: HOST, port },
    signal: AbortSignal.any([signal, done.signal]),
  };
  const answer = Deno.resolveDns(whole(name), type as Deno.RecordType, options).then(
    (records) => records.length > 0,
    () => {
      signal.throwIfAborted();
      return false; // the socket received the question, or this machine answered that there is no record
    },
  );
  try {
    return await Promise.race([answer, socket.receive().then(() => false)]);
  } finally {
    done.abort();
    socket.close();
  }
}

/** Returns the system's name servers in order of preference; empty without the permission to read them. */
export async function systemServers(): Promise<NameServer[]> {
  if (!isGranted({ name: "sys", kind: "networkInterfaces" })) return [];
  const { getServers } = await import("node:dns");
  return readNameServers(getServers());
}
