/**
 * What every presentation of a conversation shares: the interfaces of presenters and displays, and the texts about
 * trust: members' standing, changed keys, decisions and faults.
 *
 * @module
 */

import { printable } from "../../base/printable.ts";
import type { Input } from "../../os/streams.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { WaitingLine } from "../member/deliveries.ts";
import type { FaultCode, MemberEvent } from "../member/options.ts";
import type { Entered } from "../member/lines.ts";
import type { Peer } from "../member/roster.ts";
import type { RelayEvent } from "../relay/options.ts";
import type { Session } from "../runtime/session.ts";
import {
  type Crowding,
  type Exclusion,
  MAX_ALIASES,
  MAX_SAVED,
  type Standing,
  type Trust,
  type TrustState,
} from "../trust/trust.ts";
import type { WordsEvent } from "../trust/words.ts";
import type { WireFrame } from "./wire_dump.ts";
import type { Failure } from "../../base/failure.ts";
import { FAULTS } from "../member/inbox.ts";
import type { MadeInvitation } from "../trust/invitations.ts";
import { type KnownPeer, MAX_ALIKE, MAX_UNDECIDED } from "../trust/known_peers.ts";

/** A decision of the user about a member. */
export type Verdict =
  | "verify"
  | "trust"
  | "forget"
  | "exclude"
  | "include"
  | "ignore"
  | "unignore";

/** The trust decisions that a presenter needs. */
export interface TrustView {
  /** Whether newly met peers are saved for later runs. */
  readonly remembers: boolean;
  /** Whether only known, invited and verified members receive keys. */
  readonly locked: boolean;
  /** Returns how much a peer is trusted. */
  of(who: Peer["credential"]): TrustState;
  /** Returns everything that is known about a peer's identity. */
  standing(who: Peer["credential"]): Standing;
  /** Returns whether the user ignores a peer's messages. */
  ignores(who: Peer["credential"]): boolean;
  /** Returns why a peer receives no keys, as a predicate that follows its name. */
  obstacle(peer: Peer): string | undefined;
}

/** A fingerprint to show. */
export interface Identified {
  readonly name: string;
  readonly fingerprint: string;
  /** For another member: its trust, and the safety number in 12 groups of 5 digits. */
  readonly other?: { readonly standing: Standing; readonly safetyNumber: readonly string[] };
}

/** The address and properties of a listening relay. */
export interface Listening {
  readonly addr: Deno.NetAddr;
  /** The id of the relay's own room. */
  readonly room: Uint8Array;
  /** The name of that room. */
  readonly roomName: string;
  /** Whether it accepts only TLS. */
  readonly tls: boolean;
  /** How others join the room. */
  readonly join: JoinCommands;
  /** Whether an invitation follows, whose link replaces those commands for people. */
  readonly invites?: boolean;
  /** The URL of the metrics, if they are served. */
  readonly metrics?: string | undefined;
  /** The page for browsers, if there is one: its URL, and its SHA-256 in hex. */
  readonly web?: { readonly url: string; readonly sha256: string };
}

/** The commands with which others join a room. */
export interface JoinCommands {
  /** Whole commands, each with another address of this machine. */
  readonly commands: readonly string[];
  /** From where the addresses can be reached; `unknown` if the commands name no address. */
  readonly from: "this machine" | "elsewhere" | "unknown";
}

/** What the user's side waits for: the answer to `/status`. */
export interface Status {
  readonly connected: boolean;
  /** The number of other members. */
  readonly others: number;
  /** The names of the members that are away. */
  readonly away: readonly string[];
  /** The oldest of the user's messages that not everyone has shown. */
  readonly waiting: readonly WaitingLine[];
  /** The number of the others. */
  readonly more: number;
  /** The number of messages that wait for the person who invited the user. */
  readonly gated?: number;
}

/** What holds the user's messages back until the person who invited the user has let the user in. */
export interface Gate {
  /** Whom the messages wait for; undefined once they need not wait. */
  readonly closed: string | undefined;
  /** The same, if that person is not in the room. */
  readonly absent: string | undefined;
  /** Resolves when messages may be sent. Rejects with a {@linkcode Failure} if the invitation is refused. */
  readonly opened: Promise<void>;
}

