/**
 * A system's clock that jumps: what elapses is told by another.
 *
 * @module
 */

// @ts-types="../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { steadyNow } from "../lib/chat/clock.ts";
import { openRelay, type RelayEvent } from "../lib/tcp_chat.ts";
import { leave, say, twoGuests, visit } from "./guests.ts";
import { pooledKeys } from "./chat/room.ts";

const HOUR_MS = 3_600_000;

/** Runs while the system's clock goes as it is set. */
async function withClock(run: (jump: (ms: number) => void) => Promise<void>): Promise<void> {
  const { now } = Date;
  let ahead = 0;
  Date.now = () => now() + ahead;
  try {
    await run((ms) => ahead += ms);
  } finally {
    Date.now = now;
  }
}

Deno.test("nobody is given up because the clock jumps, and the chat goes on", async () => {
  await Promise.all([0, 1, 2].map(pooledKeys));
  await withClock(async (jump) => {
    const events: RelayEvent[] = [];
    await using server = openRelay({ port: 0, event: (event) => events.push(event) });
    const [ada, bo] = await twoGuests(server.addr.port);
    let word = 0;
    for (const hours of [5, -11, 6]) {
      jump(hours * HOUR_MS);
      // Longer than the relay's sweep: what it took for silence it would have ended by now.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await say(ada, bo, `word ${word++}`);
      await say(bo, ada, `word ${word++}`);
    }
    const cy = await visit(server.addr.port, "cy", 2);
    await say(cy, bo, "in time");
    assertEquals(events.filter((event) => event.kind === "left"), []);
    await leave(ada, bo, cy);
  });
});

Deno.test("the clock for what elapses goes on evenly whatever the date is set to", async () => {
  await withClock(async (jump) => {
    const before = steadyNow();
    jump(-5 * HOUR_MS);
    const after = steadyNow();
    jump(10 * HOUR_MS);
    const later = steadyNow();
    assertEquals([after >= before, later >= after, later - before < HOUR_MS], [true, true, true]);
    await Promise.resolve();
  });
});
