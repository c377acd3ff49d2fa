/**
 * Runs the chat: opens a room with or without a member in it, or joins a room.
 *
 * @module
 */

import { MalformedError } from "../../base/bytes.ts";
import { usageFailure } from "../../base/failure.ts";
import { hostPort, readPublicName } from "../../base/host_port.ts";
import { quote } from "../../base/printable.ts";
import { reportingFailure } from "../../cli/output.ts";
import {
  certificateNames,
  certificateWarning,
  readClientFiles,
  readServerFiles,
  type TlsServerOptions,
} from "../../net/tls.ts";
import type { Io, Release } from "../../os/io.ts";
import { type Input, outputFailure } from "../../os/streams.ts";
import type { OwnCredential } from "../identity/credential.ts";
import { madeUpName, normalizeName } from "../identity/name.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Limits, RelayEvent } from "../relay/options.ts";
import { createIdentity, joinRoom, openRelay, type RelayServerOptions } from "../runtime/room.ts";
import type { Session, SessionOptions } from "../runtime/session.ts";
import type { WebSite } from "../runtime/web_server.ts";
import { Invitations } from "../trust/invitations.ts";
import type { AllowList } from "../trust/peer_files.ts";
import { type InvitationLink, openInvitation } from "../wire/invitation.ts";
import type { Reason } from "../wire/kinds.ts";
import { ChatInvitations, type PagePlace, refusalOf } from "./invite.ts";
import { RelayMonitor, type WatchOptions } from "./observe.ts";
import {
  dialledNames,
  guestPlace,
  joinCommands,
  originOf,
  ownAddresses,
  type Stay,
  Stays,
  type StaysOptions,
  webPage,
} from "./rooms.ts";
import {
  type ChatLog,
  KnownPeersNotices,
  type LineHistory,
  type LoadedTrust,
  loadTrust,
  OPEN_MINDED,
  openAllowList,
  openHistory,
  openLog,
  reloadAllowList,
  reportUnread,
  settle,
  type TrustSettings,
} from "./run_files.ts";
import {
  type ConversationSetup,
  hasTerminal,
  KEYS_TEXT,
  makeEarlyPresenter,
  setUpConversation,
  type SetupOptions,
} from "./setup.ts";

/** The options of a server and of a client. */
export interface TalkOptions extends
  TrustSettings,
  Pick<
    SetupOptions,
    "io" | "json" | "commands" | "wire" | "giveUpMs" | "bell" | "input" | "early"
  > {
  /** The name in the room; without it, a name is generated. */
  readonly name: string | undefined;
  /** The file of the lines typed at a terminal; without it, they are kept for this run only. */
  readonly history: string | undefined;
  /** Drops the permission to open files, once all needed files are open. */
  readonly release?: Release;
  /** The file that keeps what is shown from the start. */
  readonly logFile?: string | undefined;
  /** Whether to keep the permission to open files, for `/log`. */
  readonly files?: boolean;
}

/** The options of a server. */
export interface HostOptions extends TalkOptions, WatchOptions {
  readonly hostname: string;
  readonly port: number;
  /** The certificate and key files; without them, the server does not use TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** The name of the server's own room. */
  readonly room: string;
  readonly maxRooms: number;
  readonly maxMembers: number;
  /** How long a member may take to reconnect, in milliseconds. */
  readonly graceMs: number;
  /** The relay's limits for connections; without them, its defaults apply. */
  readonly limits?: Limits;
  readonly relayOnly: boolean;
  /** The allow list's file; without it, everyone may join. */
  readonly allow: string | undefined;
  /** Whether to make an invitation at the start. */
  readonly invite: boolean;
  /** Whether only guests with an invitation, and those on the allow list, may join. */
  readonly invited: boolean;
  /** The host names by which members may dial it, besides that of the page; if empty, any name is accepted. */
  readonly publicNames: readonly string[];
  /** Answers browsers too; `origins` are those of other pages that may join. That of `page` may without being named. */
  readonly web?: {
    readonly origins: readonly string[];
    /** Where a proxy serves the page, if one does. */
    readonly page?: PagePlace;
  };
}

/** The options of a client. */
export interface VisitOptions extends TalkOptions {
  readonly roomName: string;
  readonly hostname: string;
  readonly port: number;
  /** The invitation by which the user comes. */
  readonly invitation?: InvitationLink;
  /** Uses TLS; `ca` is a file of trusted issuers. Without it, the client does not use TLS. */
  readonly tls?: { readonly ca: string | undefined };
  /** Joins by a WebSocket at this path; a secure one needs no `tls`. */
  readonly web?: { readonly path: string; readonly isSecure: boolean };
  /** Whether to stay in the room when the input ends. */
  readonly listen: boolean;
}

