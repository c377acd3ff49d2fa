/**
 * The table of commands: what each takes, what it may do, and where its code is.
 *
 * Help, completions and permissions are derived from it. Nothing here loads a command's code.
 *
 * @module
 */

import type { CommandSpec } from "../cli/spec.ts";
import { CHAT } from "./chat_spec.ts";
import { COMPLETIONS } from "./completions_spec.ts";
import { INFO } from "./info_spec.ts";
import { RSA } from "./rsa_spec.ts";
import { TOUR } from "./tour_spec.ts";
import { UDP } from "./udp_spec.ts";

/** The program. */
export const PARLEY: CommandSpec = {
  name: "parley",
  summary: "A network utility in one binary: a private chat, and the sockets beneath it.",
  options: {
    version: { type: "flag", short: "V", help: "Show the version and exit" },
    "verify-install": {
      type: "flag",
      help: "Check the files that the self-contained program has unpacked, and exit",
    },
  },
  commands: [CHAT, INFO, UDP, RSA, TOUR, COMPLETIONS],
};
