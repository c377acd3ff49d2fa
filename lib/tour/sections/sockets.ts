/**
 * What a socket has: options, timeouts, and ways to fail.
 *
 * @module
 */

import { isGranted } from "../../info/missing.ts";
import { command, runLine, type Section } from "../step.ts";

/** Options and timeouts. */
export const SOCKET: Section = {
  name: "socket",
  title: "Socket options and timeouts",
  steps: [{
    says:
      `A socket waits for ever unless it is told not to, and has buffers whose size one can ask for. This
asks the system itself, through its C library: settings before, and after a change.`,
    play: (scene) => {
      const line = "parley info socket --timeout 100 --rcvbuf 65536 --nonblocking";
      const patterns = [
        /^SO_RCVTIMEO\s+0 s\s+100 s\s+100 s$/m,
        /^SO_RCVBUF\s+\d+ B\s+65536 B/m,
        /^O_NONBLOCK\s+off\s+on/m,
      ];
      const expected = isGranted({ name: "ffi" })
        ? { patterns }
        : { patterns: [/NOT_PERMITTED/], code: 1 };
      return runLine(scene, line, expected);
    },
  }],
};

/** Errors, provoked. */
export const ERRORS: Section = {
  name: "errors",
  title: "Errors",
  steps: [
    command(
      `Whatever can go wrong has a name. Each error of sockets is provoked here, for real, caught by its
class, and explained. One that this machine cannot provoke is said to be so.`,
      "parley info errors",
      {
        patterns: ["ECONNREFUSED", "EADDRINUSE", "ENOTFOUND"].map((code) =>
          new RegExp(`^${code} .*\\n(?: .*\\n)*? +provoked\\s+by`, "m")
        ),
      },
    ),
    command(
      `A program that meets one ends with one line: what, why, the name, and what to do. Nothing listens
at port 1, so this command must fail.`,
      "parley chat client 127.0.0.1:1 --name bo",
      { patterns: [/^parley: .*\(ECONNREFUSED\)\nhint: /m], code: 1 },
    ),
  ],
};
