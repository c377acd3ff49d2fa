/**
 * What a person is shown of a chat: messages as lines with their time and speaker, the bell and the title, and comings
 * and goings in one line.
 *
 * @module
 */

import { dayOf, secondOf, steadyNow } from "../../base/clock.ts";
import { printable } from "../../base/printable.ts";
import type { Style } from "../../terminal/terminal.ts";
import type { MemberEvent } from "../member/options.ts";
import { NAMES_SAID } from "./peer_texts.ts";
import type { ConversationOptions } from "./presenter.ts";

/** The most lines of one message that a terminal shows at once. */
const MAX_SPEECH_LINES = 20;
/** The most characters of one message that a terminal shows at once, in UTF-16 code units. */
const MAX_SPEECH_LENGTH = 2_000;
/** A message that takes longer than the sender's other messages by this much was held back, in milliseconds. */
const HELD_BACK_MS = 60_000;
/** The same for a sender's first message, whose clock may differ from this machine's. */
const FIRST_HELD_BACK_MS = 300_000;

/** Colours of xterm's palette whose contrast with black and with white is at least 4 to 1 (WCAG 2). */
export const COLOURS: readonly number[] = [27, 28, 30, 31, 63, 64, 98, 130, 131, 133, 162, 164];

/** Returns the colour of an identity, as a number of xterm's palette of 256. */
export function colourOf(fingerprint: string): number {
  let sum = 0;
  for (const char of fingerprint) sum = (sum * 31 + char.charCodeAt(0)) % 65_521;
  return COLOURS[sum % COLOURS.length]!;
}

/** Options of {@linkcode Speech}. */
export interface SpeechOptions {
  readonly style: Style;
  /** Whether to shorten long messages. */
  readonly folds: boolean;
  /** Whether each line starts with its time. */
  readonly timed: boolean;
  /** Returns the time in milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** When a message was sent and how it came. */
export interface Arrival {
  /** Identifies the sender. */
  readonly sender: string;
  /** When it was sent, by the sender's clock, in milliseconds since 1970. */
  readonly time: number;
  /** Whether a later message of the sender came first. */
  readonly late: boolean;
}

/** Formats messages, those of others and the user's own. */
export class Speech {
  readonly #options: SpeechOptions;
  readonly #now: () => number;
  /** Matches the user's name in a message; undefined before it is known. */
  mention: RegExp | undefined;
  /** The day of the last shown line. */
  #day: string;
  /** What is left of the message that was shortened last. */
  #rest = "";
  /** By sender, the shortest time that a message of it took, by both clocks, in milliseconds. */
  readonly #shortest = new Map<string, number>();

  /** Starts with the present day. */
  constructor(options: SpeechOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#day = dayOf(this.#now());
  }

  /** Formats a message of the user, which is sent now. */
  own(who: string, text: string): string[] {
    return this.#lines(this.#now(), who, text, (line) => line);
  }

  /**
   * Formats a message of another member. A message that was held back or came late is shown at the
   * time at which it came, and names the time at which it was sent.
   *
   * @param arrival When it was sent and how it came.
   * @param who Formats the speaker, with remarks about the message.
   * @param text The text.
   */
  heard(arrival: Arrival, who: (remarks: readonly string[]) => string, text: string): string[] {
    const now = this.#now();
    const isHeldBack = this.#isHeldBack(arrival, now);
    const marked = (line: string) => this.#marked(line);
    if (!arrival.late && !isHeldBack) return this.#lines(arrival.time, who([]), text, marked);
    const sent = `sent ${sentText(arrival.time, now)}`;
    return this.#lines(now, who([...arrival.late ? ["late"] : [], sent]), text, marked);
  }

  /** Forgets a sender, who has left. */
  forget(sender: string): void {
    this.#shortest.delete(sender);
  }

  /**
   * Reports whether a message took much longer than others of its sender. Only the difference
   * counts: the clocks of two machines may differ.
   */
  #isHeldBack({ sender, time }: Arrival, now: number): boolean {
    const took = now - time;
    const shortest = this.#shortest.get(sender);
    if (shortest === undefined || took < shortest) this.#shortest.set(sender, took);
    return shortest === undefined ? took >= FIRST_HELD_BACK_MS : took - shortest >= HELD_BACK_MS;
  }

