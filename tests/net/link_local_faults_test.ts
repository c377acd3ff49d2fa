/**
 * A server on a link-local address: what it prints can be dialled. The address is one of the loopback interface, in
 * a network of its own.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { granted } from "../fixtures/granted.ts";
import { shell } from "../os/shell.ts";

const NETWORK = "ip link set lo up && ip addr add fe80::1/64 dev lo nodad";
const UNSHARE = ["unshare", "-rn", "sh", "-c"];
const ignore = !granted({ name: "run", command: "unshare" }) || !await mayUnshare();

async function mayUnshare(): Promise<boolean> {
  try {
    const [program, ...args] = [...UNSHARE, NETWORK];
    return (await new Deno.Command(program!, { args, stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  name: "a server on a link-local address prints it with its interface, and is dialled by that",
  ignore,
  async fn() {
    const parley = "deno run --no-prompt --allow-net main.ts chat";
    await using both = shell(
      `${NETWORK}; ${parley} server --host fe80::1%lo --port 4396 --name ada --public-name fe80::1 --json &
      while ! echo hello | ${parley} client '[fe80::1%lo]:4396' --name bo 2> /dev/null; do sleep 0.2; done >&2
      kill $!; wait $!`,
      UNSHARE,
    );
    const { host } = await both.event("listening");
    assertEquals(host, "fe80::1%lo");
    assertEquals((await both.event("message")).text, "hello");
    assertEquals(await both.ended(), 0);
  },
});
