// needs: net run=deno

/**
 * A client dials while it generates its keys: here, it never gets any.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { granted } from "../../fixtures/granted.ts";
import { ChatProcess } from "./chat_process.ts";

const ignore = !granted("run=deno");
const WITHOUT_KEYS =
  "--preload=data:text/javascript,crypto.subtle.generateKey=()=>new Promise(()=>{})";

function start(...args: readonly string[]): ChatProcess {
  return new ChatProcess(["client", ...args, "--name", "bo"], ["--allow-net", WITHOUT_KEYS]);
}

Deno.test({
  name: "a client whose keys are not there yet is told that its address refuses connections",
  ignore,
  async fn() {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const address = `127.0.0.1:${listener.addr.port}`;
    listener.close();
    await using tcp = start(address);
    assertEquals(await tcp.ended(), 1);
    assertEquals(
      tcp.errors[0],
      `parley: cannot connect to ${address}: nothing listens there (ECONNREFUSED)`,
    );
    await using web = start(`http://${address}/`);
    assertEquals(await web.ended(), 1);
    assertEquals(web.errors[0], tcp.errors[0]);
  },
});

Deno.test({
  name: "a client connects before its keys are there, and says nothing without them",
  ignore,
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await using bo = start(`127.0.0.1:${listener.addr.port}`);
    using conn = await listener.accept();
    bo.kill("SIGTERM");
    assertEquals(await bo.ended(), 0);
    assertEquals(await conn.read(new Uint8Array(1)), null);
  },
});
