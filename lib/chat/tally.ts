/**
 * What a relay counts of itself, for those who watch over it.
 *
 * @module
 */

import type { Reason } from "./reason.ts";

/** The upper bounds of a histogram's buckets, in seconds. */
export const JOIN_BUCKETS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];

/** Numbers that only rise, from the relay's start on. */
export class Tally {
  /** Members that came in. */
  joins = 0;
  /** Sealed frames that members sent. */
  messages = 0;
  /** Sealed frames that were sent on, counted once for each recipient. */
  deliveries = 0;
  /** Bytes that came. */
  receivedBytes = 0;
  /** Milliseconds for which members that were too fast were not read. */
  slowedMs = 0;
  /** Exceptions that were contained. */
  failures = 0;
  /** How long all joins together took, in milliseconds. */
  joinMs = 0;
  /** Joins by time: those of each bucket of {@linkcode JOIN_BUCKETS} alone, then those that took longer. */
  readonly joinTimes: number[] = new Array<number>(JOIN_BUCKETS.length + 1).fill(0);
  /** Connections that ended, by reason. */
  readonly disconnects: Map<Reason, number> = new Map();

  /** A member came in, so long after its connection was made. */
  joined(ms: number): void {
    this.joins += 1;
    this.joinMs += ms;
    const bucket = JOIN_BUCKETS.findIndex((bound) => ms <= bound * 1000);
    const at = bucket < 0 ? JOIN_BUCKETS.length : bucket;
    this.joinTimes[at] = this.joinTimes[at]! + 1;
  }

  /** A connection ended. */
  disconnected(reason: Reason): void {
    this.disconnects.set(reason, (this.disconnects.get(reason) ?? 0) + 1);
  }
}

/** A relay at one moment. */
export interface RelayState {
  /** Members in the room. */
  readonly members: number;
  /** Connections, of members and others. */
  readonly connections: number;
  /** Connections that have not joined yet. */
  readonly pending: number;
  /** Bytes on their way to members: sent, and not acknowledged. */
  readonly queueBytes: number;
  /** What has been counted from its start on. */
  readonly tally: Tally;
}
