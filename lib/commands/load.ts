/**
 * The program as it starts: its commands by name and summary, and where the specification and the code of each one
 * is. Both are loaded when they are used, since every module costs time at each start.
 *
 * @module
 */

import type { CommandSpec, RunCommand } from "../cli/spec.ts";

/** The program. A command in it is a name and a summary; `whole` loads its specification. */
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

/** Loads the specifications of all commands. */
export async function loadTable(): Promise<CommandSpec> {
  const commands = PROGRAM.commands?.map(async (command) => await command.whole?.() ?? command);
  return { ...PROGRAM, commands: await Promise.all(commands ?? []) };
}

/** Loads the code of each command that runs, by its words without the program's name. */
export const CODE: Readonly<Record<string, () => Promise<RunCommand>>> = {
  "chat": async () => (await import("./chat/chat.ts")).ask,
  "chat server": async () => (await import("./chat/chat.ts")).server,
  "chat client": async () => (await import("./chat/chat.ts")).client,
  "info host": async () => (await import("./info/host.ts")).showHost,
  "info resolve": async () => (await import("./info/resolve.ts")).resolveName,
  "info ping": async () => (await import("./info/ping.ts")).pingHost,
  "info address": async () => (await import("./info/address.ts")).showAddress,
  "info service": async () => (await import("./info/host.ts")).showServices,
  "info byteorder": async () => (await import("./info/address.ts")).showByteOrder,
  "info socket": async () => (await import("./info/socket.ts")).showSocket,
  "info errors": async () => (await import("./info/socket.ts")).showErrors,
  "info runtime": async () => (await import("./info/host.ts")).showRuntime,
  "udp server": async () => (await import("./udp/server.ts")).server,
  "udp client": async () => (await import("./udp/client.ts")).client,
  "udp send": async () => (await import("./udp/client.ts")).send,
  "udp demo": async () => (await import("./udp/demo.ts")).demo,
  "udp bench": async () => (await import("./udp/bench.ts")).bench,
  "rsa keygen": async () => (await import("./rsa/keys.ts")).keygen,
  "rsa encrypt": async () => (await import("./rsa/messages.ts")).encrypt,
  "rsa decrypt": async () => (await import("./rsa/messages.ts")).decrypt,
  "rsa sign": async () => (await import("./rsa/messages.ts")).sign,
  "rsa verify": async () => (await import("./rsa/messages.ts")).verify,
  "rsa fingerprint": async () => (await import("./rsa/keys.ts")).showFingerprint,
  "rsa inspect": async () => (await import("./rsa/keys.ts")).inspect,
  // These two read the whole table.
  "tour": async () => {
    const [{ runTour }, table] = await Promise.all([import("./tour/tour.ts"), loadTable()]);
    return (input: Parameters<typeof runTour>[2], io) => runTour(table, loadCommand, input, io);
  },
  "completions": async () => {
    const [{ printCompletions }, table] = await Promise.all([
      import("../cli/completions.ts"),
      loadTable(),
    ]);
    return (input, io) => printCompletions(table, input, io);
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
