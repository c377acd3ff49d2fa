/**
 * Messages of the domain name system (RFC 1035 section 4), by dns-packet. To be loaded where used.
 *
 * @module
 */

import { Buffer } from "node:buffer";
// @ts-types="../../types/dns_packet.d.ts"
import packet from "dns-packet";

/** What a server replies, as far as it matters here. */
export interface Reply {
  readonly id: number;
  /** Whether it was cut, to be asked again by TCP. */
  readonly truncated: boolean;
  /** `NOERROR`, `NXDOMAIN`, `SERVFAIL`, `REFUSED` … (RFC 6895). */
  readonly rcode: string;
  /** The question that it repeats, in lower case; `""` where it repeats none. */
  readonly question: string;
  /** The records of its answer. */
  readonly answers: readonly ReplyRecord[];
}

/** A record as a reply carries it. */
export interface ReplyRecord {
  /** In lower case, without the dot at its end. */
  readonly name: string;
  readonly type: string;
  /** The address or name of an A, AAAA, CNAME or PTR record, names without the dot at their end. */
  readonly data: unknown;
}

/**
 * Encodes a question that asks for recursion.
 *
 * @param id From 0 to 65535.
 * @param name An ASCII name.
 * @param type The record type.
 */
export function encodeQuestion(id: number, name: string, type: string): Uint8Array<ArrayBuffer> {
  const flags = packet.RECURSION_DESIRED;
  return new Uint8Array(packet.encode({ type: "query", id, flags, questions: [{ name, type }] }));
}

/**
 * Reads a reply.
 *
 * @param bytes What came.
 * @returns The reply, or undefined where it is none.
 */
export function readReply(bytes: Uint8Array): Reply | undefined {
  let message;
  try {
    message = packet.decode(Buffer.from(bytes));
  } catch (error) {
    // The package throws bare errors and range errors at what is malformed.
    if (error instanceof Error) return undefined;
    throw error;
  }
  if (message.type !== "response") return undefined;
  const [question] = message.questions;
  return {
    id: message.id,
    truncated: message.flag_tc,
    rcode: message.rcode,
    question: question === undefined ? "" : questionText(question.name, question.type),
    answers: message.answers.map(({ name, type, data }) => ({ name: plainName(name), type, data })),
  };
}

/** A question as text, for comparing. */
export function questionText(name: string, type: string): string {
  return `${plainName(name)} ${type}`;
}

/** A name as names are compared: without regard to case (RFC 4343) and to the dot at its end. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