/** What people and programs are told of invitations. */
export type InvitationNews =
  /** The user has made one. */
  | {
    readonly kind: "made";
    readonly invitation: MadeInvitation;
    /** The link. It has the secret. */
    readonly link: string;
    /** The same as a link for browsers, if the relay serves a page that it can lead to. */
    readonly web: string | undefined;
    /** The whole command with which a guest joins. It has the link. */
    readonly command: string;
    /** From where the link can be reached; `unknown` if it names no address. */
    readonly from: JoinCommands["from"];
    /** Whether it was made at the start, where lines are few. */
    readonly atStart: boolean;
  }
  /** The answer to `/invites`. */
  | { readonly kind: "listed"; readonly invitations: readonly MadeInvitation[] }
  | { readonly kind: "withdrawn"; readonly number: number }
  /** A guest has come by an invitation of the user. */
  | { readonly kind: "guest"; readonly peer: Peer; readonly number: number }
  /** The user's messages wait for a person who is not there; at the start, or because that person has left. */
  | { readonly kind: "waiting"; readonly absent: string; readonly atStart: boolean }
  /** A peer, whose link the user has, has let the user in. */
  | { readonly kind: "host"; readonly peer: Peer };

/** The invitations of one conversation. */
export interface Inviting {
  /** Undefined if the user does not come by an invitation. */
  readonly gate: Gate | undefined;
  /**
   * The session has begun.
   *
   * @param session The session.
   * @param fail Receives an error of the runtime.
   */
  begin(session: Session, fail: (error: unknown) => void): void;
  /** Something has happened, and was shown. */
  tell(event: MemberEvent): void;
  /** The conversation ends. */
  stop(): void;
  /** Makes an invitation. */
  invite(many: boolean, hours: number): Promise<void>;
  /** The user's invitations that are alive. */
  list(): readonly MadeInvitation[];
  /**
   * Withdraws an invitation.
   *
   * @returns Whether there was one with that number.
   */
  withdraw(number: number): boolean;
}

/** The rooms of one run, all at one relay. */
export interface Rooms {
  /** The name of the room in which the user is. */
  readonly current: string;
  /** The rooms in which the user was in this run, the present one among them. */
  readonly visited: readonly string[];
  /** Those among them in which the user is not, as `/join` takes them. */
  readonly others: readonly string[];
  /**
   * Joins another room while the user stays in the present one. Once fulfilled, the present conversation ends, and one
   * in the other room follows.
   *
   * @param roomName The other room.
   * @param signal Ends the attempt.
   * @throws {Failure} If the user does not come in.
   */
  enter(roomName: string, signal: AbortSignal): Promise<void>;
  /** Returns what the user's leaving does to those in the present room, if they may not expect it. */
  parting(): string[];
}

/** The file that keeps what is shown. */
export interface KeptLog {
  /** The file, as the user named it; undefined if there is none. */
  readonly path: string | undefined;
  /**
   * Appends what is shown from now on to a file, in place of an earlier one.
   *
   * @throws {Failure} If it cannot be opened, or is not private. The earlier file is then kept.
   */
  start(path: string): Promise<void>;
  /** Keeps nothing more. */
  stop(): Promise<void>;
}

/** The commands that a browser has no use for. */
export interface LocalCommands {
  /**
   * Runs one.
   *
   * @param command The command's word and what follows it.
   * @param refuse Reports that it cannot be done.
   * @returns The room to which the user wants to go; undefined if there is nothing more to do.
   */
  run(
    command: { readonly kind: "join" | "log"; readonly rest: string },
    refuse: (code: string, message: string) => void,
  ): Promise<string | undefined>;
}

/** Names a room in a sentence. */
export function roomText(roomName: string): string {
  return roomName === "" ? "the room without a name" : `the room ${printable(roomName)}`;
}

/** Which messages ring the bell: private ones and those that name the user, all, or none. */
export const BELLS = ["mention", "all", "none"] as const;

