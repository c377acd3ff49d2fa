/**
 * What a person enters: something to say, or a command of the chat.
 *
 * @module
 */

import { nearest } from "../nearest.ts";

/** The commands of the chat, with what they do. */
export const CHAT_COMMANDS = {
  "/help": "show these commands",
  "/who": "show who is here, with fingerprints",
  "/msg NAME TEXT": "say something to one member only",
  "/fingerprint [NAME]": "show your fingerprint, or somebody's",
  "/quit": "leave",
} as const;

/** What was entered. */
export type Entry =
  | { readonly kind: "nothing" }
  | { readonly kind: "say"; readonly text: string; readonly to: string | undefined }
  | { readonly kind: "help" | "who" | "quit" }
  | { readonly kind: "fingerprint"; readonly name: string | undefined }
  | { readonly kind: "mistake"; readonly message: string };

/**
 * Reads what was entered. A line that starts with one slash is a command; `//x` says `/x`.
 *
 * @param line One line; in a pasted one there may be more.
 */
export function readEntry(line: string): Entry {
  if (line === "") return { kind: "nothing" };
  if (!line.startsWith("/")) return { kind: "say", text: line, to: undefined };
  if (line.startsWith("//")) return { kind: "say", text: line.slice(1), to: undefined };
  const [, word = "", rest = ""] = /^\/(\S*)\s*(.*)$/su.exec(line) ?? [];
  switch (word) {
    case "help":
    case "who":
    case "quit":
      return rest === "" ? { kind: word } : mistake(`/${word} takes nothing behind it`);
    case "msg":
      return readPrivate(rest);
    case "fingerprint":
      return { kind: "fingerprint", name: rest.trimEnd() === "" ? undefined : rest.trimEnd() };
    default:
      return unknown(word);
  }
}

function readPrivate(rest: string): Entry {
  const [, to, text] = /^(\S+)\s(.+)$/su.exec(rest) ?? [];
  if (to === undefined || text === undefined) return mistake("/msg takes a name and a text");
  return { kind: "say", text, to };
}

function unknown(word: string): Entry {
  const words = Object.keys(CHAT_COMMANDS).map((usage) => usage.slice(1).split(" ")[0]!);
  const guess = nearest(word, words);
  const hint = guess === undefined ? "/help lists the commands" : `did you mean /${guess}?`;
  return mistake(`no command /${word}: ${hint} (to say it, type //${word})`);
}

function mistake(message: string): Entry {
  return { kind: "mistake", message };
}
