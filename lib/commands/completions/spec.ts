/**
 * The specification of `parley completions`.
 *
 * @module
 */

import { SHELLS } from "../../cli/completions.ts";
import type { CommandSpec } from "../../cli/spec.ts";

/** `parley completions`. */
export const COMPLETIONS = {
  name: "completions",
  summary: "Print a completion script for a shell.",
  details: `Type the line below, and add it to the file beside it for later shells:
  bash  source <(parley completions bash)   ~/.bashrc
  zsh   source <(parley completions zsh)    ~/.zshrc, after compinit
  fish  parley completions fish | source    ~/.config/fish/config.fish`,
  operands: [{ name: "SHELL", choices: SHELLS, help: "The shell to print the script for" }],
  options: {},
  permissions: [],
  examples: [
    "source <(parley completions bash)",
    "parley completions fish > ~/.config/fish/completions/parley.fish",
  ],
} as const satisfies CommandSpec;