/** One of {@linkcode BELLS}. */
export type Bell = typeof BELLS[number];

/** Formats events as lines of output. The returned lines are printable. */
export interface Presenter {
  /** An event of the member. */
  event(event: MemberEvent): string[];
  /** Whether the lines about a joining show the member's fingerprint. */
  identifies(peer: Peer): boolean;
  /** This member sent a message, to everyone or to one member. */
  said(text: string, to: string | undefined, entered: Entered & { readonly ok: true }): string[];
  /** The members of the room. */
  roster(members: readonly Peer[], self: OwnCredential): string[];
  /** The names of the members. */
  names(members: readonly Peer[], self: OwnCredential): string[];
  /** A fingerprint that the user asked for. */
  fingerprint(identified: Identified): string[];
  /** What happened to words that two people compare. */
  words(event: WordsEvent): string[];
  /** The user's decision about a member; `peer` is undefined if it is not in the room. */
  decided(verdict: Verdict, name: string, peer: Peer | undefined): string[];
  /** The room was locked or unlocked; `leftOut` are the members that receive no messages. */
  locked(locked: boolean, leftOut: readonly Peer[]): string[];
  /** What the user's side waits for. */
  status(status: Status): string[];
  /** News of invitations. */
  invitation(news: InvitationNews): string[];
  /** A message of the user that someone has not shown for some time. */
  slow(line: WaitingLine): string[];
  /** Comings and goings are not seen before their minute is over from now on, or seen at once again. */
  quiet(): string[];
  /** Shows the next part of the message that was shortened last. */
  more(): string[];
  /** The time until gathered comings and goings are to be told, in milliseconds. */
  readonly gatheredMs?: number | undefined;
  /** Takes the gathered comings and goings: one line, which is told now. */
  gathered?(): string[];
  /** That line as it stands above the prompt, before it is told. */
  readonly growing?: readonly string[];
  /** Takes that line if whatever is printed next ends it. */
  ended?(): string[];
  /** The user goes on in another room: what follows is about that one. */
  enters(roomName: string): void;
  /** An answer: an event with fields for programs, and a text for people. */
  answer(event: string, fields: Readonly<Record<string, unknown>>, text: string): string[];
  /** The commands of the chat. */
  help(): string[];
  /** Information. */
  notice(text: string): string[];
  /** An error after which the chat continues. */
  error(code: string, message: string): string[];
  /** A frame that was sent or received. */
  wire(frame: WireFrame): string[];
}

/** A presenter that also tells of a relay in this process. */
export interface ServerPresenter extends Presenter {
  /** A relay listens. */
  listening(relay: Listening): string[];
  /** An event of a relay: of one that runs without a member in this process, or a refused connection. */
  relayEvent(event: RelayEvent): string[];
}

/** What a conversation hands on to the next one of its run. */
export interface Carried {
  /** The number of events that were shown. */
  readonly shown: number;
  /** The number of input lines that could not be sent, delivered or run. */
  readonly refused: number;
}

