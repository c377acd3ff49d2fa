/**
 * The scripts that tell a shell what it can complete.
 *
 * @module
 */

import { commandWords } from "./completions/words.ts";
import type { CommandSpec } from "./spec.ts";

/** The shells that parley can tell of its commands. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** One of {@linkcode SHELLS}. */
export type Shell = typeof SHELLS[number];

/**
 * The script that makes a shell complete the program's commands and options, with what they do.
 *
 * @param root The table's root.
 * @param shell For which shell.
 */
export async function completionScript(root: CommandSpec, shell: Shell): Promise<string> {
  const commands = commandWords(root);
  switch (shell) {
    case "bash":
      return (await import("./completions/bash.ts")).bashScript(commands);
    case "zsh":
      return (await import("./completions/zsh.ts")).zshScript(commands);
    case "fish":
      return (await import("./completions/fish.ts")).fishScript(commands);
  }
}
