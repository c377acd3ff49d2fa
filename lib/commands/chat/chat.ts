/**
 * The commands of the chat: `parley chat`, `parley chat client` and `parley chat server`.
 *
 * @module
 */

import { MalformedError, utf8 } from "../../base/bytes.ts";
import { type Failure, usageFailure } from "../../base/failure.ts";
import { LOOPBACK } from "../../base/host_port.ts";
import { quote } from "../../base/printable.ts";
import type { PagePlace } from "../../chat/app/invite.ts";
import { type HostOptions, hostRoom, visitRoom } from "../../chat/app/run.ts";
import { OPEN_MINDED, type TrustSettings } from "../../chat/app/run_files.ts";
import type { Limits } from "../../chat/relay/options.ts";
import { isFingerprint } from "../../chat/trust/known_peers.ts";
import {
  type InvitationLink,
  readInvitationLink,
  roomSegment,
} from "../../chat/wire/invitation.ts";
import {
  DEFAULT_PORT,
  isRoomName,
  MAX_ROOM_NAME_BYTES,
  WEBSOCKET_PATH,
} from "../../chat/wire/kinds.ts";
import type { Input } from "../../cli/spec.ts";
import { type HostAndPort, readAddress } from "../../cli/words.ts";
import { type Io, plainIo } from "../../os/io.ts";
import { LOG_LEVELS, Progress } from "../../os/log.ts";
import { type CHAT, CHAT_CLIENT, type CHAT_PAGE, CHAT_SERVER, type LIMIT_OPTIONS } from "./spec.ts";

/** Asks whether to be the server or a client, and runs it. */
export async function ask({ options }: Input<typeof CHAT>, process: Io): Promise<number> {
  const io = terminalIo(process, options);
  const talk = {
    io,
    name: undefined,
    json: false,
    commands: false,
    wire: false,
    history: undefined,
    giveUpMs: CHAT_CLIENT.options["give-up"].default,
    ...OPEN_MINDED,
  };
  const { askSide } = await import("./ask.ts");
  const answer = await askSide(io, readRoomAddress);
  if (answer.side === "nobody") return answer.code;
  const { early = [] } = answer;
  const input = answer.input === undefined ? { early } : { input: answer.input };
  if (answer.side === "client") {
    return await visitRoom({ ...talk, ...input, ...answer.address, listen: false });
  }
  const { host, port, room, "max-rooms": maxRooms, "max-members": maxMembers, grace } =
    CHAT_SERVER.options;
  return await hostRoom({
    ...talk,
    ...input,
    hostname: host.default,
    port: port.default,
    room: room.default,
    maxRooms: maxRooms.default,
    maxMembers: maxMembers.default,
    graceMs: grace.default,
    relayOnly: false,
    allow: undefined,
    invite: false,
    invited: false,
    publicNames: [],
  });
}

/** Joins a room. */
export async function client(
  { options, operands, release }: Input<typeof CHAT_CLIENT>,
  process: Io,
): Promise<number> {
  const io = terminalIo(process, options);
  const answer = operands[0] === "-"
    ? await (await import("./ask.ts")).askLink(io, readRoomAddress)
    : { address: readRoomAddress(operands[0] ?? LOOPBACK), input: {} };
  if (typeof answer === "number") return answer;
  const { address, input } = answer;
  return await visitRoom({
    io,
    ...address,
    ...input,
    ...clientFiles(options.tls, options.ca, address.web),
    ...talkOptions(options),
    listen: options.listen,
    giveUpMs: options["give-up"],
    release,
  });
}

/** Opens a room, and joins it unless it runs the relay only. */
export function server({ options, release }: Input<typeof CHAT_SERVER>, io: Io): Promise<number> {
  if (options["relay-only"]) refuseMemberOptions(options);
  if (options.invited && !options.invite && options.allow === undefined) {
    const hint = "give --invite too, for the link of a first guest, or --allow FILE";
    throw usageFailure("--invited", "nobody could join", hint);
  }
  const room = readRoomName(options.room, "--room");
  // With a name that is not an address, no member could join.
  for (const name of options["public-name"]) readAddress(name, DEFAULT_PORT);
  return hostRoom({
    io: terminalIo(io, options),
    ...webOptions({ ...options, room }),
    hostname: options.host,
    port: options.port,
    ...serverFiles(options["tls-cert"], options["tls-key"]),
    ...talkOptions(options),
    allow: options.allow,
    invite: options.invite,
    invited: options.invited,
    publicNames: options["public-name"],
    room,
    maxRooms: options["max-rooms"],
    maxMembers: options["max-members"],
    limits: limitsFrom(options),
    graceMs: options.grace,
    logLevel: LOG_LEVELS.find((level) => level === options["log-level"]),
    metricsPort: options.metrics,
    relayOnly: options["relay-only"],
    // A server stays when its input ends.
    giveUpMs: Infinity,
    release,
  });
}