/**
 * Opens a room and joins it, or only relays.
 *
 * @returns The exit code.
 * @throws {Failure} If it cannot listen, or the conversation fails.
 */
export function hostRoom(options: HostOptions): Promise<number> {
  return reportingFailure(
    options.io,
    options.json,
    () => options.relayOnly ? relayOnly(options) : hostWithMember(options),
  );
}

async function hostWithMember(options: HostOptions): Promise<number> {
  const name = checkedName(options.name);
  const allowed = await openAllowList(options);
  const hostJoined = Promise.withResolvers<void>();
  const { input, errors } = options.io;
  if (options.logLevel !== undefined && input.keyboard !== undefined && errors.isTerminal) {
    throw usageFailure(
      "--log-level",
      "standard error is the terminal that shows the chat",
      "write the log to a file with 2> FILE, or use --relay-only",
    );
  }
  await using watch = new RelayMonitor(options);
  const book = new Invitations();
  let own: string | undefined;
  // The member of the relay's own process need not be listed.
  const allows = (fingerprint: string) =>
    fingerprint === own || (allowed?.allows(fingerprint) ?? false);
  const where = {
    ...await serverOptions(options),
    ...allowed !== undefined || options.invited ? { allows } : {},
    ...options.invited ? { invitations: book } : {},
  };
  const notices = await openNotices(options);
  using loaded = await loadTrust(options, notices);
  await using lines = await openHistory(options, notices);
  await using log = await openLog(options, notices);
  const addresses = ownAddresses(options.hostname);
  if (!options.files) releaseFiles(options, allowed);
  // Listen before the keys are generated, so that a taken port is reported at once. No one is
  // admitted before the host has joined.
  let setup: ConversationSetup | undefined;
  const event = (one: RelayEvent) => {
    watch.event(one);
    // Who decides about members sees which connections are refused.
    if (one.kind !== "refused" || !OF_OWNER.has(one.reason)) return;
    setup?.display.print(setup.presenter.relayEvent(one));
  };
  const { trouble } = watch;
  await using server = openRelay({ ...where, opens: hostJoined.promise, event, trouble });
  const reload = allowed && ((setup: ConversationSetup) => reloadAllowList(allowed, server, setup));
  allowed?.replaced.then((failure) => setup && reportUnread(failure, setup));
  const known = { loaded, notices, lines };
  const { trust } = loaded;
  let invitations: ChatInvitations | undefined;
  const invitationsIn = (roomName: string) => {
    const place = () => ({ ...guestPlace(options, server, addresses), roomName });
    return invitations = new ChatInvitations({ trust, book, place });
  };
  return await runChat(
    { ...options, invitationsIn, book, roomName: options.room, stay: true, log, server, reload },
    known,
    name,
    async (keys, joining, set, signal) => {
      const self = await keys;
      signal.throwIfAborted();
      if (setup !== undefined) return await server.join({ ...joining, self });
      setup = set;
      own = self.fingerprint;
      const join = joinCommands(server, addresses);
      const web = webPage(options, server, where.site, addresses);
      const metrics = watch.start(server);
      const { invite: invites } = options;
      setup.display.print(setup.presenter.listening({ ...server, join, metrics, ...web, invites }));
      warn(where.warning, setup);
      if (invites) await invitations?.inviteAtStart(self);
      const event = (one: MemberEvent) => {
        joining.event(one);
        if (one.kind === "ready") hostJoined.resolve();
      };
      return await server.join({ ...joining, self, event });
    },
  );
}

/**
 * Drops the file permissions: all files are open, and no input from the network can open another.
 */
function releaseFiles(
  { release, allow, identity, knownPeers, history, logFile, tls }: Pick<
    HostOptions,
    "release" | "allow" | "identity" | "knownPeers" | "history" | "logFile" | "tls"
  >,
  allowed: AllowList | undefined,
): void {
  if (allow === undefined || allowed?.reopened !== true) return release?.();
  const lock = knownPeers === undefined ? undefined : `${knownPeers}.lock`;
  const done = [identity, knownPeers, lock, history, logFile, tls?.cert, tls?.key];
  release?.({ path: allow, done: done.filter((path) => path !== undefined) });
}

async function serverOptions(
  options: HostOptions,
): Promise<RelayServerOptions & { readonly site?: WebSite; readonly warning?: string }> {
  const { hostname, port, room, maxRooms, maxMembers, graceMs } = options;
  const { limits = {} } = options;
  const tls = options.tls && await readServerFiles(options.tls);
  const site = await openSite(options, tls);
  const warning = tls && await certificateWarning(tls.cert);
  return {
    hostname,
    port,
    room,
    maxRooms,
    maxMembers,
    graceMs,
    publicNames: dialledNames(options),
    limits,
    ...(tls === undefined ? {} : { tls }),
    ...(site === undefined ? {} : { site, wrap: site.wrap }),
    ...(warning === undefined ? {} : { warning }),
  };
}

