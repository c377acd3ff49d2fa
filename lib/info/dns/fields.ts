/**
 * The kinds of fields in the data of records. Each is decoded to a JSON value and formatted as dig(1) does.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { printable } from "../../base/printable.ts";
import { ipv6Plain } from "../address/inet.ts";
import type { MessageReader } from "./message.ts";
import { decimalEscape } from "./name.ts";

/** A field as a JSON value. */
export type FieldValue =
  | string
  | number
  | readonly string[]
  | { readonly [name: string]: string | number | boolean | readonly string[] };

/** How to format data. */
export interface TextStyle {
  /** Whether to format bytes outside ASCII as `\DDD` in texts too. By default UTF-8 is kept. */
  readonly ascii?: boolean;
  /** Formats a domain name. The default keeps it. */
  readonly name?: (name: string) => string;
}

/** A kind of field. */
export interface FieldKind {
  /** Decodes a field. Throws {@linkcode MalformedError}. */
  read(reader: MessageReader): FieldValue;
  /** Formats it. The default is `String()`. */
  text?(value: never, style: TextStyle): string;
}

/** dig(1) splits hex and base64 into groups of 56 characters. */
const SPLIT = /.{56}(?=.)/g;

function split(text: string): string {
  return text.replace(SPLIT, "$& ");
}

function list(values: readonly string[]): string {
  return values.join(" ");
}

/** The kinds by their name in the layouts of `record.ts`, except those whose values are record types. */
export const FIELD_KINDS: Readonly<Record<string, FieldKind>> = {
  u8: { read: (reader) => reader.u8() },
  u16: { read: (reader) => reader.u16() },
  u32: { read: (reader) => reader.u32() },
  name: {
    read: (reader) => reader.name(),
    text: (name: string, style) => style.name?.(name) ?? name,
  },
  ipv4: { read: (reader) => reader.raw(4).join(".") },
  ipv6: { read: (reader) => ipv6Plain(reader.raw(16)) },
  eui48: { read: (reader) => pairs(reader.raw(6)) },
  eui64: { read: (reader) => pairs(reader.raw(8)) },
  locator: { read: (reader) => [1, 2, 3, 4].map(() => reader.u16().toString(16)).join(":") },
  string: { read: readString, text: quotedField },
  strings: {
    read(reader) {
      const strings = [readString(reader)];
      while (reader.left > 0) strings.push(readString(reader));
      return strings;
    },
    text: (values: readonly string[], style) =>
      list(values.map((each) => quotedField(each, style))),
  },
  tag: { read: readTag },
  remaining: { read: (reader) => stringOf(reader.rest()), text: quotedField },
  hex: { read: (reader) => hex(reader.rest()), text: split },
  base64: { read: (reader) => reader.rest().toBase64(), text: split },
  salt: { read: (reader) => hex(reader.raw(reader.u8())) || "-" },
  hash: { read: (reader) => base32(reader.raw(reader.u8())) },
  time: { read: (reader) => timeText(reader.u32(), Date.now() / 1000) },
  certificate: { read: (reader) => named(CERTIFICATE_TYPES, reader.u16()) },
  algorithm: { read: (reader) => named(ALGORITHMS, reader.u8()) },
  location: { read: readLocation, text: (value: Location) => list(Object.values(value)) },
  parameters: { read: readParameters, text: parametersText },
};

function hex(bytes: Uint8Array): string {
  return bytes.toHex().toUpperCase();
}

function pairs(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("-");
}

function readString(reader: MessageReader): string {
  return stringOf(reader.raw(reader.u8()));
}

function quotedField(value: string, { ascii = false }: TextStyle): string {
  return quoted(value, ascii);
}

/** The tag of a CAA record: letters and digits (RFC 8659 section 4.1). */
function readTag(reader: MessageReader): string {
  const tag = String.fromCharCode(...reader.raw(reader.u8()));
  if (!/^[0-9a-z]+$/i.test(tag)) {
    throw new MalformedError("a tag has other characters than letters and digits");
  }
  return tag;
}

/** Encodes base32hex without padding (RFC 4648 section 7). */
function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => parseInt(group.padEnd(5, "0"), 2).toString(32)).join("")
    .toUpperCase();
}

/**
 * Formats a 32-bit time as `YYYYMMDDHHmmSS` (RFC 4034 section 3.2). Of the times that it may mean, it chooses the one
 * nearest to now (RFC 1982).
 */
function timeText(seconds: number, now: number): string {
  const rounds = Math.round((now - seconds) / 2 ** 32);
  const date = new Date((seconds + Math.max(0, rounds) * 2 ** 32) * 1000);
  return date.toISOString().replace(/\.\d+Z$|[-:T]/g, "");
}

function named(names: Readonly<Record<number, string>>, number: number): string {
  return names[number] ?? String(number);
}

