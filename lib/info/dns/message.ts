/**
 * Encodes and decodes DNS messages (RFC 1035 section 4) with EDNS (RFC 6891).
 *
 * The input comes from a network. Every length is checked before it is used, and compression pointers must point
 * backwards, so decoding always ends.
 *
 * @module
 */

import { type Bytes, ByteWriter, MalformedError } from "../../base/bytes.ts";
import { MAX_NAME, NAME_OCTETS, readLabels } from "./name.ts";

/** A question. */
export interface Question {
  /** The name in the form of `nameText()`, with a final dot. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** A record whose data is not decoded. */
export interface RawRecord extends Question {
  /** The time to live, in seconds. */
  readonly ttl: number;
  /** The encoded data. */
  readonly rdata: Bytes;
  /** The message that contains the record. Names in the data may point into it. */
  readonly message: Bytes;
}

/** The flags of a header (RFC 1035 section 4.1.1, RFC 4035 section 3). */
export const FLAGS = {
  qr: 0x8000,
  aa: 0x0400,
  tc: 0x0200,
  rd: 0x0100,
  ra: 0x0080,
  ad: 0x0020,
  cd: 0x0010,
} as const;

/** The name of a flag, such as `aa`. */
export type Flag = keyof typeof FLAGS;

/** A message. */
export interface Message {
  readonly id: number;
  /** The 16 bits of the header with flags, opcode and response code. */
  readonly flags: number;
  readonly question: readonly Question[];
  readonly answer: readonly RawRecord[];
  readonly authority: readonly RawRecord[];
  /** Without the OPT record, which is {@linkcode Message.edns}. */
  readonly additional: readonly RawRecord[];
  readonly edns: Edns | undefined;
}

/** The content of an OPT record (RFC 6891 section 6.1). */
export interface Edns {
  /** The largest datagram that the sender accepts, in bytes. */
  readonly udpSize: number;
  readonly version: number;
  /** The upper 8 bits of the response code. */
  readonly extendedRcode: number;
  /** Whether DNSSEC records are requested (DO, RFC 3225). */
  readonly dnssecOk: boolean;
  readonly options: readonly EdnsOption[];
}

/** An EDNS option. */
export interface EdnsOption {
  /** Its number. */
  readonly code: number;
  /** Its content. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The EDNS options that parley knows (RFC 7871, RFC 8914). */
export const EDNS_OPTIONS = { subnet: 8, extendedError: 15 } as const;

/** The type of the OPT record. */
const OPT = 41;

/** Response codes by number (RFC 6895 section 2.3). They were compared with Net::DNS 1.36 and dnspython 2.3. */
const RCODES: Readonly<Record<number, string>> = {
  0: "NOERROR",
  1: "FORMERR",
  2: "SERVFAIL",
  3: "NXDOMAIN",
  4: "NOTIMP",
  5: "REFUSED",
  6: "YXDOMAIN",
  7: "YXRRSET",
  8: "NXRRSET",
  9: "NOTAUTH",
  10: "NOTZONE",
  11: "DSOTYPENI",
  16: "BADVERS",
  17: "BADKEY",
  18: "BADTIME",
  19: "BADMODE",
  20: "BADNAME",
  21: "BADALG",
  22: "BADTRUNC",
  23: "BADCOOKIE",
};

/** Returns the name of a message's response code, with the upper bits from EDNS: `NOERROR`, `RCODE12`. */
export function rcodeOf({ flags, edns }: Pick<Message, "flags" | "edns">): string {
  const code = (edns?.extendedRcode ?? 0) << 4 | flags & 15;
  return RCODES[code] ?? `RCODE${code}`;
}

/** Returns the names of the flags that are set. */
export function flagNames(flags: number): Flag[] {
  return (Object.keys(FLAGS) as Flag[]).filter((flag) => (flags & FLAGS[flag]) !== 0);
}

/** Reads the fields of a message. Unlike a `ByteReader`, it follows compressed names out of their field. */
export class MessageReader {
  readonly bytes: Bytes;
  /** The offset of the next field. */
  at: number;
  /** The offset of the end of the fields. */
  readonly end: number;

