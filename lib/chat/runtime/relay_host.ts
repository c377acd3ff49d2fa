/**
 * Runs a relay: serves its links, calls its clock and closes it. Links come from sources, such as a TCP listener.
 *
 * @module
 */

import type { Bytes } from "../../base/bytes.ts";
import { guardLink, type Link, memoryLinks, type Tap } from "../link.ts";
import type { Origin, RelayState } from "../relay/options.ts";
import type { Peer } from "../member/roster.ts";
import type { Relay } from "../relay/relay.ts";
import { type Session, type SessionOptions, startSession } from "./session.ts";

/** How long a closing relay waits for members to acknowledge what it sent, in milliseconds. */
const DRAIN_MS = 3_000;
/** How often it checks, in milliseconds. */
const DRAIN_POLL_MS = 20;
/** The interval of {@linkcode Relay.tick}, in milliseconds. */
const TICK_MS = 1_000;

/** A link that someone opened to the relay. */
export interface IncomingLink {
  /** The relay's end of the link. Its `open()` has not been called. */
  readonly link: Link;
  /** The address of the other end. Without one the link is local, and no limit applies to it. */
  readonly from?: Origin;
}

/** Where links to a relay come from. */
export interface LinkSource {
  /**
   * Hands over links until {@linkcode close} is called.
   *
   * @param accept Takes one link. It does not throw.
   * @returns A promise that is fulfilled once no more links come.
   */
  run(accept: (incoming: IncomingLink) => void): Promise<void>;
  /** Hands over no more links. May be called before {@linkcode run} and more than once. */
  close(): void;
}

/** A relay that accepts links. */
export interface RelayHost extends AsyncDisposable {
  /** The id of the relay's own room: 32 random bytes, new in each run. */
  readonly room: Bytes;
  /** The name of the relay's own room. */
  readonly roomName: string;
  /** Joins from this process through memory, without a socket; the relay's own room if no other is named. */
  join(options: SessionOptions): Session;
  /** Ends the members whose identity `allows` no longer admits. */
  removeDisallowed(): void;
  /**
   * Ends a member of the relay's own room.
   *
   * @param peer The member, as a session in that room lists it.
   * @param bans Whether its identity may not join the room again, as long as the relay runs.
   * @returns False if it is not in the room.
   */
  remove(peer: Peer, bans: boolean): boolean;
  /** The current state, and what has been counted since the start. */
  state(): RelayState;
  /**
   * Stops accepting members, waits up to 3 s for acknowledgements, tells every member that the relay stops, and writes
   * the rest for up to 2 s.
   */
  close(): Promise<void>;
  /** Fulfilled once the relay has stopped. */
  readonly finished: Promise<void>;
}

/** How a relay is hosted. */
export interface HostOptions {
  /** The name of the relay's own room. */
  readonly roomName: string;
  /** The address that members in this process name in their proofs. */
  readonly self: { readonly host: string; readonly port: number };
  /** Links wait until this is fulfilled. */
  readonly opens?: Promise<unknown> | undefined;
  /** Makes a tap for each link. */
  readonly tap?: (() => Tap) | undefined;
}

/**
 * Runs a relay with the links of its sources.
 *
 * @param relay The relay.
 * @param sources Where its links come from.
 * @param options How.
 */
export function hostRelay(
  relay: Relay,
  sources: readonly LinkSource[],
  { roomName, self, opens, tap }: HostOptions,
): RelayHost {
  const links = new Set<IncomingLink>();
  const emptied = Promise.withResolvers<void>();
  let closed = false;
  const accept = (incoming: IncomingLink) => {
    const ended = () => {
      links.delete(incoming);
      if (closed && links.size === 0) emptied.resolve();
    };
    // Before it is opened: a link that was closed before may end within the call.
    links.add(incoming);
    try {
      serveLink(relay, incoming, ended, tap?.());
    } catch (error) {
      relay.failed(error);
      relay.contain(() => incoming.link.close());
      ended();
    }
  };
  const shut = Promise.withResolvers<void>();
  const opened = Promise.race([opens, shut.promise]);
  const ticking = setInterval(() => relay.tick(), TICK_MS);
  const accepting = opened.then(() => Promise.all(sources.map((source) => source.run(accept))));
  const finished = accepting.then(async () => {
    closed = true;
    if (links.size > 0) await emptied.promise;
  }).finally(() => clearInterval(ticking));
  finished.catch(() => {}); // a caller that awaits it sees the failure
  const close = async () => {
    for (const source of sources) source.close();
    shut.resolve();
    await drain(relay);
    relay.close();
    await finished;
  };
  return {
    room: relay.room,
    roomName,
    join: (options) => {
      const [near, far] = memoryLinks();
      accept({ link: far });
      return startSession({ roomName, ...options }, { dialled: self, first: near });
    },
    removeDisallowed: () => relay.removeDisallowed(),
    remove: ({ credential }, bans) => relay.remove(credential.key, bans),
    state: () => relay.state(),
    close,
    finished,
    [Symbol.asyncDispose]: close,
  };
}

/**
 * Connects a relay to one link, and pauses the link while its member sends too fast.
 *
 * @param relay The relay.
 * @param incoming The link. It is opened here.
 * @param ended Called once the link has ended.
 * @param tap Sees the link's bytes, if given.
 * @returns The link as the relay uses it.
 */
export function serveLink(
  relay: Relay,
  { link, from }: IncomingLink,
  ended?: () => void,
  tap?: Tap,
): Link {
  const guarded = guardLink(link, relay.failed, tap);
  const connection = relay.connect(guarded, from);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
  guarded.open({
    receive: (bytes) => {
      const ms = connection.receive(bytes);
      return ms > 0 && from !== undefined ? pause(ms) : undefined;
    },
    disconnected: (detail) => {
      clearTimeout(timer);
      connection.disconnected(detail);
      ended?.();
    },
  });
  return guarded;
}

/** Waits until every member has acknowledged what it was sent, 3 s at most; 2 s remain for the last writes. */
async function drain(relay: Relay): Promise<void> {
  const deadline = performance.now() + DRAIN_MS;
  while (!relay.isIdle && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
}
