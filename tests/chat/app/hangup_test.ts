// needs: net run=deno (about 10 s)

/**
 * SIGHUP without a terminal.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { granted } from "../../fixtures/granted.ts";
import { startClient, startServer } from "./chat_process.ts";

const ignore = !granted("run=deno") || Deno.build.os === "windows";

for (const how of [["--name", "ada"], ["--relay-only"]]) {
  Deno.test({
    name: `a server with ${how[0]} and without a terminal goes on after SIGHUP`,
    ignore,
    async fn() {
      const { server, address } = await startServer(...how);
      await using _server = server;
      await using bo = await startClient(address, "bo");
      server.kill("SIGHUP");
      await bo.endInput();
      assertEquals(await bo.ended(), 0);
      await using cy = await startClient(address, "cy");
      await cy.endInput();
      assertEquals(await cy.ended(), 0);
      server.kill("SIGTERM");
      assertEquals(await server.ended(), 0);
    },
  });
}
