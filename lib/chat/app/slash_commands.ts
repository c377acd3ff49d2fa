/**
 * Input lines: the slash commands, and how a line is read, completed and kept.
 *
 * @module
 */

import { nearest } from "../../base/failure.ts";
import { withoutFragment } from "../../base/printable.ts";
import type { Input } from "../../os/streams.ts";
import type { Completions } from "../../terminal/suggestions.ts";

/** The slash commands and their help texts. */
export const CHAT_COMMANDS = {
  "/help": "list these commands",
  "/who": "list the members with fingerprints; /names: names alone",
  "/names": "list the names of the members",
  "/status": "list your messages that are not shown to everyone yet",
  "/msg NAME TEXT": "send a message to one member only",
  "/me TEXT": "say what you do: /me waves is shown as ~ ada waves",
  "/fingerprint [NAME]": "show your fingerprint, or NAME's and the safety number",
  "/verify NAME [yes/no]": "compare four words, and say the result; undo: /forget",
  "/trust NAME": "accept NAME's changed key, or a new NAME while locked",
  "/forget NAME": "undo /verify and /trust",
  "/exclude NAME": "stop sending your messages to NAME; undo: /include",
  "/include NAME": "undo /exclude",
  "/ignore NAME": "hide NAME's messages; undo: /unignore",
  "/unignore NAME": "undo /ignore",
  "/more": "show the rest of a long message",
  "/quiet": "tell once a minute who comes and goes; again: at once",
  "/invite [OPTIONS]": "make a link for one guest and a day: --many, --hours N",
  "/invites": "list your invitations; /uninvite N withdraws one",
  "/uninvite N": "withdraw invitation N",
  "/join [ROOM]": "go to another room here; alone: say which room this is",
  "/log [FILE]": "keep what is shown in FILE, with --files; /log off ends",
  "/lock": "send to no new members, only known ones; undo: /unlock",
  "/unlock": "undo /lock and --strict",
  "/kick NAME": "remove NAME from your room; /ban NAME: for good",
  "/ban NAME": "remove NAME from your room, and keep its key out",
  "/reload": "reload the allow list, on a server with --allow",
  "/clear": "clear the screen; /more shows the rest of a long text",
  "/quit": "leave the chat; so does /exit",
  "/exit": "leave the chat",
} as const;

/** Where a person chats: in a process that hosts the room, in another one, or in a browser. */
export type Side = "host" | "guest" | "browser";

/** The commands for the person whose process hosts the room. */
const HOST_COMMANDS: ReadonlySet<string> = new Set(["/kick NAME", "/ban NAME", "/reload"]);
/** The commands that a browser has no use for. */
const PROCESS_COMMANDS: ReadonlySet<string> = new Set(["/join [ROOM]", "/log [FILE]"]);

/** Returns the slash commands that a person can use, each with its help text. */
export function commandsFor(side: Side): (readonly [usage: string, help: string])[] {
  return Object.entries(CHAT_COMMANDS).filter(([usage]) =>
    (side === "host" || !HOST_COMMANDS.has(usage)) &&
    (side !== "browser" || !PROCESS_COMMANDS.has(usage))
  );
}

/** The keys of a terminal's input line that are worth knowing, and their help texts. */
export const CHAT_KEYS = {
  "Tab, Ctrl-R": "complete a word; search the lines that you have entered",
  "Alt-Enter": "start a new line; so does Shift-Enter in some terminals",
  "Ctrl-Z": "suspend the chat, so that you are away; fg resumes it",
} as const;

/** The commands that another line names where they are of use, and the one that lists them all. */
const NAMED_BESIDE = new Set(
  [
    "/help",
    "/names",
    "/more",
    "/forget",
    "/include",
    "/unignore",
    "/uninvite",
    "/unlock",
    "/ban",
    "/exit",
  ],
);

/**
 * Returns what people are shown of the commands: rows that a terminal of 80 columns and 24 rows shows
 * at once.
 *
 * @param keys The keys of the input line, if it has keys that are worth knowing.
 * @param side Where the person chats.
 */
export function helpRows(keys: Readonly<Record<string, string>>, side: Side): string[] {
  const commands = commandsFor(side)
    .filter(([usage]) => !NAMED_BESIDE.has(usage.split(" ")[0]!));
  const rows = [
    ...commands,
    ["//TEXT", "send a text that starts with a slash"],
    ...Object.entries(keys),
  ] as const;
  return rows.map(([what, help]) => `${what.padEnd(USAGE_COLUMNS)} ${help}`);
}

/** The width of the longest usage. */
export const USAGE_COLUMNS: number = "/verify NAME [yes/no]".length;

/** The commands without arguments. */
const PLAIN = [
  "help",
  "who",
  "names",
  "status",
  "more",
  "quiet",
  "invites",
  "clear",
  "lock",
  "unlock",
  "reload",
  "quit",
] as const;
/** The commands about a member that have no other argument. */
const NAMED = [
  "trust",
  "forget",
  "exclude",
  "include",
  "ignore",
  "unignore",
  "kick",
  "ban",
] as const;

/** What a person answers to a comparison: `/verify NAME yes`. */
export type Answer = "yes" | "no";

