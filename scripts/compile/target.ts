/**
 * The platforms that parley is made for.
 *
 * @module
 */

import { VERSION } from "../../lib/os/build.ts";

/** The targets of `deno compile`. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/** The name of the executable file for a target. */
export function fileName(target: string): string {
  return `parley-${VERSION}-${target}${target.includes("windows") ? ".exe" : ""}`;
}

/**
 * The flags that every executable runs with: a setting of V8, and the permissions of all commands together. Each command
 * keeps of them what it declares. `run` is none of them, nor is `env` but for one variable, which is given up before a
 * command's code is loaded: nothing that reaches parley can start a program or read the environment.
 */
export const FLAGS: readonly string[] = [
  // V8 hands functions that run often to a thread, which compiles them. If both threads then want the same lock, V8
  // first measures the speed of the processor's clock: the thread of the program sleeps for 3 ms, in more than half of
  // the starts of a short command. That is longer than the functions take.
  "--v8-flags=--no-concurrent-sparkplug",
  "--unstable-net",
  "--allow-net",
  "--allow-sys",
  "--allow-read",
  "--allow-write",
  "--allow-ffi",
  // Whether the terminal obeys escape codes.
  "--allow-env=TERM",
];
