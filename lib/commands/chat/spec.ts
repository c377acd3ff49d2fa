/**
 * The specifications of `parley chat` and its commands.
 *
 * @module
 */

import { RENEWAL_RESERVE_MS } from "../../chat/identity/signing.ts";
import {
  DEFAULT_GRACE_MS,
  DEFAULT_LIMITS,
  DEFAULT_MAX_MEMBERS,
  DEFAULT_MAX_ROOMS,
  JOINS_PER_ADDRESS,
  PER_ADDRESS,
} from "../../chat/relay/options.ts";
import { type CommandSpec, JSON_LINES, type NumberOption } from "../../cli/spec.ts";
import { DEFAULT_PORT, MAX_ROSTER } from "../../chat/wire/kinds.ts";
import { LOOPBACK } from "../../base/host_port.ts";
import { LISTEN_HOST, LISTEN_PORT } from "../../cli/words.ts";
import { LOG_LEVELS } from "../../os/log.ts";

const NAME = {
  type: "text",
  short: "n",
  value: "NAME",
  help: "Your name in the room, 1 to 32 characters (default: a made-up one such as quiet-otter-42)",
} as const;
const GIVE_UP = {
  type: "integer",
  value: "MS",
  min: 0,
  max: 86_400_000,
  default: 30_000,
  help:
    "With piped input: how long to wait for delivery after the last line, and for a lost connection to return, in milliseconds",
} as const;

/** The options about what is typed and shown, the same for server and client. */
const TALK = {
  history: {
    type: "text",
    value: "FILE",
    form: "file",
    help:
      "Keep the lines that you type at a terminal in this file, but no private messages and no pasted text; created if missing",
    needs: ["read", "write"],
  },
  plain: {
    type: "flag",
    help:
      "For screen readers: only append lines to the terminal, which then edits the input line itself",
  },
  log: {
    type: "text",
    value: "FILE",
    form: "file",
    help: "Append what is shown to this file, which only you can read; created if missing",
    needs: ["read", "write"],
  },
  files: {
    type: "flag",
    help:
      "Let /log name a file while you chat: parley then keeps the permissions to read and write files",
    uses: ["read", "write"],
  },
  bell: {
    type: "text",
    value: "WHICH",
    default: "mention",
    choices: ["mention", "all", "none"],
    help:
      "Which messages ring the terminal's bell: those to you alone or with your name (mention), all, or none",
  },
  commands: {
    type: "flag",
    help:
      "Read commands such as /msg NAME TEXT from piped input as well; otherwise each line is a message",
  },
  wire: {
    type: "flag",
    help: "Show each frame that travels, with its ciphertext in hex",
  },
  json: JSON_LINES,
} as const;

/** The options about identities, the same for server and client. */
const TRUST = {
  identity: {
    type: "text",
    short: "i",
    value: "FILE",
    form: "file",
    help: "Your long-lived identity, made by parley rsa keygen (default: a new key for this run)",
    needs: ["read"],
  },
  "known-peers": {
    type: "text",
    short: "k",
    value: "FILE",
    form: "file",
    help: "Remember peers in this file, and refuse changed keys; created if missing",
    needs: ["read", "write"],
  },
  expect: {
    type: "text",
    value: "SHA256:…",
    repeat: true,
    help: "Encrypt your messages only for this identity",
  },
  strict: {
    type: "flag",
    help: "Encrypt your messages only for known, invited and verified members, as /lock does",
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
      "The most connections that have not joined yet; for each further one, the relay closes one from the address that has the most of them",
  },
  "max-per-address": {
    type: "integer",
    value: "N",
    min: 1,
    max: 100_000,
    help: `The most connections from one address or IPv6 /64 network (default ${PER_ADDRESS}; ` +
      "no limit for the addresses of this machine)",
  },
  "max-joins-per-address": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    help:
      `The most joins a minute from one address, which may open ten times as many connections (default ${JOINS_PER_ADDRESS}; no limit for the addresses of this machine)`,
  },
  "max-joins": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    default: DEFAULT_LIMITS.joinsPerSecond,
    help:
      "How many joins a second the relay checks, after a burst of 1,024; the others wait their turn",
  },
  "max-rejoins": {
    type: "integer",
    value: "N",
    min: 1,
    max: MAX,
    default: DEFAULT_LIMITS.rejoins,
    help: "The most joins a minute of one identity",
  },
  "max-frames": {
    type: "integer",
    value: "N",
    min: 10,
    max: MAX,
    default: DEFAULT_LIMITS.framesPerSecond,
    help: "The most frames a second from one member; a faster member is slowed down",
  },
  "max-bytes": {
    type: "integer",
    value: "N",
    min: MIN_BYTES,
    max: MAX_BYTES,
    default: DEFAULT_LIMITS.bytesPerSecond,
    help: "The most bytes a second from one member; a faster member is slowed down",
  },
  "max-fanout": {
    type: "integer",
    value: "N",
    min: MIN_BYTES,
    max: MAX_BYTES,
    default: DEFAULT_LIMITS.fanoutPerSecond,
    help:
      "The most bytes a second that the relay forwards for one member, counted for each recipient; a faster member is slowed down",
  },
} as const satisfies Record<string, NumberOption>;

