/**
 * Asking one name server, and it alone: for its response code, which the runtime's resolver does not
 * tell, and for names that the runtime answers by itself.
 *
 * @module
 */

import {
  encodeQuestion,
  plainName,
  questionText,
  readReply,
  type Reply,
  type ReplyRecord,
} from "./dns_message.ts";
import { sameAddress } from "../udp/address.ts";
import { ipv6Text, readIpv6 } from "./ipv6.ts";

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
