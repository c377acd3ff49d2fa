/**
 * DNS records: their types, their data, and the text of their data.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { nearest, usageFailure } from "../../base/failure.ts";
import { FIELD_KINDS, type FieldKind, type FieldValue, type TextStyle } from "./fields.ts";
import { type MessageReader, type RawRecord, rdataReader } from "./message.ts";
import { withoutDot } from "./name.ts";

/** The data of the most common types. Names have a final dot. */
export interface RecordData {
  /** An IPv4 address (RFC 1035). */
  A: string;
  /** An IPv6 address (RFC 3596). */
  AAAA: string;
  /** The name that the owner is an alias of (RFC 1035). */
  CNAME: string;
  /** A mail server; the lowest preference is tried first (RFC 5321). */
  MX: { preference: number; exchange: string };
  /** A name server of the zone (RFC 1035). */
  NS: string;
  /** The name of an address (RFC 1035). */
  PTR: string;
  /** The zone's primary server, contact and times in seconds (RFC 1035). */
  SOA: {
    mname: string;
    rname: string;
    serial: number;
    refresh: number;
    retry: number;
    expire: number;
    minimum: number;
  };
  /** The host and port of a service (RFC 2782). */
  SRV: { priority: number; weight: number; port: number; target: string };
  /** Texts (RFC 1035). Bytes that are not UTF-8 are `\DDD`, and backslashes are doubled where that is ambiguous. */
  TXT: string[];
  /** An authority that may issue certificates for the name (RFC 8659). */
  CAA: { flags: number; tag: string; value: string };
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

/** The name of a record type: `MX`, or `TYPE65280` (RFC 3597). */
export type RecordType = keyof RecordData | (string & Record<never, never>);

/** The record types of {@linkcode RecordData}. {@linkcode DNS_TYPES} has all. */
export const RECORD_TYPES: readonly (keyof RecordData)[] = [
  ...["A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", "CAA", "NAPTR"] as const,
];

/** The data of a record: a value, or named values. The data of an unknown type is `\# 2 ABCD` (RFC 3597 section 5). */
export type AnyData = FieldValue;

/** A record. */
export interface DnsRecord {
  /** The owner, without a final dot. */
  readonly name: string;
  /** The type, such as `MX`. */
  readonly type: RecordType;
  /** The class, usually `IN`. */
  readonly class: string;
  /** The time to live in seconds; null if the resolver does not report it. */
  readonly ttl: number | null;
  /** The data. */
  readonly data: AnyData;
}

/** Decodes a record. Data that does not fit its type is treated as that of an unknown type. */
export function readRecord(raw: RawRecord): DnsRecord {
  const type = typeName(raw.type);
  const { name, class: of, ttl } = raw;
  return { name: withoutDot(name), type, class: className(of), ttl, data: readData(type, raw) };
}

function readData(type: string, raw: RawRecord): AnyData {
  const fields = fieldsOf(type);
  if (fields === undefined || raw.class !== 1) return unknownData(raw.rdata);
  const reader = rdataReader(raw);
  try {
    const values: [string | undefined, FieldValue][] = [];
    for (const { name, kind } of fields) values.push([name, KINDS[kind]!.read(reader)]);
    if (reader.left > 0) return unknownData(raw.rdata);
    const [first] = values;
    if (first?.[0] === undefined) return first![1];
    return Object.fromEntries(values) as AnyData;
  } catch (error) {
    if (error instanceof MalformedError) return unknownData(raw.rdata);
    throw error;
  }
}

/** Formats the data of an unknown type (RFC 3597 section 5). */
function unknownData(rdata: Uint8Array): string {
  return `\\# ${rdata.length} ${rdata.toHex().toUpperCase()}`.trimEnd();
}

/**
 * Formats the data of a record for a master file (RFC 1035 section 5.1), as dig(1) does.
 *
 * @param type The record's type.
 * @param data The record's data.
 * @param style How to format names and texts.
 */
export function recordText(type: RecordType, data: AnyData, style: TextStyle = {}): string {
  if (typeof data === "string" && data.startsWith("\\# ")) return unknownText(data);
  const fields = fieldsOf(type);
  if (fields === undefined) return String(data);
  const texts = fields.map(({ name, kind }) => {
    const value = name === undefined ? data : (data as Record<string, FieldValue>)[name]!;
    return KINDS[kind]!.text?.(value as never, style) ?? String(value);
  });
  return texts.filter((text) => text !== "").join(" ");
}

/** Splits the hex of an unknown type as dig(1) does. */
function unknownText(data: string): string {
  const [, length, hex] = data.split(" ");
  return hex === undefined ? data : `\\# ${length} ${hex.replace(/.{56}(?=.)/g, "$& ")}`;
}

/**
 * The number of each type (IANA's registry of DNS parameters), followed by its fields as `NAME:KIND`. The kinds are
 * those of `fields.ts`. A single field without a name is the whole data. Without fields, the data is not decoded.
 *
 * The numbers were compared with BIND 9.18.49, Net::DNS 1.36, ldns 1.8.3 and Knot DNS 3.2.6. Each type is in one of
 * them at least. NXNAME (128, RFC 9824) is left out, because dig(1) of BIND 9.18 formats it as `TYPE128`.
 */
const LAYOUTS = {
  A: "1 ipv4",
  NS: "2 name",
  MD: "3 name",
  MF: "4 name",
  CNAME: "5 name",
  SOA: "6 mname:name rname:name serial:u32 refresh:u32 retry:u32 expire:u32 minimum:u32",
  MB: "7 name",
  MG: "8 name",
  MR: "9 name",
  NULL: "10",
  WKS: "11",
  PTR: "12 name",
  HINFO: "13 cpu:string os:string",
  MINFO: "14 rmailbox:name emailbox:name",
  MX: "15 preference:u16 exchange:name",
  TXT: "16 strings",
  RP: "17 mailbox:name text:name",
  AFSDB: "18 subtype:u16 hostname:name",
  X25: "19 string",
  ISDN: "20 strings",
  RT: "21 preference:u16 host:name",
  NSAP: "22",
  "NSAP-PTR": "23 name",
  SIG:
    "24 covered:old_type algorithm:u8 labels:u8 ttl:u32 expiration:time inception:time key_tag:u16 signer:name signature:base64",
  KEY: "25 flags:u16 protocol:u8 algorithm:u8 key:base64",
  PX: "26 preference:u16 map822:name mapx400:name",
  GPOS: "27 longitude:string latitude:string altitude:string",
  AAAA: "28 ipv6",
  LOC: "29 location",
  NXT: "30",
  EID: "31",
  NIMLOC: "32",
  SRV: "33 priority:u16 weight:u16 port:u16 target:name",
  ATMA: "34",
  NAPTR: "35 order:u16 preference:u16 flags:string services:string regexp:string replacement:name",
  KX: "36 preference:u16 exchanger:name",
  CERT: "37 certificate_type:certificate key_tag:u16 algorithm:algorithm certificate:base64",
  A6: "38",
  DNAME: "39 name",
  SINK: "40",
  APL: "42",
  DS: "43 key_tag:u16 algorithm:u8 digest_type:u8 digest:hex",
  SSHFP: "44 algorithm:u8 fingerprint_type:u8 fingerprint:hex",
  IPSECKEY: "45",
  RRSIG:
    "46 covered:type algorithm:u8 labels:u8 ttl:u32 expiration:time inception:time key_tag:u16 signer:name signature:base64",
  NSEC: "47 next:name types:types",
  DNSKEY: "48 flags:u16 protocol:u8 algorithm:u8 key:base64",
  DHCID: "49 base64",
  NSEC3: "50 algorithm:u8 flags:u8 iterations:u16 salt:salt next:hash types:types",
  NSEC3PARAM: "51 algorithm:u8 flags:u8 iterations:u16 salt:salt",
  TLSA: "52 usage:u8 selector:u8 matching_type:u8 data:hex",
  SMIMEA: "53 usage:u8 selector:u8 matching_type:u8 data:hex",
  HIP: "55",
  NINFO: "56 strings",
  RKEY: "57 flags:u16 protocol:u8 algorithm:u8 key:base64",
  TALINK: "58 previous:name next:name",
  CDS: "59 key_tag:u16 algorithm:u8 digest_type:u8 digest:hex",
  CDNSKEY: "60 flags:u16 protocol:u8 algorithm:u8 key:base64",
  OPENPGPKEY: "61 base64",
  CSYNC: "62 serial:u32 flags:u16 types:types",
  ZONEMD: "63 serial:u32 scheme:u8 algorithm:u8 digest:hex",
  SVCB: "64 priority:u16 target:name parameters:parameters",
  HTTPS: "65 priority:u16 target:name parameters:parameters",
  DSYNC: "66",
  HHIT: "67",
  BRID: "68",
  SPF: "99 strings",
  UINFO: "100",
  UID: "101",
  GID: "102",
  UNSPEC: "103",
  NID: "104 preference:u16 node:locator",
  L32: "105 preference:u16 locator:ipv4",
  L64: "106 preference:u16 locator:locator",
  LP: "107 preference:u16 name:name",
  EUI48: "108 eui48",
  EUI64: "109 eui64",
  ANY: "255",
  URI: "256 priority:u16 weight:u16 target:remaining",
  CAA: "257 flags:u8 tag:tag value:remaining",
  AVC: "258 strings",
  DOA: "259",
  AMTRELAY: "260",
  RESINFO: "261 strings",
  WALLET: "262 strings",
  TA: "32768 key_tag:u16 algorithm:u8 digest_type:u8 digest:hex",
  DLV: "32769 key_tag:u16 algorithm:u8 digest_type:u8 digest:hex",
} as const satisfies Readonly<Record<string, string>>;

/** The name of a record type. */
type KnownType = keyof typeof LAYOUTS;

/** The names of all known record types. Other types have only a number. */
export const DNS_TYPES: readonly string[] = Object.keys(LAYOUTS);

/** Types of the protocol that no zone contains. They have names but cannot be requested. */
const PROTOCOL_TYPES = {
  OPT: 41,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
} as const;

const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(LAYOUTS).map(([name, layout]) => [parseInt(layout, 10), name] as const),
  ...Object.entries(PROTOCOL_TYPES).map(([name, number]) => [number, name] as const),
]);

