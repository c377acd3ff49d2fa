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

import { steadyNow } from "./chat/clock.ts";
import {
  CREDENTIAL_LIFE_MS,
  generateMemberKeys,
  makeCredential,
  type OwnCredential,
} from "./chat/credential.ts";
import { Member } from "./chat/member.ts";
import type { Entered, MemberEvent } from "./chat/member_event.ts";
import type { Limits } from "./chat/limits.ts";
import { connectThroughMemory, type LinkEnd } from "./chat/memory_link.ts";
import { Relay, type RelayEvent } from "./chat/relay.ts";
import { EVERYONE, type Policy } from "./chat/policy.ts";
import type { RelayLink } from "./chat/room_member.ts";
import type { Peer } from "./chat/roster.ts";
import type { RelayState } from "./chat/tally.ts";
import { Failure, tlsFailure, toFailure } from "./failure.ts";
import type { Bytes } from "./rsa.ts";
import { Link } from "./tcp_link.ts";
import {
  checkServerOptions,
  startTls,
  type TlsClientOptions,
  type TlsServerOptions,
} from "./tls.ts";
import { TlsServerConn } from "./tls_server.ts";

export type { Credential, MemberKeys, OwnCredential } from "./chat/credential.ts";
export type { SealedText } from "./chat/envelope.ts";
export type { Fault, FAULTS } from "./chat/incoming.ts";
export type { Entered, FaultCode, MemberEvent, RefusalCode } from "./chat/member_event.ts";
export type { Limits } from "./chat/limits.ts";
export type { Line } from "./chat/outgoing.ts";
export type { Policy } from "./chat/policy.ts";
export type { Ending, ENDING_TEXT, Reason, REASONS } from "./chat/reason.ts";
export type { Conflict } from "./chat/registry.ts";
export type { Origin, RelayEvent } from "./chat/relay.ts";
export type { Peer } from "./chat/roster.ts";
export type { RelayState, Tally } from "./chat/tally.ts";
export type { Failure } from "./failure.ts";
export type { Bytes } from "./rsa.ts";
export type { TlsClientOptions, TlsServerOptions } from "./tls.ts";

/** The tutorial's port. */
export const DEFAULT_PORT = 4396;

/** How often a relay looks after its connections, in milliseconds. */
const SWEEP_MS = 1_000;
/** How long a relay waits after it could not accept a connection, in milliseconds: longer each time. */
const ACCEPT_RETRY_MS = { first: 5, longest: 1_000 } as const;
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
  const keys = await generateMemberKeys(identity === undefined ? {} : { identity });
  return await makeCredential(name, keys, Date.now() + CREDENTIAL_LIFE_MS);
}

/** How a relay listens. */
export interface RelayServerOptions {
  /** The address to listen on; 127.0.0.1 by default. */
  readonly hostname?: string;
  /** The port; 4396 by default, and 0 for any free one. */
  readonly port?: number;
  /** Speaks TLS, and nothing else. */
  readonly tls?: TlsServerOptions;
  /** How many members the room takes; 1,024 by default. */
  readonly maxMembers?: number;
  /**
   * Whether an identity, by its fingerprint, may come in; without, everyone may. Whoever changes the answer
   * calls {@linkcode RelayServer.removeDisallowed}.
   */
  readonly allows?: (fingerprint: string) => boolean;
  /** What it takes of those who connect, and how fast; there is a default for each. */
  readonly limits?: Partial<Limits>;
  /** The names by which members dial it, `HOST` or `HOST:PORT`; without, any will do. */
  readonly publicNames?: readonly string[];
  /** Hears of members that come and go, and of connections that are refused. */
  readonly event?: (event: RelayEvent) => void;
  /** Hears that no connection can be accepted for now; once, until one can again. */
  readonly trouble?: (failure: Failure) => void;
  /** Makes a tap for a connection: looks at every byte of it, as the relay receives and sends it. */
  readonly tap?: () => Tap;
  /** Connections wait until this is fulfilled; the address is taken at once. */
  readonly opens?: Promise<unknown>;
}

/** A relay that listens. */
export interface RelayServer extends AsyncDisposable {
  /** Where it listens. */
  readonly addr: Deno.NetAddr;
  /** The room's id: 32 random bytes a run. */
  readonly room: Bytes;
  /** Joins the room through memory: the same bytes, no socket. */
  join(options: SessionOptions): Session;
  /** Ends those members who may no longer be in. */
  removeDisallowed(): void;
  /** How it is at the moment, and what it has counted. */
  state(): RelayState;
  /** Tells every member that it is going, and stops. */
  close(): Promise<void>;
  /** Fulfilled when it has stopped; fails where it failed. */
  readonly finished: Promise<void>;
}

/**
 * Opens a room and listens for members.
 *
 * @param options Where, for how many.
 * @throws {Failure} Where the address cannot be listened on.
 */
