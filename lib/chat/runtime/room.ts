/**
 * Opens a room, and joins one: over TCP, or over links that the caller makes.
 *
 * @module
 */

import { steadyNow } from "../../base/clock.ts";
import type { Failure } from "../../base/failure.ts";
import { canonicalHost, readPublicName } from "../../base/host_port.ts";
import type { TlsClientOptions, TlsServerOptions } from "../../net/tls.ts";
import { generateMemberKeys, makeCredential, type OwnCredential } from "../identity/credential.ts";
import { RENEWAL_LIFE_MS } from "../identity/signing.ts";
import type { DuplexLink, Link, Tap } from "../link.ts";
import type { After, Limits, RelayEvent, RelayInvitations } from "../relay/options.ts";
import { Relay } from "../relay/relay.ts";
import { DEFAULT_PORT } from "../wire/kinds.ts";
import { hostRelay, type LinkSource, type RelayHost } from "./relay_host.ts";
import {
  checkedRoomName,
  type Dial,
  type Session,
  type SessionOptions,
  startSession,
} from "./session.ts";
import { dialTcp, TcpLink, TcpListener } from "./tcp.ts";

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

/** The relay to join, and the member that joins. */
export interface JoinOptions extends Omit<SessionOptions, "self"> {
  /** The member, or its promise: while {@linkcode createIdentity} generates keys, the relay is dialled. */
  readonly self: OwnCredential | Promise<OwnCredential>;
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
 * @param options The relay to join, and the member that joins.
 * @throws {Failure} If the relay cannot be reached, a TLS handshake fails, or the member has had a session already.
 * @throws The reason of `signal`, if it is aborted before there is a link.
 * @throws {TypeError} If both `dial` and `tls` are given.
 * @throws {MalformedError} If the room's name is not valid.
 * @throws What the promise of the member is rejected with.
 */
export async function joinRoom(options: JoinOptions): Promise<Session> {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, tls } = options;
  if (options.dial !== undefined && tls !== undefined) {
    throw new TypeError(
      "cannot join with both dial and tls: a link that dial makes brings its own encryption",
    );
  }
  checkedRoomName(options.roomName);
  const dial = options.dial ??
    (async (signal) => new TcpLink(await dialTcp({ hostname, port, tls }, signal)));
  const signal = options.signal ?? new AbortController().signal;
  signal.throwIfAborted();
  const { self, first } = await dialMeanwhile(options.self, dial, signal);
  const dialled = { host: canonicalHost(hostname), port };
  return startSession({ ...options, self }, { dialled, first, dial });
}

/** How long a link may wait for the member, in milliseconds: half of the time that a relay gives a connection to join. */
const STALE_MS = 5_000;

/** Makes the first link while the member's keys are generated. If one fails, the other is given up. */
async function dialMeanwhile(
  member: OwnCredential | Promise<OwnCredential>,
  dial: Dial,
  signal: AbortSignal,
): Promise<{ readonly self: OwnCredential; readonly first: Link }> {
  const failed = new AbortController();
  const wanted = AbortSignal.any([signal, failed.signal]);
  const dialling = Promise.try(dial, wanted).then((link) => ({ link, madeAt: steadyNow() }));
  try {
    const [{ link, madeAt }, self] = await Promise.all([dialling, member]);
    signal.throwIfAborted();
    if (steadyNow() - madeAt < STALE_MS) return { self, first: link };
    link.close();
    return { self, first: await dial(signal) };
  } catch (error) {
    failed.abort(error);
    dialling.then(({ link }) => link.close(), () => {});
    throw error;
  }
}

/** The options of a relay, wherever its links come from. */
export interface RelayHostOptions {
  /** The name of the relay's own room, which exists from the start; the empty name by default. */
  readonly room?: string;
  /** How many rooms the relay has at most; 256 by default. Members make the others by joining them. */
  readonly maxRooms?: number;
  /** How many members a room admits; 1,024 by default. */
  readonly maxMembers?: number;
  /**
   * How long the relay keeps a member that lost its connection, and an empty room, in milliseconds: 2 minutes by
   * default, 12 hours at most.
   */
  readonly graceMs?: number;
  /**
   * Whether an identity, by its fingerprint, may join; everyone may by default. Call
   * {@linkcode RelayHost.removeDisallowed} after the answer has changed.
   */
  readonly allows?: (fingerprint: string) => boolean;
  /** The invitations by which members outside that list may join; none by default. */
  readonly invitations?: RelayInvitations;
  /** How many connections, joins, frames and bytes the relay accepts; each limit has a default. */
  readonly limits?: Partial<Limits>;
  /** The names under which members reach the relay, `HOST` or `HOST:PORT`; any name by default. */
  readonly publicNames?: readonly string[];
  /** Receives the relay's events: members that join and leave, connections that are refused. */
  readonly event?: (event: RelayEvent) => void;
  /** Makes a tap for each link. */
  readonly tap?: () => Tap;
  /** Links wait until this is fulfilled. A TCP address is taken at once. */
  readonly opens?: Promise<unknown>;
}