function warn(warning: string | undefined, { display, presenter }: ConversationSetup): void {
  if (warning !== undefined) display.print(presenter.notice(warning));
}

/** Prepares the page for browsers, if there is to be one. */
async function openSite(
  { web, hostname, publicNames }: HostOptions,
  tls: TlsServerOptions | undefined,
): Promise<WebSite | undefined> {
  if (web === undefined) return undefined;
  const [{ WebSite }, { BROTLI_PAGE, readPage }] = await Promise.all([
    import("../runtime/web_server.ts"),
    import("../web/page.ts"),
  ]);
  const { origins, page } = web;
  const certified = tls === undefined ? [] : await certificateNames(tls.cert);
  const named = publicNames.map((name) => readPublicName(name).host);
  const names = [hostname, ...named, ...certified, ...page === undefined ? [] : [page.hostname]];
  return await WebSite.make({
    page: await readPage(),
    brotli: BROTLI_PAGE,
    names,
    origins: page === undefined ? origins : [...origins, originOf(page)],
  });
}

/**
 * Returns what a server does at SIGHUP: it reloads its list, and without a list it goes on if it has no terminal that
 * could have closed, as under `nohup`. Undefined if it stops.
 */
function atHangup(
  io: Io,
  reload: (() => Promise<void>) | undefined,
): (() => Promise<void>) | undefined {
  return reload ?? (hasTerminal(io) ? undefined : () => Promise.resolve());
}

/** Calls a handler at each SIGHUP, as servers do to reload. */
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
 * @param options The options of the client.
 * @returns The exit code.
 * @throws {Failure} If the server does not answer, or the conversation fails.
 */
export function visitRoom(options: VisitOptions): Promise<number> {
  const name = checkedName(options.name);
  const { hostname, port, roomName, web, invitation: link } = options;
  return reportingFailure(options.io, options.json, async () => {
    const own = link && { link, invitation: await openInvitation(link.secret) };
    const files = options.tls ?? (web?.isSecure ? { ca: undefined } : undefined);
    const tls = files && await readClientFiles(files);
    const notices = await openNotices(options);
    using loaded = await loadTrust(options, notices);
    await using lines = await openHistory(options, notices);
    await using log = await openLog(options, notices);
    if (!options.files) options.release?.();
    const place = { hostname, port };
    const book = new Invitations();
    // The link is for one room.
    const ownIn = (room: string) => room === roomName ? own : undefined;
    const invitationsIn = (room: string) =>
      new ChatInvitations({
        trust: loaded.trust,
        book,
        own: ownIn(room),
        place: () => ({
          ...place,
          roomName: room,
          scheme: web === undefined ? "parley" : web.isSecure ? "https" : "http",
          path: web?.path,
          tls: web === undefined && tls !== undefined,
          refusal: refusalOf(own, loaded.identity),
        }),
      });
    const join: Join = async (self, joining, _setup, signal) => {
      const dial = web && (await import("../runtime/web.ts")).webDial({ ...place, ...web, tls });
      const carrier = dial === undefined ? tls && { tls } : { dial };
      const invitation = ownIn(joining.roomName)?.invitation;
      const invited = invitation && { invitation };
      return await joinRoom({ ...joining, ...place, ...carrier, ...invited, self, signal });
    };
    const connecting = `connecting to ${hostPort(place)}${roomName === "" ? "" : `/${roomName}`}`;
    return await runChat(
      { ...options, invitationsIn, book, stay: options.listen, log, connecting },
      { loaded, notices, lines },
      name,
      join,
    );
  });
}

type Joining = Pick<SessionOptions, "policy" | "event" | "shows" | "obstacle" | "tap">;

/** Joins a room at the relay of this run. */
type Join = (
  self: Promise<OwnCredential>,
  joining: Joining & { readonly roomName: string },
  setup: ConversationSetup,
  signal: AbortSignal,
) => Promise<Session>;

interface RunOptions extends TalkOptions, StaysOptions {
  readonly stay: boolean;
  readonly log: ChatLog;
  /** What is done once there are keys, beside the prompt. */
  readonly connecting?: string;
  readonly reload?: ((setup: ConversationSetup) => Promise<void>) | undefined;
}

