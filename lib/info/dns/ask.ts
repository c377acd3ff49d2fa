/**
 * Asking one name server, and it alone: for its response code, which the runtime's resolver does not
 * tell, and for names that the runtime answers by itself.
 *
 * @module
 */

// @ts-types="../../../types/dns_packet.d.ts"
import packet from "dns-packet";
import { Buffer } from "node:buffer";
import { sameAddress } from "../../base/host_port.ts";
import { ipv6Text, readIpv6 } from "../address/read.ts";

/** Where a name server is. */
export interface NameServer {
  /** An address, no name. */
  readonly hostname: string;
  /** Usually 53. */
  readonly port: number;
}

/**
 * Asks a name server, by UDP, and by TCP where the reply was cut (RFC 7766).
 *
 * @param server The server.
 * @param name An ASCII name.
 * @param type The record type.
 * @param signal Ends it.
 * @throws {unknown} The signal's reason, or what the network reports.
 */
export async function askServer(
  server: NameServer,
  name: string,
  type: string,
  signal: AbortSignal,
): Promise<Reply> {
  const [id = 0] = crypto.getRandomValues(new Uint16Array(1));
  const query = { bytes: encodeQuestion(id, name, type), id, question: questionText(name, type) };
  const reply = await askByUdp(server, query, signal);
  return reply.truncated ? await askByTcp(server, query, signal) : reply;
}

/** How many names an alias may lead through. */
const MAX_ALIASES = 8;

/**
 * Asks a name server for addresses or names, and follows aliases (RFC 1034 section 3.6.2) that it
 * does not follow itself.
 *
 * @param server The server.
 * @param name An ASCII name.
 * @param type The record type.
 * @param signal Ends it.
 * @returns The data, as the runtime's resolver gives it; none where there is none.
 * @throws {unknown} The signal's reason, or what the network reports.
 */
export async function askForData(
  server: NameServer,
  name: string,
  type: "A" | "AAAA" | "PTR",
  signal: AbortSignal,
): Promise<string[]> {
  let current = plainName(name);
  for (let asked = 0; asked <= MAX_ALIASES; asked++) {
    // deno-lint-ignore no-await-in-loop -- each alias is known from the reply before
    const { answers } = await askServer(server, current, type, signal);
    const owner = ownerOf(answers, current);
    const data = answers.filter((answer) => answer.type === type && answer.name === owner);
    if (data.length > 0) {
      return await Promise.all(data.map((each) => dataText(type, String(each.data))));
    }
    if (owner === current) return [];
    current = owner;
  }
  return [];
}

/** The name that a name is an alias for, as far as a reply says; itself where it is none. */
function ownerOf(answers: readonly ReplyRecord[], name: string): string {
  let owner = name;
  for (let followed = 0; followed < MAX_ALIASES; followed++) {
    const alias = answers.find((answer) => answer.type === "CNAME" && answer.name === owner);
    if (alias === undefined) break;
    owner = plainName(String(alias.data));
  }
  return owner;
}

async function dataText(type: "A" | "AAAA" | "PTR", text: string): Promise<string> {
  if (type === "AAAA") return await ipv6Text(readIpv6(text).bytes);
  return type === "PTR" && !text.endsWith(".") ? `${text}.` : text;
}

interface Query {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly id: number;
  readonly question: string;
}

async function askByUdp(server: NameServer, query: Query, signal: AbortSignal): Promise<Reply> {
  const hostname = server.hostname.includes(":") ? "::" : "0.0.0.0";
  const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0 });
  try {
    await socket.send(query.bytes, { transport: "udp", ...server });
    for (;;) {
      const [bytes, from] = await orAborted(socket.receive(new Uint8Array(65_535)), signal);
      // Anybody can send here: only the server's address and port are heard, and only the answer.
      if (!sameAddress(from as Deno.NetAddr, server)) continue;
      const reply = readReply(bytes);
      if (reply !== undefined && answers(reply, query)) return reply;
    }
  } finally {
    socket.close();
  }
}

/** The same question by TCP: each message follows its length in 16 bits (RFC 1035 section 4.2.2). */
async function askByTcp(server: NameServer, query: Query, signal: AbortSignal): Promise<Reply> {
  const connection = await Deno.connect({ ...server, signal });
  try {
    const framed = new Uint8Array(2 + query.bytes.length);
    new DataView(framed.buffer).setUint16(0, query.bytes.length);
    framed.set(query.bytes, 2);
    for (let sent = 0; sent < framed.length;) {
      sent += await orAborted(connection.write(framed.subarray(sent)), signal);
    }
    for (;;) {
      const length = await readExactly(connection, 2, signal);
      const bytes = await readExactly(connection, new DataView(length.buffer).getUint16(0), signal);
      const reply = readReply(bytes);
      if (reply !== undefined && answers(reply, query)) return reply;
    }
  } finally {
    connection.close();
  }
}

async function readExactly(
  connection: Deno.TcpConn,
  length: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let have = 0; have < length;) {
    const read = await orAborted(connection.read(bytes.subarray(have)), signal);
    if (read === null) throw new Deno.errors.UnexpectedEof("The name server closed the connection");
    have += read;
  }
  return bytes;
}

function answers(reply: Reply, query: Query): boolean {
  // A server that cannot read a question may repeat none (RFC 1035 section 4.1.1).
  return reply.id === query.id && (reply.question === query.question || reply.question === "");
}

/** What the promise gives, unless the signal comes first. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

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
