/**
 * The specifications of `parley udp` and its commands.
 *
 * @module
 */

import {
  DEFAULT_LOAD,
  DEFAULT_PORT,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUT_MS,
  LOOPBACK,
  MAX_IPV6_BYTES,
  MAX_WINDOW,
} from "../../base/host_port.ts";
import { LISTEN_HOST, LISTEN_PORT } from "../../cli/words.ts";
import { type CommandSpec, JSON_LINES } from "../../cli/spec.ts";

const SERVER_PORT = {
  type: "integer",
  short: "p",
  value: "PORT",
  min: 1,
  max: 65_535,
  default: DEFAULT_PORT,
  help: "The server's port",
} as const;
const HOST = {
  name: "HOST",
  form: "host",
  optional: true,
  help:
    `The server's name or address, IPv4 or IPv6 (default ${LOOPBACK}); HOST:PORT sets --port too`,
} as const;

/** `parley udp server`. */
export const UDP_SERVER = {
  name: "server",
  summary: "Answer every datagram with its length.",
  details:
    `Runs until Ctrl-C, then prints a summary. --drop and --delay make the server unreliable on purpose.`,
  options: {
    host: LISTEN_HOST,
    port: { ...LISTEN_PORT, default: DEFAULT_PORT },
    drop: {
      type: "number",
      value: "P",
      min: 0,
      max: 1,
      default: 0,
      help: "Fraction of datagrams to leave unanswered, from 0 to 1",
    },
    delay: {
      type: "integer",
      value: "MS",
      min: 0,
      max: 3_600_000,
      default: 0,
      help: "Delay before each answer, in milliseconds",
    },
    quiet: {
      type: "flag",
      short: "q",
      help: "Do not print a line for each datagram, which is faster",
    },
    ffi: {
      type: "flag",
      needs: ["ffi"],
      help:
        "Receive and send many datagrams with one call of the C library, which is faster (Linux)",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley udp server",
    "parley udp server --host ::1",
    "parley udp server --drop 0.3 --delay 250",
  ],
} as const satisfies CommandSpec;

/** `parley udp client`. */
export const UDP_CLIENT = {
  name: "client",
  summary: "Ask an echo server, and verify who answers.",
  details:
    `Accepts an answer only from the address and port that it asked. Reports any other datagram as
forged, and keeps waiting. Resends a lost question after 100 ms, 200 ms and so on up to 2 s, each
delay shortened at random by up to half, until --timeout. If no program listens at the port, the
client waits for the timeout, because Deno does not report this on Linux. Each question uses its own
port, so that the client cannot mistake a late or repeated answer for the next one.`,
  operands: [HOST],
  options: {
    port: SERVER_PORT,
    message: {
      type: "text",
      short: "m",
      value: "TEXT",
      help: "The question (default: the time)",
    },
    count: {
      type: "integer",
      short: "c",
      value: "N",
      min: 1,
      max: 1_000_000,
      default: 1,
      help: "How many questions to ask",
    },
    interval: {
      type: "integer",
      short: "i",
      value: "MS",
      min: 0,
      max: 3_600_000,
      default: 1_000,
      help: "Time between questions, in milliseconds",
    },
    timeout: {
      type: "integer",
      value: "MS",
      min: 1,
      max: 86_400_000,
      default: DEFAULT_TIMEOUT_MS,
      help: "How long to wait for an answer, including resends, in milliseconds",
    },
    retries: {
      type: "integer",
      value: "N",
      min: 0,
      max: 100_000,
      default: DEFAULT_RETRIES,
      help: "How often to resend a question",
    },
    promiscuous: {
      type: "flag",
      help: "Accept the first datagram from anyone, as the tutorial's client does",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley udp client",
    "parley udp client ::1 -m 'how long am I?'",
    "parley udp client -c 10 -i 200 --json",
    "parley udp client --promiscuous --timeout 60000",
  ],
} as const satisfies CommandSpec;

const RAW = {
  type: "flag",
  help: "On a terminal, print received bytes unchanged, control characters included",
} as const;

/** `parley udp send`. */
export const UDP_SEND = {
  name: "send",
  summary: "Send one datagram, and with --wait print the answer.",
  details:
    `Sends from a new port, and prints its address. With --wait, standard output has only the payload of
the first answer; the exit code is 1 if none comes. An answer must come from the address and port
that the datagram was sent to, or from any member of a multicast group. To forge a reply as an
attacker does, send to the address that the system assigned to a client. Put -- before a TEXT that
starts with a dash.`,
  operands: [
    { name: "HOST", help: "A name or an address, IPv4 or IPv6; or HOST:PORT" },
    { name: "PORT", optional: true, help: "1 to 65535" },
    {
      name: "TEXT",
      optional: true,
      help: "The payload; - reads it from standard input, as does a pipe if TEXT is missing",
    },
  ],
  options: {
    wait: {
      type: "integer",
      short: "w",
      value: "MS",
      min: 1,
      max: 86_400_000,
      help: "Wait for an answer this many milliseconds, and print it",
    },
    hex: { type: "flag", help: "Print both directions in hexadecimal: > sent, < received" },
    raw: RAW,
    quiet: { type: "flag", short: "q", help: "Print nothing but the answer and failures" },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley udp send 127.0.0.1 60945 'Your data was stolen'",
    "parley udp send 127.0.0.1 1060 hello --wait 1000",
    "parley udp send ::1 9000 - < packet.bin",
  ],
} as const satisfies CommandSpec;

/** `parley udp listen`. */
export const UDP_LISTEN = {
  name: "listen",
  summary: "Print the datagrams that arrive, also those to multicast groups.",
  details:
    `Prints payloads unchanged and one after the other. On a terminal, each payload starts a line, and
control characters are made visible. Runs until Ctrl-C or, with --count, until that many datagrams
have arrived. Without --quiet, reports each datagram's sender and length on standard error. A GROUP
is an address, or an address and its interface: 239.1.2.3%192.0.2.7 or 239.1.2.3%eth0,
ff02::1234%eth0 or ff02::1234%2. Names of interfaces need the permission sys.`,
  operands: [
    { name: "HOST", help: "The address to listen on; HOST:PORT; or a PORT alone, on 127.0.0.1" },
    { name: "PORT", optional: true, help: "0 to 65535; 0 picks a free one and prints it" },
  ],
  options: {
    join: {
      type: "text",
      value: "GROUP",
      repeat: true,
      needs: ["sys"],
      help: "Join a multicast group, and listen on all addresses",
    },
    count: {
      type: "integer",
      short: "c",
      value: "N",
      min: 1,
      max: 1_000_000_000,
      help: "Exit after this many datagrams",
    },
    idle: {
      type: "integer",
      value: "MS",
      min: 1,
      max: 86_400_000,
      help: "Give up if no datagram arrives for this many milliseconds",
    },
    hex: { type: "flag", help: "Print datagrams in hexadecimal" },
    raw: RAW,
    quiet: { type: "flag", short: "q", help: "Print nothing but datagrams and failures" },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley udp listen 9000",
    "parley udp listen :: 9000 -c 1 --idle 5000 > packet.bin",
    "parley udp listen 5353 --join 224.0.0.251 --hex",
  ],
} as const satisfies CommandSpec;

/** `parley udp demo`. */
export const UDP_DEMO = {
  name: "demo",
  summary: "Show a forged reply: a slow server, a client, and an attacker that answers first.",
  details:
    `Plays the attack twice on real sockets: on a client that accepts datagrams from anyone, and on one
that checks the sender. Exits with 0 only if the first client was fooled and the second was not.`,
  options: {
    host: {
      type: "text",
      value: "HOST",
      default: LOOPBACK,
      choices: [LOOPBACK, "::1"],
      help: "The address of this machine to use",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: ["parley udp demo", "parley udp demo --host ::1 --json"],
} as const satisfies CommandSpec;

/** `parley udp bench`. */
export const UDP_BENCH = {
  name: "bench",
  summary: "Load an echo server, and measure replies, loss, duplicates and round trips.",
  details:
    `Keeps a window of datagrams in flight: each reply releases the next datagram. A datagram without an
answer within one second counts as lost.`,
  operands: [HOST],
  options: {
    port: SERVER_PORT,
    size: {
      type: "integer",
      value: "BYTES",
      min: 0,
      max: MAX_IPV6_BYTES,
      default: DEFAULT_LOAD.size,
      help: "Length of each datagram",
    },
    window: {
      type: "integer",
      value: "N",
      min: 1,
      max: MAX_WINDOW,
      default: DEFAULT_LOAD.window,
      help: "How many datagrams are in flight at a time",
    },
    seconds: {
      type: "number",
      value: "S",
      min: 0.1,
      max: 86_400,
      default: DEFAULT_LOAD.seconds,
      help: "How long to send, in seconds",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley udp server --quiet & parley udp bench",
    "parley udp bench --window 1 --seconds 10 --json",
  ],
} as const satisfies CommandSpec;

/** `parley udp`. */
export const UDP = {
  name: "udp",
  summary: "UDP tools: an echo server and client, a forged reply, datagrams, and load.",
  commands: [UDP_SERVER, UDP_CLIENT, UDP_SEND, UDP_LISTEN, UDP_DEMO, UDP_BENCH],
} as const satisfies CommandSpec;