  /** Formats the next part of the message that was shortened last. Empty if nothing is left of it. */
  more(): string[] {
    if (this.#rest === "") return [];
    const rest = this.#rest;
    this.#rest = "";
    const { lines, folded } = this.#begin(rest);
    return [...lines.map((line) => `  | ${line}`), ...folded];
  }

  /**
   * Formats a message. Lines after the first are marked, so that they cannot pass for another
   * member's. A terminal shows only the beginning of a long message, so that it does not scroll
   * away earlier ones. Line feeds at the end, as a paste has, are dropped.
   */
  #lines(time: number, who: string, text: string, marked: (line: string) => string): string[] {
    const words = isAction(text) ? text.slice(ACTION.length) : text;
    const all = words.replace(/\n+$/, "").split("\n").map(fit);
    const { lines, folded } = this.#options.folds
      ? this.#begin(all.join("\n"))
      : { lines: all, folded: [] };
    const [first, ...rest] = lines.map(marked);
    return this.#timed(time, [
      isAction(text) ? `~ ${who} ${first}` : `${who}: ${first}`,
      ...rest.map((line) => `  | ${line}`),
      ...folded,
    ]);
  }

  /** Returns the lines at the beginning of a text, and a line about the rest, which it keeps. */
  #begin(text: string): { readonly lines: readonly string[]; readonly folded: readonly string[] } {
    const end = endOfBeginning(text);
    if (end === text.length) return { lines: text.split("\n"), folded: [] };
    const isWhole = text[end] === "\n";
    this.#rest = text.slice(isWhole ? end + 1 : end);
    const left = isWhole
      ? linesText(this.#rest.split("\n").length)
      : `${this.#rest.length} characters`;
    const folded = [this.#options.style.dim(`  (${left} more: /more)`)];
    return { lines: text.slice(0, end).split("\n"), folded };
  }

  /** Highlights the user's name. */
  #marked(line: string): string {
    const { mention } = this;
    if (mention === undefined) return line;
    return line.replace(new RegExp(mention, "giu"), (name) => this.#options.style.reverse(name));
  }

  /** Puts the time before the first line, and the day above it if it is another day. */
  #timed(time: number, [first, ...rest]: readonly string[]): string[] {
    const { style, timed } = this.#options;
    if (!timed) return [first!, ...rest];
    const day = dayOf(time);
    const isNewDay = day !== this.#day;
    this.#day = day;
    const lines = [`${style.dim(minuteOf(time))} ${first}`, ...rest];
    return isNewDay ? [`${style.dim("*")} ${day}`, ...lines] : lines;
  }
}

/** What the text of an action starts with, as in other chats (XEP-0245): `/me waves`. */
const ACTION = "/me ";

/** Returns whether a text is an action, which is shown as `~ ada waves`. */
export function isAction(text: string): boolean {
  return text.startsWith(ACTION);
}

const minuteOf = (time: number) => secondOf(time).slice(0, "HH:MM".length);

/** Says when a message was sent: with the day, unless it is the present one. */
function sentText(time: number, now: number): string {
  return dayOf(time) === dayOf(now) ? minuteOf(time) : `${dayOf(time)} ${minuteOf(time)}`;
}

function linesText(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}

/** Returns the offset up to which a terminal shows a text at once. */
function endOfBeginning(text: string): number {
  let end = -1;
  for (let lines = 0; lines < MAX_SPEECH_LINES; lines++) {
    end = text.indexOf("\n", end + 1);
    if (end < 0) {
      end = text.length;
      break;
    }
  }
  if (end <= MAX_SPEECH_LENGTH) return end;
  const isHalf = /[\ud800-\udbff]/.test(text[MAX_SPEECH_LENGTH - 1]!); // the first half of a character
  return isHalf ? MAX_SPEECH_LENGTH - 1 : MAX_SPEECH_LENGTH;
}

function fit(line: string): string {
  return printable(line.replaceAll("\t", "    "));
}

