/**
 * The rooms of one run, one conversation after another at the same relay, each with a session of its own; and where
 * others join the rooms of a server.
 *
 * @module
 */

import { Failure } from "../../base/failure.ts";
import { hostPort, isLoopback, readPublicName } from "../../base/host_port.ts";
import { printable, shellWord } from "../../base/printable.ts";
import { isGranted } from "../../os/io.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Policy } from "../member/roster.ts";
import type { RelayServer } from "../runtime/room.ts";
import type { Session } from "../runtime/session.ts";
import type { WebSite } from "../runtime/web_server.ts";
import type { Invitations } from "../trust/invitations.ts";
import { roomSegment } from "../wire/invitation.ts";
import { DEFAULT_PORT, isRoomName, MAX_ROOM_NAME_BYTES, WEBSOCKET_PATH } from "../wire/kinds.ts";
import type { Conversation } from "./chat_loop.ts";
import { type Ended, endedFailure } from "./departure.ts";
import type { GuestPlace, PagePlace } from "./invite.ts";
import { listed, roomText } from "./peer_texts.ts";
import type {
  Carried,
  Inviting,
  JoinCommands,
  KeptLog,
  Listening,
  LocalCommands,
  Rooms,
} from "./presenter.ts";
import type { ConversationSetup, OneRoom } from "./setup.ts";

/** The user's invitations in one room. */
export interface RoomInvitations extends Inviting {
  /** The member's policy there. */
  readonly policy: Policy;
  /** Shows news in a conversation. */
  showIn(setup: Pick<ConversationSetup, "presenter" | "display">): void;
}

/** The most text that waits before the user is shown another room, in UTF-16 code units. */
const MAX_WAITING = 4 << 20;
/** What an event costs besides its text, in the same unit. */
const EVENT_SIZE = 256;

/** A stay in one room. Its events wait until a conversation takes them. */
export class Stay {
  readonly roomName: string;
  readonly invitations: RoomInvitations;
  /** Fulfilled once the user is in the room, or once the session has ended before. */
  readonly decided: Promise<Ended | undefined>;
  readonly #decide: (ended: Ended | undefined) => void;
  /** Undefined before there is a connection. */
  session: Session | undefined;
  /** What shows the events; undefined while they wait. */
  conversation: Conversation | undefined;
  readonly #waiting: MemberEvent[] = [];
  #waitingSize = 0;
  readonly #full: () => void;

