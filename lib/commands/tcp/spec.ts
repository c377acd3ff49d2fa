/**
 * The specifications of `parley tcp` and its commands.
 *
 * @module
 */

import {
  DEFAULT_CHECK,
  DEFAULT_CHUNK_BYTES,
  DEFAULT_CONNECT_MS,
  DEFAULT_PORT,
  DEFAULT_TIMEOUT_MS,
  LOOPBACK,
  MAX_PARALLEL,
} from "../../base/host_port.ts";
import { LISTEN_HOST, LISTEN_PORT } from "../../cli/words.ts";
import { type CommandSpec, JSON_LINES } from "../../cli/spec.ts";

/** The permissions that a Unix socket needs besides the network. */
const UNIX_NEEDS = { prefix: "unix:", permissions: ["read", "write"] } as const;

const IDLE = {
  type: "integer",
  value: "MS",
  min: 1,
  max: 86_400_000,
  help: "Give up if nothing is sent or received for this many milliseconds of a connection",
} as const;
const RAW = {
  type: "flag",
  help: "On a terminal, print received bytes unchanged, control characters included",
} as const;
const HEX = {
  type: "flag",
  help: "Print both directions in hexadecimal: > sent, < received",
} as const;
const CRLF = {
  type: "flag",
  help: "End each sent line with CR LF, as HTTP, SMTP and others require",
} as const;
const QUIET = { type: "flag", short: "q", help: "Print nothing on stderr but failures" } as const;

