/**
 * A member that sits in the same process as its relay: the same bytes as over TCP, without a socket.
 *
 * @module
 */

import type { Bytes } from "../base/bytes.ts";

/** What stands at the end of a connection. */
export interface LinkEnd {
  /** Bytes came; they may be read over afterwards. A promise asks for a pause until it is fulfilled. */
  receive(bytes: Bytes): Promise<void> | undefined | void;
  /** The connection has ended, from whichever side. Called once. */
  disconnected(): void;
}

/** The way to a connection. */
export interface RelayLink {
  /** Sends bytes after those sent before; they are not changed afterwards. */
  send(bytes: Bytes): void;
  /** Ends the connection once what was sent has gone, and whatever its other side does. */
  end(): void;
  /** How many bytes wait to go, where that is known. */
  readonly waiting?: number;
}

/** The way to a relay. */
export interface Carrier {
  /** How many bytes wait to go, where that is known. */
  readonly waiting?: number;
  send(bytes: Bytes): void;
  close(): void;
}

/** Begins to carry, over a connection that is there. */
export type Opener = (end: LinkEnd, fail: (error: unknown) => void) => Carrier;
