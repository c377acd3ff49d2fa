/**
 * Presents a conversation to people, as lines of text.
 *
 * @module
 */

import { hostPort } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import type { PaletteStyle } from "../../terminal/terminal.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { WaitingLine } from "../member/deliveries.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { RelayEvent } from "../relay/options.ts";
import { type Ending, endingText, hasPlainDetail, REASON_TEXT } from "../wire/kinds.ts";
import { missedText, notShownText, slowText, statusText } from "./departure.ts";
import {
  changeWarning,
  faultText,
  type Identified,
  isIgnored,
  type JoinCommands,
  leftOutText,
  listed,
  type Listening,
  lockText,
  namesOf,
  type Presenter,
  standingText,
  type Status,
  type TrustView,
  type Verdict,
  verdictText,
} from "./presenter.ts";
import { CHAT_COMMANDS, CHAT_KEYS } from "./slash_commands.ts";
import { colourOf, type Coming, Comings, isAction, mentionOf, Speech } from "./speech.ts";
import { dumpFrame, type WireFrame } from "./wire_dump.ts";

const UNVERIFIED = "no one is verified yet: run /fingerprint NAME and compare by phone";

/** What a person can do about keys that are not kept. */
export interface KeyHints {
  /** Follows a verification that is not kept for later runs. */
  readonly unremembered: string;
  /** Follows one's own fingerprint if the identity is not kept. */
  readonly ephemeral: string;
}

const OPTIONS_HINTS: KeyHints = {
  unremembered: "later key changes go unnoticed: --known-peers FILE remembers keys",
  ephemeral: "your key lasts for this run only: --identity FILE keeps a key",
};

/** A standing without a remark: such a member may be one of many in a line. */
const PLAIN_STANDING = /^(new|verified|known since [-0-9]+)$/;

/** Options of {@linkcode Transcript}. */
export interface TranscriptOptions {
  readonly style: PaletteStyle;
  /** Whether to echo the user's own lines: the input line vanishes when it is sent. */
  readonly echo: boolean;
  /** Whether to shorten messages of many lines, as on a terminal but not in a pipe. */
  readonly folds?: boolean;
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
  /** What to do about keys that are not kept; the options of a command by default. */
  readonly hints?: KeyHints;
}

/** Formats events as lines of text. */
export class Transcript implements Presenter {
  readonly #options: TranscriptOptions;
  readonly #style: PaletteStyle;
  readonly #speech: Speech;
  readonly #comings: Comings;
  #self: OwnCredential | undefined;
  readonly #here = new Map<string, Peer>();
  #alone = false;
  /** Whether the relay listens in this process, which has said so. */
  #hosts = false;

  /** Formats events as lines of text. */
  constructor(options: TranscriptOptions) {
    this.#options = options;
    const { style, folds = false, timed = false, now } = options;
    this.#style = style;
    this.#speech = new Speech({ style, folds, timed, now });
    this.#comings = new Comings(now);
  }

