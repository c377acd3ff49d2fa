/**
 * The permissions of the process, and how a command gets those that it lacks.
 *
 * @module
 */

import { Failure } from "../base/failure.ts";
import { BUILD } from "../os/build.ts";

/** A permission that was granted in part. */
export interface PartialGrant {
  /** `read`, `net` … */
  readonly name: string;
  /** Whether it was granted as a whole, but for parts; else parts alone were. */
  readonly whole: boolean;
  /** The parts that are known: those that were granted, or of a whole those that were refused. */
  readonly parts: readonly string[];
}

/** What the process was granted. */
export interface Grants {
  /** As a whole; what was granted for a part alone is not among them. */
  readonly granted: readonly string[];
  readonly inPart: readonly PartialGrant[];
}

/**
 * Asks for everything that was granted.
 *
 * @param names The permissions that there are.
 */
export function readGrants(names: readonly Deno.PermissionDescriptor["name"][]): Grants {
  const granted = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  return { granted, inPart: partialGrants(names) };
}

/** What parley itself may ask for by name. */
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
 * The permissions that were granted in part. The runtime tells of a part to those alone who ask for it by
 * its name, so that one which parley has no name for is not among them; that a whole lacks a part it tells.
 *
 * @param names The permissions that there are.
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
  // The runtime knows more kinds than the type of its descriptors does.
  if (name === "sys") return PARTS.sys.map((kind) => [kind, { name, kind: kind as "hostname" }]);
  return [];
}

/** A task of `deno.json`: the command that it runs, and what it grants. */
interface Task {
  readonly name: string;
  /** The words of the command or group; what is typed behind the task follows them. */
  readonly words: readonly string[];
  readonly grants: readonly PermissionName[];
}

/** The tasks that run one command or group, with all the permissions that they grant. */
export const TASKS: readonly Task[] = [
  { name: "chat-server", words: ["chat", "server"], grants: ["net"] },
  { name: "chat-client", words: ["chat", "client"], grants: ["net"] },
  { name: "udp-server", words: ["udp", "server"], grants: ["net"] },
  { name: "udp-client", words: ["udp", "client"], grants: ["net"] },
  { name: "rsa", words: ["rsa"], grants: ["read", "write"] },
  { name: "info-socket", words: ["info", "socket"], grants: ["ffi"] },
  { name: "info", words: ["info"], grants: ["net", "sys", "read"] },
  { name: "tour", words: ["tour"], grants: ["net", "sys", "read", "write", "ffi"] },
];

/**
 * How to run a command with permissions: the task that grants them, where there is one, and the flags.
 *
 * @param words The words of the command, without the program's name.
 * @param flags What it needs: `--allow-sys`, `--allow-read=/etc/services`.
 * @returns Nothing for a program whose permissions are built in: nobody can change them.
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
 * The failure of a command that was not given a permission, with how to give it everything that it needs.
 *
 * @param failure The failure as the runtime's error made it.
 * @param words The words of the command, without the program's name.
 * @param needs The permissions that the command and its options declare.
 * @returns Any other failure as it is.
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
  const why = BUILD === "source" ? failure.why : "this program may not do that";
  return new Failure({ what, why, code, hint: permissionHint(words, [...flags]), cause });
}

/** The kinds of permission that a command can keep while it runs. */
export type PermissionName = "net" | "read" | "write" | "sys" | "env" | "ffi" | "run";