/** `parley chat server`. */
export const CHAT_SERVER = {
  name: "server",
  summary: "Open a room on this machine, and join it.",
  details:
    `Starts a relay, which forwards messages that it cannot read, and joins its room as a member. Prints
where the relay listens, with which command others join, and who comes and goes. Clients open more
rooms by joining them. The relay tells nobody which rooms it has.`,
  options: {
    host: {
      ...LISTEN_HOST,
      help:
        `${LISTEN_HOST.help}; the printed commands name their addresses if parley may read them`,
      uses: ["sys"],
    },
    port: { ...LISTEN_PORT, default: DEFAULT_PORT },
    name: NAME,
    ...TRUST,
    allow: {
      type: "text",
      value: "FILE",
      form: "file",
      help: "Admit only the fingerprints in this file; SIGHUP and /reload read it again",
      needs: ["read"],
    },
    "public-name": {
      type: "text",
      value: "HOST",
      form: "address",
      repeat: true,
      help:
        "Admit only members that connected to this name, HOST or HOST:PORT: a server in between, which forwards connections, has another name",
    },
    invite: { type: "flag", help: "Print a link with which one guest joins within a day" },
    invited: {
      type: "flag",
      help: "Admit only guests with an invitation of yours, and those that --allow lists",
    },
    "relay-only": { type: "flag", help: "Run the relay only, without a member at this terminal" },
    "max-members": {
      type: "integer",
      value: "N",
      min: 1,
      max: MAX_ROSTER,
      default: DEFAULT_MAX_MEMBERS,
      help: "The most members in a room",
    },
    room: {
      type: "text",
      value: "NAME",
      default: "",
      help: "The name of your room, which clients join as HOST/NAME (default: no name)",
    },
    "max-rooms": {
      type: "integer",
      value: "N",
      min: 1,
      max: 65_536,
      default: DEFAULT_MAX_ROOMS,
      help: "The most rooms at a time; a client opens a room by joining it",
    },
    "tls-cert": {
      type: "text",
      value: "FILE",
      form: "file",
      help: "Use TLS: the certificate and its intermediates, as PEM",
      needs: ["read"],
    },
    "tls-key": {
      type: "text",
      value: "FILE",
      form: "file",
      help: "The certificate's private key, as unencrypted PEM",
      needs: ["read"],
    },
    web: {
      type: "flag",
      help:
        "Answer browsers at the same port: a page at / that joins a room, and a WebSocket at /chat",
    },
    "web-origin": {
      type: "text",
      value: "ORIGIN",
      repeat: true,
      help:
        "With --web: let a page from elsewhere join too, such as https://example.org; null is a page opened from a file",
    },
    "web-page": {
      type: "text",
      value: "URL",
      help:
        "With --web: where a proxy serves the page, such as https://example.org/parley/: links of invitations lead there, and members may connect to the server under that name",
    },
    grace: {
      type: "integer",
      value: "MS",
      min: 0,
      max: RENEWAL_RESERVE_MS,
      default: DEFAULT_GRACE_MS,
      help: "How long the relay keeps a member whose connection is lost, in milliseconds",
    },
    ...LIMIT_OPTIONS,
    "log-level": {
      type: "text",
      value: "LEVEL",
      choices: LOG_LEVELS,
      help: "Write a log to standard error, one line for each event (default: no log)",
    },
    metrics: {
      type: "integer",
      value: "PORT",
      min: 0,
      max: 65_535,
      help: "Serve metrics for Prometheus at http://127.0.0.1:PORT/metrics; 0 picks a free port",
    },
    ...TALK,
  },
  permissions: ["net"],
  examples: [
    "parley chat server",
    "parley chat server --host 0.0.0.0 --name ada",
    "parley chat server --host 0.0.0.0 --name ada --invite --invited",
    "parley chat server --room garden --max-rooms 1",
    "parley chat server --relay-only --port 0 --json",
    "parley chat server --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem",
    "parley chat server --web",
    "parley chat server --allow friends.txt --identity ada.pem --known-peers peers.txt",
  ],
} as const satisfies CommandSpec;

