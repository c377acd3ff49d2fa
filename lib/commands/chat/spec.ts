/**
 * The specifications of `parley chat` and its commands.
 *
 * @module
 */

import { RENEWAL_RESERVE_MS } from "../../chat/identity/renewal.ts";
import {
  DEFAULT_GRACE_MS,
  DEFAULT_LIMITS,
  DEFAULT_MAX_MEMBERS,
  JOINS_PER_ADDRESS,
  PER_ADDRESS,
} from "../../chat/relay/options.ts";
import { type CommandSpec, JSON_LINES, type NumberOption } from "../../cli/spec.ts";
import { DEFAULT_PORT, MAX_ROSTER } from "../../chat/wire/kinds.ts";
import { LOOPBACK } from "../../base/host_port.ts";
import { LISTEN_HOST, LISTEN_PORT } from "../../cli/host.ts";
import { LOG_LEVELS } from "../../os/log.ts";

const WIRE = {
  type: "flag",
  help: "Show what travels: each frame, and its ciphertext in hex",
} as const;
const NAME = {
  type: "text",
  short: "n",
  value: "NAME",
  help: "Your name in the room, 1 to 32 characters (default member- and 4 letters)",
} as const;
const COMMANDS = {
  type: "flag",
  help:
    "Read commands such as /msg NAME TEXT from piped input too; without, each line is a message",
} as const;
const GIVE_UP = {
  type: "integer",
  value: "MS",
  min: 0,
  max: 86_400_000,
  default: 30_000,
  help:
    "With piped input: how long to wait, in milliseconds, for delivery after the last line, and for a lost connection to come back",
} as const;

/** Who is who: the same for both. */
const TRUST = {
  identity: {
    type: "text",
    short: "i",
    value: "FILE",
    form: "file",
    help: "Your long-lived identity, as parley rsa keygen makes it (default: a key for this run)",
    needs: ["read"],
  },
  "known-peers": {
    type: "text",
    short: "k",
    value: "FILE",
    form: "file",
    help: "Remember peers there, and refuse a key that has changed; made where it is missing",
    needs: ["read", "write"],
  },
  expect: {
    type: "text",
    value: "SHA256:…",
    repeat: true,
    help: "Give what you say to this identity only, or to several",
  },
  strict: {
    type: "flag",
    help: "Give what you say to known and verified members only; as /lock, from the start",
  },
} as const;

/** What the options of {@linkcode LIMIT_OPTIONS} may be at most. */
const MAX = 1_000_000;
/** A whole sealed frame and more: with less, one large message would hold its sender up for minutes. */
const MIN_BYTES = 64 << 10;
const MAX_BYTES = 1 << 30;

/** Limits as options of `parley chat server`. */
export const LIMIT_OPTIONS = {
  "max-pending": {
    type: "integer",
    value: "N",
    min: 1,
    max: 100_000,
    default: DEFAULT_LIMITS.pending,
    help:
      "Connections that have not joined yet; beyond it one goes of the address of which most wait",
  },
  "max-per-address": {
    type: "integer",
    value: "N",
    min: 1,
    max: 100_000,
    help: `Connections from one address, an IPv6 /64 counting as one (default ${PER_ADDRESS}; ` +
      "none for this machine's own)",
  },
  "max-joins-per-address": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    help:
      `Joins a minute from one address (default ${JOINS_PER_ADDRESS}; none for this machine's own)`,
  },
  "max-joins": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    default: DEFAULT_LIMITS.joinsPerSecond,
    help: "Joins a second that the relay checks, after a first burst; the others wait their turn",
  },
  "max-rejoins": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    default: DEFAULT_LIMITS.rejoins,
    help: "Joins a minute of one identity",
  },
  "max-frames": {
    type: "integer",
    value: "N",
    min: 10,
    max: MAX,
    default: DEFAULT_LIMITS.framesPerSecond,
    help: "Frames a second from one member; a faster one is slowed down, not ended",
  },
  "max-bytes": {
    type: "integer",
    value: "N",
    min: MIN_BYTES,
    max: MAX_BYTES,
    default: DEFAULT_LIMITS.bytesPerSecond,
    help: "Bytes a second from one member, likewise",
  },
  "max-fanout": {
    type: "integer",
    value: "N",
    min: MIN_BYTES,
    max: MAX_BYTES,
    default: DEFAULT_LIMITS.fanoutPerSecond,
    help: "Bytes a second that are sent on for one member, to all recipients together, likewise",
  },
} as const satisfies Record<string, NumberOption>;

