// needs: net run=deno,sh (about 12 s)

/**
 * A relay whose log cannot be written.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { chatThroughShell, startClient } from "../chat/app/chat_process.ts";
import { granted } from "../fixtures/granted.ts";

const ignore = !granted("run=deno,sh");
const RELAY = "deno run --no-prompt --allow-net main.ts chat server --relay-only --json " +
  "--port 0 --log-level debug --metrics 0";

/** What a relay has dropped of its log once bo has come and gone. */
async function droppedWhileBoVisits(port: unknown, url: string): Promise<number> {
  await using bo = await startClient(`127.0.0.1:${port}`, "bo");
  await bo.endInput();
  assertEquals(await bo.ended(), 0);
  const metrics = await (await fetch(url)).text();
  return Number(/\nparley_log_lines_dropped_total (\d+)\n/.exec(metrics)![1]);
}

Deno.test({
  name: "a relay whose log is on a full disk continues and counts the dropped lines",
  ignore,
  async fn() {
    await using relay = chatThroughShell(`exec ${RELAY} 2> /dev/full`);
    const { port } = await relay.event("listening");
    const { text } = await relay.event("notice");
    assert(await droppedWhileBoVisits(port, /http:\S+/.exec(String(text))![0]) >= 4);
    relay.kill("SIGTERM");
    assertEquals(await relay.ended(), 0);
  },
});

Deno.test({
  name: "a relay whose log has lost its reader continues and counts the dropped lines",
  ignore,
  async fn() {
    const [program, ...args] = RELAY.split(" ");
    const pipes = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
    const child = new Deno.Command(program!, { args, ...pipes }).spawn();
    await child.stderr.cancel();
    const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let said = "";
    while (!said.includes("/metrics")) said += (await output.read()).value;
    const port = /"port":(\d+)/.exec(said)![1];
    assert(await droppedWhileBoVisits(port, /http:[^"]+/.exec(said)![0]) >= 4);
    child.kill("SIGTERM");
    await Promise.all([output.cancel(), child.stdin.close()]);
    assertEquals((await child.status).code, 0);
  },
});
