/**
 * Two ways to a conversation: to open a room and sit in it, and to visit somebody else's.
 *
 * @module
 */

import { MalformedError } from "../chat/bytes.ts";
import { normalizeName } from "../chat/name.ts";
import { Failure, toFailure, usageFailure } from "../failure.ts";
import { hostPort } from "../host_port.ts";
import {
  createIdentity,
  joinRoom,
  type Limits,
  type MemberEvent,
  openRelay,
  type OwnCredential,
  type RelayEvent,
  type RelayServer,
  type RelayServerOptions,
  type Session,
  type SessionOptions,
} from "../tcp_chat.ts";
import { readClientFiles, readServerFiles } from "../tls.ts";
import { unwrittenText, WRITTEN_TEXT } from "./trust_text.ts";
import { writeAll } from "../write_all.ts";
import { getAcquainted, OPEN_MINDED, type TrustSettings } from "./acquaintance.ts";
import { GuestList } from "./guest_list.ts";
import type { Input } from "./lines.ts";
import { RelayWatch, type WatchOptions } from "./relay_watch.ts";
import { OutputFailure } from "./output.ts";
import { Report } from "./report.ts";
import { setStage, type Stage, wireTap } from "./stage.ts";

/** How long the end waits for the known peers to be written, in milliseconds: another process may hold them. */
const SETTLE_MS = 5_000;

/** What both ways take. */
export interface TalkOptions extends TrustSettings {
  /** The name in the room; one is made up without. */
  readonly name: string | undefined;
  readonly json: boolean;
  readonly wire: boolean;
  readonly giveUpMs: number;
  /** Lines that were read elsewhere; standard input without. */
  readonly input?: AsyncIterable<Input>;
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
  return reporting(options.json, () => options.relayOnly ? relayOnly(options) : sitInRoom(options));
}

async function sitInRoom(options: HostOptions): Promise<number> {
  const name = checkedName(options.name);
  const guests = await guestList(options);
  const seated = Promise.withResolvers<void>();
  if (options.logLevel !== undefined && Deno.stdin.isTerminal() && Deno.stderr.isTerminal()) {
    throw usageFailure(
      "--log-level",
      "standard error is the terminal that the chat is drawn on",
      "write the log to a file: 2> FILE; or only relay: --relay-only",
    );
  }
  await using watch = new RelayWatch(options);
  // The address is taken before the keys are made, and nobody comes in before the host sits in the room.
  const where = await listening(options, guests);
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
  return await talk({ ...options, stay: true, reload }, name, async (self, joining, set) => {
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
    await guests.reload();
    const identities = guests.size === 1 ? "1 identity" : `${guests.size} identities`;
    display.print(presenter.notice(`the list was read again: ${identities} may come in`));
    server.removeDisallowed();
  } catch (error) {
    const { code, what, why } = toFailure(error, "cannot read the list again");
    display.print(presenter.error(code, `${what}: ${why}; the list of before holds`));
  }
}

/** Does something whenever the process is told to hang up, as servers do. */
function onHangup(act: () => Promise<void>): Disposable {
  if (Deno.build.os === "windows") return { [Symbol.dispose]: () => {} };
  let acting = Promise.resolve();
  const handler = () => {
    acting = acting.then(act);
  };
  Deno.addSignalListener("SIGHUP", handler);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGHUP", handler) };
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
  return reporting(options.json, async () => {
    const tls = options.tls === undefined ? {} : { tls: await readClientFiles(options.tls) };
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
    return await talk({ ...options, stay: options.listen }, name, join);
  });
}

/** Programs are told of a failure as people are, in their own words. */
async function reporting(json: boolean, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    const tellable = error instanceof Failure && !(error instanceof OutputFailure);
    if (json && tellable && error.exitCode === 1) {
      const [line] = new Report().error(error.code, `${error.what}: ${error.why}`);
      writeAll(Deno.stdout, `${line}\n`);
    }
    throw error;
  }
}

type Joining = Pick<SessionOptions, "policy" | "event" | "shows" | "obstacle" | "tap">;

async function talk(
  options: TalkOptions & {
    readonly stay: boolean;
    readonly reload?: ((stage: Stage) => Promise<void>) | undefined;
  },
  name: string,
  join: (
    self: OwnCredential,
    joining: Joining,
    stage: Stage,
    signal: AbortSignal,
  ) => Promise<Session>,
): Promise<number> {
  const { identity, trust, settled } = await getAcquainted(options, {
    failed: (failure) =>
      stage.display.print(stage.presenter.error(failure.code, unwrittenText(failure))),
    recovered: () => stage.display.print(stage.presenter.notice(WRITTEN_TEXT)),
  });
  const keys = createIdentity(name, identity);
  let session: Session | undefined;
  const reload = options.reload && (() => options.reload!(stage));
  const lasting = identity !== undefined;
  const stageOptions = { ...options, prompt: `${name}> `, trust, lasting, reload };
  await using stage: Stage = await setStage(stageOptions, (events) => session?.displayed(events));
  using _hangup = reload && onHangup(reload);
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
    await Promise.race([settled(), new Promise((resolve) => setTimeout(resolve, SETTLE_MS))]);
  }
}

async function relayOnly(options: HostOptions): Promise<number> {
  const guests = await guestList(options);
  const where = await listening(options, guests);
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
  using _hangup = guests && onHangup(() => reread(guests, server, stage));
  display.print(presenter.listening(server));
  const metrics = await watch.start(server);
  if (metrics !== undefined) display.print(presenter.notice(`metrics at ${metrics}`));
  const failed = display.failed.then((error) => {
    throw new OutputFailure(error);
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