/**
 * Returns the number of a type; undefined if there is no such type.
 *
 * @param name A name in capitals, `MX`, or `TYPE15` (RFC 3597 section 5).
 */
export function typeNumber(name: string): number | undefined {
  if (Object.hasOwn(LAYOUTS, name)) return parseInt(LAYOUTS[name as KnownType], 10);
  const number = Number(/^TYPE(\d{1,5})$/.exec(name)?.[1]);
  return number >= 0 && number <= 65_535 ? number : undefined;
}

/** Returns the name of a type: `MX`, or `TYPE65280` if it has none (RFC 3597 section 5). */
export function typeName(number: number): string {
  return NAMES.get(number) ?? `TYPE${number}`;
}

/** Parses the name of a type, in any case, or its number: `mx`, `65`, `TYPE65`. Returns undefined for other text. */
function knownType(text: string): string | undefined {
  const upper = text.toUpperCase();
  const number = typeNumber(/^\d{1,5}$/.test(upper) ? `TYPE${upper}` : upper);
  return number === undefined ? undefined : typeName(number);
}

/** A field of a record's data. */
interface Field {
  /** Undefined if it is the whole data. */
  readonly name: string | undefined;
  /** The kind, of `fields.ts`. */
  readonly kind: string;
}

const fieldsOfTypes = new Map<string, readonly Field[]>();

