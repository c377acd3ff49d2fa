// needs: net run=deno (about 12 s)

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import type { PermissionName } from "../../lib/cli/spec.ts";
import { type CommandSpec, isRunnable } from "../../lib/cli/spec.ts";
import { PARLEY } from "../../lib/commands/table.ts";
import { ChatProcess, startServer } from "../chat/app/chat_process.ts";
import { granted } from "../fixtures/granted.ts";

const ignore = !granted("run=deno");

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
  name: "the permission of an option is kept only if the option is given",
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

/** Every command that has code, with the words that name it. */
function* commandsOf(
  command: CommandSpec,
  above: readonly string[] = [],
): Generator<readonly [words: readonly string[], command: CommandSpec], void> {
  if (isRunnable(command)) yield [above, command];
  for (const inner of command.commands ?? []) yield* commandsOf(inner, [...above, inner.name]);
}

/** What a command's operands may be, as far as the table bounds them. */
function operandsOf({ operands = [] }: CommandSpec): string[] {
  return operands.filter(({ optional }) => optional !== true)
    .map(({ choices }) => choices?.[0] ?? "1");
}

Deno.test({
  name: "every running command has the permissions that it declares and no others",
  ignore,
  async fn() {
    for (const [words, command] of commandsOf(PARLEY)) {
      const args = [...words, ...operandsOf(command)];
      const kept: unknown = JSON.parse(await said("tests/fixtures/kept.ts", args));
      assertEquals(kept, command.permissions?.toSorted(byRuntime), words.join(" "));
      assert(!command.permissions?.includes("run"), `${words.join(" ")} never runs a program`);
      assert(!command.permissions?.includes("env"), `${words.join(" ")} reads no environment`);
    }
  },
});

/** The order in which the report names them. */
function byRuntime(a: PermissionName, b: PermissionName): number {
  const order = ["run", "read", "write", "net", "env", "sys", "ffi", "import"];
  return order.indexOf(a) - order.indexOf(b);
}

Deno.test("every command that has code declares what it keeps, and no chat keeps more than the network", () => {
  for (const [words, command] of commandsOf(PARLEY)) {
    assert(command.permissions !== undefined, words.join(" "));
    if (words[0] !== "chat") continue;
    assertEquals(command.permissions, words[1] === "page" ? [] : ["net"]);
  }
});

Deno.test("udp server --ffi is the only option of udp that keeps the ffi permission", () => {
  const keepers = [...commandsOf(PARLEY)].filter(([words]) => words[0] === "udp")
    .flatMap(([words, command]) =>
      Object.entries(command.options ?? {}).filter(([, { needs }]) => needs?.includes("ffi"))
        .map(([option]) => `${words.join(" ")} --${option}`)
    );
  assertEquals(keepers, ["udp server --ffi"]);
});

Deno.test("only info socket keeps the ffi permission", () => {
  const keepers = [...commandsOf(PARLEY)].filter(([, command]) =>
    command.permissions?.includes("ffi")
  );
  assertEquals(keepers.map(([words]) => words.join(" ")), ["info socket"]);
});
