/**
 * What `parley completions` takes.
 *
 * @module
 */

import { SHELLS } from "../../cli/completions.ts";
import type { CommandSpec } from "../../cli/spec.ts";

/** `parley completions`. */
export const COMPLETIONS = {
  name: "completions",
  summary: "Print a script that makes a shell complete parley's commands and options.",
  details:
    `For the shell that reads it, and by the same line in the file behind it for those to come:
  bash  source <(parley completions bash)   ~/.bashrc
  zsh   source <(parley completions zsh)    ~/.zshrc, after compinit
  fish  parley completions fish | source    ~/.config/fish/config.fish`,
  operands: [{ name: "SHELL", choices: SHELLS, help: "The shell that reads it" }],
  options: {},
  permissions: [],
  examples: [
    "source <(parley completions bash)",
    "parley completions fish > ~/.config/fish/completions/parley.fish",
  ],
} as const satisfies CommandSpec;
