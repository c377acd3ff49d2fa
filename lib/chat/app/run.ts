/**
 * Two ways to a conversation: to open a room and sit in it, and to visit somebody else's.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { type Failure, usageFailure } from "../../base/failure.ts";
import { hostPort } from "../../base/host_port.ts";
import { reportingFailure } from "../../cli/json_events.ts";
import { readClientFiles, readServerFiles } from "../../net/tls.ts";
import { toFailure } from "../../os/errors.ts";
import type { Release } from "../../os/held_file.ts";
import type { Io } from "../../os/io.ts";
import { type Input, outputFailure } from "../../os/streams.ts";
import type { OwnCredential } from "../identity/credential.ts";
import { normalizeName } from "../identity/name.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Limits, RelayEvent } from "../relay/options.ts";
import { createIdentity, joinRoom } from "../runtime/join.ts";
import { openRelay, type RelayServer, type RelayServerOptions } from "../runtime/server.ts";
import type { Session, SessionOptions } from "../runtime/session.ts";
import { FilesVoice } from "./files_voice.ts";
import {
  type Acquaintance,
  getAcquainted,
  GuestList,
  OPEN_MINDED,
  type TrustSettings,
} from "./load_trust.ts";
import { RelayWatch, type WatchOptions } from "./observe.ts";
import { setStage, type Stage, wireTap } from "./stage.ts";

/** How long the end waits for the known peers to be written, in milliseconds: another process may hold them. */
const SETTLE_MS = 5_000;

/** What both ways take. */
export interface TalkOptions extends TrustSettings {
  readonly io: Io;
  /** The name in the room; one is made up without. */
  readonly name: string | undefined;
  readonly json: boolean;
  /** Whether piped input has commands in it. */
  readonly commands: boolean;
  readonly wire: boolean;
  readonly giveUpMs: number;
  /** Lines that were read elsewhere; standard input without. */
  readonly input?: AsyncIterable<Input>;
  /** Gives up the permission for files, once all that are needed are open. */
  readonly release?: Release;
  /** What was entered at the terminal before this began. */
  readonly early?: readonly Input[];
}

/** Where to open a room, and for whom. */
export interface HostOptions extends TalkOptions, WatchOptions {
  readonly hostname: string;
  readonly port: number;
  /** The files of a certificate and its key, to speak TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly maxMembers: number;
  /** How long a member whose connection is lost may take to come back, in milliseconds. */
  readonly graceMs: number;
  /** What the relay takes of those who connect; its defaults without. */
  readonly limits?: Limits;
  readonly relayOnly: boolean;
  /** The file of those whom it lets in; without, everyone. */
  readonly allow: string | undefined;
  /** The names by which members dial it; any will do, without. */
  readonly publicNames: readonly string[];
}

/** Where to join. */
export interface VisitOptions extends TalkOptions {
  readonly hostname: string;
  readonly port: number;
  /** To speak TLS, and a file of issuers to believe, if any. */
  readonly tls?: { readonly ca: string | undefined };
  /** Whether to stay when the input ends. */
  readonly listen: boolean;
}

/**
 * Opens a room and sits in it, or only relays.
 *
 * @returns The exit code.
 * @throws {Failure} Where it cannot listen, or the conversation fails.
 */
export function hostRoom(options: HostOptions): Promise<number> {
  return reportingFailure(
    options.io,
    options.json,
    () => options.relayOnly ? relayOnly(options) : sitInRoom(options),
  );
}

