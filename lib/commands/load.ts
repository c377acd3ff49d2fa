/**
 * The program as it starts: its commands by name and summary, and where the specification and the code of each one
 * is. Both are loaded when they are used, since every module costs time at each start.
 *
 * @module
 */

import { runCommandLine } from "../cli/run.ts";
import type { CommandSpec, RunCommand } from "../cli/spec.ts";
import { ARGS, processIo } from "../os/io.ts";

/** The program. A command in it is a name and a summary; `whole` loads its specification. */
export const PROGRAM: CommandSpec = {
  name: "parley",
  summary: "End-to-end encrypted chat for 2 to 1,000 people, and network tools, in one file.",
  options: {
    "verify-install": {
      type: "flag",
      help: "Check the unpacked files of the self-contained program and exit",
    },
  },
  commands: [
    {
      name: "chat",
      summary: "End-to-end encrypted chat over TCP or WebSocket, for 2 to 1,000 people.",
      whole: async () => (await import("./chat/spec.ts")).CHAT,
    },
    {
      name: "info",
      summary: "Show names, addresses, services and sockets of this host and its network.",
      whole: async () => (await import("./info/spec.ts")).INFO,
    },
    {
      name: "udp",
      summary: "UDP tools: an echo server and client, a forged reply, datagrams, and load.",
      whole: async () => (await import("./udp/spec.ts")).UDP,
    },
    {
      name: "tcp",
      summary: "TCP tools: an echo server and client, five lessons, connections, and open ports.",
      whole: async () => (await import("./tcp/spec.ts")).TCP,
    },
    {
      name: "rsa",
      summary: "RSA keys, messages and signatures in the formats of other tools.",
      whole: async () => (await import("./rsa/spec.ts")).RSA,
    },
    {
      name: "tour",
      summary: "Run every section of the tutorial live on this machine.",
      whole: async () => (await import("./tour/whole_table.ts")).TOUR,
    },
    {
      name: "completions",
      summary: "Print a completion script for a shell.",
      whole: async () => (await import("./tour/whole_table.ts")).COMPLETIONS,
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
  "chat page": async () => (await import("./chat/chat.ts")).page,
  "info host": async () => (await import("./info/facts.ts")).showHost,
  "info resolve": async () => (await import("./info/resolve.ts")).resolveName,
  "info ping": async () => (await import("./info/ping.ts")).pingHost,
  "info address": async () => (await import("./info/facts.ts")).showAddress,
  "info service": async () => (await import("./info/facts.ts")).showServices,
  "info byteorder": async () => (await import("./info/facts.ts")).showByteOrder,
  "info socket": async () => (await import("./info/facts.ts")).showSocket,
  "info errors": async () => (await import("./info/facts.ts")).showErrors,
  "info runtime": async () => (await import("./info/facts.ts")).showRuntime,
  "udp server": async () => (await import("./udp/server.ts")).server,
  "udp client": async () => (await import("./udp/client.ts")).client,
  "udp send": async () => (await import("./udp/datagrams.ts")).send,
  "udp listen": async () => (await import("./udp/datagrams.ts")).listen,
  "udp demo": async () => (await import("./udp/server.ts")).demo,
  "udp bench": async () => (await import("./udp/server.ts")).bench,
  "tcp server": async () => (await import("./tcp/echo.ts")).server,
  "tcp client": async () => (await import("./tcp/echo.ts")).client,
  "tcp demo": async () => (await import("./tcp/echo.ts")).demo,
  "tcp connect": async () => (await import("./tcp/connections.ts")).connectTo,
  "tcp listen": async () => (await import("./tcp/connections.ts")).listenAt,
  "tcp check": async () => (await import("./tcp/connections.ts")).check,
  "rsa keygen": async () => (await import("./rsa/rsa.ts")).keygen,
  "rsa encrypt": async () => (await import("./rsa/rsa.ts")).encrypt,
  "rsa decrypt": async () => (await import("./rsa/rsa.ts")).decrypt,
  "rsa sign": async () => (await import("./rsa/rsa.ts")).sign,
  "rsa verify": async () => (await import("./rsa/rsa.ts")).verify,
  "rsa fingerprint": async () => (await import("./rsa/rsa.ts")).showFingerprint,
  "rsa inspect": async () => (await import("./rsa/rsa.ts")).inspect,
  // These two read the whole table.
  "tour": async () => {
    const [{ runTour }, table] = await Promise.all([import("./tour/whole_table.ts"), loadTable()]);
    return (input: Parameters<typeof runTour>[2], io) => runTour(table, loadCommand, input, io);
  },
  "completions": async () => {
    const [{ printCompletions }, table] = await Promise.all([
      import("./tour/whole_table.ts"),
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

/** Runs the command that the process's arguments name, and returns its exit code. */
export async function runProgram(): Promise<number> {
  return await runCommandLine(PROGRAM, ARGS, processIo(), loadCommand);
}
