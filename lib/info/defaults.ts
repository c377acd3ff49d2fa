/**
 * The defaults of the tools for hosts and names. The command line shows them as well, so that this file imports
 * nothing.
 *
 * @module
 */

/** Probes of a host: their number, the time between them, and how long each one waits for an answer. */
export const DEFAULT_PROBES = { count: 4, intervalMs: 1_000, timeoutMs: 2_000 } as const;