/** `parley chat server`. */
export const CHAT_SERVER = {
  name: "server",
  summary: "Open a room on this machine, and chat in it.",
  details: `Starts a relay, which forwards messages that it cannot read, and joins it as a member.
It says where it listens, who you are by your fingerprint, and who comes and goes.`,
  options: {
    host: LISTEN_HOST,
    port: { ...LISTEN_PORT, default: DEFAULT_PORT },
    name: NAME,
    ...TRUST,
    allow: {
      type: "text",
      value: "FILE",
      form: "file",
      help: "Let in only the fingerprints in this file; read again on SIGHUP and /reload",
      needs: ["read"],
    },
    "public-name": {
      type: "text",
      value: "HOST",
      form: "address",
      repeat: true,
      help: "Let in only who dialled this name, or HOST:PORT: who dialled another was forwarded",
    },
    "relay-only": { type: "flag", help: "Forward only: no member at this terminal" },
    "max-members": {
      type: "integer",
      value: "N",
      min: 1,
      max: MAX_ROSTER,
      default: DEFAULT_MAX_MEMBERS,
      help: "How many members the room takes",
    },
    "tls-cert": {
      type: "text",
      value: "FILE",
      form: "file",
      help: "Speak TLS: the certificate, and those between it and its root, as PEM",
      needs: ["read"],
    },
    "tls-key": {
      type: "text",
      value: "FILE",
      form: "file",
      help: "The certificate's private key, as unencrypted PEM",
      needs: ["read"],
    },
    grace: {
      type: "integer",
      value: "MS",
      min: 0,
      max: RENEWAL_RESERVE_MS,
      default: DEFAULT_GRACE_MS,
      help: "How long a member whose connection is lost may take to come back, in milliseconds",
    },
    ...LIMIT_OPTIONS,
    "log-level": {
      type: "text",
      value: "LEVEL",
      choices: LOG_LEVELS,
      help: "Log to standard error, one line an event; without it there is no log",
    },
    metrics: {
      type: "integer",
      value: "PORT",
      min: 0,
      max: 65_535,
      help: "Serve metrics for Prometheus at http://127.0.0.1:PORT/metrics; 0 picks a free port",
    },
    commands: COMMANDS,
    wire: WIRE,
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley chat server",
    "parley chat server --host 0.0.0.0 --name ada",
    "parley chat server --relay-only --port 0 --json",
    "parley chat server --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem",
    "parley chat server --allow friends.txt --identity ada.pem --known-peers peers.txt",
  ],
} as const satisfies CommandSpec;

/** `parley chat client`. */
export const CHAT_CLIENT = {
  name: "client",
  summary: "Join a room.",
  details:
    `At a terminal it is a conversation; /help lists the commands in it. With piped input each line
is a message, also one that starts with a slash: the client waits until all are delivered, then leaves.
With --commands or --json, piped input has commands too, and //TEXT says /TEXT.`,
  operands: [{
    name: "HOST[:PORT]",
    optional: true,
    help: `Where the room is (default ${LOOPBACK}:${DEFAULT_PORT}); IPv6 as [::1]:${DEFAULT_PORT}`,
  }],
  options: {
    name: NAME,
    tls: { type: "flag", help: "Speak TLS; the server's certificate must be for the host dialled" },
    ca: {
      type: "text",
      value: "FILE",
      form: "file",
      help: "With --tls: certificates of issuers to believe as well, as PEM",
      needs: ["read"],
    },
    ...TRUST,
    listen: { type: "flag", help: "Stay and print after the input ends, until stopped" },
    "give-up": GIVE_UP,
    commands: COMMANDS,
    wire: WIRE,
    json: JSON_LINES,
  },
  permissions: ["net"],
  examples: [
    "parley chat client",
    "parley chat client 127.0.0.1:5000 --name bo",
    "parley chat client chat.example.org --tls",
    "parley chat client localhost --tls --ca cert.pem",
    "parley chat client --name bo --identity bo.pem --known-peers peers.txt",
    "date | parley chat client --name clock",
    "parley chat client --listen --json < /dev/null",
  ],
} as const satisfies CommandSpec;

/** `parley chat`. */
export const CHAT = {
  name: "chat",
  summary: "Encrypted chat over TCP, for two or for a thousand.",
  details: "Without a command it asks: server or client, and the server's address.",
  commands: [CHAT_SERVER, CHAT_CLIENT],
  runs: true,
  permissions: ["net"],
} as const satisfies CommandSpec;
