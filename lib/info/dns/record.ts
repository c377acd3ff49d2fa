/**
 * Records of the domain name system: their types, their data, and their data as text.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";

/** What each record type's data is. Names are as the resolver gives them, with a dot at the end. */
export interface RecordData {
  /** An IPv4 address (RFC 1035). */
  A: string;
  /** An IPv6 address (RFC 3596). */
  AAAA: string;
  /** The name that this is an alias of (RFC 1035). */
  CNAME: string;
  /** Where mail goes; lower preferences first (RFC 5321). */
  MX: { preference: number; exchange: string };
  /** A server of the zone (RFC 1035). */
  NS: string;
  /** The name of an address (RFC 1035). */
  PTR: string;
  /** Who is responsible for the zone, and how long its data holds, in seconds (RFC 1035). */
  SOA: {
    mname: string;
    rname: string;
    serial: number;
    refresh: number;
    retry: number;
    expire: number;
    minimum: number;
  };
  /** Where a service is (RFC 2782). */
  SRV: { priority: number; weight: number; port: number; target: string };
  /** Texts (RFC 1035): UTF-8, and `\DDD` for each byte that is not. */
  TXT: string[];
  /** Who may certify the name (RFC 8659). */
  CAA: { critical: boolean; tag: string; value: string };
  /** A rewriting rule (RFC 3403). */
  NAPTR: {
    order: number;
    preference: number;
    flags: string;
    services: string;
    regexp: string;
    replacement: string;
  };
}

/** A record type that can be asked for. */
export type RecordType = keyof RecordData;

/** Every record type that can be asked for. */
export const RECORD_TYPES: readonly RecordType[] = [
  ...["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "CAA", "NAPTR"] as const,
];

/** The data of any record. */
export type AnyData = RecordData[RecordType];

/**
 * The data of a record as master files have it (RFC 1035 section 5.1); not yet fit for a terminal.
 *
 * @param type The record's type.
 * @param data Its data.
 */
export function recordText(type: RecordType, data: AnyData): string {
  if (typeof data === "string") return data;
  if (Array.isArray(data)) return data.map(quoted).join(" ");
  const fields = Object.entries(data).map(([name, value]) => {
    if (typeof value === "boolean") return value ? "128" : "0"; // CAA's critical bit
    const text = type === "CAA" ? name === "value" : type === "NAPTR" && name !== "replacement";
    return typeof value === "string" && text ? quoted(value) : String(value);
  });
  return fields.join(" ");
}

/** A text between quotes; what is no printable character becomes `\DDD`, in decimal. */
function quoted(text: string): string {
  const escaped = text
    .replace(/\\(?!\d{3})|"/g, "\\$&")
    // deno-lint-ignore no-control-regex -- controls are what it looks for
    .replace(/[\x00-\x1f\x7f]/g, (char) => decimal(char.charCodeAt(0)));
  return `"${escaped}"`;
}

function decimal(byte: number): string {
  return `\\${String(byte).padStart(3, "0")}`;
}

/**
 * The texts of a TXT record, from the resolver's form, in which each character stands for a byte.
 *
 * @param texts Characters from U+0000 to U+00FF.
 * @returns UTF-8 where it is that, and `\DDD` for each byte that is not ASCII where it is not.
 */
export function decodeTexts(texts: readonly string[]): string[] {
  return texts.map((text) => {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return text.replace(/[\x80-\xff]/g, (char) => decimal(char.charCodeAt(0)));
    }
  });
}

/** A name as it goes out, and as it is read. */
export interface DnsName {
  /** ASCII, without a dot at the end: `xn--bcher-kva.example`; `.` is the root. */
  readonly ascii: string;
  /** In Unicode, where that differs: `bücher.example`. */
  readonly unicode: string | undefined;
}

/**
 * Reads a name.
 *
 * @param text A name, in ASCII or in Unicode.
 * @throws {Failure} `USAGE`, where it is none.
 */
export async function readDnsName(text: string): Promise<DnsName> {
  const given = text === "." ? "." : text.replace(/\.$/, "");
  const plain = /^[\x20-\x7e]*$/.test(given);
  const ascii = plain ? given.toLowerCase() : await toAscii(given);
  const wrong = whatIsWrong(ascii);
  if (wrong !== undefined) throw unreadable(text, wrong);
  const international = !plain || /(^|\.)xn--/.test(ascii);
  const unicode = international ? await toUnicode(ascii) : ascii;
  return { ascii, unicode: unicode === ascii ? undefined : unicode };
}

function whatIsWrong(name: string): string | undefined {
  if (name === ".") return undefined;
  if (name === "") return "it is empty";
  if (name.length > 253) return "it has more than 253 characters";
  const labels = name.split(".");
  const empty = labels.indexOf("");
  if (empty >= 0) return `label ${empty + 1} is empty`;
  const long = labels.find((label) => label.length > 63);
  if (long !== undefined) return `the label ${long.slice(0, 16)}… has more than 63 characters`;
  // Host names are stricter; names of other records are not (RFC 2181 section 11).
  const stranger = /[^\w*./+-]/.exec(name)?.[0];
  return stranger === undefined ? undefined : `${JSON.stringify(stranger)} is in no name`;
}

async function toAscii(text: string): Promise<string> {
  const { domainToASCII } = await import("node:url");
  const ascii = /[\s/?#@:%\\[\]]/.test(text) ? "" : domainToASCII(text);
  if (ascii === "") throw unreadable(text, "it is no internationalized name");
  return ascii;
}

async function toUnicode(ascii: string): Promise<string> {
  const { domainToUnicode } = await import("node:url");
  return domainToUnicode(ascii) || ascii; // "" where the punycode is wrong
}

function unreadable(text: string, why: string) {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return usageFailure(`cannot read the name ${JSON.stringify(shown)}`, why);
}
