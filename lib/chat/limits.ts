/**
 * What a relay takes of those who connect to it, and how fast.
 *
 * @module
 */

/** The limits of a relay. Each protects the others in the room from one who wants too much. */
export interface Limits {
  /** Connections that have not joined yet. */
  readonly pending: number;
  /** Connections from one address, of members and others. Without it {@linkcode PER_ADDRESS}. */
  readonly perAddress?: number | undefined;
  /** Joins from one address in a minute. Without it {@linkcode JOINS_PER_ADDRESS}. */
  readonly joinsPerAddress?: number | undefined;
  /** Joins that are checked in a second, of all addresses together. */
  readonly joinsPerSecond: number;
  /** Joins of one identity in a minute. */
  readonly rejoins: number;
  /** Frames of one member in a second; acknowledgements of something new are free. */
  readonly framesPerSecond: number;
  /** Bytes of one member in a second. */
  readonly bytesPerSecond: number;
  /** Bytes in a second that the relay sends on for one member: what comes, times those who get it. */
  readonly fanoutPerSecond: number;
}

/** The default of {@linkcode Limits.perAddress}; none for this machine's own, where it would say nothing. */
export const PER_ADDRESS = 128;
/** The default of {@linkcode Limits.joinsPerAddress}; none for this machine's own. */
export const JOINS_PER_ADDRESS = 120;

/** What looking for a member counts as, in bytes that are sent on: about as much work. */
export const LOOKUP_BYTES = 256;

/** The limits of a relay that is told nothing else. */
export const DEFAULT_LIMITS: Limits = {
  pending: 1024,
  joinsPerSecond: 50,
  rejoins: 60,
  framesPerSecond: 1000,
  bytesPerSecond: 4 << 20,
  fanoutPerSecond: 32 << 20,
};