/** A command without arguments. */
export type PlainCommand = { readonly kind: typeof PLAIN[number] };

/** A parsed input line: a command, a message to send, or a mistake. */
export type SlashCommand =
  | { readonly kind: "nothing" }
  | { readonly kind: "send"; readonly text: string; readonly to: string | undefined }
  | PlainCommand
  | { readonly kind: typeof NAMED[number]; readonly name: string }
  | { readonly kind: "verify"; readonly name: string; readonly answer: Answer | undefined }
  | { readonly kind: "fingerprint"; readonly name: string | undefined }
  | InviteCommand
  | { readonly kind: "join" | "log"; readonly rest: string }
  | {
    readonly kind: "mistake";
    readonly code: "NO_SUCH_COMMAND" | "COMMAND_USAGE";
    readonly message: string;
  };

/**
 * Parses a line of piped input as a message, even if it starts with a slash: data is never run as a
 * command. An empty line sends nothing.
 *
 * @param line The line.
 */
export function parseMessage(line: string): SlashCommand {
  return line === "" ? { kind: "nothing" } : { kind: "send", text: line, to: undefined };
}

/**
 * Parses an input line. A line that starts with one slash is a command; `//x` sends `/x`.
 *
 * @param line The line; a pasted one may contain line feeds.
 * @param typed Whether a person typed it. A typed line of white space sends nothing; a piped one is
 * sent as it is.
 */
export function parseLine(line: string, typed = false): SlashCommand {
  if (line === "" || (typed && isBlank(line))) return { kind: "nothing" };
  if (!line.startsWith("/")) return { kind: "send", text: line, to: undefined };
  if (line.startsWith("//")) return { kind: "send", text: line.slice(1), to: undefined };
  const [, typedWord = "", rest = ""] = /^\/(\S*)\s*(.*)$/su.exec(line) ?? [];
  const word = typedWord.toLowerCase();
  const plain = word === "exit" ? "quit" : PLAIN.find((one) => one === word);
  if (plain !== undefined) {
    return rest === "" ? { kind: plain } : mistake(`/${word} takes no arguments`);
  }
  const named = NAMED.find((one) => one === word);
  if (named !== undefined) return parseNamed(named, rest.trimEnd());
  switch (word) {
    case "me":
      return isBlank(rest)
        ? mistake("usage: /me TEXT")
        : { kind: "send", text: `/me ${rest}`, to: undefined };
    case "msg":
      return parsePrivate(rest, typed);
    case "verify":
      return parseVerify(rest);
    case "invite":
    case "uninvite":
      return parseInvite(word, rest) ?? mistake(INVITE_USAGE[word]);
    case "fingerprint":
      return { kind: "fingerprint", name: rest.trimEnd() === "" ? undefined : rest.trimEnd() };
    case "join":
    case "log":
      return { kind: word, rest: rest.trimEnd() };
    default:
      return unknown(typedWord);
  }
}

/** Reports whether an input is a message. */
export function isMessage(entered: Input): boolean {
  return entered.kind === "line" && parseLine(entered.text, true).kind === "send";
}

/** Reports whether an input leaves the chat. */
export function leaves(entered: Input): boolean {
  return entered.kind === "end" ||
    entered.kind === "line" && parseLine(entered.text, true).kind === "quit";
}

/** What completes the argument of a command. */
export interface Arguments {
  /** The rooms to which the user may want to go, as `/join` takes them. */
  readonly rooms?: readonly string[];
  /** Completes a path. */
  readonly paths?: (begun: string) => readonly string[];
}

/**
 * Completes the word before the cursor: a command, the name of a member or of a room, or a path.
 *
 * @param before The line up to the cursor.
 * @param names The names of the other members.
 * @param side Where the person chats: some commands are of use only there.
 * @param options What else may complete an argument.
 */
export function completeLine(
  before: string,
  names: readonly string[],
  side: Side = "host",
  { rooms = [], paths }: Arguments = {},
): Completions {
  const pathAt = /^\/log\s+/iu.exec(before)?.[0].length;
  if (pathAt !== undefined) {
    return { start: pathAt, candidates: paths?.(before.slice(pathAt)) ?? [] };
  }
  const start = before.search(/\S*$/u);
  const word = before.slice(start);
  const [command, ...places] = usageOf(before);
  if (command === undefined) return { start, candidates: namesFor(word, names, start === 0) };
  if (start === 0) return { start, candidates: startsOf(word, commandStarts(side)) };
  const isFirst = /^\S+\s+$/u.test(before.slice(0, start));
  const place = isFirst ? places[0] : places.at(-1);
  if (place === "TEXT") return { start, candidates: namesFor(word, names, false) };
  if (isFirst && place === "[ROOM]") return { start, candidates: startsOf(word, rooms) };
  if (place === "[yes/no]") return { start, candidates: startsOf(word, ["yes", "no"]) };
  if (!isFirst || place?.includes("NAME") !== true) return { start, candidates: [] };
  const follows = places.length > 1 ? " " : "";
  return { start, candidates: startsOf(word, names.map((name) => name + follows)) };
}

