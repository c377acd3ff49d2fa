/**
 * Joining a room, over TCP or over a link that the caller makes.
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
import { DEFAULT_PORT } from "../wire/kinds.ts";
import {
  checkedRoomName,
  type Dial,
  type Session,
  type SessionOptions,
  startSession,
} from "./session.ts";
import { TcpLink } from "./tcp.ts";

/** How long to wait for a TCP connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Makes the keys and the credential of one run.
 *
 * @param name The member's name, 1 to 32 characters.
 * @param identity A long-term identity: an RSA-PSS key pair with SHA-512. Without it, one is made for this run.
 * @throws {MalformedError} If the name is not valid.
 */
export async function createIdentity(
  name: string,
  identity?: CryptoKeyPair,
): Promise<OwnCredential> {
  const making = generateMemberKeys(identity === undefined ? {} : { identity });
  // The runtime loads its timers on first use, which takes some 10 ms. Load them while the keys are made.
  clearTimeout(setTimeout(() => {}, 0));
  const keys = await making;
  return await makeCredential(name, keys, Date.now() + RENEWAL_LIFE_MS);
}

/** Where to join, and who joins. */
export interface JoinOptions extends SessionOptions {
  /** The relay's host; 127.0.0.1 by default. */
  readonly hostname?: string;
  /** The relay's port; 4396 by default. */
  readonly port?: number;
  /** Joins over TLS. The relay's certificate must be valid for `hostname`. */
  readonly tls?: TlsClientOptions;
  /**
   * Makes the links to the relay, in place of TCP and TLS. `hostname` and `port` still say what was dialled: the
   * member signs them, and a relay with public names compares them.
   */
  readonly dial?: Dial;
  /** Ends the first attempt to connect. {@linkcode Session.leave} ends a session that has begun. */
  readonly signal?: AbortSignal;
}

/**
 * Joins a room. The session begins once there is a link to the relay; the event `ready` says that the member is in.
 *
 * @param options Where to join, and who joins.
 * @throws {Failure} If the relay cannot be reached, or a TLS handshake fails.
 * @throws The reason of `signal`, if it is aborted before there is a link.
 * @throws {TypeError} If both `dial` and `tls` are given.
 * @throws {MalformedError} If the room's name is not valid.
 */
export async function joinRoom(options: JoinOptions): Promise<Session> {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, tls } = options;
  if (options.dial !== undefined && tls !== undefined) {
    throw new TypeError(
      "cannot join with both dial and tls: a link that dial makes brings its own encryption",
    );
  }
  checkedRoomName(options.roomName);
  const dial = options.dial ?? ((signal) => dialTcp(hostname, port, tls, signal));
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const first = await dial(signal);
  const dialled = { host: canonicalHost(hostname), port };
  return startSession(options, { dialled, first, dial });
}

async function dialTcp(
  hostname: string,
  port: number,
  tls: TlsClientOptions | undefined,
  signal: AbortSignal,
): Promise<TcpLink> {
  const what = `cannot connect to ${hostPort({ hostname, port })}`;
  const conn = await connect(hostname, port, what, signal);
  // Without a delay a line goes at once; what is sent during its write shares the next one.
  conn.setNoDelay(true);
  if (tls === undefined) return new TcpLink(conn);
  const secured = await startTls(conn, hostname, tls, what);
  if (!signal.aborted) return new TcpLink(secured);
  secured.close();
  throw signal.reason;
}

async function connect(
  hostname: string,
  port: number,
  what: string,
  wanted: AbortSignal,
): Promise<Deno.TcpConn> {
  requireZone(hostname, what);
  wanted.throwIfAborted();
  const late = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  try {
    return await Deno.connect({ hostname, port, signal: AbortSignal.any([late, wanted]) });
  } catch (error) {
    wanted.throwIfAborted();
    if (!late.aborted) throw toFailure(error, what);
    const why = `no answer within ${CONNECT_TIMEOUT_MS / 1000} s`;
    throw new Failure({ what, why, code: "ETIMEDOUT", hint: "check the address and any firewall" });
  }
}