async function sitInRoom(options: HostOptions): Promise<number> {
  const name = checkedName(options.name);
  const guests = await guestList(options);
  const seated = Promise.withResolvers<void>();
  const { input, errors } = options.io;
  if (options.logLevel !== undefined && input.keyboard !== undefined && errors.isTerminal) {
    throw usageFailure(
      "--log-level",
      "standard error is the terminal that the chat is drawn on",
      "write the log to a file: 2> FILE; or only relay: --relay-only",
    );
  }
  await using watch = new RelayWatch(options);
  const where = await listening(options, guests);
  const voice = new FilesVoice(options.io, options.json);
  using acquaintance = await getAcquainted(options, voice);
  releaseFiles(options, guests);
  // The address is taken before the keys are made, and nobody comes in before the host sits in the room.
  let stage: Stage | undefined;
  const event = (one: RelayEvent) => {
    watch.event(one);
    // Whoever keeps the list sees whom it keeps out.
    if (one.kind !== "refused" || one.reason !== "NOT_ALLOWED") return;
    stage?.display.print(stage.presenter.relayEvent(one));
  };
  const { trouble } = watch;
  await using server = openRelay({ ...where, opens: seated.promise, event, trouble });
  const reload = guests && ((stage: Stage) => reread(guests, server, stage));
  guests?.replaced.then((failure) => stage && sayUnread(failure, stage));
  const known = { acquaintance, voice };
  return await talk({ ...options, stay: true, reload }, known, name, async (self, joining, set) => {
    stage = set;
    guests?.admitHost(self.fingerprint);
    stage.display.print(stage.presenter.listening(server));
    const metrics = await watch.start(server);
    if (metrics !== undefined) stage.display.print(stage.presenter.notice(`metrics at ${metrics}`));
    const event = (one: MemberEvent) => {
      joining.event(one);
      if (one.kind === "ready") seated.resolve();
    };
    return server.join({ ...joining, self, event });
  });
}

/** All files are open: from here on, nothing that a connection brings can open another. */
function releaseFiles(
  { release, allow, identity, knownPeers, tls }: Pick<
    HostOptions,
    "release" | "allow" | "identity" | "knownPeers" | "tls"
  >,
  guests: GuestList | undefined,
): void {
  if (allow === undefined || guests?.reopened !== true) return release?.();
  const lock = knownPeers === undefined ? undefined : `${knownPeers}.lock`;
  const done = [identity, knownPeers, lock, tls?.cert, tls?.key];
  release?.({ path: allow, done: done.filter((path) => path !== undefined) });
}

async function guestList({ allow }: HostOptions): Promise<GuestList | undefined> {
  return allow === undefined ? undefined : await GuestList.open(allow);
}

async function listening(
  options: HostOptions,
  guests: GuestList | undefined,
): Promise<RelayServerOptions> {
  const { hostname, port, maxMembers, graceMs, publicNames, limits = {}, tls } = options;
  return {
    hostname,
    port,
    maxMembers,
    graceMs,
    publicNames,
    limits,
    ...(guests === undefined ? {} : { allows: guests.allows }),
    ...(tls === undefined ? {} : { tls: await readServerFiles(tls) }),
  };
}

/** Reads the list again, and removes who is no longer on it. */
async function reread(guests: GuestList, server: RelayServer, stage: Stage): Promise<void> {
  const { display, presenter } = stage;
  try {
    const before = await guests.reload() ? "" : ", as before";
    const identities = guests.size === 1 ? "1 identity" : `${guests.size} identities`;
    display.print(presenter.notice(`the list was read again: ${identities} may come in${before}`));
    server.removeDisallowed();
  } catch (error) {
    sayUnread(toFailure(error, "cannot read the list again"), stage);
  }
}

function sayUnread({ code, what, why }: Failure, { display, presenter }: Stage): void {
  display.print(presenter.error(code, `${what}: ${why}; the list of before holds`));
}

/** Does something whenever the process is told to hang up, as servers do. */
function onHangup(io: Io, act: () => Promise<void>): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]: () => {} };
  let acting = Promise.resolve();
  const handler = () => {
    acting = acting.then(act);
  };
  return io.onSignal("SIGHUP", handler);
}

/**
 * Joins a room.
 *
 * @returns The exit code.
 * @throws {Failure} Where nothing answers, or the conversation fails.
 */
export function visitRoom(options: VisitOptions): Promise<number> {
  const name = checkedName(options.name);
  const { hostname, port } = options;
  return reportingFailure(options.io, options.json, async () => {
    const tls = options.tls === undefined ? {} : { tls: await readClientFiles(options.tls) };
    const voice = new FilesVoice(options.io, options.json);
    using acquaintance = await getAcquainted(options, voice);
    options.release?.();
    const join = (
      self: OwnCredential,
      joining: Joining,
      { atTerminal, display, presenter }: Stage,
      signal: AbortSignal,
    ) => {
      const where = hostPort({ hostname, port });
      if (atTerminal) display.print(presenter.notice(`connecting to ${where}`));
      return joinRoom({ ...joining, hostname, port, ...tls, self, signal });
    };
    return await talk({ ...options, stay: options.listen }, { acquaintance, voice }, name, join);
  });
}

