/**
 * A name server on the loopback, by UDP and TCP, that answers as a function says: for what `DnsServer`
 * cannot, which encodes with another program's codec.
 *
 * @module
 */

import type { Bytes } from "../../../lib/base/bytes.ts";
import type { NameServer } from "../../../lib/info.ts";
import {
  decodeMessage,
  encodeMessage,
  encodeName,
  FLAGS,
  type Message,
  type MessageParts,
  type Question,
} from "../../../lib/info/dns/message.ts";
import { typeNumber } from "../../../lib/info/dns/record.ts";

/** A record to answer with: its name, type and data. */
export type Row = readonly [name: string, type: string, rdata: Bytes, ttl?: number];

/** What is answered. */
export interface Response {
  readonly rcode?: number;
  readonly flags?: number;
  readonly answer?: readonly Row[];
  readonly authority?: readonly Row[];
  readonly additional?: readonly Row[];
  readonly edns?: MessageParts["edns"];
  /** What is changed in the end. */
  readonly change?: (parts: MessageParts) => MessageParts;
}

/** A question as it came. */
export interface Asked {
  readonly transport: "udp" | "tcp";
  readonly message: Message;
  readonly question: Question;
}

/** Answers a question; with undefined, not at all. */
export type Respond = (asked: Asked) => Response | undefined;

/** The data of an A record. */
export function ipv4(text: string): Bytes {
  return Uint8Array.from(text.split("."), Number);
}

/** The data of a record that is a name. */
export const named: (name: string) => Bytes = encodeName;

/** The data of a TXT record. */
export function texts(...strings: string[]): Bytes {
  const encoder = new TextEncoder();
  const parts = strings.map((text) => encoder.encode(text));
  return Uint8Array.from(parts.flatMap((part) => [part.length, ...part]));
}

/** The data of an SOA record. */
export function authority(): Bytes {
  const numbers = new Uint8Array(20);
  new DataView(numbers.buffer).setUint32(16, 60);
  return Uint8Array.from([
    ...encodeName("ns.example."),
    ...encodeName("admin.example."),
    ...numbers,
  ]);
}

function records(rows: readonly Row[] = []) {
  return rows.map(([name, type, rdata, ttl = 300]) => {
    return { name, type: typeNumber(type)!, class: 1, ttl, rdata };
  });
}

/** Encodes an answer to a message. */
export function encodeResponse(message: Message, response: Response): Bytes {
  const { rcode = 0, flags = FLAGS.ra, change, edns } = response;
  const parts: MessageParts = {
    id: message.id,
    flags: FLAGS.qr | flags | message.flags & FLAGS.rd | rcode,
    question: message.question,
    answer: records(response.answer),
    authority: records(response.authority),
    additional: records(response.additional),
    ...(edns === undefined ? {} : { edns }),
  };
  return encodeMessage(change?.(parts) ?? parts);
}

/** The server. */
export class Responder implements AsyncDisposable {
  /** Every question, as `udp name type`. */
  readonly asked: string[] = [];
  /** Every question's message. */
  readonly messages: Message[] = [];
  readonly #respond: Respond;
  readonly #udp: Deno.DatagramConn;
  readonly #tcp: Deno.TcpListener;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #running: Promise<unknown>;

  constructor(respond: Respond, hostname = "127.0.0.1", port = 0) {
    this.#respond = respond;
    [this.#tcp, this.#udp] = listenAtBoth(hostname, port);
    this.#running = Promise.all([this.#serveUdp(), this.#serveTcp()]);
  }

  /** Where it is. */
  get address(): NameServer {
    const { hostname, port } = this.#tcp.addr;
    return { hostname, port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#udp.close();
    this.#tcp.close();
    for (const connection of this.#connections) connection.close();
    await this.#running;
  }

  async #serveUdp(): Promise<void> {
    for await (const [bytes, from] of this.#udp) {
      const reply = this.#reply("udp", bytes as Bytes);
      // deno-lint-ignore no-await-in-loop -- in order
      if (reply !== undefined) await this.#udp.send(reply, from);
    }
  }

  async #serveTcp(): Promise<void> {
    for await (const connection of this.#tcp) {
      this.#connections.add(connection);
      // deno-lint-ignore no-await-in-loop -- one question at a time is enough for a test
      await this.#serveConnection(connection);
    }
  }

  async #serveConnection(connection: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(2048);
    let have = 0;
    for (;;) {
      const read = await connection.read(buffer.subarray(have)).catch(() => null); // closed
      if (read === null) return;
      have += read;
      const length = buffer[0]! << 8 | buffer[1]!;
      if (have < 2 + length) continue;
      const reply = this.#reply("tcp", buffer.slice(2, 2 + length));
      have = 0;
      if (reply === undefined) continue;
      await connection.write(Uint8Array.from([reply.length >> 8, reply.length & 255, ...reply]));
    }
  }

  #reply(transport: "udp" | "tcp", bytes: Bytes): Bytes | undefined {
    const message = decodeMessage(bytes);
    const question = message.question[0]!;
    this.asked.push(`${transport} ${question.name} ${question.type}`);
    this.messages.push(message);
    const response = this.#respond({ transport, message, question });
    return response === undefined ? undefined : encodeResponse(message, response);
  }
}

/** A TCP listener and a UDP socket at one port, which the system picks for TCP alone. */
function listenAtBoth(hostname: string, wanted: number): [Deno.TcpListener, Deno.DatagramConn] {
  for (;;) {
    const tcp = Deno.listen({ hostname, port: wanted });
    const { port } = tcp.addr;
    try {
      return [tcp, Deno.listenDatagram({ transport: "udp", hostname, port })];
    } catch (error) {
      tcp.close();
      if (!(error instanceof Deno.errors.AddrInUse) || wanted !== 0) throw error;
    }
  }
}
