/**
 * The specifications of `parley info` and its commands.
 *
 * @module
 */

import { DEFAULT_PROBES } from "../../base/host_port.ts";
import { type CommandSpec, JSON_LINES } from "../../cli/spec.ts";

/** `parley info host`. */
export const INFO_HOST = {
  name: "host",
  summary: "Show this host's name, addresses, interfaces and system.",
  details: "Omits what it has no permission to read, and lists what it omitted.",
  options: { json: JSON_LINES },
  permissions: ["net", "sys"],
  examples: ["parley info host", "parley info host --json"],
} as const satisfies CommandSpec;

/** `parley info resolve`. */
export const INFO_RESOLVE = {
  name: "resolve",
  summary: "Resolve a name to DNS records.",
  details:
    `Resolves the A and AAAA records of a name, or the records of each TYPE. A TYPE is a name or a
number, such as MX, HTTPS, 65 or TYPE65. An address is resolved to its name (PTR). In NAME, \\DDD
stands for any byte, and \\. for a dot within a label.
A name in the hosts file is answered from that file, unless @SERVER is given. Several servers are
asked at the same time and compared.
If no name server is known (no @SERVER is given, and parley may not read the system's), parley uses
Deno's resolver, which supports few types and reports no TTL. The output then says so.
Exits with 1 if a type has no record (NXDOMAIN, NODATA, SERVFAIL, REFUSED), if the server only
refers to the name servers of a zone (REFERRAL), or if no known server can say why (NO_ANSWER), and
with 9 if no server answered. If no TYPE is given, one of A and AAAA is enough.`,
  operands: [
    { name: "NAME", optional: true, help: "A name, in ASCII or Unicode, or an address" },
    {
      name: "TYPE|@SERVER",
      optional: true,
      rest: true,
      help:
        "Record types; @ADDRESS[:PORT] or @https://… is a server to ask, such as @127.0.0.1:5353 or @[::1]:5353",
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
    port: {
      type: "integer",
      short: "p",
      value: "PORT",
      min: 1,
      max: 65_535,
      help: "The port of servers given without one, and of all servers of --trace",
    },
    reverse: {
      type: "flag",
      short: "x",
      help: "NAME is an address in any notation; resolve it to its name",
    },
    short: { type: "flag", help: "Print only the data, one record a line" },
    all: { type: "flag", help: "Print the whole reply: flags, all sections, TTLs and EDNS" },
    json: JSON_LINES,
    idn: { type: "flag", help: "Print internationalized names in Unicode" },
    tcp: { type: "flag", help: "Use TCP" },
    tls: { type: "flag", help: "Use TLS (RFC 7858), by default on port 853" },
    https: { type: "flag", help: "Use HTTPS (RFC 8484); @HOST is https://HOST/dns-query" },
    ca: {
      type: "text",
      value: "FILE",
      form: "file",
      needs: ["read"],
      help: "With --tls and --https, also trust this certificate authority (PEM)",
    },
    "server-name": {
      type: "text",
      value: "NAME",
      help:
        "With --tls, the name that the certificate must be valid for (default: that of @SERVER)",
    },
    dnssec: {
      type: "flag",
      help: "Request signatures (DO); the flag ad in the reply means that the server verified them",
    },
    subnet: {
      type: "text",
      value: "NETWORK",
      help: "Request the answer for a client in this network (RFC 7871)",
    },
    norecurse: { type: "flag", help: "Request only what the server knows itself" },
    search: {
      type: "flag",
      needs: ["read"],
      help: "Append the search domains of /etc/resolv.conf to NAME",
    },
    trace: { type: "flag", help: "Ask from the root servers down, and print each step" },
    "root-hints": {
      type: "text",
      value: "FILE",
      form: "file",
      needs: ["read"],
      help: "The root servers for --trace, in the format of IANA's named.root",
    },
    watch: {
      type: "number",
      value: "S",
      min: 0.05,
      max: 86_400,
      help: "Resolve again every S seconds and print changes, until Ctrl-C",
    },
    file: {
      type: "text",
      short: "f",
      value: "FILE",
      form: "file",
      needs: ["read"],
      help: "Resolve each line of the file, NAME [TYPE]…; - is standard input",
    },
    parallel: {
      type: "integer",
      value: "N",
      min: 1,
      max: 1000,
      default: 20,
      help: "With --file, how many lines to resolve at a time",
    },
  },
  permissions: ["net", "sys"],
  examples: [
    "parley info resolve example.com",
    "parley info resolve example.com MX TXT @9.9.9.9",
    "parley info resolve example.com HTTPS @1.1.1.1 @9.9.9.9 --tls",
    "parley info resolve example.com --trace",
    "parley info resolve 192.0.2.1 --short",
  ],
} as const satisfies CommandSpec;

/** `parley info ping`. */
export const INFO_PING = {
  name: "ping",
  summary: "Measure the round trip to hosts by TCP connect.",
  details:
    `Needs no privileges. Both an accepted connection ("open") and a refused one prove that a host is
up. parley probes every address of a name, up to 8. It looks the name up again every --refresh
seconds, and sooner if a probe was lost: 5 seconds after the last lookup. It reports a change of
the addresses. At a terminal, several hosts are drawn as a live plot, with a row for each address;
× is a lost probe. Ctrl-C prints the summary. Exits with 1 unless every host has answered.`,
  operands: [
    { name: "HOST[:PORT]", help: "A name or an address; the port is 80 by default" },
    {
      name: "PORT|HOST[:PORT]",
      optional: true,
      rest: true,
      help: "The port of the host before it, or another host",
    },
  ],
  options: {
    count: {
      type: "integer",
      short: "c",
      value: "N",
      min: 0,
      max: 1_000_000_000,
      default: DEFAULT_PROBES.count,
      help: "How many probes to send to each address; 0 continues until Ctrl-C",
    },
    interval: {
      type: "integer",
      short: "i",
      value: "MS",
      min: 1,
      max: 86_400_000,
      default: DEFAULT_PROBES.intervalMs,
      help: "Time between probes of an address, in milliseconds",
    },
    timeout: {
      type: "integer",
      short: "W",
      value: "MS",
      min: 1,
      max: 600_000,
      default: DEFAULT_PROBES.timeoutMs,
      help: "How long to wait for an answer, in milliseconds",
    },
    ipv4: { type: "flag", short: "4", help: "Probe IPv4 addresses only" },
    ipv6: { type: "flag", short: "6", help: "Probe IPv6 addresses only" },
    open: { type: "flag", help: "Count a refused connection as lost" },
    refresh: {
      type: "number",
      value: "S",
      min: 0,
      max: 86_400,
      default: DEFAULT_PROBES.refreshMs / 1000,
      help: "Time between lookups of a name, in seconds; 0 looks it up once",
    },
    plot: { type: "flag", help: "Draw the live plot for a single host too" },
    lines: { type: "flag", help: "Print a line for each probe of several hosts too" },
    stamps: {
      type: "flag",
      short: "D",
      help: "Print a line for each probe, with the time of day in UTC (ISO 8601)",
    },
    quiet: { type: "flag", short: "q", help: "Print only the summary" },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley info ping example.com:443",
    "parley info ping 127.0.0.1 -c 0 -i 200",
    "parley info ping example.com 443 example.net 443 -c 0",
    "parley info ping ::1 22 --open -D",
  ],
} as const satisfies CommandSpec;

/** `parley info address`. */
export const INFO_ADDRESS = {
  name: "address",
  summary: "Show an address in every notation, and its kind.",
  details:
    `Accepts the notations of inet_aton(3) (127.0.0.1, 127.1, 0x7f.1, 017700000001, 2130706433), packed
hex (7f000001), IPv6 with a zone or an embedded IPv4 address, and reverse names. Ignores a port and
brackets. The kind is the one that IANA's registries of 2025-10-09 give.`,
  operands: [{ name: "VALUE", help: "The address" }],
  options: {
    strict: { type: "flag", help: "Accept only the notations of inet_pton(3): 127.0.0.1, ::1" },
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
  summary: "Show the port of a service, or the service of a port.",
  details: `Searches /etc/services if it may read that file, and then IANA's registry.`,
  operands: [{
    name: "NAME|PORT",
    help: "A name or an alias, such as http, or a port, such as 80",
  }],
  options: {
    protocol: {
      type: "text",
      value: "PROTOCOL",
      choices: ["tcp", "udp"],
      help: "Search one transport only (default: both)",
    },
    json: JSON_LINES,
  },
  permissions: ["read"],
  examples: ["parley info service http", "parley info service 53 --protocol udp"],
} as const satisfies CommandSpec;

/** `parley info byteorder`. */
export const INFO_BYTEORDER = {
  name: "byteorder",
  summary: "Show a number in host and network byte order.",
  details: `Shows htons, htonl, ntohs and ntohl (byteorder(3)), and the bytes in memory.`,
  operands: [{ name: "N", natural: true, help: "A whole number, such as 1234 or 0x4d2" }],
  options: {
    bits: {
      type: "text",
      value: "BITS",
      choices: ["16", "32"],
      help: "One width only: 16 for a port, 32 for an IPv4 address (default: both)",
    },
    json: JSON_LINES,
  },
  permissions: [],
  examples: ["parley info byteorder 1234", "parley info byteorder 0x7f000001 --bits 32"],
} as const satisfies CommandSpec;

/** `parley info socket`. */
export const INFO_SOCKET = {
  name: "socket",
  summary: "Show a socket's descriptor, timeout, buffers and mode before and after a change.",
  details:
    `Opens a socket through the C library, reads its settings, changes those that are given, and reads
them again. Deno's own sockets do not expose the settings. Fails without the permission to call the
library.`,
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
      help: "Set SO_RCVTIMEO, in seconds; 0 waits forever",
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
  summary: "Provoke socket errors, and explain each one.",
  details:
    `Uses only this host, except for one query to the name server, for a name that does not exist. Also
lists the errors that it cannot provoke on this system.`,
  operands: [{
    name: "CODE",
    optional: true,
    help: "One error only, by its name, such as ECONNREFUSED, or by its number on this system",
  }],
  options: { json: JSON_LINES },
  permissions: ["net"],
  examples: ["parley info errors", "parley info errors ECONNRESET"],
} as const satisfies CommandSpec;

/** `parley info runtime`. */
export const INFO_RUNTIME = {
  name: "runtime",
  summary: "Show versions and permissions, and how virtual environments map to Deno.",
  details:
    `Deno reveals a partial permission, such as --allow-read=/etc/services, only to a program that asks
about that very file or host. So the list has only the parts that parley asks about.`,
  options: { json: JSON_LINES },
  permissions: [],
  tellsOfGrants: true,
  examples: ["parley info runtime"],
} as const satisfies CommandSpec;

/** `parley info`. */
export const INFO = {
  name: "info",
  summary: "Show names, addresses, services and sockets of this host and its network.",
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
