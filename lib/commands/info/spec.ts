/**
 * What `parley info` and its commands take.
 *
 * @module
 */

import { DEFAULT_PROBES } from "../../info/defaults.ts";
import { type CommandSpec, JSON_LINES } from "../../cli/spec.ts";

/** `parley info host`. */
export const INFO_HOST = {
  name: "host",
  summary: "This host's name, its addresses, interfaces and system.",
  details: "What may not be known is left out, and said so.",
  options: { json: JSON_LINES },
  permissions: ["net", "sys"],
  examples: ["parley info host", "parley info host --json"],
} as const satisfies CommandSpec;

/** `parley info resolve`. */
export const INFO_RESOLVE = {
  name: "resolve",
  summary: "The records of a name, by the domain name system.",
  details:
    `Asks for A and AAAA, or for the TYPEs: A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, CAA, NAPTR.
For an address it asks for its name, PTR. What the hosts file lists is answered from there, unless
@SERVER names whom to ask.
Exits with 1 where a type has no answer: NXDOMAIN, NODATA, SERVFAIL, REFUSED, TIMEOUT; NO_ANSWER
where the server that could tell is not known, which @SERVER mends. Of A and AAAA,
where neither was named, one is enough.`,
  operands: [
    { name: "NAME", help: "A name, also in Unicode, or an address" },
    {
      name: "TYPE|@SERVER",
      optional: true,
      rest: true,
      help: "Record types; @ADDRESS[:PORT] asks that server, as @127.0.0.1:5353 or @[::1]:5353",
    },
  ],
  options: {
    timeout: {
      type: "integer",
      value: "MS",
      min: 1,
      max: 600_000,
      default: 5000,
      help: "How long to wait for each answer, in milliseconds",
    },
    short: { type: "flag", help: "The data alone, one record a line" },
    json: JSON_LINES,
  },
  permissions: ["net", "sys"],
  examples: [
    "parley info resolve example.com",
    "parley info resolve example.com MX TXT @9.9.9.9",
    "parley info resolve 192.0.2.1 --short",
  ],
} as const satisfies CommandSpec;