  /**
   * Starts before the session.
   *
   * @param roomName The room.
   * @param invitations The user's invitations there.
   * @param full Called when so much waits that the user must be shown the room soon.
   */
  constructor(roomName: string, invitations: RoomInvitations, full: () => void) {
    this.roomName = roomName;
    this.invitations = invitations;
    this.#full = full;
    const { promise, resolve } = Promise.withResolvers<Ended | undefined>();
    [this.decided, this.#decide] = [promise, resolve];
  }

  /** The session's `event` callback. */
  readonly event = (event: MemberEvent): void => {
    if (this.conversation === undefined) this.#wait(event);
    else this.conversation.tell(event);
    if (event.kind === "ready") this.#decide(undefined);
    if (event.kind === "ended") this.#decide({ ending: event.reason, detail: event.detail });
  };

  #wait(event: MemberEvent): void {
    this.#waiting.push(event);
    this.#waitingSize += EVENT_SIZE + (event.kind === "message" ? event.text.length : 0);
    if (this.#waitingSize > MAX_WAITING) this.#full();
  }

  /** The session's `obstacle` callback. */
  readonly obstacle = (failure: Failure): void => this.conversation?.obstacle(failure);

  /** Gives the events to a conversation from now on, those that wait at once. */
  show(conversation: Conversation): void {
    this.conversation = conversation;
    for (const event of this.#waiting.splice(0)) conversation.tell(event);
  }
}

/** Options of {@linkcode Stays}. */
export interface StaysOptions {
  /** The room that is joined first. */
  readonly roomName: string;
  /** Makes the user's invitations in a room. */
  readonly invitationsIn: (roomName: string) => RoomInvitations;
  /** The invitations that the user has made, in all rooms. */
  readonly book: Pick<Invitations, "list">;
  /** What keeps what is shown. */
  readonly log: KeptLog;
  /** The relay, if this process hosts it. */
  readonly server?: Pick<RelayServer, "roomName" | "remove" | "state">;
}

/** Starts the session of a stay. */
export type Enter = (stay: Stay, signal: AbortSignal) => Promise<Session>;

/** The rooms of one run: the present one, and the next one once the user has come in there. */
export class Stays implements Rooms {
  /** The first stay, which begins with the run. */
  readonly first: Stay;
  readonly #options: StaysOptions;
  readonly #enter: Enter;
  readonly #over = new AbortController();
  readonly #visited = new Set<string>();
  #present: Stay;
  #next: Stay | undefined;
  #carried: Carried = { shown: 0, refused: 0 };
  #begun: Promise<Session> | undefined;

  /**
   * Starts before the first session.
   *
   * @param options The first room and what belongs to each room.
   * @param enter Starts the session of a stay.
   */
  constructor(options: StaysOptions, enter: Enter) {
    this.#options = options;
    this.#enter = enter;
    this.first = this.#stayIn(options.roomName);
    this.#present = this.first;
    this.#visited.add(options.roomName);
  }

  #stayIn(roomName: string): Stay {
    const full = () => this.#present.conversation?.hurry();
    return new Stay(roomName, this.#options.invitationsIn(roomName), full);
  }

  /** The present stay. */
  get present(): Stay {
    return this.#present;
  }

  get current(): string {
    return this.#present.roomName;
  }

  get visited(): readonly string[] {
    return [...this.#visited];
  }

  get others(): readonly string[] {
    return this.visited.filter((room) => room !== this.current).map((room) => room || UNNAMED_ROOM);
  }

  /** Resolves when the user insists on leaving at once. */
  get hurried(): Promise<void> {
    return this.#present.conversation?.hurried ?? Promise.resolve();
  }

  /** The names of the other members of the present room. */
  names(): string[] {
    const { session } = this.#present;
    if (session === undefined) return [];
    return session.members().map(({ credential }) => credential)
      .filter(({ key }) => key !== session.self.key).map(({ name }) => name);
  }

  /** Says that the first `events` events of this run have been shown. */
  displayed(events: number): void {
    const here = events - this.#carried.shown;
    if (here > 0) this.#present.session?.displayed(here);
  }

  /**
   * Runs one conversation after another, until the user leaves.
   *
   * @param setup The input and output of the conversations.
   * @returns The exit code.
   * @throws {Failure} If the user cannot come in at all, or a conversation fails.
   */
  async run(setup: ConversationSetup): Promise<number> {
    this.#begun = this.#start(this.first, this.#over.signal);
    for (let joining: Promise<Session> | Session = this.#begun;;) {
      const stay = this.#present;
      stay.invitations.showIn(setup);
      const local = new RoomCommands({ ...setup, rooms: this, log: this.#options.log });
      const conversation = setup.converse({ ...this.#oneRoom(stay), local });
      if (stay === this.first) stay.show(conversation);
      const outcome = await conversation.run(joining, () => stay.show(conversation));
      if (outcome !== "moved") return outcome;
      this.#carried = conversation.carried;
      this.#present = this.#next!;
      this.#next = undefined;
      this.#visited.add(this.current);
      setup.presenter.enters(this.current);
      setup.display.enters?.(this.current);
      joining = this.#present.session!;
    }
  }

  #oneRoom({ roomName, invitations }: Stay): OneRoom {
    const { server } = this.#options;
    const own = { invitations, carried: this.#carried };
    if (server === undefined) return own;
    const hosted = () => server.state().members - 1;
    return { ...own, hosted, ...server.roomName === roomName && { remove: server.remove } };
  }

  async enter(roomName: string, signal: AbortSignal): Promise<void> {
    const stay = this.#stayIn(roomName);
    const attempt = AbortSignal.any([signal, this.#over.signal]);
    try {
      const session = await this.#start(stay, attempt);
      const failed = session.ended.then(() => stay.decided);
      const ended = await Promise.race([stay.decided, failed, rejected(attempt)]);
      if (ended !== undefined) throw refusal(session, ended, stay);
      this.#next = stay;
    } catch (error) {
      stay.session?.leave();
      throw error;
    }
  }

  async #start(stay: Stay, signal: AbortSignal): Promise<Session> {
    const session = await this.#enter(stay, signal);
    stay.session = session;
    return session;
  }

  parting(): string[] {
    const { server, book } = this.#options;
    const here = roomText(this.current);
    const invites = book.list().some(({ room }) => room === this.current);
    return [
      ...server?.roomName === this.current ? [`your server goes on, and ${here} stays open`] : [],
      ...invites ? [`your invitations to ${here} work only while you are there`] : [],
    ];
  }

  /** Ends what has begun and is not needed: a user who left before joining must not join afterwards. */
  end(): void {
    this.#over.abort();
    if (this.first.session === undefined) this.#begun?.then((late) => late.close(), () => {});
    this.#next?.session?.leave();
  }
}

/** Returns why a session ended before the user was in the room. */
function refusal(session: Session, ended: Ended, { invitations }: Stay): Failure {
  return endedFailure(session, ended, {
    wasIn: false,
    obstacle: undefined,
    unsaid: 0,
    byInvitation: invitations.gate !== undefined,
  });
}

/** Rejects once a signal is aborted. */
function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason));
    if (signal.aborted) reject(signal.reason);
  });
}

// The commands.

/** How the room without a name is written: no room's name has a slash. */
export const UNNAMED_ROOM = "/";

const JOIN_USAGE =
  `usage: /join ROOM; a room's name has at most ${MAX_ROOM_NAME_BYTES} bytes, no slash, no space ` +
  `and no control character, and ${UNNAMED_ROOM} is the room without a name`;

/** Reads the name of a room, as `/join` takes it; undefined if it is not valid. */
export function readRoom(text: string): string | undefined {
  const roomName = text === UNNAMED_ROOM ? "" : text.normalize("NFKC");
  return isRoomName(roomName) ? roomName : undefined;
}

/** Reads a path, which may stand in quotes; undefined if there is none. */
export function readPath(text: string): string | undefined {
  const [, , quoted] = /^(["'])(.*)\1$/su.exec(text) ?? [];
  const path = quoted ?? text;
  return path === "" || path.includes("\n") ? undefined : path;
}

type Refuse = (code: string, message: string) => void;

interface RoomCommandsOptions extends Pick<ConversationSetup, "presenter" | "display"> {
  readonly rooms: Pick<Rooms, "current" | "visited">;
  readonly log: KeptLog;
}

/** The commands `/join` and `/log`. */
export class RoomCommands implements LocalCommands {
  readonly #options: RoomCommandsOptions;

  /** @param options The rooms, the log and the output. */
  constructor(options: RoomCommandsOptions) {
    this.#options = options;
  }

  async run(
    { kind, rest }: { readonly kind: "join" | "log"; readonly rest: string },
    refuse: Refuse,
  ): Promise<string | undefined> {
    if (kind === "join") return this.#join(rest, refuse);
    if (rest === "") this.#tellOfLog();
    else if (rest === "off") await this.#stopLog();
    else await this.#startLog(readPath(rest), refuse);
    return undefined;
  }

  #join(rest: string, refuse: Refuse): string | undefined {
    if (rest === "") return void this.#tellOfRoom();
    const roomName = readRoom(rest);
    if (roomName === undefined) refuse("COMMAND_USAGE", JOIN_USAGE);
    return roomName;
  }

  #tellOfRoom(): void {
    const { current, visited } = this.#options.rooms;
    const others = visited.filter((room) => room !== current).map(roomText);
    const more = others.length === 0
      ? "/join ROOM goes to another one"
      : `in this run you were also in ${listed(others)}`;
    const text = `you are in ${roomText(current)}; ${more}`;
    this.#answer("room", { roomName: current, rooms: visited }, text);
  }

  #tellOfLog(): void {
    const { path } = this.#options.log;
    const text = path === undefined
      ? "nothing is kept of this chat: /log FILE keeps what is shown from then on"
      : `kept in ${printable(path)}, which whoever has it can read; /log off stops`;
    this.#answer("log", { file: path ?? null }, text);
  }

  async #startLog(path: string | undefined, refuse: Refuse): Promise<void> {
    if (path === undefined) return refuse("COMMAND_USAGE", "usage: /log FILE, or /log off");
    try {
      await this.#options.log.start(path);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const { code, what, why, hint } = error;
      return refuse(code, `${what}: ${why}${hint === undefined ? "" : `; ${hint}`}`);
    }
    this.#tellOfLog();
  }

  async #stopLog(): Promise<void> {
    const { log } = this.#options;
    const { path } = log;
    await log.stop();
    const was = path === undefined ? "" : `; ${printable(path)} has what was shown before`;
    this.#answer("log", { file: null }, `nothing is kept of this chat from now on${was}`);
  }

