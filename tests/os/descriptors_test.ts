// needs: net run=sh

/**
 * A relay that runs out of file descriptors lives, and recovers.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assert, assertEquals } from "@std/assert";
import { chatThroughShell } from "../chat/app/chat_process.ts";
import { leave, say, twoGuests, visit } from "../chat/guests.ts";
import { until } from "../chat/room.ts";
import { granted } from "../fixtures/granted.ts";

const ignore = Deno.build.os === "windows" || !granted("run=sh");

Deno.test({
  name:
    "a relay without descriptors left serves those who are in, and takes others once there are some",
  ignore,
  async fn() {
    const relay = "--relay-only --port 0 --json --log-level warn";
    await using server = chatThroughShell(
      `ulimit -n 64; exec deno run --allow-net main.ts chat server ${relay}`,
    );
    const { port } = await server.event("listening") as unknown as { port: number };
    const [ada, bo] = await twoGuests(port);
    const crowd: Deno.TcpConn[] = [];
    // The system's queue takes those that the relay cannot.
    for (let i = 0; i < 100; i++) crowd.push(await Deno.connect({ port }));
    await server.until(
      ({ errors }) => errors.some((line) => line.includes("event=trouble")),
      "log",
    );
    for (let i = 0; i < 20; i++) await say(i % 2 === 0 ? ada : bo, i % 2 === 0 ? bo : ada, `${i}`);
    for (const conn of crowd) conn.close();
    const cy = await visit(port, "cy", 2);
    await until(() => bo.session.members().length === 3, "bo has seen cy");
    await say(cy, bo, "there is room again");
    const trouble = server.errors.filter((line) => line.includes("event=trouble"));
    assert(trouble[0]!.includes("code=EMFILE"), trouble[0]!);
    // It is said when it begins, not each time that it is tried.
    assert(trouble.length < 10, `${trouble.length} lines`);
    await leave(ada, bo, cy);
    server.kill("SIGTERM");
    assertEquals(await server.ended(), 0);
  },
});
