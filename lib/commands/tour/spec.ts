/**
 * The specifications of `parley tour` and `parley completions`, and the code of `parley tour`.
 *
 * @module
 */

import { SHELLS } from "../../cli/completions.ts";
import type { CommandSpec, Input, LoadCommand } from "../../cli/spec.ts";
import { type Io, StopSignals, TERMINATED } from "../../os/io.ts";

/** `parley tour`. */
export const TOUR = {
  name: "tour",
  summary: "Run every section of the tutorial live on this machine.",
  details:
    `Announces each step, shows the command line, and runs it. Takes less than 20 seconds on an idle
machine, and uses only this machine's own network. Exits with 0 only if every step did what it
announced.`,
  operands: [{
    name: "SECTION",
    optional: true,
    choices: [
      "host",
      "address",
      "byteorder",
      "service",
      "socket",
      "errors",
      "udp",
      "forgery",
      "tcp",
      "rsa",
      "chat",
    ],
    help: "One section (default: all)",
  }],
  options: {
    pause: { type: "flag", help: "Wait for Enter before each step" },
    ffi: {
      type: "flag",
      help: "Let the socket section call the C library, as parley info socket does",
      needs: ["ffi"],
    },
  },
  permissions: ["net", "sys", "read", "write"],
  examples: ["parley tour", "parley tour chat", "parley tour --pause --ffi"],
} as const satisfies CommandSpec;

/** `parley completions`. */
export const COMPLETIONS = {
  name: "completions",
  summary: "Print a completion script for a shell.",
  details: `Run the line for your shell. For later shells, add the line to the file named beside it:
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

/**
 * Plays the tour, or one section of it.
 *
 * @param root The table of commands that its steps run.
 * @param load Loads the code of a command.
 */
export async function runTour(
  root: CommandSpec,
  load: LoadCommand,
  { options, operands }: Input<typeof TOUR>,
  io: Io,
): Promise<number> {
  const { loadSections } = await import("../../tour/sections.ts");
  const { enterKey, playTour } = await import("../../tour/tour.ts");
  using signals = new StopSignals(io, { terminated: TERMINATED });
  const stop = new AbortController();
  signals.stopped.then((code) => stop.abort(code));
  using keys = options.pause ? enterKey(io) : undefined;
  try {
    const failed = await playTour({
      io,
      root,
      load,
      kept: [...TOUR.permissions, ...(options.ffi ? ["ffi" as const] : [])],
      sections: await loadSections(operands[0]),
      pause: keys?.pressed,
      signal: stop.signal,
    });
    return failed === 0 ? 0 : 1;
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return await signals.stopped;
  }
}
