// needs: net run=deno

/**
 * A server as a process, attacked over a socket by what has ended one before.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { exportSpki } from "../../../lib/rsa.ts";
import { granted } from "../../fixtures/granted.ts";
import { startClient, startServer } from "../app/chat_process.ts";
import { ownCredentialWith } from "../crafted_credential.ts";
import { RawSocket } from "../raw_socket.ts";
import { pooledKeys } from "../room.ts";

const ignore = !granted("run=deno");

for (const flags of [["--name", "host"], ["--relay-only"]]) {
  Deno.test({
    name: `chat server ${
      flags[0]
    } survives joins with keys that the runtime throws on, and serves on`,
    ignore,
    async fn() {
      const { server, address } = await startServer(...flags);
      await using stack = new AsyncDisposableStack();
      stack.use(server);
      const keys = await pooledKeys(0);
      const expiresAt = Date.now() + 3_600_000;
      for (const field of ["identity", "session", "identity", "session"] as const) {
        const spki = await exportSpki(keys[field].publicKey);
        spki[spki.length - 6]! ^= 1;
        const self = await ownCredentialWith({ [field]: spki, expiresAt }, keys);
        using socket = await RawSocket.dial(Number(address.split(":")[1]));
        assertEquals(await socket.join(self), "BAD_CREDENTIAL");
      }
      const ada = stack.use(await startClient(address, "ada"));
      const bo = stack.use(await startClient(address, "bo"));
      await ada.until((one) => one.all("joined").some(({ name }) => name === "bo"), "ada sees bo");
      await ada.type("still here\n");
      await bo.until((one) => one.all("message").length === 1, "bo has read it");
      if (flags[0] !== "--name") return;
      await server.until((one) => one.all("message").length === 1, "the host has read it");
      await server.type("I too\n");
      await bo.until((one) => one.all("message").length === 2, "bo has read the host");
    },
  });
}