/** Reads the options that a server and a client share. */
function talkOptions(
  options: Input<typeof CHAT_CLIENT>["options"] | Input<typeof CHAT_SERVER>["options"],
) {
  const { name, history, log: logFile, files, json, commands, wire } = options;
  const bell = CHAT_CLIENT.options.bell.choices.find((choice) => choice === options.bell);
  return { ...trustSettings(options), name, history, logFile, files, bell, json, commands, wire };
}

/** Writes the page for browsers. */
export async function page({ options }: Input<typeof CHAT_PAGE>, io: Io): Promise<number> {
  const [{ readPage }, { checkDestination, writeOutput }] = await Promise.all([
    import("../../chat/web/page.ts"),
    import("../../os/input_output.ts"),
  ]);
  const destination = { path: options.output, force: options.force };
  await checkDestination(destination);
  using progress = new Progress(io, "reading");
  await writeOutput(io, destination, utf8(await readPage()), progress);
  return 0;
}

/** The address of a relay, and the name of a room there. */
export interface RoomAddress extends HostAndPort {
  readonly roomName: string;
  /** The invitation, if a link was read. */
  readonly invitation?: InvitationLink;
  /** The WebSocket that leads there; without it, the relay is dialled directly. */
  readonly web?: WebAddress;
}

/** A WebSocket at a host and port. */
export interface WebAddress {
  /** The path, in URL form. */
  readonly path: string;
  readonly isSecure: boolean;
}

/**
 * Reads `HOST[:PORT][/ROOM]`, the URL of a relay's page or WebSocket, or the link of an invitation.
 *
 * @throws {Failure} `USAGE`, if the text is not that, or the room's name is not valid. It has no
 * secret in it.
 */
export function readRoomAddress(text: string): RoomAddress {
  if (/^parley:/i.test(text)) return readLink(text);
  // Some programs cut the scheme off. The secret must not become the name of a room, which travels.
  if (/#[\w%=-]{16,}/.test(text)) {
    return readLink(/^https?:/i.test(text) ? text : `parley://${text}`);
  }
  if (/^(https?|wss?):\/\//i.test(text)) return readWebAddress(text);
  const slash = text.indexOf("/");
  if (slash < 0 || text.startsWith("//", slash)) {
    return { ...readAddress(text, DEFAULT_PORT), roomName: "" };
  }
  const what = `cannot read the address ${quote(text)}`;
  const [address, room] = [text.slice(0, slash), text.slice(slash + 1)];
  if (address === "") throw usageFailure(what, "it has no HOST", `try ${LOOPBACK}${text}`);
  return { ...readAddress(address, DEFAULT_PORT), roomName: readRoomName(room, what) };
}

function readLink(text: string): RoomAddress {
  const invitation = readLinkText(
    text,
    (why) => usageFailure("cannot read the link of the invitation", why),
  );
  const { scheme, host: hostname, port, prefix = "", room: roomName } = invitation;
  const web = { path: prefix + WEBSOCKET_PATH, isSecure: scheme === "https" };
  const place = { hostname, port, roomName, invitation };
  return scheme === "parley" ? place : { ...place, web };
}

/** Reads the link of an invitation; `failure` makes what is thrown of the reason why it is none. */
function readLinkText(text: string, failure: (why: string) => Failure): InvitationLink {
  try {
    return readInvitationLink(text);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw failure(error.message.replace("this is no link of an invitation: ", ""));
  }
}

/**
 * Reads the URL of a page, `https://HOST[:PORT][/PATH]/ROOM`, or that of a WebSocket,
 * `wss://HOST[:PORT][/PATH][?room=ROOM]`. A page's WebSocket is `chat` beside it.
 */
function readWebAddress(text: string): RoomAddress {
  const what = `cannot read the address ${quote(withoutUser(text))}`;
  const url = URL.parse(text);
  if (url === null) throw usageFailure(what, "it is not a URL");
  const { protocol, username, password, pathname, hash } = url;
  if (username !== "" || password !== "") throw usageFailure(what, "it has a user or a password");
  if (hash !== "") throw usageFailure(what, "it has a part after #");
  const isSecure = protocol === "https:" || protocol === "wss:";
  const place = {
    hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? isSecure ? 443 : 80 : Number(url.port),
  };
  if (protocol === "ws:" || protocol === "wss:") {
    const path = pathname === "/" ? WEBSOCKET_PATH : pathname;
    return { ...place, roomName: readRoomQuery(url, what), web: { path, isSecure } };
  }
  if (url.search !== "") throw usageFailure(what, "it has a part after ?");
  const slash = pathname.lastIndexOf("/");
  const path = pathname.slice(0, slash) + WEBSOCKET_PATH;
  const roomName = readRoomName(decoded(pathname.slice(slash + 1), what), what);
  return { ...place, roomName, web: { path, isSecure } };
}

function readRoomQuery({ searchParams }: URL, what: string): string {
  const other = searchParams.keys().find((key) => key !== "room");
  const [room = "", ...more] = searchParams.getAll("room");
  if (other === undefined && more.length === 0) return readRoomName(room, what);
  throw usageFailure(what, "it has more than ?room=NAME after the path");
}

/** Decodes part of a path. */
function decoded(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw usageFailure(what, "its path is not UTF-8");
  }
}

