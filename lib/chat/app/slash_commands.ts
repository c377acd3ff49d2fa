/**
 * What a person enters: something to say, or a command of the chat.
 *
 * @module
 */

import { nearest } from "../../base/nearest.ts";

/** The commands of the chat, with what they do. */
export const CHAT_COMMANDS = {
  "/help": "show these commands",
  "/who": "show who is here, with fingerprints",
  "/msg NAME TEXT": "say something to one member only",
  "/fingerprint [NAME]": "show your fingerprint, or somebody's with a safety number",
  "/verify NAME": "say that you have compared somebody's fingerprint or safety number",
  "/trust NAME": "take a key as somebody's own: a changed one, or a new one while locked",
  "/forget NAME": "undo /verify and /trust",
  "/exclude NAME": "stop giving somebody what you say",
  "/include NAME": "undo /exclude",
  "/lock": "give what you say to known and verified members only",
  "/unlock": "undo /lock and --strict",
  "/reload": "at a server with --allow: read the list again",
  "/quit": "leave",
} as const;

/** What a person decides about somebody. */
export type Verdict = "verify" | "trust" | "forget" | "exclude" | "include";

/** What was entered. */
export type Entry =
  | { readonly kind: "nothing" }
  | { readonly kind: "say"; readonly text: string; readonly to: string | undefined }
  | { readonly kind: "help" | "who" | "lock" | "unlock" | "reload" | "quit" }
  | { readonly kind: Verdict; readonly name: string }
  | { readonly kind: "fingerprint"; readonly name: string | undefined }
  | {
    readonly kind: "mistake";
    readonly code: "NO_SUCH_COMMAND" | "COMMAND_USAGE";
    readonly message: string;
  };

/**
 * Takes a line of piped input as it is, whatever it starts with: data is never taken for a command. An empty line says
 * nothing.
 *
 * @param line The line.
 */
export function readMessage(line: string): Entry {
  return line === "" ? { kind: "nothing" } : { kind: "say", text: line, to: undefined };
}

/**
 * Reads what was entered. A line that starts with one slash is a command; `//x` says `/x`.
 *
 * @param line One line; in a pasted one there may be more.
 * @param typed Whether a person typed it. Who types blanks alone says nothing; a line that was piped in is
 *   data, and is said whole.
 */
export function readEntry(line: string, typed = false): Entry {
  if (line === "" || (typed && isBlank(line))) return { kind: "nothing" };
  if (!line.startsWith("/")) return { kind: "say", text: line, to: undefined };
  if (line.startsWith("//")) return { kind: "say", text: line.slice(1), to: undefined };
  const [, word = "", rest = ""] = /^\/(\S*)\s*(.*)$/su.exec(line) ?? [];
  switch (word) {
    case "help":
    case "who":
    case "lock":
    case "unlock":
    case "reload":
    case "quit":
      return rest === "" ? { kind: word } : mistake(`/${word} takes nothing behind it`);
    case "msg":
      return readPrivate(rest, typed);
    case "verify":
    case "trust":
    case "forget":
    case "exclude":
    case "include":
      return readVerdict(word, rest.trimEnd());
    case "fingerprint":
      return { kind: "fingerprint", name: rest.trimEnd() === "" ? undefined : rest.trimEnd() };
    default:
      return unknown(word);
  }
}

function isBlank(text: string): boolean {
  return text.trim() === "";
}

function readPrivate(rest: string, typed: boolean): Entry {
  const [, to, text] = /^(\S+)\s(.+)$/su.exec(rest) ?? [];
  if (to === undefined || text === undefined || (typed && isBlank(text))) {
    return mistake("/msg takes a name and a text");
  }
  return { kind: "say", text, to };
}

function readVerdict(kind: Verdict, name: string): Entry {
  return /^\S+$/.test(name) ? { kind, name } : mistake(`/${kind} takes a name`);
}

function unknown(word: string): Entry {
  const words = Object.keys(CHAT_COMMANDS).map((usage) => usage.slice(1).split(" ")[0]!);
  const guess = nearest(word, words);
  const hint = guess === undefined ? "/help lists the commands" : `did you mean /${guess}?`;
  const message = `no command /${word}: ${hint} (to say it, type //${word})`;
  return { kind: "mistake", code: "NO_SUCH_COMMAND", message };
}

function mistake(message: string): Entry {
  return { kind: "mistake", code: "COMMAND_USAGE", message };
}
