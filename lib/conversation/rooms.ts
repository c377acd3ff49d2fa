/**
 * Two ways to a conversation: to open a room and sit in it, and to visit somebody else's.
 *
 * @module
 */

import { MalformedError } from "../chat/bytes.ts";
import { normalizeName } from "../chat/name.ts";
import { Failure, usageFailure } from "../failure.ts";
import {
  createIdentity,
  joinRoom,
  type Limits,
  type MemberEvent,
  openRelay,
  type OwnCredential,
  type RelayServerOptions,
  type Session,
  type SessionOptions,
} from "../tcp_chat.ts";
import { readClientFiles, readServerFiles } from "../tls.ts";
import { writeAll } from "../write_all.ts";
import type { Input } from "./lines.ts";
import { Report } from "./report.ts";
import { setStage, type Stage, wireTap } from "./stage.ts";

/** What both ways take. */
export interface TalkOptions {
  /** The name in the room; one is made up without. */
  readonly name: string | undefined;
  readonly json: boolean;
  readonly wire: boolean;
  readonly giveUpMs: number;
  /** Lines that were read elsewhere; standard input without. */
  readonly input?: AsyncIterable<Input>;
}

/** Where to open a room, and for whom. */
export interface HostOptions extends TalkOptions {
  readonly hostname: string;
  readonly port: number;
  /** The files of a certificate and its key, to speak TLS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly maxMembers: number;
  /** What the relay takes of those who connect; its defaults without. */
  readonly limits?: Limits;
  readonly relayOnly: boolean;
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
  const listening = await listeningOptions(options);
  const seated = Promise.withResolvers<void>();
  // The address is taken before the keys are made, and nobody comes in before the host sits in the room.
  await using server = openRelay({ ...listening, opens: seated.promise });
  return await talk({ ...options, stay: true }, name, (self, joining, stage) => {
    stage.display.print(stage.presenter.listening(server.addr, server.room));
    const event = (one: MemberEvent) => {
      joining.event(one);
      if (one.kind === "ready") seated.resolve();
    };
    return Promise.resolve(server.join({ ...joining, self, event }));
  });
}

async function listeningOptions(
  { hostname, port, maxMembers, limits, tls }: HostOptions,
): Promise<RelayServerOptions> {
  const where = { hostname, port, maxMembers, ...(limits === undefined ? {} : { limits }) };
  return tls === undefined ? where : { ...where, tls: await readServerFiles(tls) };
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
    const join = (self: OwnCredential, joining: Joining) =>
      joinRoom({ ...joining, hostname, port, ...tls, self });
    return await talk({ ...options, stay: options.listen }, name, join);
  });
}

/** Programs are told of a failure as people are, in their own words. */
async function reporting(json: boolean, run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (json && error instanceof Failure && error.exitCode === 1) {
      const [line] = new Report().error(error.code, `${error.what}: ${error.why}`);
      writeAll(Deno.stdout, `${line}\n`);
    }
    throw error;
  }
}

type Joining = Pick<SessionOptions, "event" | "shows" | "tap">;

async function talk(
  options: TalkOptions & { readonly stay: boolean },
  name: string,
  join: (self: OwnCredential, joining: Joining, stage: Stage) => Promise<Session>,
): Promise<number> {
  const keys = createIdentity(name);
  let session: Session | undefined;
  const stageOptions = { ...options, prompt: `${name}> ` };
  await using stage = await setStage(stageOptions, (events) => session?.displayed(events));
  const { conversation, presenter, display, tap } = stage;
  if (stage.atTerminal) display.print(presenter.notice("making the keys of this run"));
  const joined = keys.then((self) =>
    join(self, { event: conversation.tell, shows: "later", ...tap }, stage)
  );
  try {
    const first = await Promise.race([joined, stage.stopped]);
    if (typeof first === "number") return first;
    session = first;
    return await conversation.run(session);
  } finally {
    // Where the process was stopped first, nobody waits for it any longer.
    if (session === undefined) joined.then((late) => late.close(), () => {});
  }
}

async function relayOnly(options: HostOptions): Promise<number> {
  const listening = await listeningOptions(options);
  const input = (async function* (): AsyncGenerator<Input, void> {})();
  await using stage = await setStage({ ...options, input, stay: true, prompt: "" }, () => {});
  const { display, presenter } = stage;
  await using server = openRelay({
    ...listening,
    event: (event) => display.print(presenter.relayEvent(event)),
    ...(options.wire ? { tap: () => wireTap(presenter, display, "received") } : {}),
  });
  display.print(presenter.listening(server.addr, server.room));
  return await Promise.race([stage.stopped, server.finished.then(() => 1)]);
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
