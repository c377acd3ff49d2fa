// needs: net run=unshare

/**
 * The commands with which others join, as a server on all addresses prints them: in a network of its own.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { PROCESS_KEYS } from "../../fixtures/process_keys.ts";
import { canUnshare } from "../../fixtures/unshare.ts";
import { chatThroughShell } from "./chat_process.ts";

const ADDRESSES = ["192.0.2.7/24", "198.51.100.7/24", "2001:db8::7/64", "fe80::7/64"];
const NETWORK = [
  "ip link set lo up",
  ...ADDRESSES.map((address) =>
    `ip addr add ${address} dev lo${address.includes(":") ? " nodad" : ""}`
  ),
].join(" && ");
const ignore = !await canUnshare("-rn", NETWORK);

/** The commands that a server with these options and permissions tells. */
async function commandsOf(options: string, permissions = "--allow-net --allow-sys") {
  const parley =
    `deno run ${PROCESS_KEYS.nextWord()} --no-prompt ${permissions} main.ts chat server --name ada`;
  await using server = chatThroughShell(
    `${NETWORK}; exec ${parley} --json ${options}`,
    ["unshare", "-rn", "sh", "-c"],
  );
  const { join } = await server.event("listening");
  server.kill("SIGTERM");
  await server.ended();
  return join;
}

Deno.test({
  name:
    "a server on all addresses lists the addresses of its interfaces, without loopback and link-local",
  ignore,
  async fn() {
    assertEquals(await commandsOf("--host 0.0.0.0 --room garden"), [
      "parley chat client 192.0.2.7/garden",
      "parley chat client 198.51.100.7/garden",
    ]);
    assertEquals(await commandsOf("--host :: --port 4397 --max-members 9"), [
      "parley chat client 192.0.2.7:4397",
      "parley chat client 198.51.100.7:4397",
    ]);
  },
});

Deno.test({
  name: "a server shows HOST if it may not read its interfaces, and its address if it has one",
  ignore,
  async fn() {
    assertEquals(await commandsOf("--host 0.0.0.0", "--allow-net"), ["parley chat client HOST"]);
    assertEquals(await commandsOf("--host 2001:db8::7"), [
      "parley chat client '[2001:db8::7]:4396'",
    ]);
  },
});
