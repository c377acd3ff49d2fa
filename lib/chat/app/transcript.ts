/**
 * A conversation as a person reads it.
 *
 * @module
 */

// @ts-types="../../../types/std.d.ts"
import { encodeHex } from "@std/encoding/hex";
import { hostPort } from "../../base/host_port.ts";
import { printable } from "../../base/printable.ts";
import type { Style } from "../../terminal/terminal.ts";
import type { OwnCredential } from "../identity/credential.ts";
import type { MemberEvent } from "../member/options.ts";
import type { Peer } from "../member/roster.ts";
import type { RelayEvent } from "../relay/options.ts";
import { type Ending, endingText, hasPlainDetail, REASON_TEXT } from "../wire/kinds.ts";
import { missedText, notShownText } from "./ended.ts";
import type { Identified, Listening, Presenter, WhoIsWho } from "./presenter.ts";
import { CHAT_COMMANDS, type Verdict } from "./slash_commands.ts";
import {
  changeWarning,
  faultText,
  leftOutText,
  lockText,
  namesOf,
  standingText,
  verdictText,
} from "./trust_text.ts";
import { dumpFrame, type WireFrame } from "./wire_dump.ts";

/** How many lines of one message are shown. */
const MAX_SPEECH_LINES = 20;

const UNVERIFIED = "nobody here is verified: run /fingerprint NAME, and compare by telephone";
const UNREMEMBERED = "a key that changes later goes unnoticed: --known-peers FILE remembers keys";
const EPHEMERAL = "your key is for this run only: --identity FILE keeps one";

/** What a transcript shows, and knows. */
export interface TranscriptOptions {
  readonly style: Style;
  /** Whether this side's own lines are repeated: a terminal's input line vanishes when it is sent. */
  readonly echo: boolean;
  /** Whether a message of very many lines is cut short: nobody scrolls a pipe. */
  readonly folds?: boolean;
  /** Who is who; a relay without a member does not ask. */
  readonly who?: WhoIsWho;
  /** Whether this side's identity lasts longer than this run. */
  readonly lasting?: boolean;
}

/** Lines for people. */
export class Transcript implements Presenter {
  readonly #options: TranscriptOptions;
  readonly #style: Style;
  #self: OwnCredential | undefined;
  readonly #here = new Map<string, Peer>();
  #alone = false;

  /** Lines for people. */
  constructor(options: TranscriptOptions) {
    this.#options = options;
    this.#style = options.style;
  }