/** `parley info ping`. */
export const INFO_PING = {
  name: "ping",
  summary: "Whether a host is there, and how far away, by TCP connect.",
  details: `Takes no privileges: a connection that is accepted ("open") and one that is refused both
prove that the host is there. Ctrl-C prints the summary. Exits with 1 where nothing was answered.`,
  operands: [{ name: "HOST[:PORT]", help: "A name or an address (default port 80)" }],
  options: {
    count: {
      type: "integer",
      short: "c",
      value: "N",
      min: 0,
      max: 1_000_000_000,
      default: DEFAULT_PROBES.count,
      help: "How many probes; 0 runs on until Ctrl-C",
    },
    interval: {
      type: "integer",
      short: "i",
      value: "MS",
      min: 1,
      max: 86_400_000,
      default: DEFAULT_PROBES.intervalMs,
      help: "From one probe to the next, in milliseconds",
    },
    wait: {
      type: "integer",
      short: "W",
      value: "MS",
      min: 1,
      max: 600_000,
      default: DEFAULT_PROBES.timeoutMs,
      help: "How long to wait for an answer, in milliseconds",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: ["parley info ping example.com:443", "parley info ping 127.0.0.1 -c 0 -i 200"],
} as const satisfies CommandSpec;

/** `parley info address`. */
export const INFO_ADDRESS = {
  name: "address",
  summary: "An address in every notation, and what it is for.",
  details:
    `Takes what inet_aton(3) takes (127.0.0.1, 127.1, 0x7f.1, 017700000001, 2130706433), packed
hex (7f000001), IPv6 with a zone or an IPv4 address in it, and reverse names.`,
  operands: [{ name: "VALUE", help: "The address" }],
  options: {
    strict: { type: "flag", help: "Take only what inet_pton(3) takes: 127.0.0.1, ::1" },
    json: JSON_LINES,
  },
  permissions: [],
  examples: [
    "parley info address 127.0.0.1",
    "parley info address fe80::1%eth0",
    "parley info address 7f000001 --json",
  ],
} as const satisfies CommandSpec;

/** `parley info service`. */
export const INFO_SERVICE = {
  name: "service",
  summary: "The port of a service, or the service of a port.",
  details: `Looks in /etc/services where that may be read, and else in IANA's registry.`,
  operands: [{
    name: "NAME|PORT",
    help: "A name or an alias, such as http, or a port, such as 80",
  }],
  options: {
    protocol: {
      type: "text",
      value: "PROTOCOL",
      choices: ["tcp", "udp"],
      help: "Only this transport; both without",
    },
    json: JSON_LINES,
  },
  permissions: ["read"],
  examples: ["parley info service http", "parley info service 53 --protocol udp"],
} as const satisfies CommandSpec;

/** `parley info byteorder`. */
export const INFO_BYTEORDER = {
  name: "byteorder",
  summary: "A number in host and in network byte order.",
  details: `htons, htonl, ntohs and ntohl (byteorder(3)), and the bytes that they are about.`,
  operands: [{ name: "N", help: "A whole number, as 1234 or 0x4d2" }],
  options: {
    bits: {
      type: "text",
      value: "BITS",
      choices: ["16", "32"],
      help: "Only this width, 16 for a port or 32 for an IPv4 address; both without",
    },
    json: JSON_LINES,
  },
  permissions: [],
  examples: ["parley info byteorder 1234", "parley info byteorder 0x7f000001 --bits 32"],
} as const satisfies CommandSpec;

/** `parley info socket`. */
export const INFO_SOCKET = {
  name: "socket",
  summary: "A socket's descriptor, timeout, buffers and mode, before and after a change.",
  details:
    `Makes a socket by the C library, reads it, changes what the options say, and reads it again:
Deno's own sockets tell none of this. It fails where it may not call that library.`,
  options: {
    transport: {
      type: "text",
      value: "TRANSPORT",
      choices: ["tcp", "udp"],
      default: "tcp",
      help: "A stream or a datagram socket",
    },
    timeout: {
      type: "number",
      value: "S",
      min: 0,
      max: 1_000_000_000,
      help: "Set SO_RCVTIMEO, in seconds; 0 waits for ever",
    },
    rcvbuf: {
      type: "integer",
      value: "BYTES",
      min: 0,
      max: 0x7fff_ffff,
      help: "Set SO_RCVBUF, in bytes",
    },
    sndbuf: {
      type: "integer",
      value: "BYTES",
      min: 0,
      max: 0x7fff_ffff,
      help: "Set SO_SNDBUF, in bytes",
    },
    nonblocking: { type: "flag", help: "Set O_NONBLOCK" },
    json: JSON_LINES,
  },
  permissions: ["ffi"],
  examples: [
    "parley info socket",
    "parley info socket --transport udp --timeout 100 --rcvbuf 8192 --nonblocking",
  ],
} as const satisfies CommandSpec;

/** `parley info errors`. */
export const INFO_ERRORS = {
  name: "errors",
  summary: "Socket errors, each provoked live: what it is, what it means, what to do.",
  details:
    `Everything happens on this host, but that the name server is asked for a name that does not exist.
What this host cannot provoke is listed too.`,
  operands: [{
    name: "CODE",
    optional: true,
    help: "Only this one: ECONNREFUSED, or its number on this system",
  }],
  options: { json: JSON_LINES },
  permissions: ["net"],
  examples: ["parley info errors", "parley info errors ECONNRESET"],
} as const satisfies CommandSpec;

/** `parley info runtime`. */
export const INFO_RUNTIME = {
  name: "runtime",
  summary: "What parley runs on, and how virtual environments map to it.",
  details:
    `A permission that was granted for a part alone, as --allow-read=/etc/services, is shown where it
is one that parley asks for: Deno tells of a part only by its name.`,
  options: { json: JSON_LINES },
  permissions: [],
  tellsOfGrants: true,
  examples: ["parley info runtime"],
} as const satisfies CommandSpec;

/** `parley info`. */
export const INFO = {
  name: "info",
  summary: "Names, addresses, services, sockets: what a host and its network say of themselves.",
  commands: [
    INFO_HOST,
    INFO_RESOLVE,
    INFO_PING,
    INFO_ADDRESS,
    INFO_SERVICE,
    INFO_BYTEORDER,
    INFO_SOCKET,
    INFO_ERRORS,
    INFO_RUNTIME,
  ],
} as const satisfies CommandSpec;