/** Each command as it is completed, with a blank before its arguments. */
function commandStarts(side: Side): string[] {
  return commandsFor(side).map(([usage]) => usage.replace(/ .*/, " "));
}

/** Returns the words of a command's usage; a word alone for a command that is unknown or unfinished. */
function usageOf(line: string): readonly string[] {
  const word = /^\/(?!\/)\S*/u.exec(line)?.[0];
  if (word === undefined) return [];
  const usages = Object.keys(CHAT_COMMANDS).map((usage) => usage.split(" "));
  return usages.find(([command]) => command === word.toLowerCase()) ?? [word];
}

/** Completes a name in a text. A name that starts the text addresses its member. */
function namesFor(word: string, names: readonly string[], addresses: boolean): string[] {
  const [, at = "", begun = ""] = /^(@?)(.*)$/su.exec(word)!;
  if (begun === "" && at === "") return [];
  const follows = addresses && at === "" ? ": " : " ";
  return startsOf(begun, names).map((name) => at + name + follows);
}

function startsOf(begun: string, texts: readonly string[]): string[] {
  const folded = begun.normalize("NFKC").toLowerCase();
  return texts.filter((text) => text.toLowerCase().startsWith(folded)).sort();
}

/** The longest line that a history file holds, in UTF-16 code units. */
const MAX_KEPT_LINE = 4096;

/**
 * Reports whether a history file may hold a line. It holds neither private messages nor unknown
 * commands, which may be mistyped private messages, nor links of invitations, nor lines that start
 * with a blank.
 */
export function isKept(line: string): boolean {
  if (/^\s/u.test(line) || line.length > MAX_KEPT_LINE) return false;
  if (line !== withoutFragment(line)) return false;
  const command = parseLine(line, true);
  return command.kind !== "mistake" && !(command.kind === "send" && command.to !== undefined);
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}

function parsePrivate(rest: string, typed: boolean): SlashCommand {
  const [, to, text] = /^(\S+)\s(.+)$/su.exec(rest) ?? [];
  if (to === undefined || text === undefined || (typed && isBlank(text))) {
    return mistake("usage: /msg NAME TEXT");
  }
  return { kind: "send", text, to };
}

function parseVerify(rest: string): SlashCommand {
  const [, name, answer] = /^(\S+)(?:\s+(yes|no))?\s*$/iu.exec(rest) ?? [];
  if (name === undefined) return mistake("usage: /verify NAME, then /verify NAME yes or no");
  return { kind: "verify", name, answer: answer?.toLowerCase() as Answer | undefined };
}

function parseNamed(kind: typeof NAMED[number], name: string): SlashCommand {
  return /^\S+$/.test(name) ? { kind, name } : mistake(`usage: /${kind} NAME`);
}

function unknown(word: string): SlashCommand {
  const words = Object.keys(CHAT_COMMANDS).map((usage) => usage.slice(1).split(" ")[0]!);
  const guess = nearest(word.toLowerCase(), words);
  const hint = guess === undefined ? "/help lists the commands" : `did you mean /${guess}?`;
  const message = `unknown command /${word}: ${hint} (to send it as text, type //${word})`;
  return { kind: "mistake", code: "NO_SUCH_COMMAND", message };
}

function mistake(message: string): SlashCommand {
  return { kind: "mistake", code: "COMMAND_USAGE", message };
}

// Invitations.

/** The usage of the commands about invitations. */
export const INVITE_USAGE = {
  invite: "usage: /invite [--many] [--hours N], with N from 1 to 8760",
  uninvite: "usage: /uninvite N, with the N that /invites lists",
} as const;

/** A command about invitations that has arguments. */
export type InviteCommand =
  | { readonly kind: "invite"; readonly many: boolean; readonly hours: number }
  | { readonly kind: "uninvite"; readonly number: number };

/** How long an invitation lasts by default, in hours. */
export const DEFAULT_HOURS = 24;
/** How long an invitation lasts at most: a year, in hours. */
const MAX_HOURS = 8_760;

/**
 * Parses the arguments of `/invite` and `/uninvite`.
 *
 * @param kind The command.
 * @param rest What follows it.
 * @returns The command; undefined if the arguments are not valid.
 */
export function parseInvite(kind: InviteCommand["kind"], rest: string): InviteCommand | undefined {
  const words = rest.split(/\s+/u).filter((word) => word !== "");
  if (kind === "uninvite") {
    const number = words.length === 1 ? wholeNumber(words[0]) : undefined;
    return number === undefined ? undefined : { kind, number };
  }
  let many = false;
  let hours: number | undefined;
  for (let i = 0; i < words.length; i++) {
    if (words[i] === "--many" && !many) many = true;
    else if (words[i] === "--hours" && hours === undefined) {
      hours = wholeNumber(words[++i]);
      if (hours === undefined || hours > MAX_HOURS) return undefined;
    } else return undefined;
  }
  return { kind, many, hours: hours ?? DEFAULT_HOURS };
}

/** Reads a whole number from 1 to 9999. */
function wholeNumber(word = ""): number | undefined {
  return /^[1-9]\d{0,3}$/.test(word) ? Number(word) : undefined;
}