async function runChat(
  options: RunOptions,
  { loaded, notices, lines }: {
    readonly loaded: LoadedTrust;
    readonly notices: KnownPeersNotices;
    readonly lines: LineHistory | undefined;
  },
  name: string,
  join: Join,
): Promise<number> {
  const { identity, trust } = loaded;
  const keys = createIdentity(name, identity);
  const reload = options.reload && (() => options.reload!(setup));
  const enter = async (stay: Stay, signal: AbortSignal): Promise<Session> => {
    const { policy } = stay.invitations;
    const { event, obstacle, roomName } = stay;
    // Each stay has keys of its own; the identity is the same.
    const self = stay === rooms.first
      ? keys
      : keys.then(({ keys: { identity } }) => createIdentity(name, identity));
    self.catch(() => {}); // who joins with it sees the failure
    const { connecting } = options;
    if (stay === rooms.first && setup.atTerminal && connecting !== undefined) {
      self.then(() => signal.aborted || busy(setup, connecting), () => {});
    }
    const joining = { policy, event, obstacle, roomName, shows: "later" as const, ...setup.tap };
    return await join(self, joining, setup, signal);
  };
  const rooms = new Stays(options, enter);
  const hangup = options.server && atHangup(options.io, reload);
  await using setup: ConversationSetup = await setUpConversation({
    ...options,
    ...{ name, lines, trust, reload, rooms, lasting: identity !== undefined },
    keepsAtHangup: hangup !== undefined,
    hosts: options.server !== undefined,
    names: () => rooms.names(),
    waitsFor: () => rooms.present.invitations.gate?.absent,
  }, (events) => rooms.displayed(events));
  notices.showIn(setup);
  using _hangup = hangup && onHangup(options.io, hangup);
  if (options.log.path !== undefined && options.json) tellOfLog(options.log.path, setup);
  if (setup.atTerminal) busy(setup, KEYS_TEXT);
  try {
    return await rooms.run(setup);
  } finally {
    rooms.end();
    await settle(loaded, setup, rooms.hurried);
  }
}

async function openNotices({ io, json }: TalkOptions): Promise<KnownPeersNotices> {
  return new KnownPeersNotices(io, await makeEarlyPresenter(io, json));
}

/**
 * Tells programs, also in the file itself, that the chat is kept, and that whoever has the file can
 * read it. People are told when they are in the room.
 */
function tellOfLog(path: string, { display, presenter }: ConversationSetup): void {
  display.print(presenter.notice(`kept in ${path}: whoever has that file can read this chat`));
}

/** Shows what is done before the user is in the room: beside the prompt, or as a line if there is none. */
function busy(
  { display, presenter }: Pick<ConversationSetup, "display" | "presenter">,
  what: string,
): void {
  if (display.busy === undefined) display.print(presenter.notice(what));
  else display.busy(what);
}

async function relayOnly(options: HostOptions): Promise<number> {
  const allowed = await openAllowList(options);
  const where = await serverOptions(options);
  const addresses = ownAddresses(options.hostname);
  releaseFiles(options, allowed);
  const { trust } = await loadTrust(OPEN_MINDED);
  const input = (async function* (): AsyncGenerator<Input, void> {})();
  const hangup = atHangup(
    options.io,
    allowed && (() => reloadAllowList(allowed, server, setup)),
  );
  const keepsAtHangup = hangup !== undefined;
  const without = { input, stay: true, name: "", trust, lasting: false, keepsAtHangup };
  const greeter = "received";
  await using setup = await setUpConversation({ ...options, ...without, greeter }, () => {});
  const { display, presenter } = setup;
  await using watch = new RelayMonitor(options);
  await using server = openRelay({
    ...where,
    ...allowed && { allows: allowed.allows },
    trouble: watch.trouble,
    event: (event) => {
      watch.event(event);
      setup.offer(presenter.relayEvent(event));
    },
    ...setup.tap,
  });
  using _hangup = hangup && onHangup(options.io, hangup);
  allowed?.replaced.then((failure) => reportUnread(failure, setup));
  const join = joinCommands(server, addresses);
  const web = webPage(options, server, where.site, addresses);
  const metrics = watch.start(server);
  display.print(presenter.listening({ ...server, join, metrics, ...web }));
  warn(where.warning, setup);
  const failed = display.failed.then((error) => {
    throw outputFailure(error);
  });
  return await Promise.race([setup.stopped, server.finished.then(() => 1), failed]);
}

/** The refusals that concern the person who decides who may join. */
const OF_OWNER: ReadonlySet<Reason> = new Set<Reason>(["NOT_ALLOWED", "INVITATION_USED"]);

/** Returns the normalized name, or a generated one if none is given. */
function checkedName(name: string | undefined): string {
  if (name === undefined) return madeUpName();
  try {
    return normalizeName(name);
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    throw usageFailure(`cannot use the name ${quote(name)}`, error.message);
  }
}
