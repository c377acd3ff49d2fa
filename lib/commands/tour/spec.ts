/**
 * The specification of `parley tour`.
 *
 * @module
 */

import type { CommandSpec } from "../../cli/spec.ts";

/** `parley tour`. */
export const TOUR = {
  name: "tour",
  summary: "Run every section of the tutorial live on this machine.",
  details:
    `Announces each step, shows the command line, and runs it. Takes 20 seconds, and uses only this
machine's own network. Exits with 0 only if every step did what it announced.`,
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
      "rsa",
      "chat",
    ],
    help: "One section (default: all)",
  }],
  options: {
    pause: { type: "flag", help: "Wait for Enter before each step" },
    ffi: {
      type: "flag",
      help: "Let the section socket call the C library, like parley info socket",
      needs: ["ffi"],
    },
  },
  permissions: ["net", "sys", "read", "write"],
  examples: ["parley tour", "parley tour chat", "parley tour --pause --ffi"],
} as const satisfies CommandSpec;
