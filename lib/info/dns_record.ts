/**
 * Records of the domain name system: their types, their data, and their data as text.
 *
 * @module
 */

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
