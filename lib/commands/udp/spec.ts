/**
 * What `parley udp` and its commands take.
 *
 * @module
 */

import { LOOPBACK } from "../../base/host_port.ts";
import {
  DEFAULT_LOAD,
  DEFAULT_PORT,
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUT_MS,
  MAX_IPV6_BYTES,
  MAX_WINDOW,
} from "../../udp/defaults.ts";
import { LISTEN_HOST, LISTEN_PORT } from "../../cli/host.ts";
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
  summary: "Answer every datagram with how long it was.",
  details: `Runs until Ctrl-C, then sums up. --drop and --delay make it unreliable on purpose.`,
  options: {
    host: LISTEN_HOST,
    port: { ...LISTEN_PORT, default: DEFAULT_PORT },
    drop: {
      type: "number",
      value: "P",
      min: 0,
      max: 1,
      default: 0,
      help: "Share of datagrams that it does not answer, from 0 to 1",
    },
    delay: {
      type: "integer",
      value: "MS",
      min: 0,
      max: 3_600_000,
      default: 0,
      help: "How long each answer waits, in milliseconds",
    },
    quiet: {
      type: "flag",
      short: "q",
      help: "Say nothing of single datagrams: it is faster",
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
  summary: "Ask an echo server, and check who answers.",
  details:
    `Only a datagram from the very address and port that was asked is taken as the answer; any other
is reported as forged, and the waiting goes on. What is lost is asked again, after 100 ms, 200 ms and so on up to
2 s, each shortened at random by up to a half, until --timeout. Only the timeout tells that nothing listens there:
on Linux the runtime's sockets do not hear of it.
Each question has a port of its own, so that what comes late or twice is told from the next answer.`,
  operands: [HOST],
  options: {
    port: SERVER_PORT,
    message: {
      type: "text",
      short: "m",
      value: "TEXT",
      help: "What to ask (default: the time)",
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
      help: "From one question to the next, in milliseconds",
    },
    timeout: {
      type: "integer",
      value: "MS",
      min: 1,
      max: 86_400_000,
      default: DEFAULT_TIMEOUT_MS,
      help: "How long to wait for an answer, all asking again included, in milliseconds",
    },
    retries: {
      type: "integer",
      value: "N",
      min: 0,
      max: 100_000,
      default: DEFAULT_RETRIES,
      help: "How often to ask again",
    },
    promiscuous: {
      type: "flag",
      help: "Take the first datagram from anyone as the answer, as the tutorial's client does",
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

/** `parley udp send`. */
export const UDP_SEND = {
  name: "send",
  summary: "Send one datagram from a socket of its own, and wait for nothing.",
  details:
    `The other half of the attack: to the address that a client was assigned, from another port than it
asked. A TEXT that starts with a dash goes behind --.`,
  operands: [
    { name: "HOST", form: "host", help: "A name or an address, IPv4 or IPv6" },
    { name: "PORT", help: "1 to 65535" },
    { name: "TEXT", help: "What to send" },
  ],
  options: { json: JSON_LINES },
  permissions: ["net"],
  examples: ["parley udp send 127.0.0.1 60945 'Your data was stolen'"],
} as const satisfies CommandSpec;

/** `parley udp demo`. */
export const UDP_DEMO = {
  name: "demo",
  summary:
    "Show a forged reply, live: a slow server, a client, and an attacker that answers first.",
  details:
    `The scene is played twice on real sockets: with a client that takes datagrams from anyone, and with
one that checks. Exits 0 only where the first was fooled and the second was not.`,
  options: {
    host: {
      type: "text",
      value: "HOST",
      default: LOOPBACK,
      choices: [LOOPBACK, "::1"],
      help: "The address of this machine where it is played",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: ["parley udp demo", "parley udp demo --host ::1 --json"],
} as const satisfies CommandSpec;

/** `parley udp bench`. */
export const UDP_BENCH = {
  name: "bench",
  summary: "Put load on an echo server: replies a second, loss, duplicates, round trips.",
  details:
    `Keeps a window of datagrams under way: each reply lets the next datagram go. A datagram that is not
answered within a second counts as lost.`,
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
      help: "How many datagrams are under way at a time",
    },
    seconds: {
      type: "number",
      value: "S",
      min: 0.1,
      max: 86_400,
      default: DEFAULT_LOAD.seconds,
      help: "For how long",
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
  summary: "Datagrams: an echo server and client, a forged reply, load.",
  commands: [UDP_SERVER, UDP_CLIENT, UDP_SEND, UDP_DEMO, UDP_BENCH],
} as const satisfies CommandSpec;
