/**
 * The code of each command, loaded when the command runs: a module costs time at each start.
 *
 * @module
 */

import type { RunCommand } from "../cli/spec.ts";

/** Loads the code of each command that runs, by its words without the program's name. */
export const CODE: Readonly<Record<string, () => Promise<RunCommand>>> = {
  "chat": async () => (await import("./chat/ask.ts")).run,
  "chat server": async () => (await import("./chat/server.ts")).run,
  "chat client": async () => (await import("./chat/client.ts")).run,
  "info host": async () => (await import("./info/host.ts")).run,
  "info resolve": async () => (await import("./info/resolve.ts")).run,
  "info ping": async () => (await import("./info/ping.ts")).run,
  "info address": async () => (await import("./info/address.ts")).run,
  "info service": async () => (await import("./info/service.ts")).run,
  "info byteorder": async () => (await import("./info/byteorder.ts")).run,
  "info socket": async () => (await import("./info/socket.ts")).run,
  "info errors": async () => (await import("./info/errors.ts")).run,
  "info runtime": async () => (await import("./info/runtime.ts")).run,
  "udp server": async () => (await import("./udp/server.ts")).run,
  "udp client": async () => (await import("./udp/client.ts")).run,
  "udp send": async () => (await import("./udp/send.ts")).run,
  "udp demo": async () => (await import("./udp/demo.ts")).run,
  "udp bench": async () => (await import("./udp/bench.ts")).run,
  "rsa keygen": async () => (await import("./rsa/keygen.ts")).run,
  "rsa encrypt": async () => (await import("./rsa/encrypt.ts")).run,
  "rsa decrypt": async () => (await import("./rsa/decrypt.ts")).run,
  "rsa sign": async () => (await import("./rsa/sign.ts")).run,
  "rsa verify": async () => (await import("./rsa/verify.ts")).run,
  "rsa fingerprint": async () => (await import("./rsa/fingerprint.ts")).run,
  "rsa inspect": async () => (await import("./rsa/inspect.ts")).run,
  // These two read the whole table, which nothing else needs at run time.
  "tour": async () => {
    const [{ runTour }, { PARLEY }] = await Promise.all([
      import("./tour/tour.ts"),
      import("./table.ts"),
    ]);
    return (input: Parameters<typeof runTour>[2], io) => runTour(PARLEY, loadCommand, input, io);
  },
  "completions": async () => {
    const [{ printScript }, { PARLEY }] = await Promise.all([
      import("./completions/completions.ts"),
      import("./table.ts"),
    ]);
    return (input: Parameters<typeof printScript>[1], io) => printScript(PARLEY, input, io);
  },
};

/**
 * Loads the code of a command.
 *
 * @param words The words of the command without the program's name: `["chat", "client"]`.
 * @throws {TypeError} If the table of commands names a command that has no code.
 */
export async function loadCommand(words: readonly string[]): Promise<RunCommand> {
  const name = words.join(" ");
  const code = CODE[name];
  if (code === undefined) throw new TypeError(`no code for the command ${name}`);
  return await code();
}
