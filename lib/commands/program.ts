/**
 * The program as it starts: its commands by name and summary. What one of them takes is loaded when it
 * is used, since every module costs time at each start.
 *
 * @module
 */

import type { CommandSpec } from "../cli/spec.ts";

/** The program; `table.ts` has it whole. */
export const PROGRAM: CommandSpec = {
  name: "parley",
  summary: "A network utility in one binary: a private chat, and the sockets beneath it.",
  options: {
    "verify-install": {
      type: "flag",
      help: "Check the files that the self-contained program has unpacked, and exit",
    },
  },
  commands: [
    {
      name: "chat",
      summary: "Encrypted chat over TCP, for two or for a thousand.",
      whole: async () => (await import("./chat/spec.ts")).CHAT,
    },
    {
      name: "info",
      summary:
        "Names, addresses, services, sockets: what a host and its network say of themselves.",
      whole: async () => (await import("./info/spec.ts")).INFO,
    },
    {
      name: "udp",
      summary: "Datagrams: an echo server and client, a forged reply, load.",
      whole: async () => (await import("./udp/spec.ts")).UDP,
    },
    {
      name: "rsa",
      summary: "RSA keys, messages and signatures that other tools read and write.",
      whole: async () => (await import("./rsa/spec.ts")).RSA,
    },
    {
      name: "tour",
      summary: "Every section of the tutorial, run live on this machine.",
      whole: async () => (await import("./tour/spec.ts")).TOUR,
    },
    {
      name: "completions",
      summary: "Print a script that makes a shell complete parley's commands and options.",
      whole: async () => (await import("./completions/spec.ts")).COMPLETIONS,
    },
  ],
};