  listening({ addr, room, tls }: Listening): string[] {
    const where = hostPort(addr) + (tls ? " over TLS" : "");
    return [this.#note(`listening on ${where}, room ${encodeHex(room.slice(0, 8))}`)];
  }

  event(event: MemberEvent): string[] {
    switch (event.kind) {
      case "admitted":
        this.#here.clear();
        this.#self = event.self;
        return [this.#note(`you are ${this.#person(event.self)}`)];
      case "joined":
        return this.#joined(event.peer, event.present);
      case "ready":
        return this.#ready();
      case "left":
        this.#here.delete(event.peer.credential.key);
        return [this.#note(`${event.peer.credential.name} ${leftText(event.reason)}`)];
      case "away":
      case "back":
        return [this.#note(presenceText(event.peer.credential.name, event.kind))];
      case "disconnected":
        return [this.#note(lostText(event.reason))];
      case "reconnected":
        return [
          this.#note("back"),
          ...event.missed === undefined ? [] : [this.#alarm(missedText(event.missed))],
        ];
      case "message":
        return this.#message(event);
      case "unheard":
        return event.missed === undefined ? this.#unheard() : this.#missed(event);
      case "confirmed":
        return [this.#note(`${event.peer.credential.name} is confirmed: it signs in this room`)];
      case "fault":
        return this.error(event.code, faultText(event));
      case "delivered":
        return this.#missed(event);
      case "sent":
      case "ended":
        return [];
    }
  }

  relayEvent(event: RelayEvent): string[] {
    switch (event.kind) {
      case "joined":
        return [this.#note(`${this.#person(event.credential)} joined`)];
      case "left":
        return [this.#note(`${event.credential.name} ${leftText(event.reason)}`)];
      case "away":
      case "back":
        return [this.#note(presenceText(event.credential.name, event.kind))];
      case "refused":
        return event.reason === "LOST" && event.detail === ""
          ? []
          : [this.#note(`a connection was refused: ${refusedText(event)}`)];
      case "failed":
        return [
          this.#note(`the relay failed on what came, and goes on: ${printable(event.detail)}`),
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
      : "you";
    return this.#speech(this.#style.dim(who), text);
  }

  roster(members: readonly Peer[], self: OwnCredential): string[] {
    return members.map((peer) => {
      const mark = peer.credential.key === self.key ? "you" : this.#standing(peer);
      const away = peer.away ? ", away" : "";
      return this.#note(`${this.#person(peer.credential)} (${mark}${away})`);
    });
  }

  fingerprint({ name, fingerprint, other }: Identified): string[] {
    if (other === undefined) return [this.#note(`your fingerprint is ${fingerprint}`)];
    const { standing, safetyNumber } = other;
    const next = standing.trust === "changed"
      ? `if it is the same there: /trust ${name}, then /verify ${name}`
      : standing.trust === "verified"
      ? `you have said that it is the same there`
      : `if it is the same there: /verify ${name}`;
    return [
      `the fingerprint of ${name} is ${fingerprint}`,
      `the safety number of you and ${name} is`,
      `    ${safetyNumber.slice(0, 6).join(" ")}`,
      `    ${safetyNumber.slice(6).join(" ")}`,
      `compare one of them with ${name}, by telephone or face to face`,
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
    ).concat(this.#note(`${"//TEXT".padEnd(20)} say a text that starts with a slash`));
  }

  notice(text: string): string[] {
    return [this.#note(printable(text))];
  }

  error(code: string, message: string): string[] {
    return [this.#style.red(`! ${printable(message)} (${code})`)];
  }

  /** Something that is not as it should be, and is nobody's mistake. */
  #alarm(text: string): string {
    return this.#style.red(`! ${text}`);
  }

  #missed({ line, missed }: MemberEvent & { readonly kind: "delivered" | "unheard" }): string[] {
    return missed === undefined ? [] : [this.#alarm(notShownText(line.shown, missed))];
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
        peers.length === 0 ? "nobody else is here yet" : this.#verified(peers),
        ...leftOut.length === 0 ? [] : [leftOutText(leftOut)],
        ...lasting === true ? [] : [EPHEMERAL],
        ...who!.remembers ? [] : [UNREMEMBERED],
      ].map((line) => this.#note(line)),
    ];
  }

  /** Who is here and is not given what is said. */
  #leftOut(): Peer[] {
    const { who } = this.#options;
    return [...this.#here.values()].filter((peer) => who?.obstacle(peer) !== undefined);
  }

  /** How many of those who are here are verified. */
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
      ...this.#options.who!.obstacle(event.from) === undefined ? [] : ["gets nothing of you"],
    ];
    const mark = marks.length === 0 ? "" : ` (${marks.join("; ")})`;
    return this.#speech(this.#style.bold(name) + mark, event.text);
  }

  /** What nobody hears is said once, not for every line. */
  #unheard(): string[] {
    if (this.#alone) return [];
    this.#alone = true;
    const leftOut = this.#leftOut();
    const why = leftOut.length === 0
      ? "nobody is here to receive that"
      : `nobody received that: ${leftOutText(leftOut)}`;
    return [this.#note(why)];
  }

  /**
   * A text with its own lines; those after the first cannot pass for somebody else's. At a terminal only the first
   * of many are shown, so that no text pushes away what was said before it. Line feeds at its end, with which a paste
   * ends, show nothing.
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

function lostText(reason: Ending): string {
  const why = reason === "RELAY_GONE" ? "" : ` (${endingText(reason)})`;
  return `connection lost, trying again …${why}`;
}

function leftText(reason: keyof typeof REASON_TEXT): string {
  return reason === "LEFT" ? "left" : `is gone: ${REASON_TEXT[reason]}`;
}