/**
 * Reads the name of a room.
 *
 * @param text The name that was typed.
 * @param what The subject of a failure.
 * @throws {Failure} `USAGE`, if the name is not valid.
 */
function readRoomName(text: string, what: string): string {
  const name = text.normalize("NFKC");
  if (isRoomName(name)) return name;
  const why = `${quote(text)} is not the name of a room`;
  const hint =
    `a name has at most ${MAX_ROOM_NAME_BYTES} bytes, no slash, no space and no control character`;
  throw usageFailure(what, why, hint);
}

/** Returns the streams of the process, or for `--plain` as those of a terminal without escape codes. */
function terminalIo(io: Io, { plain }: { readonly plain: boolean }): Io {
  return plain ? plainIo(io) : io;
}

interface TrustOptions {
  readonly identity: string | undefined;
  readonly "known-peers": string | undefined;
  readonly expect: readonly string[];
  readonly strict: boolean;
  readonly history?: string | undefined;
}

/**
 * Reads the options about identities.
 *
 * @throws {Failure} `USAGE`, if an expected identity is not a fingerprint.
 */
export function trustSettings(options: TrustOptions): TrustSettings {
  for (const expected of options.expect) {
    if (isFingerprint(expected)) continue;
    const why = `${quote(expected)} is not a fingerprint: SHA256: and 43 characters`;
    throw usageFailure("--expect", why, "parley rsa fingerprint FILE, or /fingerprint in the chat");
  }
  const { identity, expect: expected, strict } = options;
  return { identity, knownPeers: options["known-peers"], expected, strict };
}

/** The options that a relay without a member cannot use. */
const MEMBER_OPTIONS = [
  "identity",
  "known-peers",
  "expect",
  "strict",
  "history",
  "log",
  "invite",
  "invited",
  "name",
  "commands",
] as const;

/** What to use in place of an option, where there is something. */
const INSTEAD: { readonly [name in typeof MEMBER_OPTIONS[number]]?: string } = {
  log: "leave it out; --log-level LEVEL writes what the relay does to standard error",
  invite: "leave it out; --allow FILE lists whom the relay admits",
  invited: "leave it out; --allow FILE lists whom the relay admits",
};

/**
 * Refuses options that a relay without a member cannot use.
 *
 * @throws {Failure} `USAGE`, if one of them is given.
 */
export function refuseMemberOptions(
  options: TrustOptions & {
    readonly log: string | undefined;
    readonly invite?: boolean;
    readonly invited?: boolean;
    readonly name?: string | undefined;
    readonly commands?: boolean;
    readonly bell?: string;
  },
): void {
  const { bell = CHAT_SERVER.options.bell.default } = options;
  const given = bell !== CHAT_SERVER.options.bell.default
    ? "bell"
    : MEMBER_OPTIONS.find((name) => [options[name]].flat().some(Boolean));
  if (given === undefined) return;
  const hint = (given === "bell" ? undefined : INSTEAD[given]) ?? "leave it out";
  throw usageFailure(`--${given}`, "it is for a member, and --relay-only runs without one", hint);
}

/**
 * The certificate and key files of a server, or neither.
 *
 * @throws {Failure} `USAGE`, if only one of them is given.
 */
