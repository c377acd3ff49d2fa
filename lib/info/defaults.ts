/**
 * The defaults of the tools for hosts and names. The command line shows them as well, so that this file imports
 * nothing.
 *
 * @module
 */

/** Probes of a host: how many, from one to the next, and how long each one waits for its answer. */
export const DEFAULT_PROBES = { count: 4, intervalMs: 1_000, timeoutMs: 2_000 } as const;
