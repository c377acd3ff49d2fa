/**
 * Defaults and bounds that the library applies and the command line shows. This file imports nothing, so that showing
 * them loads no other code.
 *
 * @module
 */

/** The port of the tutorial's echo servers. */
export const DEFAULT_PORT = 1060;

/** How long an echo client waits for an answer, in milliseconds; over UDP, resends included. */
export const DEFAULT_TIMEOUT_MS = 5_000;

/** How often an echo client over UDP sends a question again. */
export const DEFAULT_RETRIES = 5;

/** The load on an echo server over UDP: bytes a datagram, datagrams under way, and seconds. */
export const DEFAULT_LOAD = { size: 38, window: 32, seconds: 5 } as const;

/** The largest window. Each datagram in flight needs two sockets, and a process may open about 1,000 files. */
export const MAX_WINDOW = 256;

/** The largest payload of a datagram over IPv4, in bytes: 65,535 less the IP and UDP headers. */
export const MAX_IPV4_BYTES = 65_507;

/** The largest payload of a datagram over IPv6 without jumbograms, in bytes. */
export const MAX_IPV6_BYTES = 65_527;

/** The most bytes of one read of an echo server over TCP. */
export const DEFAULT_CHUNK_BYTES = 4_096;

/** The time limit of connecting over TCP, in milliseconds. */
export const DEFAULT_CONNECT_MS = 10_000;

/** A check of ports: the time limit of each answer, and the number of simultaneous attempts. */
export const DEFAULT_CHECK = { timeoutMs: 2_000, parallel: 100 } as const;

/** The most simultaneous attempts of a check. Each one needs a socket, and a process may open about 1,000 files. */
export const MAX_PARALLEL = 1_000;

/** Probes of a host: how many, from one to the next, how long each one waits for its answer, and from one lookup of the name to the next. */
export const DEFAULT_PROBES = {
  count: 4,
  intervalMs: 1_000,
  timeoutMs: 2_000,
  refreshMs: 60_000,
} as const;
