/**
 * How a command gets the permissions that it lacks.
 *
 * @module
 */

import { BUILD } from "../base/build.ts";
import { Failure } from "../base/failure.ts";
import type { PermissionName } from "./spec.ts";

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