  #answer(event: string, fields: Readonly<Record<string, unknown>>, text: string): void {
    const { presenter, display } = this.#options;
    display.print(presenter.answer(event, fields, text));
  }
}

// Where others join.

/** Where a server can be reached, as its options say. */
export interface Places {
  readonly hostname: string;
  /** The host names by which members may dial it; if empty, any name is accepted. */
  readonly publicNames: readonly string[];
  /** The page for browsers, if there is one, and where a proxy serves it, if one does. */
  readonly web?: { readonly page?: PagePlace };
  /** The allow list's file; without it, everyone may join. */
  readonly allow: string | undefined;
  /** Whether guests with an invitation may join, besides those on the allow list. */
  readonly invited: boolean;
}

/** Returns the names by which members may dial the relay; none for any. Who comes by the page's address dials its name. */
export function dialledNames({ publicNames, web }: Places): readonly string[] {
  if (publicNames.length === 0 || web?.page === undefined) return publicNames;
  return [...publicNames, hostPort(web.page)];
}

/** Returns where a browser finds the page of a server, for people. */
export function webPage(
  options: Places,
  server: RelayServer,
  site: WebSite | undefined,
  addresses: readonly string[],
): Pick<Listening, "web"> {
  if (site === undefined) return {};
  const page = pagePlace(options, server, addresses);
  const { path = WEBSOCKET_PATH } = page;
  const socket = new URL(path, originOf(page));
  const url = new URL(roomSegment(server.roomName) || ".", socket);
  return { web: { url: url.href, sha256: site.sha256 } };
}

