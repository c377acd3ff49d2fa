/**
 * Presents a conversation to people, as lines of text.
 *
 * @module
 */

import { hostPort } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import type { Style } from "../../terminal/terminal.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { RelayEvent } from "../relay/options.ts";
import { type Ending, endingText, hasPlainDetail, REASON_TEXT } from "../wire/kinds.ts";
import { missedText, notShownText } from "./departure.ts";
import {
  changeWarning,
  faultText,
  type Identified,
  leftOutText,
  type Listening,
  lockText,
  namesOf,
  type Presenter,
  standingText,
  type TrustView,
  type Verdict,
  verdictText,
} from "./presenter.ts";
import { CHAT_COMMANDS } from "./slash_commands.ts";
import { dumpFrame, type WireFrame } from "./wire_dump.ts";

/** The maximum number of lines shown of one message. */
const MAX_SPEECH_LINES = 20;

const UNVERIFIED = "no one is verified yet: run /fingerprint NAME and compare by phone";
const UNREMEMBERED = "later key changes go unnoticed: --known-peers FILE remembers keys";
const EPHEMERAL = "your key lasts for this run only: --identity FILE keeps a key";

/** Options of {@linkcode Transcript}. */
export interface TranscriptOptions {
  readonly style: Style;
  /** Whether to echo the user's own lines: the input line vanishes when it is sent. */
  readonly echo: boolean;
  /** Whether to shorten messages of many lines, as on a terminal but not in a pipe. */
  readonly folds?: boolean;
  /** The trust decisions; a relay without a member has none. */
  readonly who?: TrustView;
  /** Whether this side's identity outlasts this run. */
  readonly lasting?: boolean;
  /** The name of the room; none by default. */
  readonly roomName?: string;
}

/** Formats events as lines of text. */
export class Transcript implements Presenter {
  readonly #options: TranscriptOptions;
  readonly #style: Style;
  #self: OwnCredential | undefined;
  readonly #here = new Map<string, Peer>();
  #alone = false;

  /** Formats events as lines of text. */
  constructor(options: TranscriptOptions) {
    this.#options = options;
    this.#style = options.style;
  }

  listening({ addr, room, roomName, tls }: Listening): string[] {
    const where = hostPort(addr) + (tls ? " over TLS" : "");
    const id = room.slice(0, 8).toHex();
    const which = roomName === "" ? id : `${printable(roomName)} (${id})`;
    return [this.#note(`listening on ${where}, room ${which}`)];
  }

  event(event: MemberEvent): string[] {
    switch (event.kind) {
      case "admitted":
        this.#here.clear();
        this.#self = event.self;
        return [this.#note(`you are ${this.#person(event.self)}`), ...this.#roomNote()];
      case "joined":
        return this.#joined(event.peer, event.present);
      case "ready":
        return this.#ready();
      case "left":
        this.#here.delete(event.peer.credential.key);
        return [this.#note(leftText(event.peer.credential.name, event.reason, event.signed))];
      case "away":
      case "back":
        return [this.#note(presenceText(event.peer.credential.name, event.kind))];
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
        return this.error(event.code, faultText(event));
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

  /** Says which room this member is in, if the room has a name. */
  #roomNote(): string[] {
    const { roomName = "" } = this.#options;
    return roomName === "" ? [] : [this.#note(`you are in the room ${printable(roomName)}`)];
  }

  said(text: string, to: string | undefined): string[] {
    if (!this.#options.echo) return [];
    const leftOut = this.#leftOut();
    const who = to !== undefined
      ? `you (to ${printable(to)} only)`
      : leftOut.length > 0
      ? `you (not to ${namesOf(leftOut)})`
      : "you";
    return this.#speech(this.#style.dim(who), text);
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

  fingerprint({ name, fingerprint, other }: Identified): string[] {
    if (other === undefined) return [this.#note(`your fingerprint is ${fingerprint}`)];
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
    return [this.#note(verdictText(verdict, known, peer, this.#options.who!))];
  }

  locked(locked: boolean, leftOut: readonly Peer[]): string[] {
    this.#alone = false;
    return [this.#note(lockText(locked, leftOut))];
  }

  help(): string[] {
    return Object.entries(CHAT_COMMANDS).map(([usage, what]) =>
      this.#note(`${usage.padEnd(20)} ${what}`)
    ).concat(this.#note(`${"//TEXT".padEnd(20)} send a text that starts with a slash`));
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
      : [this.#alarm(notShownText(line.shown, missed.map(({ name }) => name)))];
  }

  wire(frame: WireFrame): string[] {
    return dumpFrame(frame).map((line) => this.#style.dim(line));
  }

  #joined(peer: Peer, present: boolean): string[] {
    this.#here.set(peer.credential.key, peer);
    if (present) return [];
    this.#alone = false;
    return [
      this.#note(`${this.#person(peer.credential)} joined (${this.#standing(peer)})`),
      ...this.#warning(peer),
    ];
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

  #ready(): string[] {
    const { who, lasting } = this.#options;
    const peers = [...this.#here.values()];
    const here = peers.flatMap((peer) => [
      this.#note(`here: ${this.#person(peer.credential)} (${this.#standing(peer)})`),
      ...this.#warning(peer),
    ]);
    const leftOut = this.#leftOut();
    return [
      ...here,
      ...[
        peers.length === 0 ? "no one else is here yet" : this.#verified(peers),
        ...leftOut.length === 0 ? [] : [leftOutText(leftOut)],
        ...lasting === true ? [] : [EPHEMERAL],
        ...who!.remembers ? [] : [UNREMEMBERED],
      ].map((line) => this.#note(line)),
    ];
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
    const { name } = event.from.credential;
    const marks = [
      ...event.private ? ["to you only"] : [],
      ...event.late === true ? ["late"] : [],
      ...this.#options.who!.obstacle(event.from) === undefined ? [] : ["receives nothing from you"],
    ];
    const mark = marks.length === 0 ? "" : ` (${marks.join("; ")})`;
    return this.#speech(this.#style.bold(name) + mark, event.text);
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

  /**
   * Formats a message. Lines after the first are marked, so that they cannot pass for another
   * member's. A terminal shows only the first lines of a long message, so that it does not scroll
   * away earlier ones. Line feeds at the end, as a paste has, are dropped.
   */
  #speech(who: string, text: string): string[] {
    const lines = text.replace(/\n+$/, "").split("\n");
    const shown = this.#options.folds === true ? MAX_SPEECH_LINES : lines.length;
    const [first, ...rest] = lines.slice(0, shown).map(fit);
    const more = lines.length - shown;
    const folded = more <= 0 ? [] : [this.#style.dim(`  (${linesText(more)} more)`)];
    return [`${who}: ${first}`, ...rest.map((line) => `  | ${line}`), ...folded];
  }

  #person({ name, fingerprint }: { readonly name: string; readonly fingerprint: string }): string {
    return `${this.#style.bold(name)} ${fingerprint}`;
  }

  #note(text: string): string {
    return `${this.#style.dim("*")} ${text}`;
  }
}

function linesText(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}

function fit(line: string): string {
  return printable(line.replaceAll("\t", "    "));
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
