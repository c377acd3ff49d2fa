/**
 * Presents a conversation to people, as lines of text.
 *
 * @module
 */

import { printable } from "../../base/printable.ts";
import type { PaletteStyle } from "../../terminal/terminal.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { WaitingLine } from "../member/deliveries.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { TrustState } from "../trust/trust.ts";
import type { WordsEvent } from "../trust/words.ts";
import { type Ending, endingText } from "../wire/kinds.ts";
import { missedText, notShownText, slowText, statusText } from "./delivery.ts";
import { invitationTexts, waitingText } from "./invite.ts";
import {
  changedAtStart,
  changeWarning,
  faultText,
  fingerprintText,
  isIgnored,
  type KeyHints,
  leftOutText,
  leftText,
  listed,
  lockText,
  namesOf,
  OPTIONS_HINTS,
  presenceText,
  remarkedTexts,
  roomText,
  standingText,
  verdictText,
  wordsText,
} from "./peer_texts.ts";
import type {
  Identified,
  InvitationNews,
  Presenter,
  Status,
  TrustView,
  Verdict,
} from "./presenter.ts";
import { CHAT_KEYS, helpRows } from "./slash_commands.ts";
import { colourOf, type Coming, Comings, isAction, mentionOf, Speech } from "./speech.ts";
import type { WireFrame } from "./wire_dump.ts";

/** A standing without a remark about the identity: such a member may be one of many in a line. */
const PLAIN_STANDING = /^(new|verified|invited(| you| by you)|known since [-0-9]+|excluded[^;]*)$/;
/** The reasons of leaving that are told together with other comings and goings. */
const ORDINARY: ReadonlySet<string> = new Set(["LEFT", "LOST", "SILENT", "REPLACED"]);
/** The most lines with which the chat starts, below what a server says of itself. */
const START_LINES = 3;

/** Options of {@linkcode Transcript}. */
export interface TranscriptOptions {
  readonly style: PaletteStyle;
  /** Whether to echo the user's own lines: the input line vanishes when it is sent. */
  readonly echo: boolean;
  /** Whether to shorten long messages, as on a terminal but not in a pipe. */
  readonly folds?: boolean;
  /** Whether comings and goings wait for others, to be told in one line, as on a terminal but not in a pipe. */
  readonly gathers?: boolean;
  /** Whether that line can be seen above the prompt while it grows. */
  readonly grows?: boolean;
  /** Whether each message starts with its time, as on a terminal but not in a pipe. */
  readonly timed?: boolean;
  /** Returns the time in milliseconds since 1970. */
  readonly now?: () => number;
  /** The trust decisions; a relay without a member has none. */
  readonly who?: TrustView;
  /** Whether this side's identity outlasts this run. */
  readonly lasting?: boolean;
  /** The name of the room; none by default. */
  readonly roomName?: string;
  /** Returns whom the user's messages wait for, if that person is not in the room. */
  readonly waitsFor?: () => string | undefined;
  /** The file that keeps what is shown, as the user named it. */
  readonly logFile?: string | undefined;
  /** Decodes a frame for `--wire`, as lines; without it, frames are not shown. */
  readonly dump?: (frame: WireFrame) => string[];
  /** Whether it is shown in a browser, where some commands are of no use. */
  readonly inBrowser?: boolean;
  /** What to do about keys that are not kept; the options of a command by default. */
  readonly hints?: KeyHints;
}

interface Identity {
  readonly name: string;
  readonly fingerprint: string;
}

/** Formats what parley says of a room as lines of text: everything but messages, which a page shows by itself. */
export class RoomTranscript implements Presenter {
  readonly #options: TranscriptOptions;
  readonly #style: PaletteStyle;
  readonly #comings: Comings;
  #self: OwnCredential | undefined;
  readonly #here = new Map<string, Peer>();
  #alone = false;
  /** Whether the relay listens in this process, which has said so. */
  #hosts = false;
  /** The name of the room. */
  #roomName: string;
  /** Whether the user has come from another room. */
  #moved = false;
  /** The members that another run takes the place of. Its joining, which follows at once, decides what is said of them. */
  #replaced: (MemberEvent & { readonly kind: "left" })[] = [];