/** `parley tcp server`. */
export const TCP_SERVER = {
  name: "server",
  summary: "Answer each read with the number of bytes that it returned.",
  details:
    `TCP carries bytes and no messages: one read may return several writes of a client, or a part of
one. --delay lets writes arrive together, --chunk makes reads small. Runs until Ctrl-C, then prints
a summary. Serves at most 1,000 clients at a time.`,
  options: {
    host: LISTEN_HOST,
    port: { ...LISTEN_PORT, default: DEFAULT_PORT },
    delay: {
      type: "integer",
      value: "MS",
      min: 0,
      max: 3_600_000,
      default: 0,
      help: "The delay of each answer, in milliseconds; the server does not read meanwhile",
    },
    chunk: {
      type: "integer",
      value: "BYTES",
      min: 1,
      max: 65_536,
      default: DEFAULT_CHUNK_BYTES,
      help: "The most bytes of one read",
    },
    quiet: {
      type: "flag",
      short: "q",
      help: "Print no events, which is faster",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley tcp server",
    "parley tcp server --host ::1",
    "parley tcp server --delay 500 --chunk 16",
  ],
} as const satisfies CommandSpec;

/** `parley tcp client`. */
export const TCP_CLIENT = {
  name: "client",
  summary: "Send texts to an echo server, each with one write, and show each read.",
  details:
    `After the last write, the client closes its sending side and reads until the server closes the
connection. The server replies once for each of its reads, not once for each write, and one read of
this client may return several replies.`,
  operands: [{
    name: "HOST",
    form: "host",
    optional: true,
    help:
      `The server's name or address, IPv4 or IPv6 (default ${LOOPBACK}); HOST:PORT sets --port too`,
  }],
  options: {
    port: {
      type: "integer",
      short: "p",
      value: "PORT",
      min: 1,
      max: 65_535,
      default: DEFAULT_PORT,
      help: "The server's port",
    },
    message: {
      type: "text",
      short: "m",
      value: "TEXT",
      repeat: true,
      help: "What to send (default: the time)",
    },
    pause: {
      type: "integer",
      value: "MS",
      min: 0,
      max: 3_600_000,
      default: 0,
      help: "The pause between two writes, in milliseconds",
    },
    timeout: {
      type: "integer",
      value: "MS",
      min: 1,
      max: 86_400_000,
      default: DEFAULT_TIMEOUT_MS,
      help: "How long connecting, and each read after the last write, may take, in milliseconds",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley tcp client",
    "parley tcp client ::1 -m one -m two",
    "parley tcp client -m one -m two --pause 500 --json",
  ],
} as const satisfies CommandSpec;

/** `parley tcp demo`. */
export const TCP_DEMO = {
  name: "demo",
  summary: "Show what TCP does with writes, half-closes and resets, live, in five lessons.",
  details:
    `Shows on real sockets: two writes that arrive as one read, one write that arrives as two reads,
frames that restore the messages, a half-close, and a reset. Exits with 0 only if each lesson
showed what it says.`,
  options: {
    host: {
      type: "text",
      value: "HOST",
      default: LOOPBACK,
      choices: [LOOPBACK, "::1"],
      help: "The loopback address that the lessons use",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: ["parley tcp demo", "parley tcp demo --host ::1 --json"],
} as const satisfies CommandSpec;

/** `parley tcp connect`. */
export const TCP_CONNECT = {
  name: "connect",
  summary: "Connect, send standard input, and print the bytes that arrive.",
  details:
    `When standard input ends, parley closes the sending side and prints what still arrives. When the
other side closes, parley prints the rest, still sends input that arrives without a pause of half a
second, and exits with 0. A reset, or silence longer than --idle, exits with 1. parley tries every
address of a name, the next one after 250 ms (RFC 8305). On a terminal, control characters are made
visible.`,
  operands: [
    {
      name: "HOST",
      help: "A name or an address; HOST:PORT; or unix:PATH",
      needs: UNIX_NEEDS,
    },
    { name: "PORT", optional: true, help: "1 to 65535" },
  ],
  options: {
    tls: { type: "flag", help: "Use TLS, and check the server's certificate" },
    ca: {
      type: "text",
      value: "FILE",
      form: "file",
      needs: ["read"],
      help: "With --tls: trust the certificates in this PEM file too",
    },
    "server-name": {
      type: "text",
      value: "NAME",
      help: "With --tls: the name that the certificate must be valid for (default: HOST)",
    },
    timeout: {
      type: "integer",
      value: "MS",
      min: 1,
      max: 86_400_000,
      default: DEFAULT_CONNECT_MS,
      help: "How long connecting may take, in milliseconds",
    },
    idle: IDLE,
    crlf: CRLF,
    hex: HEX,
    raw: RAW,
    quiet: QUIET,
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley tcp connect example.com 80 --crlf",
    "parley tcp connect example.com:443 --tls --crlf",
    "parley tcp connect ::1 9000 < file",
    "parley tcp connect unix:/run/x.sock --hex",
  ],
} as const satisfies CommandSpec;

/** `parley tcp listen`. */
export const TCP_LISTEN = {
  name: "listen",
  summary: "Wait for a connection, send standard input, and print the bytes that arrive.",
  details:
    `The connection ends as in tcp connect, and then the command exits. With --keep it accepts the next
connection, one at a time, until Ctrl-C; a connection that fails is reported and does not end the
command. Input that no connection has taken goes to the next one. After standard input has ended,
later connections are sent nothing.`,
  operands: [
    {
      name: "HOST",
      help: "The address to listen on; HOST:PORT; a PORT alone, on 127.0.0.1; or unix:PATH",
      needs: UNIX_NEEDS,
    },
    { name: "PORT", optional: true, help: "0 to 65535; 0 picks a free one and prints it" },
  ],
  options: {
    keep: { type: "flag", short: "k", help: "Accept the next connection after one has ended" },
    "tls-cert": {
      type: "text",
      value: "FILE",
      form: "file",
      needs: ["read"],
      help: "Use TLS: a PEM file with the certificate and any intermediate certificates",
    },
    "tls-key": {
      type: "text",
      value: "FILE",
      form: "file",
      needs: ["read"],
      help: "Use TLS: a PEM file with the certificate's private key",
    },
    idle: IDLE,
    crlf: CRLF,
    hex: HEX,
    raw: RAW,
    quiet: QUIET,
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley tcp listen 9000 > file",
    "parley tcp listen :: 9000 --keep --idle 60000",
    "parley tcp listen 9000 --tls-cert cert.pem --tls-key key.pem",
  ],
} as const satisfies CommandSpec;

/** `parley tcp check`. */
export const TCP_CHECK = {
  name: "check",
  summary: "Show which ports of a host accept connections.",
  details:
    `A port is open, refused (the host answers and nothing listens), timeout (no answer: a firewall may
drop the packets) or unreachable. It is open if it is open at one address of the host. Exits with 0
only if every port is open.`,
  operands: [
    { name: "HOST", form: "host", help: "A name or an address, IPv4 or IPv6" },
    { name: "PORTS", rest: true, help: "Ports and ranges: 22,80,8000-8010" },
  ],
  options: {
    timeout: {
      type: "integer",
      value: "MS",
      min: 1,
      max: 600_000,
      default: DEFAULT_CHECK.timeoutMs,
      help: "How long to wait for an answer, in milliseconds",
    },
    parallel: {
      type: "integer",
      value: "N",
      min: 1,
      max: MAX_PARALLEL,
      default: DEFAULT_CHECK.parallel,
      help: "The number of ports tried at a time",
    },
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: ["parley tcp check example.com 22,80,443", "parley tcp check ::1 1-1024 --json"],
} as const satisfies CommandSpec;

/** `parley tcp`. */
export const TCP = {
  name: "tcp",
  summary: "TCP tools: an echo server and client, five lessons, connections, and open ports.",
  commands: [TCP_SERVER, TCP_CLIENT, TCP_DEMO, TCP_CONNECT, TCP_LISTEN, TCP_CHECK],
} as const satisfies CommandSpec;