/** The shortest time between two rings of the bell, in milliseconds. */
const RING_MS = 2_000;

type AttentionOptions = Pick<ConversationOptions, "presenter" | "display" | "bell">;

/** Draws attention to messages, and prints gathered comings and goings when they are due. */
export class Attention {
  readonly #options: AttentionOptions;
  readonly #now: () => number;
  #mention: RegExp | undefined;
  #rangAt = -Infinity;
  #gathering: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param options The surroundings; without a bell, `mention`.
   * @param now A monotonic clock in milliseconds.
   */
  constructor(options: AttentionOptions, now: () => number = () => performance.now()) {
    this.#options = options;
    this.#now = now;
  }

  /** Takes an event of the room. */
  tell(event: MemberEvent): void {
    if (event.kind === "admitted") this.#mention = mentionOf(event.self.name);
    if (event.kind === "message") this.#message(event);
    this.#gather();
  }

  /** Waits until gathered comings and goings are due. Each new one may put that off. */
  #gather(): void {
    const { presenter, display } = this.#options;
    const { gatheredMs } = presenter;
    if (gatheredMs === undefined) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined;
      if (presenter.gatheredMs === 0) display.print(presenter.gathered?.() ?? []);
      else this.#gather();
    }, gatheredMs);
  }

  /** Prints what was gathered, and no more lines. */
  stop(): void {
    clearTimeout(this.#gathering);
    this.#options.display.print(this.#options.presenter.gathered?.() ?? []);
  }

  #message(event: MemberEvent & { readonly kind: "message" }): void {
    const { bell = "mention", display } = this.#options;
    if (display.notify === undefined) return;
    const isMeant = event.private || this.#mention !== undefined && this.#mention.test(event.text);
    if (bell === "none" || bell === "mention" && !isMeant) return;
    const now = this.#now();
    const rings = now - this.#rangAt >= RING_MS;
    if (rings) this.#rangAt = now;
    display.notify(rings);
  }
}

/** Returns a pattern that matches a name as a word of its own, in any case. */
export function mentionOf(name: string): RegExp {
  const literal = name.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&");
  return new RegExp(`(?<![\\p{L}\\p{N}_])${literal}(?![\\p{L}\\p{N}_])`, "iu");
}

/** A member came, went, or lost or regained its connection. */
export type Coming = "joined" | "left" | "away" | "back";

/** How long the first line of a minute waits for more comings and goings if it cannot grow, in milliseconds. */
const PAUSE_MS = 2_000;
/** A minute, which begins with a coming or going, in milliseconds. */
const MINUTE_MS = 60_000;

/** The most members whose comings and goings are put together for one line. Of others each one counts by itself. */
const MAX_GATHERED = 2_000;

/** What a member did since the last line. */
interface Gathered {
  readonly first: Coming;
  last: Coming;
  /** How it is named in a list. */
  label: string;
  /** A line about it alone; undefined if it did more than one thing. */
  alone: string | undefined;
}

/**
 * Gathers the comings and goings of a minute into one line.
 *
 * Where the line can grow, it stands above the prompt from the first coming on. When the minute is over, it is told.
 * Elsewhere a first line is told after a pause, so that somebody who comes while it is quiet is known at once, and one
 * more, of all who follow, when the minute is over.
 */
export class Comings {
  /** Whether nothing is seen before the minute is over. */
  quiet = false;
  readonly #now: () => number;
  readonly #grows: boolean;
  readonly #gathered = new Map<string, Gathered>();
  /** The same members by what they did in all. */
  readonly #groups = new Map<string, Group>();
  /** When the present minute is over. */
  #minuteEnd = -Infinity;
  /** The number of lines told in this minute. */
  #told = 0;
  #lastAt = 0;

  /**
   * @param now A monotonic clock in milliseconds.
   * @param grows Whether the line can grow above the prompt until it is told.
   */
  constructor(now: () => number = steadyNow, grows = false) {
    this.#now = now;
    this.#grows = grows;
  }