/** Certificate types (RFC 4398 section 2.1). They were compared with ldns 1.8.3 and dnspython. */
const CERTIFICATE_TYPES: Readonly<Record<number, string>> = {
  1: "PKIX",
  2: "SPKI",
  3: "PGP",
  4: "IPKIX",
  5: "ISPKI",
  6: "IPGP",
  7: "ACPKIX",
  8: "IACPKIX",
  253: "URI",
  254: "OID",
};

/** Mnemonics of DNSSEC algorithms (IANA's registry), for CERT records. They were compared with BIND 9.18.49. */
const ALGORITHMS: Readonly<Record<number, string>> = {
  1: "RSAMD5",
  2: "DH",
  3: "DSA",
  5: "RSASHA1",
  6: "NSEC3DSA",
  7: "NSEC3RSASHA1",
  8: "RSASHA256",
  10: "RSASHA512",
  12: "ECCGOST",
  13: "ECDSAP256SHA256",
  14: "ECDSAP384SHA384",
  15: "ED25519",
  16: "ED448",
  252: "INDIRECT",
  253: "PRIVATEDNS",
  254: "PRIVATEOID",
};

/** The fields of a LOC record (RFC 1876 section 3), in the order of its text. */
type Location = Readonly<
  Record<
    "latitude" | "longitude" | "altitude" | "size" | "horizontal_precision" | "vertical_precision",
    string
  >
>;

function readLocation(reader: MessageReader): Location {
  if (reader.u8() !== 0) throw new MalformedError("an unknown version of LOC");
  const [size, horizontal, vertical] = [reader.u8(), reader.u8(), reader.u8()].map(sizeText);
  return {
    latitude: angleText(reader.u32(), 90, "NS"),
    longitude: angleText(reader.u32(), 180, "EW"),
    altitude: altitudeText(reader.u32()),
    size: size!,
    horizontal_precision: horizontal!,
    vertical_precision: vertical!,
  };
}

/** Formats a size in centimetres, encoded as a digit and a power of ten. */
function sizeText(byte: number): string {
  const [digit, power] = [byte >> 4, byte & 15];
  if (digit > 9 || power > 9) throw new MalformedError("a size of more than 9e9 cm");
  if (power >= 2) return `${digit * 10 ** (power - 2)}m`;
  return `0.${String(digit * 10 ** power).padStart(2, "0")}m`;
}

/** Formats an angle in thousandths of an arc second, with 2^31 as zero. */
function angleText(value: number, most: number, signs: string): string {
  const away = Math.abs(value - 2 ** 31);
  if (away > most * 3_600_000) throw new MalformedError("an angle out of range");
  const seconds = Math.floor(away / 1000);
  const thousandths = String(away % 1000).padStart(3, "0");
  const sign = value >= 2 ** 31 ? signs[0] : signs[1];
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} ${minutes % 60} ${seconds % 60}.${thousandths} ${sign}`;
}

/** Formats an altitude in centimetres, with 100 km below the ellipsoid as zero. */
function altitudeText(value: number): string {
  const away = Math.abs(value - 10_000_000);
  const sign = value < 10_000_000 ? "-" : "";
  return `${sign}${Math.floor(away / 100)}.${String(away % 100).padStart(2, "0")}m`;
}

type Parameters = { readonly [name: string]: string | number | boolean | readonly string[] };

/** A kind of parameter of SVCB and HTTPS records. */
interface ParameterKind {
  read(reader: MessageReader): string | number | boolean | readonly string[];
  /** Undefined if it has no value. */
  text?(value: never, style: TextStyle): string;
}

/**
 * The parameters by number (RFC 9460 section 14.3.2, RFC 9461). They are those of BIND 9.18.49. As there, `ohttp` is
 * `key8` (RFC 9540), and later parameters are numbers too.
 */
const PARAMETERS: readonly (readonly [name: string, kind: ParameterKind])[] = [
  ["mandatory", {
    read: (reader) => many(reader, () => parameterName(reader.u16())),
    text: (names: readonly string[]) => names.join(","),
  }],
  ["alpn", { read: (reader) => many(reader, () => readString(reader)), text: protocolsText }],
  ["no-default-alpn", { read: () => true }],
  ["port", { read: (reader) => reader.u16(), text: String }],
  ["ipv4hint", {
    read: (reader) => many(reader, () => reader.raw(4).join(".")),
    text: (addresses: readonly string[]) => addresses.join(","),
  }],
  ["ech", { read: (reader) => reader.rest().toBase64(), text: (ech: string) => ech }],
  ["ipv6hint", {
    read: (reader) => many(reader, () => ipv6Plain(reader.raw(16))),
    text: (addresses: readonly string[]) => addresses.join(","),
  }],
  ["dohpath", { read: (reader) => stringOf(reader.rest()), text: quotedField }],
];

/** The kind of unknown parameters. */
const UNKNOWN: ParameterKind = { read: (reader) => stringOf(reader.rest()), text: quotedField };

function parameterName(key: number): string {
  return PARAMETERS[key]?.[0] ?? `key${key}`;
}

/** Reads at least one value, up to the end. */
function many(reader: MessageReader, read: () => string): string[] {
  const values = [read()];
  while (reader.left > 0) values.push(read());
  return values;
}

/** Decodes service parameters (RFC 9460 section 2.2). Keys must be in strictly ascending order. */
function readParameters(reader: MessageReader): Parameters {
  const parameters: Record<string, string | number | boolean | readonly string[]> = {};
  for (let before = -1; reader.left > 0;) {
    const [key, length] = [reader.u16(), reader.u16()];
    if (key <= before) throw new MalformedError("parameters out of order");
    before = key;
    const value = reader.part(length);
    const kind = PARAMETERS[key]?.[1] ?? UNKNOWN;
    parameters[parameterName(key)] = kind.read(value);
    if (value.left > 0) throw new MalformedError("a parameter is too long");
  }
  return parameters;
}

function parametersText(parameters: Parameters, style: TextStyle): string {
  return list(
    Object.entries(parameters).map(([name, value]) => {
      const kind = PARAMETERS.find(([each]) => each === name)?.[1] ?? UNKNOWN;
      if (kind.text === undefined || value === "") return name;
      return `${name}=${kind.text(value as never, style)}`;
    }),
  );
}

/** Formats the protocols of `alpn`. Commas and backslashes in a protocol are escaped (RFC 9460 appendix A.1). */
function protocolsText(protocols: readonly string[], style: TextStyle): string {
  const texts = protocols.map((each) => quotedField(each, style).slice(1, -1));
  return `"${
    texts.map((text) => text.replace(/\\\\/g, "\\\\\\\\").replace(/,/g, "\\\\,")).join(",")
  }"`;
}