type Joining = Pick<SessionOptions, "policy" | "event" | "shows" | "obstacle" | "tap">;

async function talk(
  options: TalkOptions & {
    readonly stay: boolean;
    readonly reload?: ((stage: Stage) => Promise<void>) | undefined;
  },
  { acquaintance, voice }: { readonly acquaintance: Acquaintance; readonly voice: FilesVoice },
  name: string,
  join: (
    self: OwnCredential,
    joining: Joining,
    stage: Stage,
    signal: AbortSignal,
  ) => Promise<Session>,
): Promise<number> {
  const { identity, trust } = acquaintance;
  const keys = createIdentity(name, identity);
  let session: Session | undefined;
  const reload = options.reload && (() => options.reload!(stage));
  const lasting = identity !== undefined;
  const stageOptions = { ...options, prompt: `${name}> `, trust, lasting, reload };
  await using stage: Stage = await setStage(stageOptions, (events) => session?.displayed(events));
  voice.enter(stage);
  using _hangup = reload && onHangup(options.io, reload);
  const { conversation, presenter, display, tap } = stage;
  if (stage.atTerminal) display.print(presenter.notice("making the keys of this run"));
  const { tell: event, obstacle } = conversation;
  const given = new AbortController();
  const joined = keys.then(async (self) => {
    given.signal.throwIfAborted();
    const joining = { policy: trust, event, obstacle, shows: "later" as const, ...tap };
    session = await join(self, joining, stage, given.signal);
    return session;
  });
  try {
    return await conversation.run(joined);
  } finally {
    // Who left before it had joined does not join any longer.
    given.abort();
    if (session === undefined) joined.then((late) => late.close(), () => {});
    await settle(acquaintance, voice);
  }
}

/** Waits for the known peers to be written, which another process may keep from it. */
async function settle(acquaintance: Acquaintance, voice: FilesVoice): Promise<void> {
  const late = Promise.withResolvers<false>();
  const timer = setTimeout(() => late.resolve(false), SETTLE_MS);
  const settled = await Promise.race([acquaintance.settled().then(() => true), late.promise]);
  clearTimeout(timer);
  if (!settled) voice.unsettled(SETTLE_MS);
}

async function relayOnly(options: HostOptions): Promise<number> {
  const guests = await guestList(options);
  const where = await listening(options, guests);
  releaseFiles(options, guests);
  const { trust } = await getAcquainted(OPEN_MINDED);
  const input = (async function* (): AsyncGenerator<Input, void> {})();
  const stageOptions = { ...options, input, stay: true, prompt: "", trust, lasting: false };
  await using stage = await setStage(stageOptions, () => {});
  const { display, presenter } = stage;
  await using watch = new RelayWatch(options);
  await using server = openRelay({
    ...where,
    trouble: watch.trouble,
    event: (event) => {
      watch.event(event);
      display.print(presenter.relayEvent(event));
    },
    ...(options.wire ? { tap: () => wireTap(presenter, display, "received") } : {}),
  });
  using _hangup = guests && onHangup(options.io, () => reread(guests, server, stage));
  guests?.replaced.then((failure) => sayUnread(failure, stage));
  display.print(presenter.listening(server));
  const metrics = await watch.start(server);
  if (metrics !== undefined) display.print(presenter.notice(`metrics at ${metrics}`));
  const failed = display.failed.then((error) => {
    throw outputFailure(error);
  });
  return await Promise.race([stage.stopped, server.finished.then(() => 1), failed]);
}

/** A name that can be one; a made-up one where none is given. */
function checkedName(name: string | undefined): string {
  if (name === undefined) return madeUpName();
  try {
    return normalizeName(name);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw usageFailure(`cannot be called ${JSON.stringify(name)}`, error.message);
  }
}

function madeUpName(): string {
  const letters = crypto.getRandomValues(new Uint8Array(4));
  return `member-${[...letters].map((byte) => String.fromCharCode(97 + byte % 26)).join("")}`;
}