  /** The time until the line is to be told, in milliseconds; undefined if there is nothing to tell. */
  get dueMs(): number | undefined {
    if (this.#gathered.size === 0) return undefined;
    const waits = this.quiet || this.#grows || this.#told > 0;
    const at = waits ? this.#minuteEnd : Math.min(this.#minuteEnd, this.#lastAt + PAUSE_MS);
    return Math.max(0, at - this.#now());
  }

  /** Whether the line is seen while it grows. */
  get isSeen(): boolean {
    return this.#grows && !this.quiet && this.#gathered.size > 0;
  }

  /** Whether anything that is printed ends the line that is seen: it is the first one of its minute. */
  get yields(): boolean {
    return this.isSeen && this.#told === 0;
  }

  /**
   * Takes a coming or going.
   *
   * @param name The member's name.
   * @param coming What it did.
   * @param label How it is named in a list.
   * @param alone A line about it alone.
   */
  add(name: string, coming: Coming, label = name, alone = `${coming}: ${name}`): void {
    this.#lastAt = this.#now();
    if (this.#gathered.size === 0 && this.#lastAt >= this.#minuteEnd) {
      this.#minuteEnd = this.#lastAt + MINUTE_MS;
      this.#told = 0;
    }
    const known = this.#gathered.get(name);
    if (known !== undefined) {
      this.#leave(known);
      Object.assign(known, { last: coming, label, alone: undefined });
      this.#enter(known);
    } else if (this.#gathered.size < MAX_GATHERED) {
      const one = { first: coming, last: coming, label, alone };
      this.#gathered.set(name, one);
      this.#enter(one);
    } else this.#groupOf(GROUPS[coming]).more += 1;
  }

  #enter(one: Gathered): void {
    this.#groupOf(groupOf(one)).named.add(one);
  }

  #leave(one: Gathered): void {
    const name = groupOf(one);
    const { named, more } = this.#groupOf(name);
    named.delete(one);
    if (named.size + more === 0) this.#groups.delete(name);
  }

  #groupOf(name: string): Group {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, group = { named: new Set(), more: 0 });
    return group;
  }

  /** Leaves out that a member joined, since another line says so. */
  dropJoining(name: string): void {
    const one = this.#gathered.get(name);
    if (one === undefined || one.first !== "joined" || one.last !== "joined") return;
    this.#leave(one);
    this.#gathered.delete(name);
  }

  /** Whether the line is to be told before a message of a member: the first one of its minute, if it names the member. */
  introduces(name: string): boolean {
    return this.#gathered.has(name) && !this.quiet && this.#told === 0;
  }

  /**
   * Says what was gathered so far.
   *
   * @param names Lists the first names of some, and counts the others.
   * @returns One line, or undefined if there is nothing to tell.
   */
  text(names: (first: readonly string[], more: number) => string): string | undefined {
    const [only, second] = this.#gathered.values();
    if (second === undefined && only?.alone !== undefined) return only.alone;
    const groups = [...this.#groups].map(([group, { named, more }]) => {
      const first = [...named.values().take(NAMES_SAID)].map(({ label }) => label);
      return `${group}: ${names(first, named.size - first.length + more)}`;
    });
    return groups.length === 0 ? undefined : groups.join("; ");
  }

  /** Takes the line, which is told now. */
  take(names: (first: readonly string[], more: number) => string): string | undefined {
    const text = this.text(names);
    if (text !== undefined) this.#told += 1;
    this.#gathered.clear();
    this.#groups.clear();
    return text;
  }
}

/** Those who did the same in all. */
interface Group {
  readonly named: Set<Gathered>;
  /** The number of those who are not kept. */
  more: number;
}

function groupOf({ first, last }: Gathered): string {
  return TURNS[`${first} ${last}`] ?? GROUPS[last];
}

const GROUPS: Readonly<Record<Coming, string>> = {
  joined: "joined",
  left: "gone",
  away: "away",
  back: "back",
};

/** The group of a member by its first and its last coming or going. */
const TURNS: Readonly<Record<string, string>> = {
  "joined left": "came and went",
  "left joined": "left and came back",
  "away joined": "left and came back",
  "away back": "was away for a moment",
  "joined away": "joined, and away",
  "joined back": "joined",
};