/** Backslashes that would be parsed as the start of an escape. */
const BEFORE_ESCAPE = /\\+(?=\d{3}|[\x80-\xff])/g;

/**
 * Converts the bytes of a text (a character-string, RFC 1035 section 3.3) to a JSON string. UTF-8 is decoded. Otherwise
 * each byte outside ASCII becomes `\DDD`. Backslashes before three digits or such a byte are doubled, so different
 * bytes give different strings.
 *
 * @param octets Any bytes.
 */
export function stringOf(octets: Uint8Array): string {
  const text = fromUtf8(octets);
  if (text !== undefined) return text.replace(/\\+(?=\d{3})/g, "$&$&");
  return latin1(octets).replace(BEFORE_ESCAPE, "$&$&")
    .replace(/[\x80-\xff]/g, (char) => decimalEscape(char.charCodeAt(0)));
}

/**
 * Converts a JSON string back to bytes.
 *
 * @param text A result of {@linkcode stringOf}.
 */
export function octetsOf(text: string): Uint8Array<ArrayBuffer> {
  const octets: number[] = [];
  const encoder = new TextEncoder();
  let at = 0;
  for (const { 0: whole, 1: run = "", 2: digits = "", index } of text.matchAll(/(\\+)(\d{3})/g)) {
    for (const octet of encoder.encode(text.slice(at, index))) octets.push(octet);
    const half = "\\".repeat(Math.floor(run.length / 2));
    for (const octet of encoder.encode(half)) octets.push(octet);
    if (run.length % 2 === 1) octets.push(Number(digits));
    else for (const octet of encoder.encode(digits)) octets.push(octet);
    at = index + whole.length;
  }
  for (const octet of encoder.encode(text.slice(at))) octets.push(octet);
  return Uint8Array.from(octets);
}

/**
 * Formats a text in quotation marks, in the form of RFC 1035 section 5.1.
 *
 * @param text A result of {@linkcode stringOf}.
 * @param ascii Whether to format each byte outside ASCII as `\DDD`. By default UTF-8 that is safe for a terminal is
 * kept.
 */
export function quoted(text: string, ascii = false): string {
  return `"${escaped(text, ascii)}"`;
}

function escaped(text: string, ascii: boolean): string {
  if (/^[\x20\x21\x23-\x5b\x5d-\x7e]*$/.test(text)) return text;
  const octets = octetsOf(text);
  const utf8 = ascii ? undefined : fromUtf8(octets);
  // Control characters outside ASCII and direction marks would change what is shown.
  const readable = utf8 !== undefined && isFit(utf8);
  return Array.from(readable ? utf8 : latin1(octets), (char) => {
    if (char === '"' || char === "\\") return `\\${char}`;
    return char >= " " && char <= "~" || readable && char > "\x7f"
      ? char
      : decimalEscape(char.charCodeAt(0));
  }).join("");
}

/** Returns whether a text is safe for a terminal, apart from ASCII control characters. */
function isFit(text: string): boolean {
  const beyond = Array.from(text).filter((char) => char > "\x7f").join("");
  return printable(beyond) === beyond;
}

function fromUtf8(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(octets);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return undefined;
  }
}

function latin1(octets: Uint8Array): string {
  return Array.from(octets, (octet) => String.fromCharCode(octet)).join("");
}