  /** Creates a reader of a range of a message. The default is the whole message. */
  constructor(bytes: Bytes, at = 0, end: number = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** The number of unread bytes. */
  get left(): number {
    return this.end - this.at;
  }

  /** Reads an 8-bit number. */
  u8(): number {
    return this.bytes[this.#take(1)]!;
  }

  /** Reads a 16-bit number. */
  u16(): number {
    const at = this.#take(2);
    return this.bytes[at]! << 8 | this.bytes[at + 1]!;
  }

  /** Reads a 32-bit number. */
  u32(): number {
    return this.u16() * 0x1_0000 + this.u16();
  }

  /** Reads bytes. Returns a view, not a copy. */
  raw(length: number): Bytes {
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  /** Returns a reader of the next bytes, and skips them. */
  part(length: number): MessageReader {
    const at = this.#take(length);
    return new MessageReader(this.bytes, at, at + length);
  }

  /** Reads all remaining bytes. */
  rest(): Bytes {
    return this.raw(this.left);
  }

  /**
   * Reads a name (RFC 1035 section 4.1.4). Each pointer must point before the name or pointer target that contains it.
   *
   * @returns The name with a final dot.
   */
  name(): string {
    let text = "";
    let octets = 1;
    let [at, end] = [this.at, this.end];
    let start = at;
    let after: number | undefined;
    for (;;) {
      const length = this.bytes[at];
      if (at >= end || length === undefined) throw new MalformedError("a name is truncated");
      at += 1;
      if (length === 0) break;
      if (length >= 0xc0) {
        if (at >= end) throw new MalformedError("a pointer is truncated");
        const target = (length & 0x3f) << 8 | this.bytes[at]!;
        if (target >= start) throw new MalformedError("a pointer does not point backwards");
        after ??= at + 1;
        [at, start, end] = [target, target, this.bytes.length];
        continue;
      }
      if (length > 63) throw new MalformedError("an unknown kind of label");
      octets += length + 1;
      if (octets > MAX_NAME) throw new MalformedError(`a name of more than ${MAX_NAME} bytes`);
      if (at + length > end) throw new MalformedError("a label is truncated");
      for (const last = at + length; at < last; at++) text += NAME_OCTETS[this.bytes[at]!];
      text += ".";
    }
    this.at = after ?? at;
    return text === "" ? "." : text;
  }

  #take(length: number): number {
    if (length > this.left) {
      throw new MalformedError(`${length} bytes expected, ${this.left} left`);
    }
    const at = this.at;
    this.at += length;
    return at;
  }
}

/**
 * Decodes a message. Of a truncated message (TC) only the header and the question are decoded.
 *
 * @param bytes The message. The result refers to it.
 * @throws {MalformedError} If it is malformed.
 */
export function decodeMessage(bytes: Bytes): Message {
  const reader = new MessageReader(bytes);
  const [id, flags] = [reader.u16(), reader.u16()];
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  const question = times(counts[0], () => readQuestion(reader));
  const cut = (flags & FLAGS.tc) !== 0;
  const [answer, authority, rest] = [counts[1], counts[2], counts[3]].map((count) =>
    times(cut ? 0 : count, () => readRecord(reader))
  ) as [RawRecord[], RawRecord[], RawRecord[]];
  const opts = rest.filter(({ type }) => type === OPT);
  if (opts.length > 1) throw new MalformedError("more than one OPT record");
  const edns = opts[0] === undefined ? undefined : readEdns(opts[0]);
  const additional = rest.filter(({ type }) => type !== OPT);
  return { id, flags, question, answer, authority, additional, edns };
}

/** Reads items one by one, so that a false count allocates nothing. */
function times<T>(count: number, read: () => T): T[] {
  const found: T[] = [];
  while (found.length < count) found.push(read());
  return found;
}

function readQuestion(reader: MessageReader): Question {
  return { name: reader.name(), type: reader.u16(), class: reader.u16() };
}

function readRecord(reader: MessageReader): RawRecord {
  const { name, type, class: of } = readQuestion(reader);
  const ttl = reader.u32();
  const rdata = reader.raw(reader.u16());
  return { name, type, class: of, ttl, rdata, message: reader.bytes };
}

/** Returns a reader of a record's data. */
export function rdataReader({ rdata, message }: RawRecord): MessageReader {
  const at = rdata.byteOffset - message.byteOffset;
  return new MessageReader(message, at, at + rdata.length);
}

function readEdns(record: RawRecord): Edns {
  const reader = rdataReader(record);
  const options: EdnsOption[] = [];
  while (reader.left > 0) options.push({ code: reader.u16(), data: reader.raw(reader.u16()) });
  return {
    udpSize: record.class,
    extendedRcode: record.ttl >>> 24,
    version: record.ttl >>> 16 & 0xff,
    dnssecOk: (record.ttl & 0x8000) !== 0,
    options,
  };
}

/** The parts of a message to encode. */
export type MessageParts =
  & Pick<Message, "id" | "flags" | "question">
  & Partial<Pick<Message, "edns">>
  & Partial<Record<"answer" | "authority" | "additional", readonly Omit<RawRecord, "message">[]>>;

/**
 * Encodes a message, without compression.
 *
 * @param parts Its parts.
 * @throws {NameError} If a name is invalid.
 */
export function encodeMessage(parts: MessageParts): Bytes {
  const { id, flags, question, answer = [], authority = [], edns } = parts;
  const additional = [
    ...parts.additional ?? [],
    ...(edns === undefined ? [] : [optRecord(edns)]),
  ];
  const writer = new ByteWriter(64).u16(id).u16(flags);
  for (const { length } of [question, answer, authority, additional]) writer.u16(length);
  for (const each of question) writeQuestion(writer, each);
  for (const record of [...answer, ...authority, ...additional]) {
    writeQuestion(writer, record);
    writer.u32(record.ttl).block16(record.rdata);
  }
  return writer.finish();
}

function writeQuestion(writer: ByteWriter, { name, type, class: of }: Question): void {
  writer.raw(encodeName(name)).u16(type).u16(of);
}

/**
 * Encodes a name, without compression.
 *
 * @param name The name as text.
 * @throws {NameError} If it is invalid.
 */
export function encodeName(name: string): Bytes {
  const writer = new ByteWriter(32);
  for (const label of readLabels(name)) writer.u8(label.length).raw(label);
  return writer.u8(0).finish();
}

function optRecord({ udpSize, extendedRcode, version, dnssecOk, options }: Edns) {
  const data = new ByteWriter(16);
  for (const { code, data: bytes } of options) data.u16(code).block16(bytes);
  const ttl = extendedRcode * 0x100_0000 + version * 0x1_0000 + (dnssecOk ? 0x8000 : 0);
  return { name: ".", type: OPT, class: udpSize, ttl, rdata: data.finish() };
}

/**
 * The meaning of extended errors (RFC 8914, IANA's registry). 0 to 28 were compared with Net::DNS 1.36, 29 to 32 with
 * dnspython of July 2026, 30 and 33 with BIND's `ede.h` of 2026.
 */
const EXTENDED_ERRORS: Readonly<Record<number, string>> = {
  0: "other error",
  1: "unsupported DNSKEY algorithm",
  2: "unsupported DS digest type",
  3: "stale answer",
  4: "forged answer",
  5: "DNSSEC indeterminate",
  6: "DNSSEC bogus",
  7: "signature expired",
  8: "signature not yet valid",
  9: "DNSKEY missing",
  10: "RRSIGs missing",
  11: "no zone key bit set",
  12: "NSEC missing",
  13: "cached error",
  14: "not ready",
  15: "blocked",
  16: "censored",
  17: "filtered",
  18: "prohibited",
  19: "stale NXDOMAIN answer",
  20: "not authoritative",
  21: "not supported",
  22: "no reachable authority",
  23: "network error",
  24: "invalid data",
  25: "signature expired before valid",
  26: "too early",
  27: "unsupported NSEC3 iterations value",
  28: "unable to conform to policy",
  29: "synthesized",
  30: "invalid query type",
  31: "rate limited",
  32: "over quota",
  33: "negative trust anchor",
};

/** An extended error of a reply (RFC 8914). */
export interface ExtendedError {
  /** Its number. */
  readonly code: number;
  /** Its meaning in IANA's registry; null if parley does not know the number. */
  readonly meaning: string | null;
  /** More detail from the server; may be empty. */
  readonly text: string;
}

/** Returns the extended errors of a message. */
export function extendedErrors({ edns }: Message): ExtendedError[] {
  return (edns?.options ?? []).flatMap(({ code, data }) => {
    if (code !== EDNS_OPTIONS.extendedError || data.length < 2) return [];
    const number = data[0]! << 8 | data[1]!;
    const text = new TextDecoder().decode(data.subarray(2));
    return [{ code: number, meaning: EXTENDED_ERRORS[number] ?? null, text }];
  });
}
