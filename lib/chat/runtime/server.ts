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

import type { Bytes } from "../../base/bytes.ts";
import type { Failure } from "../../base/failure.ts";
import { hostPort, readPublicName } from "../../base/host_port.ts";
import { requireZone, withZone } from "../../net/resolve_host.ts";
import { checkServerOptions, tlsFailure, type TlsServerOptions } from "../../net/tls.ts";
import { TlsServerConn } from "../../net/tls_server.ts";
import { toFailure } from "../../os/errors.ts";
import type { RelayLink } from "../link.ts";
import type { Limits, RelayEvent } from "../relay/options.ts";
import type { RelayState } from "../relay/outbox.ts";
import { Relay } from "../relay/relay.ts";
import { DEFAULT_PORT } from "../wire/kinds.ts";
import { joinThroughMemory } from "./join.ts";
import type { Session, SessionOptions, Tap } from "./session.ts";
import { Link } from "./tcp_link.ts";

/** How long a relay that closes waits for what it has sent to be shown, in milliseconds. */
const DRAIN_MS = 3_000;
/** How often it looks. */
const DRAIN_POLL_MS = 20;
/** How often a relay looks after its connections, in milliseconds. */
const SWEEP_MS = 1_000;
/** How long a relay waits after it could not accept a connection, in milliseconds: longer each time. */
const ACCEPT_RETRY_MS = { first: 5, longest: 1_000 } as const;

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
  /** How long a member whose connection is lost is kept, in milliseconds: 2 minutes by default, 12 hours at most. */
  readonly graceMs?: number;
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
  /** Whether it speaks TLS, and nothing else. */
  readonly tls: boolean;
  /** Joins the room through memory: the same bytes, no socket. */
  join(options: SessionOptions): Session;
  /** Ends those members who may no longer be in. */
  removeDisallowed(): void;
  /** How it is at the moment, and what it has counted. */
  state(): RelayState;
  /** Takes nobody new, waits for what is on its way, 5 s at most, tells every member that it is going, and stops. */
  close(): Promise<void>;
  /** Fulfilled when it has stopped. */
  readonly finished: Promise<void>;
}

/**
 * Opens a room and listens for members.
 *
 * @param options Where, for how many.
 * @throws {Failure} Where the address cannot be listened on.
 */
export function openRelay(options: RelayServerOptions = {}): RelayServer {
  const { hostname = "127.0.0.1", port = DEFAULT_PORT, maxMembers, graceMs, event } = options;
  const { allows, publicNames, limits, tls } = options;
  const relay: Relay = new Relay({
    ...(maxMembers === undefined ? {} : { maxMembers }),
    ...(graceMs === undefined ? {} : { graceMs }),
    ...(allows === undefined ? {} : { allows }),
    ...(limits === undefined ? {} : { limits }),
    ...(publicNames === undefined ? {} : { publicNames }),
    ...(event === undefined ? {} : { event }),
    fail: (error) => event?.({ kind: "failed", detail: String(error) }),
  });
  const listener = listen(hostname, port, tls);
  const connections = new Set<Promise<void>>();
  const sweep = setInterval(() => relay.tick(), SWEEP_MS);
  const shut = Promise.withResolvers<void>();
  const opens = Promise.race([options.opens, shut.promise]);
  const accepting = accept(listener, opens, {
    trouble: options.trouble ?? (() => {}),
    take: (conn) => carry(conn),
    failed: relay.failed,
  });
  const carry = (conn: Deno.TcpConn) => {
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
    }).catch(relay.failed).finally(() => connections.delete(reading));
    connections.add(reading);
  };
  const finished = accepting.then(() => Promise.all(connections)).then(() => clearInterval(sweep));
  finished.catch(() => {}); // who awaits it hears of it; who does not is not to be ended by it
  const close = async () => {
    closeListener(listener);
    shut.resolve();
    await drain(relay);
    relay.close();
    await finished;
  };
  const addr = withZone(listener.addr as Deno.NetAddr, hostname);
  const self = readPublicName(publicNames?.[0] ?? addr.hostname);
  return {
    addr,
    room: relay.room,
    tls: tls !== undefined,
    join: (joining) => joinThroughMemory(relay, self.host, self.port ?? addr.port, joining),
    removeDisallowed: () => relay.removeDisallowed(),
    state: () => relay.state(),
    close,
    finished,
    [Symbol.asyncDispose]: close,
  };
}

/** Waits until everyone has shown what was sent to it, or three seconds; two are left for the last writes. */
async function drain(relay: Relay): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (!relay.isIdle && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
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
  const what = `cannot listen on ${hostPort({ hostname, port })}`;
  requireZone(hostname, what);
  try {
    if (tls !== undefined) checkServerOptions(tls);
    return Deno.listen({ hostname, port });
  } catch (error) {
    throw tlsFailure(error, what);
  }
}

function closeListener(listener: Deno.TcpListener): void {
  try {
    listener.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error; // closed before
  }
}

/** What becomes of connections. */
interface AcceptHandlers {
  /** Hears that none can be accepted for now; once, until one can again. */
  trouble(failure: Failure): void;
  take(conn: Deno.TcpConn): void;
  /** Hears of an exception of the other two. */
  failed(error: unknown): void;
}

/** Accepts until the listener closes. A connection that cannot be taken is not the last. */
async function accept(
  listener: Deno.TcpListener,
  opens: Promise<unknown>,
  handlers: AcceptHandlers,
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
      if (retryMs === ACCEPT_RETRY_MS.first) tellTrouble(handlers, error);
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
    try {
      handlers.take(conn);
    } catch (error) {
      handlers.failed(error);
      conn.close();
    }
  }
}

function tellTrouble({ trouble, failed }: AcceptHandlers, cause: unknown): void {
  try {
    trouble(toFailure(cause, "cannot accept connections"));
  } catch (error) {
    failed(error);
  }
}