  /** Formats events as lines of text. */
  constructor(options: TranscriptOptions) {
    this.#options = options;
    const { style, now, grows, roomName = "" } = options;
    this.#roomName = roomName;
    this.#style = style;
    this.#comings = new Comings(now, grows);
  }

  event(event: MemberEvent): string[] {
    const replaced = this.#replaced;
    if (event.kind === "left" && event.reason === "REPLACED") {
      this.#here.delete(event.peer.credential.key);
      replaced.push(event);
      return [];
    }
    this.#replaced = [];
    const { peer: newcomer } = event.kind === "joined" ? event : {};
    const gone = replaced.filter(({ peer }) => newcomer === undefined || !isSame(peer, newcomer));
    const isBack = newcomer !== undefined && gone.length < replaced.length;
    return [
      ...gone.flatMap((one) => this.#left(one)),
      ...isBack ? this.#joined(newcomer, false, true) : this.#event(event),
    ];
  }

  #event(event: MemberEvent): string[] {
    switch (event.kind) {
      case "admitted":
        this.#here.clear();
        this.#self = event.self;
        return [];
      case "joined":
        return this.#joined(event.peer, event.present, false);
      case "ready":
        return this.#ready();
      case "left":
        this.#here.delete(event.peer.credential.key);
        return this.#left(event);
      case "away":
      case "back":
        return this.#coming(event, presenceText(event.peer.credential.name, event.kind));
      case "disconnected":
        return [...this.gathered(), this.#note(lostText(event.reason))];
      case "reconnected":
        return [
          this.#note("reconnected"),
          ...event.missed === undefined ? [] : [this.#alarm(missedText(event.missed))],
        ];
      case "unheard":
        return event.missed === undefined ? this.#unheard() : this.#missed(event);
      case "fault":
        return isIgnored(event, this.#options.who) ? [] : this.error(event.code, faultText(event));
      case "delivered":
        return this.#missed(event);
      case "message":
      case "confirmed":
      case "notice":
      case "sent":
      case "ended":
        return [];
    }
  }

  identifies(peer: Peer): boolean {
    return !this.#isPlain(peer);
  }

  /** Whether there is no remark about a member's identity, so that its fingerprint need not be seen. */
  #isPlain(peer: Peer): boolean {
    return PLAIN_STANDING.test(this.#standing(peer));
  }

  said(_text: string, _to: string | undefined): string[] {
    // So that the user sees who receives the message.
    return this.gathered();
  }

  roster(members: readonly Peer[], self: OwnCredential): string[] {
    const rows = members.map((peer) => {
      const mark = peer.credential.key === self.key
        ? "you"
        : this.#standing(peer) + (peer.confirmed ? "" : "; not heard from");
      const away = peer.away ? ", away" : "";
      return this.#note(`${this.#person(peer.credential)} (${mark}${away})`);
    });
    return [...this.gathered(), ...rows];
  }

  names(members: readonly Peer[], self: OwnCredential): string[] {
    const names = members.map(({ credential, away }) =>
      credential.key === self.key
        ? `${credential.name} (you)`
        : this.#name(credential) + (away ? " (away)" : "")
    );
    return [...this.gathered(), this.#note(names.join(", "))];
  }

  fingerprint({ name, fingerprint, other }: Identified): string[] {
    if (other === undefined) {
      const { lasting = false, hints } = this.#options;
      const kept = lasting ? [] : [hints!.ephemeral];
      return [`your fingerprint is ${fingerprint}`, ...kept].map((line) => this.#note(line));
    }
    return fingerprintText({ name, fingerprint }, other).map((line) => this.#note(line));
  }

  words(event: WordsEvent): string[] {
    const { lines, alarm } = wordsText(event);
    return lines.map((line) => alarm ? this.#alarm(line) : this.#note(line));
  }

  decided(verdict: Verdict, name: string, peer: Peer | undefined): string[] {
    this.#alone = false;
    const known = peer?.credential.name ?? printable(name);
    const who = this.#options.who!;
    const { unremembered } = this.#options.hints!;
    const kept = verdict === "verify" && !who.remembers ? [unremembered] : [];
    return [verdictText(verdict, known, peer, who), ...kept].map((line) => this.#note(line));
  }

  locked(locked: boolean, leftOut: readonly Peer[]): string[] {
    this.#alone = false;
    return [this.#note(lockText(locked, leftOut))];
  }

  status(status: Status): string[] {
    const leftOut = this.#leftOut();
    const { locked } = this.#options.who!;
    return [
      ...statusText(status),
      ...locked ? [lockText(locked, leftOut)] : leftOut.length > 0 ? [leftOutText(leftOut)] : [],
    ].map((line) => this.#note(line));
  }

  invitation(news: InvitationNews): string[] {
    this.#alone = false;
    if (news.kind === "guest") this.#comings.dropJoining(news.peer.credential.name);
    return invitationTexts(news).map((text) => this.#note(text));
  }

  slow(waiting: WaitingLine): string[] {
    return [this.#note(slowText(waiting))];
  }

  enters(roomName: string): void {
    this.#roomName = roomName;
    this.#moved = true;
    this.#alone = false;
  }

  answer(_event: string, _fields: Readonly<Record<string, unknown>>, text: string): string[] {
    return this.notice(text);
  }

  /** Lists the commands, and keys. */
  help(keys: Readonly<Record<string, string>> = {}): string[] {
    const side = this.#hosts ? "host" : this.#options.inBrowser === true ? "browser" : "guest";
    return helpRows(keys, side).map((row) => this.#note(row));
  }

  notice(text: string): string[] {
    return [this.#note(printable(text))];
  }

  error(code: string, message: string): string[] {
    return [this.#style.red(`! ${printable(message)} (${code})`)];
  }

  /** Formats a warning that is not an error of a command. */
  #alarm(text: string): string {
    return this.#style.red(`! ${text}`);
  }

  #missed({ line, missed }: MemberEvent & { readonly kind: "delivered" | "unheard" }): string[] {
    if (missed === undefined) return [];
    const alarms = notShownText(line.text, missed).map((text) => this.#alarm(text));
    // Whoever left without showing the message is seen to leave first.
    const introduced = missed.some(({ name }) => this.#comings.introduces(name));
    return [...introduced ? this.gathered() : [], ...alarms];
  }

  wire(_frame: WireFrame): string[] {
    return [];
  }

  #left(event: MemberEvent & { readonly kind: "left" }): string[] {
    const text = leftText(event.peer.credential.name, event.reason, event.signed);
    if (ORDINARY.has(event.reason)) return this.#coming(event, text);
    return [...this.gathered(), this.#note(text)];
  }

  /** Tells of a newcomer that was not there, or of another run of a member that was: the same person is back. */
  #joined(peer: Peer, present: boolean, isBack: boolean): string[] {
    this.#here.set(peer.credential.key, peer);
    if (present) return [];
    this.#alone = false;
    const standing = this.#standing(peer);
    if (this.#isPlain(peer)) {
      if (isBack) {
        return this.#coming({ kind: "back", peer }, presenceText(peer.credential.name, "back"));
      }
      const name = this.#name(peer.credential);
      const [text, label] = [`${name} joined (${standing})`, `${name} (${standing})`];
      return this.#coming({ kind: "joined", peer }, text, label);
    }
    // A remark about an identity is for the person to see at once.
    const text = `${this.#person(peer.credential)} joined (${standing})`;
    return [this.#note(text), ...this.#warning(peer)];
  }

  /** Shows that someone came or went: at once, or in one line with those that follow. */
  #coming(
    { kind, peer }: { readonly kind: Coming; readonly peer: Peer },
    text: string,
    label?: string,
  ): string[] {
    const { gathers = false } = this.#options;
    if (!gathers && !this.#comings.quiet) return [this.#note(text)];
    this.#comings.add(peer.credential.name, kind, label, text);
    return [];
  }

  get gatheredMs(): number | undefined {
    return this.#comings.dueMs;
  }

  gathered(): string[] {
    return this.#noted(this.#comings.take(listed));
  }

  get growing(): string[] {
    return this.#noted(this.#comings.isSeen ? this.#comings.text(listed) : undefined);
  }

  ended(): string[] {
    return this.#comings.yields ? this.gathered() : [];
  }

  #noted(text: string | undefined): string[] {
    return text === undefined ? [] : [this.#note(text)];
  }

  more(): string[] {
    return [this.#note("nothing more: no message was shortened")];
  }

  quiet(): string[] {
    const quiet = !this.#comings.quiet;
    this.#comings.quiet = quiet;
    const text = quiet
      ? "quiet: who came and went is said once a minute; /quiet undoes this"
      : "who comes and goes is seen at once again";
    return [...this.gathered(), this.#note(text)];
  }

  #standing(peer: Peer): string {
    const { who } = this.#options;
    return standingText(peer, who!.standing(peer.credential), this.#self?.fingerprint);
  }

  #warning({ credential }: Peer): string[] {
    const standing = this.#options.who!.standing(credential);
    if (standing.trust !== "changed") return [];
    return changeWarning(credential, standing).map((line) => this.#alarm(line));
  }

  /** Says in at most three lines who is here and what to do. */
  #ready(): string[] {
    const peers = [...this.#here.values()];
    const changed = peers.filter((peer) => this.#isChanged(peer));
    const leftOut = this.#leftOut();
    const absent = this.#options.waitsFor?.();
    const next = [
      ...changed.length > 0
        ? changedAtStart(changed).map((text) => this.#alarm(text))
        : absent !== undefined
        ? [this.#note(waitingText(absent))]
        : leftOut.length > 0
        ? [this.#note(leftOutText(leftOut))]
        : peers.length > 0
        ? [this.#note(this.#verified(peers))]
        : [],
      ...this.#hosts || this.#moved ? [] : [this.#note("/help lists the commands")],
    ];
    return [this.#note(this.#where(peers)), ...next].slice(0, START_LINES);
  }

  #isChanged({ credential }: Peer): boolean {
    return this.#options.who!.standing(credential).trust === "changed";
  }

  /** Says who the user is, in which room, who else is there, and which file keeps what is shown. */
  #where(peers: readonly Peer[]): string {
    const logFile = this.#moved ? undefined : this.#options.logFile;
    const isKnown = !this.#moved && (this.#roomName === "" || this.#hosts);
    const room = isKnown ? "" : ` in ${roomText(this.#roomName)}`;
    const you = `you are ${this.#name(this.#self!)}${room}`;
    const kept = logFile === undefined
      ? ""
      : `; kept in ${printable(logFile)}, which whoever has it can read`;
    if (peers.length > 0) return `${you}, with ${this.#everyone(peers)}${kept}`;
    const isFirst = this.#hosts && !this.#moved && logFile === undefined;
    const help = isFirst ? " (/help lists the commands)" : "";
    return `${you}; no one else is here yet${help}${kept}`;
  }

  /** Lists members: each one with a remark about its identity, and of the others a few. */
  #everyone(peers: readonly Peer[]): string {
    const remarked = remarkedTexts(peers.filter((peer) => !this.#isPlain(peer)), {
      standing: ({ credential }) => this.#options.who!.standing(credential),
      own: this.#self?.fingerprint,
      name: (identity) => this.#name(identity),
    });
    const plain = peers.filter((peer) => this.#isPlain(peer)).map((peer) => {
      const standing = this.#standing(peer);
      const known = standing.startsWith("excluded") ? "" : ` (${standing})`;
      return this.#name(peer.credential) + known;
    });
    return [...remarked, ...plain.length > 0 ? [listed(plain)] : []].join(", and ");
  }

  /** Returns the members here that receive no messages. */
  #leftOut(): Peer[] {
    const { who } = this.#options;
    return [...this.#here.values()].filter((peer) => who?.obstacle(peer) !== undefined);
  }

  /** Says how many of the members here are verified. */
  #verified(peers: readonly Peer[]): string {
    const { who, hints } = this.#options;
    const count = (state: TrustState) =>
      peers.filter(({ credential }) => who!.of(credential) === state).length;
    const verified = count("verified");
    if (verified === 0) return count("invited") === 0 ? hints!.unverified : hints!.invited;
    if (verified === peers.length) return "everyone here is verified";
    return `${verified} of ${peers.length} here ${verified === 1 ? "is" : "are"} verified`;
  }

  /** Says that no one receives messages: once, not for every line. */
  #unheard(): string[] {
    if (this.#alone) return [];
    this.#alone = true;
    const leftOut = this.#leftOut();
    const why = leftOut.length === 0
      ? "no one is here to receive that"
      : `no one received that: ${leftOutText(leftOut)}`;
    return [this.#note(why)];
  }

  #person(identity: Identity): string {
    return `${this.#name(identity)} ${identity.fingerprint}`;
  }

  /** Formats a name in the colour of its identity. */
  #name({ name, fingerprint }: Identity): string {
    return this.#style.bold(this.#style.palette(colourOf(fingerprint))(name));
  }

  /** The relay listens in this process, and says so. */
  protected hosts(): void {
    this.#hosts = true;
  }

  /** Formats a remark, a warning and a member for a subclass. */
  protected readonly form = {
    note: (text: string): string => this.#note(text),
    alarm: (text: string): string => this.#alarm(text),
    person: (identity: Identity): string => this.#person(identity),
    name: (identity: Identity): string => this.#name(identity),
  };

  /** The members here that receive no messages, for a subclass. */
  protected leftOut(): Peer[] {
    return this.#leftOut();
  }

  /** Whether gathered comings and goings are to be told before a message of a member, for a subclass. */
  protected introduces(name: string): boolean {
    return this.#comings.introduces(name);
  }

  #note(text: string): string {
    return `${this.#style.dim("*")} ${text}`;
  }
}

/** Formats all events of a conversation as lines of text: messages and frames as well. */
export class Transcript extends RoomTranscript {
  readonly #options: TranscriptOptions;
  readonly #speech: Speech;
  /** The user's name; undefined before it is known. */
  #ownName: string | undefined;

  /** Formats events as lines of text. */
  constructor(options: TranscriptOptions) {
    super({ hints: OPTIONS_HINTS, ...options });
    this.#options = options;
    const { style, folds = false, timed = false, now } = options;
    this.#speech = new Speech({ style, folds, timed, now });
  }

  override event(event: MemberEvent): string[] {
    if (event.kind === "admitted") {
      this.#ownName = event.self.name;
      this.#speech.mention = mentionOf(event.self.name);
    }
    if (event.kind === "left") this.#speech.forget(event.peer.credential.key);
    const lines = super.event(event);
    return event.kind === "message" ? [...lines, ...this.#message(event)] : lines;
  }

  override said(text: string, to: string | undefined): string[] {
    const gathered = super.said(text, to);
    const { echo, style } = this.#options;
    if (!echo) return gathered;
    const leftOut = this.leftOut();
    const who = to !== undefined
      ? `you (to ${printable(to)} only)`
      : leftOut.length > 0
      ? `you (not to ${namesOf(leftOut)})`
      : isAction(text) && this.#ownName !== undefined
      ? this.#ownName
      : "you";
    const paint = to === undefined ? style.dim : style.magenta;
    return [...gathered, ...this.#speech.own(paint(who), text)];
  }

  override help(): string[] {
    return super.help(this.#options.echo ? CHAT_KEYS : {});
  }

  override more(): string[] {
    const more = this.#speech.more();
    return more.length > 0 ? more : super.more();
  }

  override wire(frame: WireFrame): string[] {
    const { dump, style } = this.#options;
    return dump?.(frame).map((line) => style.dim(line)) ?? [];
  }

  #message(event: MemberEvent & { readonly kind: "message" }): string[] {
    const { key } = event.from.credential;
    const marks = [
      ...event.private ? ["to you only"] : [],
      ...this.#options.who!.obstacle(event.from) === undefined ? [] : ["receives nothing from you"],
    ];
    const { style } = this.#options;
    const who = (remarks: readonly string[]) => {
      const all = [...marks, ...remarks];
      const remark = all.length === 0 ? "" : ` (${all.join("; ")})`;
      return this.form.name(event.from.credential) +
        (event.private ? style.magenta(remark) : remark);
    };
    const { time, late = false, text } = event;
    const introduced = this.introduces(event.from.credential.name);
    return [
      ...introduced ? this.gathered() : [],
      ...this.#speech.heard({ sender: key, time, late }, who, text),
    ];
  }
}

/** Whether two members have one name and one identity. */
function isSame({ credential: one }: Peer, { credential: other }: Peer): boolean {
  return one.folded === other.folded && one.fingerprint === other.fingerprint;
}

function lostText(reason: Ending): string {
  const why = reason === "RELAY_GONE" ? "" : ` (${endingText(reason)})`;
  return `connection lost, trying again …${why}`;
}
