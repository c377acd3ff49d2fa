/**
 * The encrypted chat over TCP, within TLS or not: a relay that listens, and members that join one.
 *
 * This file joins the chat's core, which does no I/O, to connections and timers. The protocol is written down
 * in `docs/protocol.md`.
 *
 * @example A relay and a member in one process
 * ```ts
 * await using relay = openRelay({ port: 0 });
 * const self = await createIdentity("ada");
 * const { hostname, port } = relay.addr;
 * const session = await joinRoom({ hostname, port, self, event: (event) => console.log(event.kind) });
 * session.leave();
 * await session.ended;
 * ```
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { canonicalHost, hostPort } from "../../base/host_port.ts";
import { requireZone } from "../../net/resolve_host.ts";
import { startTls, type TlsClientOptions } from "../../net/tls.ts";
import { toFailure } from "../../os/errors.ts";
import { generateMemberKeys, makeCredential, type OwnCredential } from "../identity/credential.ts";
import { RENEWAL_LIFE_MS } from "../identity/renewal.ts";
import type { Opener } from "../link.ts";
import type { Relay } from "../relay/relay.ts";
import { DEFAULT_PORT } from "../wire/kinds.ts";
import { connectThroughMemory } from "./memory_link.ts";
import { type Session, type SessionOptions, startSession } from "./session.ts";
import { Link } from "./tcp_link.ts";

/** How long a connection may take to be made, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Makes the keys and the credential of one run.
 *
 * @param name The member's name, 1 to 32 characters.
 * @param identity A long-lived identity, an RSA-PSS key with SHA-512; one is made for this run without.
 * @throws {MalformedError} Where the name cannot be one.
 */
export async function createIdentity(
  name: string,
  identity?: CryptoKeyPair,
): Promise<OwnCredential> {
  const making = generateMemberKeys(identity === undefined ? {} : { identity });
  // The runtime loads its timers at their first use, some 10 ms. Now nobody waits for it; at joining one would.
  clearTimeout(setTimeout(() => {}, 0));
  const keys = await making;
  return await makeCredential(name, keys, Date.now() + RENEWAL_LIFE_MS);
}

/** Where to join, and who. */
export interface JoinOptions extends SessionOptions {
  /** The relay's host; 127.0.0.1 by default. */
  readonly hostname?: string;
  /** The relay's port; 4396 by default. */
  readonly port?: number;
  /** Joins over TLS; the relay's certificate must be for `hostname`. */
  readonly tls?: TlsClientOptions;
  /** Ends the first attempt to connect; a session that has begun is ended by {@linkcode Session.leave}. */
  readonly signal?: AbortSignal;
}

/**
 * Joins a room over TCP. The session begins at once; the event `ready` says that it is in.
 *
 * @param options Where, and who.
 * @throws {Failure} Where nothing answers there, or a TLS handshake fails.
 * @throws Where `signal` is aborted before there is a connection: its reason.
 */
export async function joinRoom(options: JoinOptions): Promise<Session> {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, tls, signal } = options;
  const open = async (given?: AbortSignal): Promise<Opener> => {
    const link = new Link(await connect(hostname, port, tls, given));
    return (end, fail) => {
      link.read(end).catch(fail);
      return {
        send: (bytes) => link.send(bytes),
        close: () => link.close(),
        get waiting() {
          return link.waiting;
        },
      };
    };
  };
  return startSession(options, {
    dialled: { host: canonicalHost(hostname), port },
    first: await open(signal),
    again: () => open(),
  });
}

export function joinThroughMemory(
  relay: Relay,
  host: string,
  port: number,
  options: SessionOptions,
): Session {
  const dialled = { host, port };
  return startSession(options, { dialled, first: (end) => connectThroughMemory(relay, end) });
}

async function connect(
  hostname: string,
  port: number,
  tls: TlsClientOptions | undefined,
  given: AbortSignal | undefined,
): Promise<Deno.TcpConn | Deno.TlsConn> {
  const what = `cannot connect to ${hostPort({ hostname, port })}`;
  const conn = await dial(hostname, port, what, given);
  // A line that is entered goes at once; what is sent behind it shares a write.
  conn.setNoDelay(true);
  if (tls === undefined) return conn;
  const secured = await startTls(conn, hostname, tls, what);
  if (given?.aborted !== true) return secured;
  secured.close();
  throw given.reason;
}

async function dial(
  hostname: string,
  port: number,
  what: string,
  given: AbortSignal | undefined,
): Promise<Deno.TcpConn> {
  requireZone(hostname, what);
  given?.throwIfAborted();
  const late = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  const signal = given === undefined ? late : AbortSignal.any([late, given]);
  try {
    return await Deno.connect({ hostname, port, signal });
  } catch (error) {
    given?.throwIfAborted();
    if (!late.aborted) throw toFailure(error, what);
    const why = `no answer within ${CONNECT_TIMEOUT_MS / 1000} s`;
    throw new Failure({ what, why, code: "ETIMEDOUT", hint: "check the address and any firewall" });
  }
}