/** Returns the origin of a page, as browsers write it. */
export function originOf(page: PagePlace): string {
  return new URL(`${page.scheme}://${hostPort(page)}`).origin;
}

/** Returns where a browser finds the page. A certificate is valid for a name rather than for an address. */
function pagePlace(
  { web, publicNames }: Places,
  { addr: { port }, tls }: RelayServer,
  [address = "localhost"]: readonly string[],
): PagePlace {
  if (web?.page !== undefined) return web.page;
  const [named] = tls ? publicNames.map(readPublicName) : [];
  const scheme = tls ? "https" : "http";
  return { scheme, hostname: named?.host ?? address, port: named?.port ?? port };
}

/** The addresses of all interfaces, IPv4 and IPv6. */
const ANY_ADDRESS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);
/** The most addresses that are named. */
const MAX_NAMED = 2;

/**
 * Returns the addresses at which others reach a listener, if that is known: those of the interfaces
 * need the permission `sys`.
 */
export function ownAddresses(hostname: string): string[] {
  if (!ANY_ADDRESS.has(hostname)) return [hostname];
  if (!isGranted({ name: "sys", kind: "networkInterfaces" })) return [];
  return Deno.networkInterfaces()
    .filter(({ family }) => family === "IPv4" || hostname === "::")
    .map(({ address }) => address)
    .filter((address) => !isLoopback(address) && !/^fe[89ab]/i.test(address))
    .sort((a, b) => Number(a.includes(":")) - Number(b.includes(":")))
    .slice(0, MAX_NAMED);
}

/** Returns where the guests of a server's owner join: through its proxy, if that is known. */
export function guestPlace(
  options: Places,
  server: RelayServer,
  addresses: readonly string[],
): GuestPlace {
  const { publicNames: [name], invited, allow, web } = options;
  const { addr, roomName, tls } = server;
  const named = name === undefined ? undefined : readPublicName(name);
  const refusal = invited || allow === undefined
    ? undefined
    : "the server admits only those on its list: start it with --invited to admit invited guests too";
  const guests = { roomName, refusal };
  if (web?.page !== undefined) return { ...guests, ...web.page, page: web.page, tls: false };
  const hostname = named?.host ?? addresses[0];
  const page = web && pagePlace(options, server, addresses);
  // Without TLS browsers on this machine alone can use the page; with it, guests elsewhere dial no localhost.
  const place = page && tls ? { ...page, hostname } : page;
  return { ...guests, page: place, hostname, port: named?.port ?? addr.port, tls };
}

/** Returns the whole commands with which others join a server's room. */
export function joinCommands(
  { addr: { port }, roomName, tls }: RelayServer,
  addresses: readonly string[],
): JoinCommands {
  const [first] = addresses;
  const commands = (first === undefined ? ["HOST"] : addresses).map((hostname) => {
    const isShort = port === DEFAULT_PORT && !hostname.includes(":");
    const host = isShort ? hostname : hostPort({ hostname, port });
    const words = shellWord(host + (roomName === "" ? "" : `/${roomName}`));
    return `parley chat client ${words}${tls ? " --tls" : ""}`;
  });
  const from = first === undefined ? "unknown" : isLoopback(first) ? "this machine" : "elsewhere";
  return { commands, from };
}
