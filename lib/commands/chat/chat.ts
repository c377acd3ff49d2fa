/**
 * The commands of the chat: `parley chat`, `parley chat client` and `parley chat server`.
 *
 * @module
 */

import { usageFailure } from "../../base/failure.ts";
import { quote } from "../../base/printable.ts";
import { askSide } from "../../chat/app/ask_side.ts";
import { OPEN_MINDED, type TrustSettings } from "../../chat/app/load_trust.ts";
import { hostRoom, visitRoom } from "../../chat/app/run.ts";
import { isFingerprint } from "../../chat/trust/known_peers.ts";
import { type HostAndPort, readAddress } from "../../cli/host.ts";
import type { Input } from "../../cli/spec.ts";
import type { Io } from "../../os/io.ts";
import { LOG_LEVELS } from "../../os/log.ts";
import { CHAT_CLIENT, CHAT_SERVER, type LIMIT_OPTIONS } from "./spec.ts";
import { DEFAULT_PORT, isRoomName, MAX_ROOM_NAME_BYTES } from "../../chat/wire/kinds.ts";
import { LOOPBACK } from "../../base/host_port.ts";
import type { Limits } from "../../chat/relay/options.ts";

/** Asks whether to be the server or a client, and runs it. */
export async function ask(_input: unknown, io: Io): Promise<number> {
  const talk = {
    io,
    name: undefined,
    json: false,
    commands: false,
    wire: false,
    giveUpMs: CHAT_CLIENT.options["give-up"].default,
    ...OPEN_MINDED,
  };
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
    publicNames: [],
  });
}

/** Joins a room. */
export function client(
  { options, operands, release }: Input<typeof CHAT_CLIENT>,
  io: Io,
): Promise<number> {
  return visitRoom({
    io,
    ...readRoomAddress(operands[0] ?? LOOPBACK),
    ...clientFiles(options.tls, options.ca),
    name: options.name,
    ...trustSettings(options),
    listen: options.listen,
    giveUpMs: options["give-up"],
    json: options.json,
    commands: options.commands,
    wire: options.wire,
    release,
  });
}

/** Opens a room, and joins it unless it runs the relay only. */
export function server({ options, release }: Input<typeof CHAT_SERVER>, io: Io): Promise<number> {
  if (options["relay-only"]) refuseTrust(options);
  // A name that is not an address would admit nobody.
  for (const name of options["public-name"]) readAddress(name, DEFAULT_PORT);
  return hostRoom({
    io,
    hostname: options.host,
    port: options.port,
    name: options.name,
    ...serverFiles(options["tls-cert"], options["tls-key"]),
    ...trustSettings(options),
    allow: options.allow,
    publicNames: options["public-name"],
    room: readRoomName(options.room, "--room"),
    maxRooms: options["max-rooms"],
    maxMembers: options["max-members"],
    limits: limitsFrom(options),
    graceMs: options.grace,
    logLevel: LOG_LEVELS.find((level) => level === options["log-level"]),
    metricsPort: options.metrics,
    relayOnly: options["relay-only"],
    // A server stays when its input ends.
    giveUpMs: Infinity,
    json: options.json,
    commands: options.commands,
    wire: options.wire,
    release,
  });
}

/** The address of a relay, and the name of a room there. */
export interface RoomAddress extends HostAndPort {
  readonly roomName: string;
}

/**
 * Reads `HOST[:PORT][/ROOM]`.
 *
 * @throws {Failure} `USAGE`, if the text is not that, or the room's name is not valid.
 */
export function readRoomAddress(text: string): RoomAddress {
  const slash = text.indexOf("/");
  if (slash < 0 || text.startsWith("//", slash)) {
    return { ...readAddress(text, DEFAULT_PORT), roomName: "" };
  }
  const what = `cannot read the address ${quote(text)}`;
  const [address, room] = [text.slice(0, slash), text.slice(slash + 1)];
  if (address === "") throw usageFailure(what, "it has no HOST", `try ${LOOPBACK}${text}`);
  return { ...readAddress(address, DEFAULT_PORT), roomName: readRoomName(room, what) };
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
  const hint = `a name has at most ${MAX_ROOM_NAME_BYTES} bytes, no slash, no space and no control`;
  throw usageFailure(what, why, hint);
}

interface TrustOptions {
  readonly identity: string | undefined;
  readonly "known-peers": string | undefined;
  readonly expect: readonly string[];
  readonly strict: boolean;
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

/**
 * Refuses options that a relay without a member cannot use.
 *
 * @throws {Failure} `USAGE`, if one of them is given.
 */
export function refuseTrust(options: TrustOptions): void {
  const given = options.identity !== undefined
    ? "--identity"
    : options["known-peers"] !== undefined
    ? "--known-peers"
    : options.expect.length > 0
    ? "--expect"
    : options.strict
    ? "--strict"
    : undefined;
  if (given === undefined) return;
  const hint = "leave it out; --allow FILE lists whom the relay admits";
  throw usageFailure(given, "a relay without a member has no use for it", hint);
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
 * The TLS options of a client, if it uses TLS.
 *
 * @throws {Failure} `USAGE`, if an issuer is given without TLS.
 */
export function clientFiles(
  tls: boolean,
  ca: string | undefined,
): { readonly tls?: { readonly ca: string | undefined } } {
  if (tls) return { tls: { ca } };
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
