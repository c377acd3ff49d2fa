/**
 * What helps a person: the help page of a command, answers to wrong command lines, and advice for failures: the option,
 * the task or the permission that is missing.
 *
 * @module
 */

import { Failure, nearest, usageFailure } from "../base/failure.ts";
import { quote, shellWord } from "../base/printable.ts";
import { BUILD, type Build } from "../os/build.ts";
import {
  commandLine,
  type CommandSpec,
  helpHint,
  isRunnable,
  type OperandSpec,
  optionsOf,
  type OptionSpec,
  type PermissionName,
  wantedNumber,
} from "./spec.ts";
import type { ArgumentProblem } from "./words.ts";

const WIDTH = 100;

/**
 * The help page of a command.
 *
 * @param path The command, after the groups that contain it.
 * @returns Plain text of at most 100 columns, ending in a line feed.
 */
export function helpPage(path: readonly CommandSpec[]): string {
  const command = path.at(-1)!;
  const parts = [
    `${command.summary}\n`,
    `Usage: ${usageLine(path)}\n`,
    command.details === undefined ? "" : `${command.details.trim()}\n`,
    section("Commands", (command.commands ?? []).map((c) => [c.name, c.summary])),
    section("Arguments", (command.operands ?? []).map(operandRow)),
    section("Options", Object.entries(optionsOf(command)).map(optionRow)),
    permissionsLine(command),
    examples(command),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** The usage line of a command. */
export function usageLine(path: readonly CommandSpec[]): string {
  const command = path.at(-1)!;
  const words = [commandLine(path)];
  if (command.commands !== undefined) {
    words.push(isRunnable(command) ? "[COMMAND]" : "COMMAND");
  }
  if (Object.keys(command.options ?? {}).length > 0) words.push("[OPTIONS]");
  for (const { name, optional, rest } of command.operands ?? []) {
    const word = rest === true ? `${name}…` : name;
    words.push(optional === true ? `[${word}]` : word);
  }
  return words.join(" ");
}

/** An option and its description. */
export function optionRow([name, spec]: [string, OptionSpec]): [string, string] {
  const short = spec.short === undefined ? "    " : `-${spec.short}, `;
  const left = spec.type === "flag" ? `${short}--${name}` : `${short}--${name} ${spec.value}`;
  const notes = [];
  if (spec.type === "text" && spec.choices !== undefined) notes.push(spec.choices.join(" or "));
  if (spec.type === "text" && spec.repeat === true) notes.push("may be repeated");
  // An empty text cannot be shown: the help says what it means.
  if (spec.type !== "flag" && spec.default !== undefined && spec.default !== "") {
    notes.push(`default ${spec.default}`);
  }
  if (spec.needs !== undefined && BUILD === "source") notes.push(`needs ${flags(spec.needs)}`);
  return [left, notes.length === 0 ? spec.help : `${spec.help} (${notes.join("; ")})`];
}

/** An argument and its description. */
export function operandRow({ name, help, choices, needs }: OperandSpec): [string, string] {
  const notes = [];
  if (choices !== undefined) notes.push(choices.join(" or "));
  if (needs !== undefined && BUILD === "source") {
    notes.push(`${needs.prefix} needs ${flags(needs.permissions)}`);
  }
  return [name, notes.length === 0 ? help : `${help} (${notes.join("; ")})`];
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return "";
  const left = Math.min(34, Math.max(...rows.map(([name]) => name.length)));
  const lines = rows.flatMap(([name, text]) => {
    const [line = "", ...more] = wrapped(text, WIDTH - left - 4);
    const indent = " ".repeat(left + 4);
    const first = name.length > left
      ? [`  ${name}`, `${indent}${line}`]
      : [`  ${name.padEnd(left)}  ${line}`];
    return [...first, ...more.map((each) => indent + each)];
  });
  return `${title}:\n${lines.join("\n")}\n`;
}

function permissionsLine(command: CommandSpec): string {
  // The permissions of a compiled program are fixed.
  if (!isRunnable(command) || BUILD !== "source") return "";
  const names = command.permissions ?? [];
  const kept = names.length === 0 ? "none" : flags(names);
  return `Permissions that the command keeps if granted: ${kept}\n`;
}

function flags(names: readonly PermissionName[]): string {
  return names.map((name) => `--allow-${name}`).join(", ");
}

function examples(command: CommandSpec): string {
  if (command.examples === undefined) return "";
  return `Examples:\n${command.examples.map((line) => `  ${line}`).join("\n")}\n`;
}

function wrapped(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}

/**
 * Makes the failure of an unknown command.
 *
 * @param path The group, after the groups that contain it.
 * @param words The unknown word and the words after it.
 */
export async function unknownCommand(
  path: readonly CommandSpec[],
  words: readonly string[],
): Promise<Failure> {
  const [name = ""] = words;
  const names = path.at(-1)!.commands?.map((c) => c.name) ?? [];
  const meant = await meantCommand(path, words);
  const hint = meant === undefined ? helpHint(path) : `did you mean ${meant}?`;
  const why = `the commands of ${commandLine(path)} are ${names.join(", ")}`;
  return usageFailure(`no command ${quote(name)}`, why, hint);
}

async function meantCommand(
  path: readonly CommandSpec[],
  [name = "", behind]: readonly string[],
): Promise<string | undefined> {
  const here = path.at(-1)!;
  const flags = optionsOf(here);
  if (Object.hasOwn(flags, name) && flags[name]?.type === "flag") {
    const of = here.commands?.find((command) => command.name === behind);
    return `${commandLine(of === undefined ? path : [...path, of])} --${name}`;
  }
  const elsewhere = await findCommand(path[0]!, name);
  if (elsewhere !== undefined) return commandLine(elsewhere);
  const near = nearest(name, here.commands?.map((command) => command.name) ?? []);
  return near === undefined ? undefined : `${commandLine(path)} ${near}`;
}

/** Finds the first command with a name below a group. Returns it after the groups that contain it. */
async function findCommand(group: CommandSpec, name: string): Promise<CommandSpec[] | undefined> {
  const whole = await group.whole?.() ?? group;
  const direct = whole.commands?.find((command) => command.name === name);
  if (direct !== undefined) return [whole, direct];
  for (const command of whole.commands ?? []) {
    const found = await findCommand(command, name);
    if (found !== undefined) return [whole, ...found];
  }
  return undefined;
}

/**
 * Makes the failure of a wrong option.
 *
 * @param path The command, after the groups that contain it.
 * @param problem The option, and what is wrong with it.
 */
export function wrongArgument(path: readonly CommandSpec[], problem: ArgumentProblem): Failure {
  const { reason, typed, name, next } = problem;
  if (name === undefined || reason === "unknown") return unknownOption(path, problem);
  if (reason === "extra value") {
    return usageFailure(typed, "it does not take a value", `leave ${quote(`=${next}`)} out`);
  }
  return missingValue(path, typed, optionsOf(path.at(-1)!)[name]!, next);
}

function missingValue(
  path: readonly CommandSpec[],
  typed: string,
  spec: OptionSpec,
  next: string | undefined,
): Failure {
  const wanted = spec.type === "flag" ? "" : spec.type === "text" ? spec.value : wantedNumber(spec);
  if (next === undefined) return usageFailure(typed, `needs ${wanted}`, helpHint(path));
  const why = `needs ${wanted}, and ${quote(next)} starts with a dash`;
  const value = next.length > 60 ? "VALUE" : shellWord(next);
  return usageFailure(typed, why, `if that is its value: ${typed}=${value}`);
}

function unknownOption(path: readonly CommandSpec[], { typed, next }: ArgumentProblem): Failure {
  const command = path.at(-1)!;
  const why = `${commandLine(path)} does not have it`;
  return usageFailure(
    `no option ${quote(typed)}`,
    why,
    meantOption(command, typed, next) ?? helpHint(path),
  );
}

function meantOption(
  command: CommandSpec,
  typed: string,
  next: string | undefined,
): string | undefined {
  const { operands = [] } = command;
  if (/^-[.\d]/.test(typed) && operands.length > 0) {
    const natural = operands.find((each) => each.natural === true);
    if (natural === undefined) return "put -- before a number below zero";
    return `${natural.name} is not below zero`;
  }
  const place = operands.find(({ name }) => name.replaceAll(/[[\]]/g, "").startsWith("HOST:PORT"));
  if ((typed === "--port" || typed === "-p") && place !== undefined) {
    const port = next !== undefined && /^\d{1,5}$/.test(next) ? next : "PORT";
    return `write the port after the host: HOST:${port}`;
  }
  const near = nearest(typed.replace(/^-+/, ""), Object.keys(optionsOf(command)));
  return near === undefined ? undefined : `did you mean --${near}?`;
}

/**
 * Makes the failure of an operand that is not one of the choices.
 *
 * @param name The operand's name in the help.
 */
export function unknownChoice(
  path: readonly CommandSpec[],
  name: string,
  word: string,
  choices: readonly string[],
): Failure {
  const near = nearest(word, choices);
  const hint = near === undefined ? helpHint(path) : `did you mean ${near}?`;
  return usageFailure(name, `${quote(word)} is not one of ${choices.join(", ")}`, hint);
}

/** A task of `deno.json`: the command that it runs, and the permissions that it grants. */
interface Task {
  readonly name: string;
  /** The words of the command or group. The arguments of the task follow them. */
  readonly words: readonly string[];
  readonly grants: readonly PermissionName[];
}

/** The tasks that run one command or group, with all the permissions that they grant. */
export const TASKS: readonly Task[] = [
  { name: "chat-server", words: ["chat", "server"], grants: ["net"] },
  { name: "chat-web", words: ["chat", "server"], grants: ["net"] },
  { name: "chat-client", words: ["chat", "client"], grants: ["net"] },
  { name: "udp-server", words: ["udp", "server"], grants: ["net"] },
  { name: "udp-client", words: ["udp", "client"], grants: ["net"] },
  { name: "tcp-server", words: ["tcp", "server"], grants: ["net"] },
  { name: "tcp-client", words: ["tcp", "client"], grants: ["net"] },
  { name: "rsa", words: ["rsa"], grants: ["read", "write"] },
  { name: "info-socket", words: ["info", "socket"], grants: ["ffi"] },
  { name: "info", words: ["info"], grants: ["net", "sys", "read"] },
  { name: "tour", words: ["tour"], grants: ["net", "sys", "read", "write", "ffi"] },
];

/**
 * Explains how to run a command with permissions: the task that grants them, if there is one, and the flags. The
 * permissions of an executable file are fixed, so there the hint names the command that runs parley from source.
 *
 * @param words The words of the command, without the program's name.
 * @param flags What it needs: `--allow-sys`, `--allow-read=/etc/services`.
 * @param build How the running program was built.
 */
export function permissionHint(
  words: readonly string[],
  flags: readonly string[],
  build: Build = BUILD,
): string {
  if (build !== "source") {
    const line = ["deno run", ...flags, "main.ts", ...words, "…"].join(" ");
    return `the permissions of this executable are fixed: run parley from source, with ${line}`;
  }
  const again = `run again with ${flags.join(" ")}`;
  const task = TASKS.find((one) =>
    one.words.every((word, i) => word === words[i]) &&
    flags.every((flag) => one.grants.some((name) => nameOf(flag) === name))
  );
  if (task === undefined) return again;
  const line = ["deno task", task.name, ...words.slice(task.words.length), "…"].join(" ");
  return `use ${line}, or ${again}`;
}

function nameOf(flag: string): string {
  return flag.replace(/^--allow-/, "").replace(/=.*$/, "");
}

/**
 * Adds to the failure of a missing permission how to grant everything that the command needs.
 *
 * @param failure The failure.
 * @param words The words of the command, without the program's name.
 * @param needs The permissions that the command and its options declare.
 * @param build How the running program was built.
 * @returns The failure with the hint; any other failure unchanged.
 */
export function withPermissionHint(
  failure: Failure,
  words: readonly string[],
  needs: readonly PermissionName[],
  build: Build = BUILD,
): Failure {
  const { what, code, cause } = failure;
  if (code !== "NOT_PERMITTED" || !(cause instanceof Deno.errors.NotCapable)) return failure;
  const missing = /--allow-[a-z]+/.exec(cause.message)?.[0];
  const flags = new Set(needs.map((name) => `--allow-${name}`));
  if (missing !== undefined) flags.add(missing);
  const why = build === "source"
    ? failure.why
    : "this executable was built without the permission for it";
  const hint = permissionHint(words, [...flags], build);
  return new Failure({ what, why, code, hint, cause });
}

/** Makes a key in a file that does not exist yet. */
const KEYGEN = "parley rsa keygen -o NEW_KEY";

/** The hint of a failure for people who use the command line, by the failure's code and its own hint. */
const ADVICE: Readonly<Record<string, (hint: string) => string>> = {
  EEXIST: (hint) => hint === "choose another name" ? `${hint}, or replace it with --force` : hint,
  DECRYPT_FAILED: () => "check the key, and whether the message was encrypted with --raw",
  KEY_EMPTY: withKeygen,
  KEY_EXPONENT: withKeygen,
  KEY_NOT_RSA: withKeygen,
  KEY_TOO_LARGE: withKeygen,
  KEY_TOO_SMALL: withKeygen,
  KEY_UNSUITABLE: withKeygen,
  KEY_SEVERAL: (hint) =>
    hint.replace(/^name the kid of one of them, /, "name one of them with --kid, ")
      .replace(/^name one of these$/, "name one of these with --kid"),
  MESSAGE_TOO_LONG: (hint) =>
    hint.startsWith("one block") ? `${hint}; without --raw any size is possible` : hint,
  NO_ANSWER: withServer,
  NO_SERVER: withServer,
  NO_TERMINAL: (hint) =>
    hint.replace(/^permit parley to read (\S+)$/, "run again with --allow-read=$1")
      .concat(", or name a file with --passphrase-file FILE"),
  NOT_HTTP: withWeb,
  REFERRAL: () => "ask one of them with @SERVER, or follow the referrals with --trace",
  REFUSED: withServer,
  SERVFAIL: withServer,
  TIMEOUT: (hint) => withServer(hint.replace("allow more time", "allow more time with --timeout")),
  TLS_KEY_MISMATCH: () =>
    "--tls-cert and --tls-key belong together: check which key the certificate was made with",
  TLS_NOT_SPOKEN: () =>
    "check the port; if the server does not use TLS, leave out --tls, or write http:// or ws://",
  TLS_UNKNOWN_ISSUER: () =>
    "name the issuer's certificate with --ca FILE; the operator of the server has it",
  UNKNOWN_ERROR: (hint) => hint === "" ? "parley info errors lists them" : hint,
  USAGE: (hint) =>
    hint.replace(/^inet_aton\(3\) accepts it$/, "$&; leave out --strict to accept it too")
      .replace(/^resolve the name (\S+) to its addresses$/, "$&: parley info resolve $1"),
  WEBSOCKET_REFUSED: withWeb,
};

/** Names the option of a relay that serves WebSocket, and the address of one that does not. */
function withWeb(hint: string): string {
  return hint.replace(
    /whether the relay serves WebSocket$/,
    "$& (--web); HOST:PORT joins without one",
  );
}

function withKeygen(hint: string): string {
  return hint.endsWith("in a new file") ? `${hint}: ${KEYGEN}` : hint;
}

/** Names the operand and the permission that choose a name server. */
function withServer(hint: string): string {
  return hint.replace(/ask another name server$/, "$& with @SERVER")
    .replace(
      "choose a name server, or permit parley to read the system's",
      "add @SERVER, or run with --allow-sys",
    );
}

/**
 * Puts the options and commands that help into the hint of a failure.
 *
 * @param failure A failure of the library.
 * @returns The failure with that hint; itself if there is nothing to add.
 */
export function withAdvice(failure: Failure): Failure {
  const advice = Object.hasOwn(ADVICE, failure.code) ? ADVICE[failure.code] : undefined;
  const { what, why, code, hint, exitCode, cause, stack } = failure;
  const advised = advice?.(hint ?? "");
  if (advised === undefined || advised === (hint ?? "")) return failure;
  // Keep the stack of the failure, not of this function.
  return Object.assign(new Failure({ what, why, code, hint: advised, exitCode, cause }), { stack });
}