  listening({ addr, room, roomName, tls, join, web }: Listening): string[] {
    this.#hosts = true;
    const where = hostPort(addr) + (tls ? " over TLS" : "");
    const id = room.slice(0, 8).toHex();
    const which = roomName === "" ? id : `${printable(roomName)} (${id})`;
    const lines = [`listening on ${where}, room ${which}`, joinText(join)];
    if (web !== undefined) lines.push(`page at ${web.url}, SHA-256 ${web.sha256}`);
    if (web !== undefined && !tls && join.from !== "this machine") lines.push(HTTPS_TEXT);
    return lines.map((one) => this.#note(one));
  }

  event(event: MemberEvent): string[] {
    switch (event.kind) {
      case "admitted":
        this.#here.clear();
        this.#self = event.self;
        this.#speech.mention = mentionOf(event.self.name);
        return [];
      case "joined":
        return this.#joined(event.peer, event.present);
      case "ready":
        return this.#ready();
      case "left":
        this.#here.delete(event.peer.credential.key);
        this.#speech.forget(event.peer.credential.key);
        return this.#coming(
          event,
          leftText(event.peer.credential.name, event.reason, event.signed),
        );
      case "away":
      case "back":
        return this.#coming(event, presenceText(event.peer.credential.name, event.kind));
      case "disconnected":
        return [this.#note(lostText(event.reason))];
      case "reconnected":
        return [
          this.#note("reconnected"),
          ...event.missed === undefined ? [] : [this.#alarm(missedText(event.missed))],
        ];
      case "message":
        return this.#message(event);
      case "unheard":
        return event.missed === undefined ? this.#unheard() : this.#missed(event);
      case "fault":
        return isIgnored(event, this.#options.who) ? [] : this.error(event.code, faultText(event));
      case "delivered":
        return this.#missed(event);
      case "confirmed":
      case "sent":
      case "ended":
        return [];
    }
  }

  relayEvent(event: RelayEvent): string[] {
    switch (event.kind) {
      case "joined":
        return [this.#note(`${this.#person(event.credential)} joined${inRoom(event)}`)];
      case "left":
        return [
          this.#note(leftText(event.credential.name, event.reason, true) + inRoom(event)),
        ];
      case "away":
      case "back":
        return [this.#note(presenceText(event.credential.name, event.kind) + inRoom(event))];
      case "refused":
        return event.reason === "LOST" && event.detail === ""
          ? []
          : [this.#note(`a connection was refused: ${refusedText(event)}`)];
      case "failed":
        return [
          this.#note(`the relay failed on a frame and continues: ${printable(event.detail)}`),
        ];
      case "connected":
      case "slowed":
        return [];
    }
  }

  said(text: string, to: string | undefined): string[] {
    if (!this.#options.echo) return [];
    const leftOut = this.#leftOut();
    const who = to !== undefined
      ? `you (to ${printable(to)} only)`
      : leftOut.length > 0
      ? `you (not to ${namesOf(leftOut)})`
      : isAction(text) && this.#self !== undefined
      ? this.#self.name
      : "you";
    const paint = to === undefined ? this.#style.dim : this.#style.magenta;
    return [...this.folded(), ...this.#speech.own(paint(who), text)];
  }

  roster(members: readonly Peer[], self: OwnCredential): string[] {
    return members.map((peer) => {
      const mark = peer.credential.key === self.key
        ? "you"
        : this.#standing(peer) + (peer.confirmed ? "" : "; not heard from");
      const away = peer.away ? ", away" : "";
      return this.#note(`${this.#person(peer.credential)} (${mark}${away})`);
    });
  }

  names(members: readonly Peer[], self: OwnCredential): string[] {
    const names = members.map(({ credential, away }) =>
      credential.key === self.key
        ? `${credential.name} (you)`
        : this.#name(credential) + (away ? " (away)" : "")
    );
    return [this.#note(names.join(", "))];
  }

  fingerprint({ name, fingerprint, other }: Identified): string[] {
    if (other === undefined) {
      const { lasting = false, hints = OPTIONS_HINTS } = this.#options;
      const kept = lasting ? [] : [hints.ephemeral];
      return [`your fingerprint is ${fingerprint}`, ...kept].map((line) => this.#note(line));
    }
    const { standing, safetyNumber } = other;
    const next = standing.trust === "changed"
      ? `if they match: /trust ${name}, then /verify ${name}`
      : standing.trust === "verified"
      ? `you have verified ${name}`
      : `if they match: /verify ${name}`;
    return [
      `the fingerprint of ${name} is ${fingerprint}`,
      `the safety number of you and ${name} is`,
      `    ${safetyNumber.slice(0, 6).join(" ")}`,
      `    ${safetyNumber.slice(6).join(" ")}`,
      `compare one of them with ${name} by phone or in person`,
      next,
    ].map((line) => this.#note(line));
  }

  decided(verdict: Verdict, name: string, peer: Peer | undefined): string[] {
    this.#alone = false;
    const known = peer?.credential.name ?? printable(name);
    const who = this.#options.who!;
    const { unremembered } = this.#options.hints ?? OPTIONS_HINTS;
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
      ...locked || leftOut.length > 0 ? [lockText(locked, leftOut)] : [],
    ].map((line) => this.#note(line));
  }

  slow(waiting: WaitingLine): string[] {
    return [this.#note(slowText(waiting))];
  }

  help(): string[] {
    const rows = {
      ...CHAT_COMMANDS,
      "//TEXT": "send a text that starts with a slash",
      ...this.#options.echo ? CHAT_KEYS : {},
    };
    return Object.entries(rows).map(([what, help]) => this.#note(`${what.padEnd(20)} ${help}`));
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
    return missed === undefined
      ? []
      : notShownText(line.shown, missed).map((text) => this.#alarm(text));
  }

  wire(frame: WireFrame): string[] {
    return dumpFrame(frame).map((line) => this.#style.dim(line));
  }

  #joined(peer: Peer, present: boolean): string[] {
    this.#here.set(peer.credential.key, peer);
    if (present) return [];
    this.#alone = false;
    const standing = this.#standing(peer);
    if (PLAIN_STANDING.test(standing)) {
      const text = `${this.#name(peer.credential)} joined (${standing})`;
      return this.#coming({ kind: "joined", peer }, text);
    }
    // A remark about an identity is for the person to see at once.
    const text = `${this.#person(peer.credential)} joined (${standing})`;
    return [this.#note(text), ...this.#warning(peer)];
  }

  /** Shows that someone came or went, unless it is folded. */
  #coming({ kind, peer }: { readonly kind: Coming; readonly peer: Peer }, text: string): string[] {
    return this.#comings.fold(peer.credential.name, kind) ? [] : [this.#note(text)];
  }

  get foldedMs(): number | undefined {
    return this.#comings.dueMs;
  }

  folded(): string[] {
    const text = this.#comings.take(listed);
    return text === undefined ? [] : [this.#note(text)];
  }

  quiet(): string[] {
    const quiet = !this.#comings.quiet;
    this.#comings.quiet = quiet;
    const text = quiet
      ? "quiet: who comes and goes is told in one line a minute; /quiet undoes this"
      : "who comes and goes is told at once";
    return [...this.folded(), this.#note(text)];
  }

  #standing(peer: Peer): string {
    const { who } = this.#options;
    return standingText(peer, who!.standing(peer.credential), this.#self?.fingerprint);
  }

  #warning({ credential }: Peer): string[] {
    const standing = this.#options.who!.standing(credential);
    if (standing.trust !== "changed") return [];
    return changeWarning(credential, standing).map((line) => this.#style.red(`! ${line}`));
  }

  /** Says in at most three lines who is here and what to do; more only about suspect identities. */
  #ready(): string[] {
    const peers = [...this.#here.values()];
    const suspects = peers.filter((peer) => !PLAIN_STANDING.test(this.#standing(peer)));
    const leftOut = this.#leftOut();
    return [
      ...suspects.flatMap((peer) => [
        this.#note(`here: ${this.#person(peer.credential)} (${this.#standing(peer)})`),
        ...this.#warning(peer),
      ]),
      ...[
        this.#where(peers),
        ...leftOut.length > 0
          ? [leftOutText(leftOut)]
          : peers.length > 0
          ? [this.#verified(peers)]
          : [],
        ...this.#hosts ? [] : ["/help lists the commands"],
      ].map((line) => this.#note(line)),
    ];
  }

  /** Says who the user is, in which room, and who else is there. */
  #where(peers: readonly Peer[]): string {
    const { roomName = "" } = this.#options;
    const room = roomName === "" || this.#hosts ? "" : ` in the room ${printable(roomName)}`;
    const you = `you are ${this.#name(this.#self!)}${room}`;
    if (peers.length === 0) {
      return `${you}; no one else is here yet${this.#hosts ? " (/help lists the commands)" : ""}`;
    }
    const named = peers.map((peer) => {
      const standing = this.#standing(peer);
      const known = PLAIN_STANDING.test(standing) ? ` (${standing})` : "";
      return this.#name(peer.credential) + known;
    });
    return `${you}, with ${listed(named)}`;
  }

  /** Returns the members here that receive no messages. */
  #leftOut(): Peer[] {
    const { who } = this.#options;
    return [...this.#here.values()].filter((peer) => who?.obstacle(peer) !== undefined);
  }

  /** Says how many of the members here are verified. */
  #verified(peers: readonly Peer[]): string {
    const { who } = this.#options;
    const verified =
      peers.filter(({ credential }) => who!.standing(credential).trust === "verified").length;
    if (verified === 0) return UNVERIFIED;
    if (verified === peers.length) return "everyone here is verified";
    return `${verified} of ${peers.length} here ${verified === 1 ? "is" : "are"} verified`;
  }

  #message(event: MemberEvent & { readonly kind: "message" }): string[] {
    const { key } = event.from.credential;
    const marks = [
      ...event.private ? ["to you only"] : [],
      ...this.#options.who!.obstacle(event.from) === undefined ? [] : ["receives nothing from you"],
    ];
    const style = this.#style;
    const who = (remarks: readonly string[]) => {
      const all = [...marks, ...remarks];
      const remark = all.length === 0 ? "" : ` (${all.join("; ")})`;
      return this.#name(event.from.credential) + (event.private ? style.magenta(remark) : remark);
    };
    const { time, late = false, text } = event;
    return this.#speech.heard({ sender: key, time, late }, who, text);
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

  #person(identity: { readonly name: string; readonly fingerprint: string }): string {
    return `${this.#name(identity)} ${identity.fingerprint}`;
  }

  /** Formats a name in the colour of its identity. */
  #name({ name, fingerprint }: { readonly name: string; readonly fingerprint: string }): string {
    return this.#style.bold(this.#style.palette(colourOf(fingerprint))(name));
  }

  #note(text: string): string {
    return `${this.#style.dim("*")} ${text}`;
  }
}

/** Browsers give the functions of cryptography to https, to this machine and to files alone. */
const HTTPS_TEXT =
  "browsers on other machines need https: --tls-cert, or a proxy with a certificate";

/** Says with which command others join. */
function joinText({ commands, from }: JoinCommands): string {
  const who = from === "this machine" ? "others on this machine" : "others";
  const host = from === "unknown" ? ", HOST being this machine's name or address" : "";
  return `${who} join with: ${commands.map(printable).join("   or: ")}${host}`;
}

function presenceText(name: string, kind: "away" | "back"): string {
  return kind === "away" ? `${name} is away: its connection was lost` : `${name} is back`;
}

function refusedText({ reason, detail }: RelayEvent & { readonly kind: "refused" }): string {
  const more = detail === "" || !hasPlainDetail(reason) ? "" : ` (${printable(detail)})`;
  return REASON_TEXT[reason] + more;
}

/** Says in which room of a relay something happened, if the room has a name. */
function inRoom({ roomName }: { readonly roomName: string }): string {
  return roomName === "" ? "" : ` (room ${printable(roomName)})`;
}

function lostText(reason: Ending): string {
  const why = reason === "RELAY_GONE" ? "" : ` (${endingText(reason)})`;
  return `connection lost, trying again …${why}`;
}

/** Says that a member left. Only a leaving that the member signed is more than the relay's word. */
function leftText(name: string, reason: keyof typeof REASON_TEXT, signed: boolean): string {
  if (reason !== "LEFT") return `${name} is gone: ${REASON_TEXT[reason]}`;
  return signed ? `${name} left` : `the relay says that ${name} has left`;
}
