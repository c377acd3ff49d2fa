/**
 * Names that this machine answers by itself, whichever server is named: hosts(5), and those that are
 * kept for it (RFC 6761 section 6.3).
 *
 * @module
 */

import type { RecordType } from "./dns_record.ts";
import { isGranted } from "./missing.ts";

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
