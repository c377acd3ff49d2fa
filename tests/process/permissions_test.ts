// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { CommandSpec } from "../../lib/cli/spec.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { MAY_RUN_DENO } from "../granted.ts";
import { ChatProcess, startServer } from "./chat_process.ts";

const ignore = !MAY_RUN_DENO;

function left(...kept: string[]): Promise<string> {
  return said("tests/fixtures/permissions.ts", kept);
}

/** What a script says that is run with every permission. */
async function said(script: string, args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command("deno", {
    args: ["run", "-A", script, ...args],
    cwd: new URL("../../", import.meta.url).pathname,
  }).output();
  return new TextDecoder().decode(stdout).trim();
}

Deno.test({
  name:
    "a command keeps what it declares and gives up everything else, though everything is granted",
  ignore,
  async fn() {
    assertEquals(await left(), "");
    assertEquals(await left("net"), "net");
    assertEquals(await left("read", "write"), "read write");
  },
});

Deno.test({
  name: "what an option needs is kept only where the option is given",
  ignore,
  async fn() {
    assertEquals(await said("tests/fixtures/needs.ts", []), "net");
    assertEquals(await said("tests/fixtures/needs.ts", ["--log", "x"]), "read write net");
  },
});

Deno.test({
  name: "the chat works once everything but the network is given up",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = new ChatProcess(["client", address, "--name", "bo"], ["-A"]);
    await bo.type("with everything granted\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    assertEquals(server.all("message").map(({ text }) => text), ["with everything granted"]);
  },
});

function* commandsOf(command: CommandSpec): Generator<CommandSpec, void> {
  if (command.load !== undefined) yield command;
  for (const inner of command.commands ?? []) yield* commandsOf(inner);
}

Deno.test("every command that has code declares what it keeps, and no chat keeps more than the network", () => {
  for (const command of commandsOf(PARLEY)) assert(command.permissions !== undefined, command.name);
  const chat = PARLEY.commands?.find(({ name }) => name === "chat");
  for (const command of commandsOf(chat!)) assertEquals(command.permissions, ["net"]);
});
