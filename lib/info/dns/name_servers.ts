/**
 * The system's name servers, and asking several of them.
 *
 * @module
 */

import { isGranted } from "../../os/io.ts";
import type { NameServer } from "./ask.ts";
import type { DnsName, RecordType } from "./record.ts";

/** How long a server is waited for while there is another one to ask. */
const TURN_MS = 1000;

/** What a server says of itself rather than of the name: another one may know (res_send(3)). */
const OWN_FAULTS: readonly string[] = ["SERVFAIL", "NOTIMP", "REFUSED"];

/** The system's name servers in its order; none where they may not be known. */
export async function systemServers(): Promise<NameServer[]> {
  if (!isGranted({ name: "sys", kind: "networkInterfaces" })) return [];
  const { getServers } = await import("node:dns");
  return readNameServers(getServers());
}

/**
 * Reads the addresses of name servers.
 *
 * @param servers Addresses with or without a port: `192.0.2.53`, `[2001:db8::53]:5353`.
 * @returns Each once.
 */
export function readNameServers(servers: readonly string[]): NameServer[] {
  return [...new Set(servers)].map((server) => {
    const [, hostname, port] = /^\[(.+)\](?::(\d+))?$/.exec(server) ??
      /^([^:]+):(\d+)$/.exec(server) ?? [];
    return { hostname: hostname ?? server, port: Number(port ?? 53) };
  });
}

/** Why there is no record, and who says so. */
export interface Reason {
  readonly server: NameServer;
  /** The response code, `NODATA`, or `NO_ANSWER` where the server has a record all the same. */
  readonly code: string;
}

/**
 * Asks for the response code, which the runtime does not tell: it reports every reply without a record
 * as "not found". Several servers are asked in turn, as resolv.conf(5) has it: the next one where one
 * does not answer or cannot.
 *
 * @param servers Whom to ask.
 * @param name The name that has no record.
 * @param type The record type.
 * @param signal Ends it.
 * @returns Undefined where none has answered.
 */
export async function reasonFrom(
  servers: readonly NameServer[],
  { ascii }: DnsName,
  type: RecordType,
  signal: AbortSignal,
): Promise<Reason | undefined> {
  let fault: Reason | undefined;
  for (const [i, server] of servers.entries()) {
    const last = i === servers.length - 1;
    const turn = last ? signal : AbortSignal.any([signal, AbortSignal.timeout(TURN_MS)]);
    // deno-lint-ignore no-await-in-loop -- in turn
    const code = await codeFrom(server, ascii, type, turn);
    if (code === undefined) continue;
    if (!OWN_FAULTS.includes(code)) return { server, code };
    fault ??= { server, code };
  }
  return fault;
}

async function codeFrom(
  server: NameServer,
  name: string,
  type: RecordType,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { askServer } = await import("./ask.ts");
  try {
    const { rcode, answers } = await askServer(server, name, type, signal);
    if (rcode !== "NOERROR") return rcode;
    return answers.some((answer) => answer.type === type) ? "NO_ANSWER" : "NODATA";
  } catch (error) {
    // It does not say why; that there is no record stays true.
    if (error instanceof Error || isTimeout(error)) return undefined;
    throw error;
  }
}

/** Whether it was waited for in vain. */
export function isTimeout(error: unknown): boolean {
  return error instanceof Deno.errors.TimedOut ||
    (error instanceof DOMException && error.name === "TimeoutError");
}

const HOST = "127.0.0.1";

/** The types that a hosts file has data for. */
const LOCAL_TYPES: readonly RecordType[] = ["A", "AAAA", "PTR"];

/**
 * Whether the runtime answers a question without asking a server. It says nothing of that, and where
 * its hosts file is and how that is read is its own affair; so it is told to ask a socket of ours, and
 * what it answers though nothing was asked there comes from this machine. Nothing is sent elsewhere.
 *
 * @param query A name with the dot at its end.
 * @param type The record type.
 * @param signal Ends it.
 * @returns Undefined where it cannot be known, for want of a permission to receive on 127.0.0.1.
 * @throws {unknown} The signal's reason.
 */
export async function isAnsweredHere(
  query: string,
  type: RecordType,
  signal: AbortSignal,
): Promise<boolean | undefined> {
  if (!LOCAL_TYPES.includes(type)) return false;
  if (!isGranted({ name: "net", host: HOST })) return undefined;
  const socket = Deno.listenDatagram({ transport: "udp", hostname: HOST, port: 0 });
  const done = new AbortController();
  const { port } = socket.addr as Deno.NetAddr;
  const options = {
    nameServer: { ipAddr: HOST, port },
    signal: AbortSignal.any([signal, done.signal]),
  };
  const answer = Deno.resolveDns(query, type as Deno.RecordType, options).then(
    (records) => records.length > 0,
    () => {
      signal.throwIfAborted();
      return false; // asked of us, or answered here that there is none
    },
  );
  try {
    return await Promise.race([answer, socket.receive().then(() => false)]);
  } finally {
    done.abort();
    socket.close();
  }
}