/** Shows lines and tracks which have been shown. */
export interface Display {
  /**
   * Shows lines, if any, and then reports that the mark is reached.
   *
   * @param kept What a log keeps of the lines: all by default.
   */
  print(lines: readonly string[], mark?: number, kept?: readonly string[]): void;
  /**
   * Shows a mark of one column, or none, beside the prompt. A display without a prompt shows no
   * marks.
   */
  mark?(mark: string): void;
  /** Shows lines above the prompt, below everything printed, until others take their place. */
  above?(lines: readonly string[]): void;
  /** Shows beside the prompt what parley does before the user is in the room; undefined once that is over. */
  busy?(what: string | undefined): void;
  /** Shows in the prompt and in the title in which room the user is. */
  enters?(roomName: string): void;
  /** Draws attention to a message, with the bell or without. */
  notify?(rings: boolean): void;
  /** Clears the screen. */
  clear?(): void;
  /** Resolves when all lines printed so far are shown; undefined if they are. */
  caughtUp(): Promise<void> | undefined;
  /** Resolves with an error when output fails. */
  readonly failed: Promise<unknown>;
  /** The error of the output, if it has failed. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** What a conversation needs. */
export interface ConversationOptions {
  readonly presenter: Presenter;
  readonly display: Display;
  /** Which messages ring the bell; `mention` by default. */
  readonly bell?: Bell | undefined;
  readonly input: AsyncIterable<Input>;
  readonly trust: Trust;
  /** Reloads the server's allow list and reports the result; undefined if there is none. */
  readonly reload?: (() => Promise<void>) | undefined;
  /**
   * Whether a person types. Otherwise each line waits for flow control, and the end of input waits
   * for delivery.
   */
  readonly interactive: boolean;
  /** Whether each line is a message, even if it starts with a slash. */
  readonly messagesOnly?: boolean;
  /** Whether to stay in the room when the input ends. */
  readonly stay: boolean;
  /**
   * How long to wait, in milliseconds: for delivery at the end of the input, and, unless `stay` is
   * set, for a lost connection to come back.
   */
  readonly giveUpMs: number;
  /** Removes a member from the room that this process hosts; undefined if it hosts none. */
  readonly remove?: ((peer: Peer, bans: boolean) => boolean) | undefined;
  /** The user's invitations. */
  readonly invitations?: Inviting | undefined;
  /** The rooms of this run; undefined if the user cannot go to another one from here. */
  readonly rooms?: Rooms | undefined;
  /** The commands `/join` and `/log`; undefined in a browser. */
  readonly local?: LocalCommands | undefined;
  /** Returns how many others are disconnected when this process ends; undefined if it hosts no room. */
  readonly hosted?: (() => number) | undefined;
  /** What earlier conversations of this run have come to. */
  readonly carried?: Carried | undefined;
  /** Resolves with an exit code when the process receives a stop signal. */
  readonly stopped: Promise<number>;
  /** Resolves at a second stop signal. */
  readonly insisted: Promise<void>;
}

/** The maximum number of names in a list; the rest is counted. */
export const NAMES_SAID = 3;

const EXCLUDED: Readonly<Record<Exclusion, string>> = {
  "by command": "excluded by you",
  unexpected: "excluded: not in your --expect list",
  locked: "excluded: new, and the room is locked",
};

/** Says that not all peers who are met can be remembered. */
export const CROWDED_TEXT: Readonly<Record<Crowding, string>> = {
  run: `${MAX_SAVED} people were met for the first time in this run: others are not remembered`,
  file: `you know ${MAX_UNDECIDED} people only by sight: the oldest give way; /trust or /verify ` +
    `those who must stay`,
};

/** Says that the known-peers file could not be written. */
export function unwrittenText({ what, why, hint = "check the file" }: Failure): string {
  return `${what}: ${why}; new peers are remembered for this run only until this is fixed: ${hint}`;
}

/** Says that leaving waits for the known-peers file. */
export const SETTLING_TEXT = "the known-peers file is being written; Ctrl-C leaves without";

/** Says that the user did not wait for the known-peers file. */
export const UNSAVED_TEXT = "the known-peers file was not written: new peers may not be saved";

/** Says that the known-peers file can be written again. */
export const WRITTEN_TEXT = "the known-peers file can be written again: new peers are saved";

/** Says that another process has locked the known-peers file. */
export const WAITING_TEXT = "waiting for the known-peers file: another process has locked it";

/**
 * Describes a peer's standing in a few words: `verified`, `new; has the same key as bo`.
 *
 * @param peer The peer.
 * @param standing What is known about its identity.
 * @param own The fingerprint of this side.
 */
export function standingText(
  { credential }: Peer,
  standing: Standing,
  own: string | undefined,
): string {
  const parts = [trustText(standing)];
  if (credential.fingerprint === own) parts.push("has your own key");
  if (standing.aliases.length > 0) parts.push(`has the same key as ${aliasText(standing)}`);
  if (standing.alike.length > 0) {
    const names = orMore(
      listed(standing.alike.map(({ name }) => name)),
      standing.alike.length === MAX_ALIKE,
    );
    parts.push(`NOT ${names}, whose name looks the same but whose key differs`);
  }
  if (standing.before !== undefined && standing.trust !== "changed") {
    parts.push(`NOT the key that ${credential.name} had before, ${standing.before}`);
  }
  return parts.join("; ");
}

function trustText({ trust, exclusion, known, invitation }: Standing): string {
  switch (trust) {
    case "known":
      return `known since ${since(known)}`;
    case "changed":
      return "ITS KEY HAS CHANGED";
    case "excluded":
      return EXCLUDED[exclusion!];
    case "invited":
      return invitation ?? trust;
    case "new":
    case "verified":
      return trust;
  }
}

/** Returns the day of the first meeting without the time. */
function since(known: readonly KnownPeer[]): string {
  return known[0]!.firstSeen.slice(0, 10);
}

function aliasText({ aliases }: Standing): string {
  const names = aliases.map(({ name, verified }) => verified ? `${name} (verified)` : name);
  return orMore(listed(names), names.length === MAX_ALIASES);
}

/** Says that a list was cut. */
function orMore(list: string, isCut: boolean): string {
  return isCut ? `${list} or more` : list;
}

/** Says which keys are known under a name. */
export function formerKeys({ known }: Standing): string[] {
  return known.map((peer) => {
    const isProved = peer.status === "verified" || peer.status === "invited";
    const compared = isProved ? `, ${peer.status}` : "";
    return `it was ${peer.fingerprint} (known since ${since([peer])}${compared})`;
  });
}

/**
 * Says in two lines which members here have other keys than the known ones. The fingerprints stand
 * beside the names.
 */
export function changedAtStart(changed: readonly Peer[]): string[] {
  const names = namesOf(changed);
  const [{ credential: { name } }] = changed as readonly [Peer];
  return changed.length === 1
    ? [
      `THE KEY OF ${name} HAS CHANGED: nothing is sent to this ${name}, whose messages are hidden`,
      `ask ${name} by phone (/fingerprint ${name}); if the new key is right: /trust ${name}`,
    ]
    : [
      `THE KEYS OF ${names} HAVE CHANGED: nothing is sent to them, and their messages are hidden`,
      `ask each of them by phone (/fingerprint NAME); if the new key is right: /trust NAME`,
    ];
}

/** Returns the warning about a changed key, as lines for a terminal. */
export function changeWarning(
  { name, fingerprint }: Peer["credential"],
  standing: Standing,
): string[] {
  const old = formerKeys(standing).map((line) => `  ${line}`);
  const alias = standing.aliases.length > 0 ? `, the key of ${aliasText(standing)}` : "";
  return [
    `THE KEY OF ${name} HAS CHANGED: someone else uses the name, or ${name} has a new key.`,
    ...old,
    `  it is  ${fingerprint}${alias}`,
    `Nothing is sent to this ${name}, and its messages are hidden.`,
    `Ask ${name} by phone or in person. If the new key is right: /trust ${name}`,
  ];
}

/** Returns the same warning as one sentence, for programs. */
export function changeText({ name, fingerprint }: Peer["credential"], { known }: Standing): string {
  const old = known.map((peer) => peer.fingerprint).join(", ");
  return `the key of ${name} has changed from ${old} to ${fingerprint}: nothing is sent to it and ` +
    `its messages are hidden until /trust ${name}`;
}

/** Confirms a decision of the user. */
export function verdictText(
  verdict: Verdict,
  name: string,
  peer: Peer | undefined,
  who: TrustView,
): string {
  const remembered = who.remembers ? "" : ", for this run";
  const obstacle = peer === undefined ? undefined : who.obstacle(peer);
  const still = obstacle === undefined ? "" : `; but it ${obstacle}`;
  switch (verdict) {
    case "verify":
      return `${name} is verified${remembered}: ${peer!.credential.fingerprint}${still}`;
    case "trust":
      return `the key of ${name} is accepted${remembered}: ` +
        `${peer!.credential.fingerprint}${still}`;
    case "forget":
      return `${name} is forgotten: the next member with that name is new`;
    case "exclude":
      return `${name} no longer receives your messages; /include ${name} undoes this`;
    case "include":
      return obstacle === undefined
        ? `${name} receives your messages again`
        : `${name} is no longer excluded by you${still}`;
    case "ignore":
      return `messages of ${name} are hidden, and ${name} is told so; /unignore ${name} undoes this`;
    case "unignore":
      return `messages of ${name} are shown again`;
  }
}

/** Says who receives messages after /lock or /unlock. */
export function lockText(locked: boolean, leftOut: readonly Peer[]): string {
  if (!locked) {
    const but = leftOut.length === 0 ? "" : ` but ${namesOf(leftOut)}`;
    return `unlocked: everyone${but} receives your messages`;
  }
  const rule = "locked: only known, invited and verified members receive your messages";
  return leftOut.length === 0 ? rule : `${rule}; ${namesOf(leftOut)} ${verb(leftOut)} not`;
}

/** Says which members here do not receive messages. */
export function leftOutText(leftOut: readonly Peer[]): string {
  return `${namesOf(leftOut)} ${verb(leftOut)} not receive your messages`;
}

function verb(peers: readonly Peer[]): string {
  return peers.length === 1 ? "does" : "do";
}

/** Returns whether a fault is not worth telling: the user wished that these messages are hidden. */
export function isIgnored(
  { code, peer }: MemberEvent & { readonly kind: "fault" },
  who: TrustView | undefined,
): boolean {
  return code === "HIDDEN" && peer !== undefined && who?.ignores(peer.credential) === true;
}

/** Lists the names of peers; of many, the first ones and a count. */
export function namesOf(peers: readonly Peer[]): string {
  return listed(peers.map(({ credential }) => credential.name));
}

/**
 * Lists names; of many, the first ones and a count.
 *
 * @param names The names, or the first {@linkcode NAMES_SAID} of them.
 * @param more The number of names that follow.
 */
export function listed(names: readonly string[], more = 0): string {
  const all = names.length + more;
  if (all > NAMES_SAID || more > 0) {
    const first = names.slice(0, NAMES_SAID - 1);
    const rest = all - first.length;
    const others = rest === 1 ? "1 other" : `${rest} others`;
    return first.length === 0 ? others : `${first.join(", ")} and ${others}`;
  }
  const last = names.at(-1)!;
  return names.length === 1 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

const TEXT: Readonly<Record<FaultCode, string>> = {
  ...FAULTS,
  ROSTER_DIFFERS:
    "sees different members in this room than you: the relay may be deceiving one of you",
  HIDDEN: "has a different key than the one you know",
  MISTRUSTED: "sends you no messages, because it knows another key under your name: compare " +
    "fingerprints by phone",
  UNREACHABLE: "its session key cannot be used; your messages do not reach it",
  FAILED: "parley failed on a frame",
  CLOCK_BEHIND: "this machine's clock is behind that member's: check which is right",
  BAD_CREDENTIAL: "the relay listed a member whose credential is invalid",
  CREDENTIAL_EXPIRED: "the relay listed a member whose credential has expired",
  NAME_TAKEN: "the relay listed a second member under one name",
};

/** Faults after which messages are still shown. */
const SHOWN: ReadonlySet<FaultCode> = new Set([
  "GAP",
  "UNREACHABLE",
  "MISTRUSTED",
  "CLOCK_BEHIND",
]);

/** Describes a fault in one sentence. */
export function faultText(event: MemberEvent & { readonly kind: "fault" }): string {
  const { code, peer, detail, count } = event;
  const who = peer === undefined ? "" : `${peer.credential.name}: `;
  const more = detail === "" ? "" : ` (${detail})`;
  const consequence = SHOWN.has(code)
    ? ""
    : peer === undefined && code !== "UNKNOWN_SENDER"
    ? "; not admitted"
    : "; it is not shown";
  const times = count > 1 ? `, ${count} times so far` : "";
  return `${who}${TEXT[code]}${more}${consequence}${times}`;
}