export function openRelay(options: RelayServerOptions = {}): RelayServer {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, maxMembers, event } = options;
  const { allows, publicNames, limits, tls } = options;
  const failure = Promise.withResolvers<never>();
  const relay = new Relay({
    ...(maxMembers === undefined ? {} : { maxMembers }),
    ...(allows === undefined ? {} : { allows }),
    ...(limits === undefined ? {} : { limits }),
    ...(publicNames === undefined ? {} : { publicNames }),
    ...(event === undefined ? {} : { event }),
    fail: failure.reject,
  });
  const listener = listen(hostname, port, tls);
  const connections = new Set<Promise<void>>();
  const sweep = setInterval(() => relay.tick(), SWEEP_MS);
  const shut = Promise.withResolvers<void>();
  const opens = Promise.race([options.opens, shut.promise]);
  const trouble = options.trouble ?? (() => {});
  const accepting = accept(listener, opens, trouble, (conn) => {
    const secured = tls === undefined ? undefined : new TlsServerConn(conn, tls);
    const link = new Link(secured ?? conn);
    const tap = options.tap?.();
    const from = conn.remoteAddr;
    const connection = relay.connect(tap === undefined ? link : tapped(link, tap), from);
    const reading = link.read({
      receive: (bytes) => {
        tap?.("received", bytes);
        return link.pause(connection.receive(bytes));
      },
      disconnected: () => connection.disconnected(secured?.failure),
    }).catch(failure.reject).finally(() => connections.delete(reading));
    connections.add(reading);
  });
  const stopped = accepting.then(() => Promise.all(connections)).then(() => clearInterval(sweep));
  const finished = Promise.race([stopped, failure.promise]);
  finished.catch(() => {}); // who awaits it hears of it; who does not is not to be ended by it
  const close = () => {
    relay.close();
    closeListener(listener);
    shut.resolve();
    return finished;
  };
  const addr = listener.addr as Deno.NetAddr;
  return {
    addr,
    room: relay.room,
    join: (joining) =>
      joinThroughMemory(relay, publicNames?.[0] ?? addr.hostname, addr.port, joining),
    removeDisallowed: () => relay.removeDisallowed(),
    state: () => relay.state(),
    close,
    finished,
    [Symbol.asyncDispose]: close,
  };
}

function tapped(link: Link, tap: Tap): RelayLink {
  return {
    send: (bytes) => {
      tap("sent", bytes);
      link.send(bytes);
    },
    end: () => link.end(),
    get waiting() {
      return link.waiting;
    },
  };
}

function listen(
  hostname: string,
  port: number,
  tls: TlsServerOptions | undefined,
): Deno.TcpListener {
  try {
    if (tls !== undefined) checkServerOptions(tls);
    return Deno.listen({ hostname, port });
  } catch (error) {
    throw tlsFailure(error, `cannot listen on ${hostPort(hostname, port)}`);
  }
}

function closeListener(listener: Deno.TcpListener): void {
  try {
    listener.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed before
  }
}

/** Accepts until the listener closes. A connection that cannot be taken is not the last. */
async function accept(
  listener: Deno.TcpListener,
  opens: Promise<unknown>,
  trouble: (failure: Failure) => void,
  take: (conn: Deno.TcpConn) => void,
): Promise<void> {
  await opens;
  let retryMs: number = ACCEPT_RETRY_MS.first;
  while (true) {
    let conn: Deno.TcpConn;
    try {
      conn = await listener.accept();
    } catch (error) {
      if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) {
        return;
      }
      // Out of descriptors, or gone before it was taken: the others go on, and so does this.
      if (retryMs === ACCEPT_RETRY_MS.first) trouble(toFailure(error, "cannot accept connections"));
      await new Promise((resolve) => setTimeout(resolve, retryMs));
      retryMs = Math.min(2 * retryMs, ACCEPT_RETRY_MS.longest);
      continue;
    }
    retryMs = ACCEPT_RETRY_MS.first;
    try {
      conn.setNoDelay(true);
    } catch {
      // It has gone already: reading, which comes next, says so.
    }
    take(conn);
  }
}

/** Looks at every byte that travels, in either direction. */
export type Tap = (direction: "sent" | "received", bytes: Uint8Array<ArrayBuffer>) => void;

/** Who joins, and what hears of it. */
export interface SessionOptions {
  /** The member: {@linkcode createIdentity}. */
  readonly self: OwnCredential;
  /** Whom it lets read and be read; everyone by default. */
  readonly policy?: Policy;
  /** Hears what happens, in order. */
  readonly event: (event: MemberEvent) => void;
  /**
   * When an event counts as shown: `at once`, or `later`, when the caller says so by
   * {@linkcode Session.displayed}. Only what was shown is acknowledged.
   */
  readonly shows?: "at once" | "later";
  /** Looks at what travels. */
  readonly tap?: Tap;
}

/** Where to join, and who. */
export interface JoinOptions extends SessionOptions {
  /** The relay's host; 127.0.0.1 by default. */
  readonly hostname?: string;
  /** The relay's port; 4396 by default. */
  readonly port?: number;
  /** Joins over TLS; the relay's certificate must be for `hostname`. */
  readonly tls?: TlsClientOptions;
}

