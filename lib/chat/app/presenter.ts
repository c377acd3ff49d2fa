/**
 * The interfaces within a conversation: what it needs, what presents it, what shows it, and what it asks of its
 * surroundings. Types alone.
 *
 * @module
 */

import type { Input } from "../../os/streams.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { WaitingLine } from "../member/deliveries.ts";
import type { Entered } from "../member/lines.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { RelayEvent } from "../relay/options.ts";
import type { Session } from "../runtime/session.ts";
import type { MadeInvitation } from "../trust/invitations.ts";
import type { Standing, Trust, TrustState } from "../trust/trust.ts";
import type { WordsEvent } from "../trust/words.ts";
import type { WireFrame } from "./wire_dump.ts";

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
   * Starts with the session.
   *
   * @param session The session.
   * @param fail Receives an error of the runtime.
   */
  begin(session: Session, fail: (error: unknown) => void): void;
  /** Takes an event that was shown. */
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

/** Which messages ring the bell: private ones and those that name the user, all, or none. */
export type Bell = "mention" | "all" | "none";

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
  /** The counts of the earlier conversations of this run. */
  readonly carried?: Carried | undefined;
  /** Resolves with an exit code when the process receives a stop signal. */
  readonly stopped: Promise<number>;
  /** Resolves at a second stop signal. */
  readonly insisted: Promise<void>;
}
