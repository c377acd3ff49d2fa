// needs: net run=deno (about 15 s)

/**
 * Piped input, and a relay that goes away while it comes.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { granted } from "../../fixtures/granted.ts";
import { ChatProcess, startClient, startServer } from "./chat_process.ts";

const ignore = !granted("run=deno");

Deno.test({
  name: "piped lines are all delivered across a restart of the relay, and the client exits with 0",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    const port = address.split(":")[1]!;
    await using ada = await startClient(address, "ada", "--listen");
    await using bo = await startClient(address, "bo", "--give-up", "120000");
    await bo.until((one) => one.all("joined").length === 2, "bo sees ada");
    await bo.type("one\ntwo\n");
    server.kill("SIGKILL");
    await server.ended();
    await bo.event("disconnected");
    await bo.type("three\nfour");
    await bo.endInput();
    await using again = new ChatProcess(["server", "--port", port, "--json", "--relay-only"]);
    await again.event("listening");
    assertEquals(await bo.ended(), 0);
    await ada.until((one) => one.all("message").length >= 4, "ada has read all");
    assertEquals(ada.all("message").map(({ text }) => text), ["one", "two", "three", "four"]);
    const delivered = bo.all("delivered").map(({ id }) => id);
    assertEquals(delivered, ada.all("message").map(({ id }) => id));
    assertEquals(bo.all("sent").map(({ id }) => id), delivered);
  },
});

Deno.test({
  name: "a client whose relay never returns exits with 1 and the undelivered count",
  ignore: ignore || Deno.build.os === "windows",
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    await using _ada = await startClient(address, "ada", "--listen");
    await using bo = await startClient(address, "bo", "--give-up", "1000");
    await bo.until((one) => one.all("joined").length === 2, "bo sees ada");
    // It finds the lines and the loss together, so that its time does not run while a busy machine gets to them.
    bo.kill("SIGSTOP");
    server.kill("SIGKILL");
    await server.ended();
    await bo.type("one\ntwo\nthree");
    await bo.endInput();
    bo.kill("SIGCONT");
    assertEquals(await bo.ended(), 1);
    const [error] = bo.all("error");
    const why = String(error?.message);
    assertEquals(why.includes("3 messages were not delivered"), true, why);
    assertEquals(bo.errors[0]?.includes("3 messages were not delivered"), true, bo.errors[0]);
  },
});

Deno.test({
  name: "a stopped relay forwards what it has, tells every member, and exits with 0",
  ignore,
  async fn() {
    const { server, address } = await startServer("--relay-only");
    await using _server = server;
    await using ada = await startClient(address, "ada", "--listen");
    await using bo = await startClient(address, "bo", "--listen");
    await bo.until((one) => one.all("joined").length === 2, "bo sees ada");
    await bo.type("x".repeat(60_000) + "\n");
    await bo.until((one) => one.all("sent").length === 1, "the relay has it");
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0);
    assertEquals((await bo.event("disconnected")).reason, "SHUTDOWN");
    assertEquals([ada.all("message").length, bo.all("delivered").length], [1, 1]);
  },
});
