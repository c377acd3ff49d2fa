// needs: net run=deno,tmux (about 20 s)

/**
 * A relay that dies under two people at terminals, and comes back: what they see of it.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { HAS_TMUX, Pane, type Shown } from "../../terminal/tmux.ts";
import { ChatProcess } from "./chat_process.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !HAS_TMUX, fn });
}

/** A relay, on a port or a free one. */
async function startRelay(port = "0"): Promise<{ relay: ChatProcess; port: string }> {
  const relay = new ChatProcess(["server", "--relay-only", "--json", "--port", port]);
  return { relay, port: String((await relay.event("listening")).port) };
}

async function kill(relay: ChatProcess): Promise<void> {
  relay.kill("SIGKILL");
  await relay.ended();
}

/** Somebody at a terminal, in the room; the shell says with which code it was left. */
async function sit(port: string, name: string): Promise<Pane> {
  const pane = await Pane.open(100, 24, "NO_COLOR=1");
  pane.plain = true;
  const client = `main.ts chat client 127.0.0.1:${port} --name ${name}`;
  await pane.type(`clear; deno run $KEYS --no-prompt --allow-net ${client}; echo left with $?\n`);
  const joined = `* you are ${name}`;
  await pane.until(
    "the room",
    ({ rows }) => rows.some((row) => row.startsWith(joined)) && rows.at(-1) === `${name}>`,
  );
  return pane;
}

/**
 * What has happened since somebody came, as it is shown: all below the lines of joining, the prompt last. That the
 * other one is away is left out, and that it is back: it is said only if that takes its time.
 */
function since({ rows }: Shown, last: string): string[] {
  return rows.slice(rows.findLastIndex((row) => row.includes(last)) + 1)
    .filter((row) => !/^\* (ada|bo) is (away: its connection was lost|back)$/.test(row))
    .filter((row) => !row.startsWith("* ✓ 0 of 1: not shown by "));
}

function ends(...rows: readonly string[]): (shown: Shown) => boolean {
  return (shown) => rows.every((row, i) => shown.rows.at(i - rows.length) === row);
}

test("lines typed while the relay is down are shown once each after it restarts", async () => {
  const first = await startRelay();
  await using _first = first.relay;
  const { port } = first;
  await using ada = await sit(port, "ada");
  await using bo = await sit(port, "bo");
  await ada.until("bo", ({ rows }) => rows.some((row) => row.startsWith("* bo joined")));
  await ada.type("before\n");
  await bo.until("ada's line", ends("ada: before", "bo>"));
  await ada.type("half a");
  await kill(first.relay);
  const lost = "* connection lost, trying again …";
  // What was being typed stays.
  await ada.until("the loss", ends("you: before", lost, "ada> half a"));
  await bo.until("the loss", ends("ada: before", lost, "bo>"));
  await ada.type(" line\n");
  const waits = "* not connected: your messages are sent after reconnecting";
  await ada.until("its line", ends(lost, "you: half a line", waits, "ada>"));
  await ada.type("and another\n");
  await ada.until("its line", ends("you: half a line", waits, "you: and another", "ada>"));

  const second = await startRelay(port);
  await using _second = second.relay;
  await bo.until("ada's lines", ends("ada: half a line", "ada: and another", "bo>"));
  await ada.until("the return", ({ rows }) => rows.includes("* reconnected"));
  await bo.type("read\n");
  const shown = await ada.until("bo's answer", ends("bo: read", "ada>"));
  // Nothing else has been said, and nothing twice.
  const typed = ["you: before", lost, "you: half a line", waits, "you: and another"];
  assertEquals(since(shown, "joined (new)"), [...typed, "* reconnected", "bo: read", "ada>"]);
  assertEquals(since(await bo.shown(), "/help lists"), [
    "ada: before",
    lost,
    "* reconnected",
    "ada: half a line",
    "ada: and another",
    "you: read",
    "bo>",
  ]);
});

test("leaving without a connection reports what was not delivered", async () => {
  const { relay, port } = await startRelay();
  await using _relay = relay;
  await using ada = await sit(port, "ada");
  await using bo = await sit(port, "bo");
  await ada.until("bo", ({ rows }) => rows.some((row) => row.startsWith("* bo joined")));
  await kill(relay);
  await ada.until("the loss", ({ rows }) => rows.some((row) => row.includes("connection lost")));
  await ada.type("too late\n");
  const waits = "* not connected: your messages are sent after reconnecting";
  await ada.until("its line", ends("you: too late", waits, "ada>"));
  await ada.press("C-d");
  const words = "! 1 message was not delivered: there was no connection (NOT_DELIVERED)";
  await ada.until("the end", ends(words, "left with 0", "$"));
  await bo.until("the loss", ({ rows }) => rows.some((row) => row.includes("connection lost")));
  await bo.press("C-d");
  const shown = await bo.until("the end", ends("left with 0", "$"));
  assertEquals(shown.rows.some((row) => row.includes("not delivered")), false);
});