/** A member in a room, and its connection. */
export interface Session {
  /** Who joined. */
  readonly self: OwnCredential;
  /**
   * Says something, to everyone or to one.
   *
   * @param text 1 byte to 64 KiB of UTF-8.
   * @param to The name of the one to say it to.
   * @returns The message's id, or why it is not sent.
   */
  enter(text: string, to?: string): Entered;
  /** Says that the first so many events have been shown. */
  displayed(events: number): void;
  /** Who is in the room, this member first. */
  members(): Peer[];
  /** What has been entered and is not delivered yet. */
  backlog(): { readonly lines: number; readonly bytes: number };
  /** Leaves the room; the event `ended` follows. */
  leave(): void;
  /** Ends the connection now, without a word. */
  close(): void;
  /** Fulfilled when the connection is over and everything that came was told; fails where the runtime did. */
  readonly ended: Promise<void>;
}

/**
 * Joins a room over TCP. The session begins at once; the event `ready` says that it is in.
 *
 * @param options Where, and who.
 * @throws {Failure} Where nothing answers there, or a TLS handshake fails.
 */
export async function joinRoom(options: JoinOptions): Promise<Session> {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, tls } = options;
  const link = new Link(await connect(hostname, port, tls));
  return startSession(options, { host: hostname, port }, (end, fail) => {
    link.read(end).catch(fail);
    return { send: (bytes) => link.send(bytes), close: () => link.close() };
  });
}

function joinThroughMemory(
  relay: Relay,
  host: string,
  port: number,
  options: SessionOptions,
): Session {
  const dialled = { host, port };
  return startSession(options, dialled, (end) => connectThroughMemory(relay, end));
}

async function connect(
  hostname: string,
  port: number,
  tls: TlsClientOptions | undefined,
): Promise<Deno.TcpConn | Deno.TlsConn> {
  const what = `cannot connect to ${hostPort(hostname, port)}`;
  const conn = await dial(hostname, port, what);
  // A line that is entered goes at once; what can share a segment shares a write already.
  conn.setNoDelay(true);
  return tls === undefined ? conn : await startTls(conn, hostname, tls, what);
}

async function dial(hostname: string, port: number, what: string): Promise<Deno.TcpConn> {
  const signal = AbortSignal.timeout(CONNECT_TIMEOUT_MS);
  try {
    return await Deno.connect({ hostname, port, signal });
  } catch (error) {
    if (!signal.aborted) throw toFailure(error, what);
    const why = `no answer within ${CONNECT_TIMEOUT_MS / 1000} s`;
    throw new Failure({ what, why, code: "ETIMEDOUT", hint: "check the address and any firewall" });
  }
}

/** The way to a relay. */
interface Carrier {
  send(bytes: Bytes): void;
  close(): void;
}

function startSession(
  { self, policy = EVERYONE, event, shows = "at once", tap }: SessionOptions,
  dialled: { readonly host: string; readonly port: number },
  open: (end: LinkEnd, fail: (error: unknown) => void) => Carrier,
): Session {
  const ended = Promise.withResolvers<void>();
  let told = 0;
  const member: Member = new Member({ self, policy, dialled }, {
    send: (bytes) => {
      tap?.("sent", bytes);
      carrier.send(bytes);
    },
    event: (one) => {
      event(one);
      told += 1;
      if (shows === "at once") queueMicrotask(() => member.displayed(told));
      // The member says nothing after this: the connection is of no further use.
      if (one.kind === "ended") finish();
    },
    wake: () => alarm.set(member.wakeAt),
    fail: (error) => {
      ended.reject(error);
      finish();
    },
  });
  const alarm = new Alarm(() => {
    member.tick();
    alarm.set(member.wakeAt);
  });
  const finish = () => {
    alarm.clear();
    carrier.close();
    ended.resolve();
  };
  const end: LinkEnd = {
    receive: (bytes) => {
      tap?.("received", bytes);
      member.receive(bytes);
      return member.full;
    },
    disconnected: () => member.disconnected(),
  };
  const carrier = open(end, ended.reject);
  member.start();
  alarm.set(member.wakeAt);
  ended.promise.catch(() => {}); // whoever awaits it hears of it
  return {
    self,
    enter: (text, to) => member.enter(text, to),
    displayed: (events) => member.displayed(events),
    members: () => [...member.roster.values()],
    backlog: () => member.backlog,
    leave: () => member.leave(),
    close: () => carrier.close(),
    ended: ended.promise,
  };
}

/** A timer that only ever needs to be early enough. */
class Alarm {
  readonly #ring: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #at = Infinity;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings at a time in milliseconds since 1970, unless it rings before that anyway. */
  set(at: number): void {
    if (at >= this.#at) return;
    this.clear();
    this.#at = at;
    this.#timer = setTimeout(() => {
      this.#at = Infinity;
      this.#ring();
    }, Math.max(0, at - steadyNow()));
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }
}

/** A host and a port as they are written: an IPv6 address in brackets (RFC 3986). */
export function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}