/** The options of a relay that listens on TCP. */
export interface RelayServerOptions extends RelayHostOptions {
  /** The address to listen on; 127.0.0.1 by default. */
  readonly hostname?: string;
  /** The port; 4396 by default, 0 for any free one. */
  readonly port?: number;
  /** Accepts TLS only. */
  readonly tls?: TlsServerOptions;
  /** Called with the reason when connections cannot be accepted, and not again until one is accepted. */
  readonly trouble?: (failure: Failure) => void;
  /**
   * Wraps each TCP link before the relay takes it: another protocol may lie between TCP and the chat. `isSecure` is
   * whether the link is one over TLS. A link for which it throws is closed.
   */
  readonly wrap?: (link: DuplexLink, isSecure: boolean) => Link;
  /** More sources of links, beside the TCP listener. */
  readonly sources?: readonly LinkSource[];
}

/** The options of a relay that does not listen on TCP. */
export interface DetachedRelayOptions extends RelayHostOptions {
  /** Opens no TCP listener. */
  readonly listen: false;
  /** Where links come from. */
  readonly sources: readonly LinkSource[];
}

/** A relay that listens on TCP. */
export interface RelayServer extends RelayHost {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** Whether it accepts TLS only. */
  readonly tls: boolean;
}

/**
 * Opens a relay. It takes its links from `sources` alone.
 *
 * @param options What the relay admits, and where its links come from.
 * @throws {MalformedError} If the room's name is not valid.
 */
export function openRelay(options: DetachedRelayOptions): RelayHost;
/**
 * Opens a relay that listens on TCP.
 *
 * @param options Where to listen, and what the relay admits.
 * @throws {Failure} If it cannot listen there.
 * @throws {MalformedError} If the room's name is not valid.
 */
export function openRelay(options?: RelayServerOptions): RelayServer;
export function openRelay(
  options: RelayServerOptions | DetachedRelayOptions = {},
): RelayHost | RelayServer {
  const roomName = checkedRoomName(options.room);
  const relay = makeRelay(options);
  const { publicNames, opens, tap, sources = [] } = options;
  const listener = "listen" in options ? undefined : listen(relay, options);
  const { hostname, port } = listener?.addr ?? { hostname: "localhost", port: DEFAULT_PORT };
  const named = readPublicName(publicNames?.[0] ?? hostname);
  const host = hostRelay(relay, listener === undefined ? sources : [listener, ...sources], {
    roomName,
    self: { host: named.host, port: named.port ?? port },
    opens,
    tap,
  });
  if (listener === undefined) return host;
  return { ...host, addr: listener.addr, tls: "tls" in options && options.tls !== undefined };
}

function makeRelay({ event, ...options }: RelayHostOptions): Relay {
  const { room, maxRooms, maxMembers, graceMs, allows, invitations, limits, publicNames } = options;
  return new Relay({
    ...(room === undefined ? {} : { room }),
    ...(maxRooms === undefined ? {} : { maxRooms }),
    ...(maxMembers === undefined ? {} : { maxMembers }),
    ...(graceMs === undefined ? {} : { graceMs }),
    ...(allows === undefined ? {} : { allows }),
    ...(invitations === undefined ? {} : { invitations }),
    ...(limits === undefined ? {} : { limits }),
    ...(publicNames === undefined ? {} : { publicNames }),
    ...(event === undefined ? {} : { event }),
    after,
    fail: (error) => event?.({ kind: "failed", detail: String(error) }),
  });
}

const after: After = (ms, call) => {
  const timer = setTimeout(call, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
};

function listen(relay: Relay, options: RelayServerOptions): TcpListener {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, tls, wrap, trouble } = options;
  return new TcpListener({
    hostname,
    port,
    tls,
    wrap,
    failed: relay.failed,
    trouble: (failure) => {
      try {
        trouble?.(failure);
      } catch (error) {
        relay.failed(error);
      }
    },
  });
}
