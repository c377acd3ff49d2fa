// needs: net run=unshare

/**
 * A server on a link-local address: what it prints can be dialled. The address is one of the loopback interface, in
 * a network of its own.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { chatThroughShell } from "../chat/app/chat_process.ts";
import { PROCESS_KEYS } from "../fixtures/process_keys.ts";
import { canUnshare } from "../fixtures/unshare.ts";

const NETWORK = "ip link set lo up && ip addr add fe80::1/64 dev lo nodad";
const UNSHARE = ["unshare", "-rn", "sh", "-c"];
const ignore = !await canUnshare("-rn", NETWORK);

Deno.test({
  name: "a server on a link-local address prints it with its interface, and is dialled by that",
  ignore,
  async fn() {
    const parley = (...args: string[]) =>
      ["deno run", PROCESS_KEYS.nextWord(), "--no-prompt --allow-net main.ts chat", ...args]
        .join(" ");
    await using both = chatThroughShell(
      `${NETWORK}; ${
        parley("server --host fe80::1%lo --port 4396 --name ada --public-name fe80::1 --json")
      } &
      while ! echo hello | ${
        parley("client '[fe80::1%lo]:4396' --name bo")
      } 2> /dev/null; do sleep 0.2; done >&2
      kill $!; wait $!`,
      UNSHARE,
    );
    const { host } = await both.event("listening");
    assertEquals(host, "fe80::1%lo");
    assertEquals((await both.event("message")).text, "hello");
    assertEquals(await both.ended(), 0);
  },
});