/** `parley chat client`. */
export const CHAT_CLIENT = {
  name: "client",
  summary: "Join a room.",
  details:
    `At a terminal you type messages, and /help lists the commands. With piped input each line is a
message, even if it starts with a slash. After the last line, the client waits until every member
has shown all messages, and then leaves. The exit code is 1 if a member may have missed a message,
for example because its connection was lost. A member that left by /quit does not count. With
--commands or --json, piped input may contain commands as well, and //TEXT sends /TEXT.`,
  operands: [{
    name: "HOST[:PORT][/ROOM]|LINK",
    optional: true,
    help:
      `The address of the server (default ${LOOPBACK}:${DEFAULT_PORT}), and the name of the room if it has one; write IPv6 as [::1]:${DEFAULT_PORT}. To join by WebSocket, give the address of the server's page, https://HOST/ROOM, or wss://HOST/PATH. With the link of an invitation you join by that. With -, parley asks for the link, or reads it from the first line of piped input: the list of processes then does not show it`,
  }],
  options: {
    name: NAME,
    tls: {
      type: "flag",
      help: "Use TLS, as https:// and wss:// do; the server's certificate must be valid for HOST",
    },
    ca: {
      type: "text",
      value: "FILE",
      form: "file",
      help: "With --tls, https:// or wss://: certificates of more issuers to trust, as PEM",
      needs: ["read"],
    },
    ...TRUST,
    listen: {
      type: "flag",
      help: "Stay in the room after the input ends, and print messages until stopped",
    },
    "give-up": GIVE_UP,
    ...TALK,
  },
  permissions: ["net"],
  examples: [
    "parley chat client",
    "parley chat client 127.0.0.1:5000 --name bo",
    "parley chat client chat.example.org/garden --name bo",
    "parley chat client -",
    "parley chat client chat.example.org --tls",
    "parley chat client https://chat.example.org/garden --name bo",
    "parley chat client localhost --tls --ca cert.pem",
    "parley chat client --name bo --identity bo.pem --known-peers peers.txt",
    "date | parley chat client --name clock",
    "parley chat client --listen --json < /dev/null",
  ],
} as const satisfies CommandSpec;

/** `parley chat page`. */
export const CHAT_PAGE = {
  name: "page",
  summary: "Write the page that chat server --web serves.",
  details:
    `The page is one HTML file, which contains its script and its style. Open it from disk, or serve it
from a place that you trust: a relay could send another page. chat server --web prints the SHA-256
of its page; compare it with what sha256sum prints for this file.`,
  options: {
    output: {
      type: "text",
      short: "o",
      value: "FILE",
      form: "file",
      help: "The file to write; - or nothing writes to standard output",
      needs: ["read", "write"],
    },
    force: { type: "flag", help: "Replace an existing file" },
  },
  permissions: [],
  examples: ["parley chat page -o parley.html", "parley chat page | sha256sum"],
} as const satisfies CommandSpec;

/** `parley chat`. */
export const CHAT = {
  name: "chat",
  summary: "End-to-end encrypted chat over TCP or WebSocket, for 2 to 1,000 people.",
  details:
    `Without a command, parley asks whether to be the server or a client, and for the server's address.

At a terminal, Tab completes commands, names, rooms and paths, and Shift-Tab goes back. The arrow
keys recall the lines that you have entered, and Ctrl-R searches them. Alt-Enter starts a new line
in a message; some terminals do so at Shift-Enter too. Ctrl-Z suspends the chat. parley asks before
it takes a paste of more than 20 lines.

To be sure who somebody is, type /verify NAME and compare four words by telephone.`,
  options: { plain: TALK.plain },
  commands: [CHAT_SERVER, CHAT_CLIENT, CHAT_PAGE],
  runs: true,
  permissions: ["net"],
} as const satisfies CommandSpec;