export function serverFiles(
  cert: string | undefined,
  key: string | undefined,
): { readonly tls?: { readonly cert: string; readonly key: string } } {
  if (cert !== undefined && key !== undefined) return { tls: { cert, key } };
  if (cert === undefined && key === undefined) return {};
  const [given, missing] = cert === undefined
    ? ["--tls-key", "--tls-cert"]
    : ["--tls-cert", "--tls-key"];
  throw usageFailure(given, `it needs ${missing}`, "give the certificate and its key");
}

/**
 * Returns which origins may open the WebSocket of `--web`, and where a proxy serves its page.
 *
 * @throws {Failure} `USAGE`, if one of the others is given without `--web`, or is not valid.
 */
export function webOptions(
  { web, room, ...options }: {
    readonly web: boolean;
    readonly "web-origin": readonly string[];
    readonly "web-page": string | undefined;
    readonly room: string;
  },
): Pick<HostOptions, "web"> {
  const { "web-origin": origins, "web-page": page } = options;
  const given = page !== undefined ? "--web-page" : origins.length > 0 ? "--web-origin" : undefined;
  if (!web && given !== undefined) throw usageFailure(given, "it needs --web", "give both");
  if (!web) return {};
  const place = page === undefined ? {} : { page: readPagePlace(page, room) };
  return { web: { origins: origins.map(readOrigin), ...place } };
}

/** Reads an origin (RFC 6454): `null`, or a scheme, a host and perhaps a port. */
function readOrigin(text: string): string {
  if (text === "null") return text;
  const url = URL.parse(text);
  const origin = `${url?.protocol}//${url?.host}`;
  // The URL standard gives some schemes a path of at least a slash.
  if (url !== null && url.host !== "" && [origin, `${origin}/`].includes(url.href)) return origin;
  const hint =
    "write it as https://HOST or https://HOST:PORT; null is a page opened from a file; " +
    "--web-page is where a proxy serves the page";
  throw usageFailure("--web-origin", `${quote(withoutUser(text))} is not an origin`, hint);
}

/** A fragment of the form that a link has, for the check of what is before it. */
const ANY_FRAGMENT = "A".repeat(43);

/**
 * Reads where a proxy serves the page: a URL that ends in a slash, to which links of invitations can lead.
 *
 * @param room The name of the room in those links.
 */
function readPagePlace(text: string, room: string): PagePlace {
  const [, start = "", path = ""] = /^(https?:\/\/[^\s\\?#@/]+)(\/|\/[^?#]*\/)$/i.exec(text) ?? [];
  const url = URL.parse(start);
  const what = quote(withoutUser(text));
  const hint =
    "write it as https://HOST/ or https://HOST/PATH/, as a browser's address bar shows it";
  if (url === null) {
    throw usageFailure("--web-page", `${what} is not a URL of a page that ends in a slash`, hint);
  }
  const link = `${url.origin}${path}${roomSegment(room)}#${ANY_FRAGMENT}`;
  const why = `no link of an invitation can lead to ${what}`;
  const { scheme, host, port, prefix = "" } = readLinkText(
    link,
    (error) => usageFailure("--web-page", `${why}: ${error}`, hint),
  );
  return { scheme, hostname: host, port, path: prefix + WEBSOCKET_PATH };
}

/** Returns a URL without its user and password, which are not for others to see. */
function withoutUser(text: string): string {
  return text.replace(/\/\/[^/]*@/, "//");
}

/**
 * The TLS options of a client, if it uses TLS.
 *
 * @throws {Failure} `USAGE`, if an issuer is given without TLS, or TLS for a URL without it.
 */
export function clientFiles(
  tls: boolean,
  ca: string | undefined,
  web?: WebAddress,
): { readonly tls?: { readonly ca: string | undefined } } {
  if (tls && web?.isSecure === false) {
    throw usageFailure("--tls", "the URL is one without TLS", "write https:// or wss://");
  }
  if (tls || web?.isSecure) return { tls: { ca } };
  if (ca !== undefined) throw usageFailure("--ca", "it needs --tls", "give both");
  return {};
}

/** The limits that the options name. */
export function limitsFrom(
  options: Input<{ readonly options: typeof LIMIT_OPTIONS }>["options"],
): Limits {
  return {
    pending: options["max-pending"],
    perAddress: options["max-per-address"],
    joinsPerAddress: options["max-joins-per-address"],
    joinsPerSecond: options["max-joins"],
    rejoins: options["max-rejoins"],
    framesPerSecond: options["max-frames"],
    bytesPerSecond: options["max-bytes"],
    fanoutPerSecond: options["max-fanout"],
  };
}
