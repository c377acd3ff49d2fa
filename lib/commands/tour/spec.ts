/**
 * What `parley tour` takes.
 *
 * @module
 */

import type { CommandSpec } from "../../cli/spec.ts";

/** `parley tour`. */
export const TOUR = {
  name: "tour",
  summary: "Every section of the tutorial, run live on this machine.",
  details:
    `Says what is about to happen, runs the command of parley that does it, and shows the line to
type oneself. It takes 20 seconds and no network but this machine's own. Exits with 0 only if every
step did what it said.`,
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
    help: "One section; all of them without",
  }],
  options: {
    pause: { type: "flag", help: "Wait for Enter before each step" },
    ffi: {
      type: "flag",
      help: "Let the section socket call the C library, as parley info socket does",
      needs: ["ffi"],
    },
  },
  permissions: ["net", "sys", "read", "write"],
  examples: ["parley tour", "parley tour chat", "parley tour --pause --ffi"],
} as const satisfies CommandSpec;
