// needs: net run=deno

/**
 * Options of the chat that no other test gives, as processes.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals, assertMatch } from "@std/assert";
import config from "../../../deno.json" with { type: "json" };
import { granted } from "../../fixtures/granted.ts";
import { ChatProcess, startClient, startServer } from "./chat_process.ts";

const ignore = !granted("run=deno");

Deno.test({
  name: "--max-members limits the members of a room, and the next one is refused with the reason",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only", "--max-members", "1");
    await using _server = server;
    await using _bo = await startClient(address, "bo", "--listen");
    await using cy = new ChatProcess(["client", address, "--name", "cy"]);
    assertEquals(await cy.ended(), 1);
    assertEquals(cy.errors[0], "parley: cannot join the room: the room is full (ROOM_FULL)");
  },
});

Deno.test({
  name: "a client that dials a web server reports that it is no relay; --debug adds the frame",
  ignore,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      for await (const connection of listener) {
        await connection.read(new Uint8Array(1024));
        await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
        connection.close();
      }
    })();
    const join = async (...more: string[]) => {
      const args = ["client", `127.0.0.1:${listener.addr.port}`, "--name", "bo", ...more];
      await using bo = new ChatProcess(args);
      assertEquals(await bo.ended(), 1);
      return bo.errors;
    };
    const told = [
      "parley: cannot join the room: what answered there is not a parley relay (NOT_A_RELAY)",
      "hint: check the port: a parley chat server listens on 4396 by default",
    ];
    assertEquals(await join(), told);
    const debug = await join("--debug");
    assertEquals(debug.slice(0, 2), told);
    assertMatch(debug.join("\n"), /^Caused by: Error: no frame of kind 47 here$/m);
    listener.close();
    await serving;
  },
});

Deno.test({
  name: "a generated name consists of two words and two digits",
  ignore,
  async fn() {
    const { server, address } = await startServer();
    await using _server = server;
    await using client = new ChatProcess(["client", address, "--json"]);
    for (const process of [server, client]) {
      assertMatch(String((await process.event("joined")).name), /^[a-z]+-[a-z]+-[2-9]{2}$/);
    }
  },
});

Deno.test({
  name: "piped input with an unknown command ends with 1, and its messages are delivered",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = await startClient(address, "bo");
    await bo.type("before\n/nonsense\nafter\n");
    await bo.endInput();
    assertEquals(await bo.ended(), 1);
    await server.event("left");
    assertEquals(server.all("message").map(({ text }) => text), ["before", "after"]);
    assertEquals(bo.all("error").map(({ code }) => code), ["NO_SUCH_COMMAND", "LINES_REFUSED"]);
    await using cy = new ChatProcess(["client", address, "--name", "cy", "--commands"]);
    await cy.type("/clear\n/nonsense\n");
    await cy.endInput();
    assertEquals(await cy.ended(), 1);
    assertEquals(cy.errors, [
      "parley: cannot send or run everything: 2 lines were not sent or run, as reported (LINES_REFUSED)",
    ]);
  },
});

Deno.test({
  name: "--json escapes control characters, and a JSON parser restores them",
  ignore,
  async fn() {
    const { server, address } = await startServer("--name", "ada");
    await using _server = server;
    await using bo = await startClient(address, "bo");
    const text = "a\u009b2Jb\u202ec\u0007d\u007fe\u2066f\u{e0041}";
    await bo.type(`${text}\n`);
    await bo.endInput();
    assertEquals(await bo.ended(), 0);
    assertEquals((await server.event("message")).text, text);
    for (const line of [...server.lines, ...bo.lines]) assertMatch(line, /^[ -~]*$/);
  },
});

Deno.test("the chat's tasks in deno.json grant only the network", () => {
  for (const side of ["server", "client"] as const) {
    const { command } = config.tasks[`chat-${side}`];
    assertEquals(command, `deno run -q --allow-net main.ts --task=$TERM chat ${side}`);
  }
});
