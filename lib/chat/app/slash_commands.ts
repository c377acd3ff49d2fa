/**
 * Parses input lines: messages and slash commands.
 *
 * @module
 */

import { nearest } from "../../base/nearest.ts";
import type { Input } from "../../os/streams.ts";

/** The slash commands and their help texts. */
export const CHAT_COMMANDS = {
  "/help": "list these commands",
  "/who": "list the members and their fingerprints",
  "/msg NAME TEXT": "send a message to one member only",
  "/fingerprint [NAME]": "show your fingerprint, or NAME's and the safety number",
  "/verify NAME": "mark NAME as verified after comparing fingerprints",
  "/trust NAME": "accept NAME's changed key, or a new NAME in a locked room",
  "/forget NAME": "undo /verify and /trust",
  "/exclude NAME": "stop sending your messages to NAME",
  "/include NAME": "undo /exclude",
  "/lock": "send messages to known and verified members only",
  "/unlock": "undo /lock and --strict",
  "/reload": "reload the allow list, on a server with --allow",
  "/quit": "leave the chat",
} as const;

/** A decision of the user about a member. */
export type Verdict = "verify" | "trust" | "forget" | "exclude" | "include";

/** A parsed input line: a command, a message to send, or a mistake. */
export type SlashCommand =
  | { readonly kind: "nothing" }
  | { readonly kind: "send"; readonly text: string; readonly to: string | undefined }
  | { readonly kind: "help" | "who" | "lock" | "unlock" | "reload" | "quit" }
  | { readonly kind: Verdict; readonly name: string }
  | { readonly kind: "fingerprint"; readonly name: string | undefined }
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
  const [, word = "", rest = ""] = /^\/(\S*)\s*(.*)$/su.exec(line) ?? [];
  switch (word) {
    case "help":
    case "who":
    case "lock":
    case "unlock":
    case "reload":
    case "quit":
      return rest === "" ? { kind: word } : mistake(`/${word} takes no arguments`);
    case "msg":
      return parsePrivate(rest, typed);
    case "verify":
    case "trust":
    case "forget":
    case "exclude":
    case "include":
      return parseVerdict(word, rest.trimEnd());
    case "fingerprint":
      return { kind: "fingerprint", name: rest.trimEnd() === "" ? undefined : rest.trimEnd() };
    default:
      return unknown(word);
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

function parseVerdict(kind: Verdict, name: string): SlashCommand {
  return /^\S+$/.test(name) ? { kind, name } : mistake(`usage: /${kind} NAME`);
}

function unknown(word: string): SlashCommand {
  const words = Object.keys(CHAT_COMMANDS).map((usage) => usage.slice(1).split(" ")[0]!);
  const guess = nearest(word, words);
  const hint = guess === undefined ? "/help lists the commands" : `did you mean /${guess}?`;
  const message = `unknown command /${word}: ${hint} (to send it as text, type //${word})`;
  return { kind: "mistake", code: "NO_SUCH_COMMAND", message };
}

function mistake(message: string): SlashCommand {
  return { kind: "mistake", code: "COMMAND_USAGE", message };
}
