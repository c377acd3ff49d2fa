/**
 * The defaults and bounds of the tools for datagrams. The command line shows them as well, so that this file
 * imports nothing.
 *
 * @module
 */

/** The port of the tutorial's echo server. */
export const DEFAULT_PORT = 1060;

/** How long an echo client waits for an answer to a question, resends included, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 5_000;

/** How often an echo client sends a question again. */
export const DEFAULT_RETRIES = 5;

/** The load on an echo server: bytes a datagram, datagrams under way, and seconds. */
export const DEFAULT_LOAD = { size: 38, window: 32, seconds: 5 } as const;

/** The largest window: each datagram under way has two ports, and a process may open some 1,000. */
export const MAX_WINDOW = 256;

/** The most that one datagram carries over IPv4: 65,535 less the headers of IP and UDP, in bytes. */
export const MAX_IPV4_BYTES = 65_507;

/** The most that one datagram carries over IPv6 without jumbograms, in bytes. */
export const MAX_IPV6_BYTES = 65_527;
