/**
 * How long the other side may say nothing. Relay and members keep to the same: a connection that is half open looks
 * like one on which nobody speaks.
 *
 * @module
 */

/** After how long without a word the other side is asked whether it is there, in milliseconds. */
export const PING_AFTER_MS = 15_000;
/** After how long without a word the other side is given up, in milliseconds. */
export const DEAD_AFTER_MS = 45_000;