/** Returns the fields of a type's data; undefined if they are not known. */
function fieldsOf(type: string): readonly Field[] | undefined {
  if (!Object.hasOwn(LAYOUTS, type)) return undefined;
  const known = fieldsOfTypes.get(type);
  if (known !== undefined) return known;
  const [, ...fields] = LAYOUTS[type as KnownType].split(" ");
  const read = fields.map((field): Field => {
    const [name, kind] = field.split(":");
    return kind === undefined ? { name: undefined, kind: name! } : { name, kind };
  });
  if (read.length === 0) return undefined;
  fieldsOfTypes.set(type, read);
  return read;
}

/** All kinds of fields. */
const KINDS: Readonly<Record<string, FieldKind>> = {
  ...FIELD_KINDS,
  type: { read: (reader) => typeName(reader.u16()) },
  // In SIG records dig(1) formats a type without a name as a number.
  old_type: { read: (reader) => typeName(reader.u16()).replace(/^TYPE/, "") },
  types: { read: readTypes, text: (types: readonly string[]) => types.join(" ") },
};

/** Decodes a type bitmap (RFC 4034 section 4.1.2): windows of 256 types in ascending order. */
function readTypes(reader: MessageReader): string[] {
  const types: string[] = [];
  for (let before = -1; reader.left > 0;) {
    const [window, length] = [reader.u8(), reader.u8()];
    if (window <= before || length < 1 || length > 32) {
      throw new MalformedError("an invalid type bitmap");
    }
    before = window;
    for (const [i, byte] of reader.raw(length).entries()) {
      for (let bit = 0; bit < 8; bit++) {
        if ((byte & 0x80 >> bit) !== 0) types.push(typeName(window << 8 | i << 3 | bit));
      }
    }
  }
  return types;
}

const CLASSES: Readonly<Record<number, string>> = {
  1: "IN",
  3: "CH",
  4: "HS",
  254: "NONE",
  255: "ANY",
};

/** Returns the name of a class: `IN`, or `CLASS32` if it has none (RFC 3597 section 5). */
export function className(number: number): string {
  return CLASSES[number] ?? `CLASS${number}`;
}

/**
 * Parses the name or the number of a record type.
 *
 * @param text A name in any case, or a number: `mx`, `65`, `TYPE65`.
 * @returns The name of the type.
 * @throws {Failure} `USAGE`, if there is no such type, with the nearest name; or if it is a type of the protocol.
 */
export function readRecordType(text: string): RecordType {
  const type = knownType(text) ?? text.toUpperCase();
  if (Object.hasOwn(PROTOCOL_TYPES, type)) {
    throw usageFailure(
      `no record type ${JSON.stringify(type)} to ask for`,
      "it belongs to the protocol, and no name has such records",
    );
  }
  if (typeNumber(type) !== undefined) return type;
  const near = nearest(text.toUpperCase(), DNS_TYPES);
  throw usageFailure(
    `no record type ${JSON.stringify(text.slice(0, 60))}`,
    `types have IANA's names, such as ${RECORD_TYPES.join(", ")}, or numbers, such as TYPE65280`,
    near === undefined ? undefined : `did you mean ${near}?`,
  );
}
