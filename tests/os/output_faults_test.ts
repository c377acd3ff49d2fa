// needs: net run=deno,sh (about 20 s)

/**
 * The chat without its standard streams: closed, full, or with a reader that has gone.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import {
  ChatProcess,
  chatThroughShell,
  startClient,
  startServer,
} from "../chat/app/chat_process.ts";
import { someAtATime } from "../fixtures/at_a_time.ts";
import { granted } from "../fixtures/granted.ts";
import { PROCESS_KEYS } from "../fixtures/process_keys.ts";

const ignore = !granted("run=deno,sh") ||
  Deno.build.os === "windows";
const FULL = "parley: cannot write to standard output: no space is left on the device (ENOSPC)";

/** A command that starts the chat, for a shell. */
function chat(args: string): string {
  return `deno run ${PROCESS_KEYS.nextWord()} --no-prompt --allow-net main.ts chat ${args}`;
}

Deno.test({
  name: "a chat whose output is full leaves with 1, and says so",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    const roles = [`client ${address} --listen`, "server --port 0", "server --port 0 --relay-only"];
    await someAtATime(roles.flatMap((role) => [role, `${role} --json`]), async (role) => {
      await using full = chatThroughShell(`exec ${chat(role)} > /dev/full`);
      assertEquals([await full.ended(), full.errors[0]], [1, FULL], role);
    });
  },
});

Deno.test({
  name: "a listener whose reader has gone leaves as it is to write, and holds nobody up",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    const listen = chat(`client ${address} --name bo --listen --json`);
    await using bo = chatThroughShell(
      `{ ${listen} < /dev/null; echo left with $? >&2; } | head -1`,
    );
    await bo.until((one) => one.lines.length === 1, "it is in the room");
    await using ada = await startClient(address, "ada", "--listen");
    await bo.until((one) => one.errors.includes("left with 1"), "it leaves");
    assertEquals(bo.errors, ["left with 1"], "it says nothing");
    assertEquals((await ada.event("left")).reason, "LEFT");
  },
});

Deno.test({
  name: "a server whose output has no reader ends, and its members are told",
  ignore,
  async fn() {
    const serve = chat("server --name ada --port 0 --json");
    await using ada = chatThroughShell(
      `{ ${serve} < /dev/null; echo left with $? >&2; } | head -1`,
    );
    const { port } = await ada.event("listening");
    // Where this comes too late, the second line was one too many already: that its host has joined.
    await using bo = new ChatProcess(["client", `127.0.0.1:${port}`, "--listen", "--json"]);
    await ada.until((one) => one.errors.includes("left with 1"), "it ends");
    assertEquals(ada.errors, ["left with 1"], "it says nothing");
    await bo.until(
      (one) => one.events.some(({ event }) => event === "disconnected" || event === "error"),
      "it is told",
    );
  },
});

Deno.test({
  name: "closed standard streams end nothing but what they were for",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    const client = chat(`client ${address}`);
    for (const closed of [`${client} <&-`, `echo x | ${client} >&-`, `${client} <&- >&- 2>&-`]) {
      await using process = chatThroughShell(closed);
      assertEquals(await process.ended(), 0, closed);
    }
  },
});
