// The typed face of dns-packet, as far as it is used: the package carries no types.
import type { Buffer } from "node:buffer";

export interface Question {
  readonly name: string;
  readonly type: string;
  readonly class?: string;
}
export interface Answer {
  readonly name: string;
  readonly type: string;
  readonly ttl?: number;
  readonly data: unknown;
}
export interface Message {
  readonly id: number;
  readonly type: "query" | "response";
  /** The flags and the response code, as in the second 16 bits of the header. */
  readonly flags: number;
  readonly questions?: readonly Question[];
  readonly answers?: readonly Answer[];
}
export interface Decoded extends Message {
  readonly flag_tc: boolean;
  readonly rcode: string;
  readonly questions: readonly Question[];
  readonly answers: readonly Answer[];
}
declare const packet: {
  readonly RECURSION_DESIRED: number;
  readonly RECURSION_AVAILABLE: number;
  readonly TRUNCATED_RESPONSE: number;
  encode(message: Message): Buffer;
  decode(bytes: Buffer): Decoded;
};
export default packet;
