/**
 * The defaults and bounds of the tools for datagrams. The command line shows them as well, so that this file
 * imports nothing.
 *
 * @module
 */

/** The port of the tutorial's echo server. */
export const DEFAULT_PORT = 1060;

/** How long an echo client waits for an answer to a question, including resends, in milliseconds. */
export const DEFAULT_TIMEOUT_MS = 5_000;

/** How often an echo client sends a question again. */
export const DEFAULT_RETRIES = 5;

/** The load on an echo server: bytes a datagram, datagrams in flight, and seconds. */
export const DEFAULT_LOAD = { size: 38, window: 32, seconds: 5 } as const;

/** The largest window. Each datagram in flight needs two sockets, and a process may open about 1,000 files. */
export const MAX_WINDOW = 256;

/** The largest payload of a datagram over IPv4, in bytes: 65,535 less the IP and UDP headers. */
export const MAX_IPV4_BYTES = 65_507;

/** The largest payload of a datagram over IPv6 without jumbograms, in bytes. */
export const MAX_IPV6_BYTES = 65_527;
