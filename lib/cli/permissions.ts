/**
 * Reads the permissions of the process, and adds advice to failures: the option, the task or the permission that
 * helps.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { BUILD } from "../os/build.ts";
import type { Grants, PartialGrant, PermissionName } from "./spec.ts";

/**
 * Reads which permissions were granted.
 *
 * @param names The permissions to look at.
 */
export function readGrants(names: readonly Deno.PermissionDescriptor["name"][]): Grants {
  const granted = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  return { granted, inPart: partialGrants(names) };
}

/** The parts that parley itself may ask for. */
const PARTS = {
  read: ["/etc/services", "/etc/hosts"],
  net: ["127.0.0.1", "localhost", "0.0.0.0", "[::1]"],
  sys: [
    ...["hostname", "osRelease", "osUptime", "loadavg", "networkInterfaces", "systemMemoryInfo"],
    ...["cpus", "uid", "gid", "username", "userInfo", "homedir", "statfs", "inspector"],
    ...["getPriority", "setPriority"],
  ],
} as const;

/**
 * Finds permissions that were granted in part. The runtime answers only questions about a named part, so this
 * function finds only the parts that {@linkcode PARTS} names. The runtime does report whether a permission lacks some
 * part.
 *
 * @param names The permissions to look at.
 */
function partialGrants(names: readonly Deno.PermissionDescriptor["name"][]): PartialGrant[] {
  return names.flatMap((name): PartialGrant[] => {
    const { state, partial } = Deno.permissions.querySync({ name });
    if (state === "denied" || (state === "granted" && !partial)) return [];
    const whole = state === "granted";
    const parts = partsOf(name, whole ? "denied" : "granted");
    return whole || parts.length > 0 ? [{ name, whole, parts }] : [];
  });
}

function partsOf(name: Deno.PermissionDescriptor["name"], state: Deno.PermissionState): string[] {
  const among = descriptorsOf(name);
  return among.filter(([, each]) => Deno.permissions.querySync(each).state === state)
    .map(([part]) => part);
}

function descriptorsOf(
  name: Deno.PermissionDescriptor["name"],
): [string, Deno.PermissionDescriptor][] {
  if (name === "read") return PARTS.read.map((path) => [path, { name, path }]);
  if (name === "net") return PARTS.net.map((host) => [host, { name, host }]);
  // The runtime knows more kinds than its types.
  if (name === "sys") return PARTS.sys.map((kind) => [kind, { name, kind: kind as "hostname" }]);
  return [];
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
 * Explains how to run a command with permissions: the task that grants them, if there is one, and the flags.
 *
 * @param words The words of the command, without the program's name.
 * @param flags What it needs: `--allow-sys`, `--allow-read=/etc/services`.
 * @returns Undefined for a compiled program, whose permissions are fixed.
 */
export function permissionHint(
  words: readonly string[],
  flags: readonly string[],
): string | undefined {
  if (BUILD !== "source") return undefined;
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
 * @returns The failure with the hint; any other failure unchanged.
 */
export function withPermissionHint(
  failure: Failure,
  words: readonly string[],
  needs: readonly PermissionName[],
): Failure {
  const { what, code, cause } = failure;
  if (code !== "NOT_PERMITTED" || !(cause instanceof Deno.errors.NotCapable)) return failure;
  const missing = /--allow-[a-z]+/.exec(cause.message)?.[0];
  const flags = new Set(needs.map((name) => `--allow-${name}`));
  if (missing !== undefined) flags.add(missing);
  const why = BUILD === "source" ? failure.why : "this program does not have the permission for it";
  return new Failure({ what, why, code, hint: permissionHint(words, [...flags]), cause });
}

/** Makes a key in a file that does not exist yet. */
const KEYGEN = "parley rsa keygen -o NEW_KEY";

/** The hint of a failure for people who use the command line, by the failure's code and its own hint. */
const ADVICE: Readonly<Record<string, (hint: string) => string>> = {
  DECRYPT_FAILED: () => "check the key, and whether the message was encrypted with --raw",
  KEY_EMPTY: withKeygen,
  KEY_EXPONENT: withKeygen,
  KEY_NOT_RSA: withKeygen,
  KEY_TOO_LARGE: withKeygen,
  KEY_TOO_SMALL: withKeygen,
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
