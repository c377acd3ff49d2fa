// needs: net run=deno,tmux

/**
 * The tutorial's scene at real terminals: the server is suspended, somebody else answers, the server wakes too late.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { HAS_TMUX, Pane } from "../terminal/tmux.ts";

const PARLEY = "deno run --no-prompt --allow-net main.ts udp";

/** Waits for a row, and gives what its group has found. */
async function row(pane: Pane, wanted: RegExp): Promise<string> {
  const { rows } = await pane.until(
    `${wanted}`,
    ({ rows }) => rows.some((one) => wanted.test(one)),
  );
  return rows.map((one) => wanted.exec(one)).find((found) => found !== null)![1] ?? "";
}

async function scene(promiscuous: boolean): Promise<string[]> {
  await using server = await Pane.open(110, 20);
  await using client = await Pane.open(110, 20);
  await server.type(`${PARLEY} server -p 0\n`);
  const port = await row(server, /^Listening at 127\.0\.0\.1:(\d+)$/);
  await server.press("C-z");
  await row(server, /(Stopped|Suspended)/i);
  const flags = `--retries 0 --timeout 120000 ${promiscuous ? "--promiscuous" : ""}`;
  await client.type(`clear; ${PARLEY} client -p ${port} -m hello ${flags}; echo ended with $?\n`);
  const own = await row(client, /^The OS assigned me the address 0\.0\.0\.0:(\d+)$/);
  await server.type(`clear; ${PARLEY} send 127.0.0.1 ${own} 'made up'\n`);
  const liar = await row(server, /^Sent 7 bytes from 0\.0\.0\.0:(\d+) to 127\.0\.0\.1:\d+$/);
  await row(client, promiscuous ? /is believed/ : /still waiting/);
  await server.type("fg\n");
  await row(server, new RegExp(`^(The client at 127\\.0\\.0\\.1:${own} says 'hello')$`));
  await row(client, /^(ended with 0)$/);
  await server.press("C-c");
  await row(server, /^(1 datagram, 5 bytes: 1 answered, 0 dropped, 0 failed)$/);
  const { rows } = await client.shown();
  return rows.slice(1, -1).map((one) =>
    one.replaceAll(liar, "LIAR").replaceAll(port, "SERVER").replace(own, "OWN")
  );
}

Deno.test({
  name: "a promiscuous client believes whoever answers while the server is suspended",
  ignore: !HAS_TMUX,
  async fn() {
    assertEquals(await scene(true), [
      "127.0.0.1:LIAR replied 'made up', and is believed, though 127.0.0.1:SERVER was asked",
      "ended with 0",
    ]);
  },
});

Deno.test({
  name:
    "a client that checks the sender refuses the forged reply, and accepts the server's when it resumes",
  ignore: !HAS_TMUX,
  async fn() {
    assertEquals(await scene(false), [
      "Forged: 127.0.0.1:LIAR says 'made up', but 127.0.0.1:SERVER was asked; still waiting",
      "The server 127.0.0.1:SERVER replied 'Your data was 5 bytes long'",
      "ended with 0",
    ]);
  },
});
