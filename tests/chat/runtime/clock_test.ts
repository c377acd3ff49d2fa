/**
 * A system's clock that jumps: what elapses is told by another.
 *
 * @module
 */

// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { steadyNow } from "../../../lib/base/clock.ts";
import { openRelay, type RelayEvent } from "../../../lib/tcp_chat.ts";
import { leave, say, twoGuests, visit } from "../guests.ts";
import { pooledKeys } from "../room.ts";

const HOUR_MS = 3_600_000;
/** Timers that wait for longer look after deadlines; shorter ones make something happen soon, by themselves. */
const LONG_MS = 5_000;

/** The time of day, and whoever waits for time to pass. */
interface Clocks {
  /** Sets the time of day. */
  jump(ms: number): void;
  /** Calls whoever looks at the clock again and again, or is waiting for long, as if that had passed. */
  look(): void;
}

/** Runs while the system's clock goes as it is set, and nobody need wait for those who look at it. */
async function withClock(run: (clocks: Clocks) => Promise<void>): Promise<void> {
  const { now } = Date;
  const { setInterval, setTimeout, clearTimeout, clearInterval } = globalThis;
  const intervals = new Map<unknown, () => void>();
  const waiting = new Map<unknown, () => void>();
  let ahead = 0;
  Date.now = () => now() + ahead;
  Object.assign(globalThis, {
    setInterval: (call: () => void, ms: number) => {
      const id = setInterval(call, ms);
      intervals.set(id, call);
      return id;
    },
    setTimeout: (call: () => void, ms = 0) => {
      const id = setTimeout(call, ms);
      if (ms >= LONG_MS) waiting.set(id, call);
      return id;
    },
    clearInterval: (id: number) => {
      intervals.delete(id);
      clearInterval(id);
    },
    clearTimeout: (id: number) => {
      waiting.delete(id);
      clearTimeout(id);
    },
  });
  try {
    await run({
      jump: (ms) => ahead += ms,
      look: () => {
        for (const call of [...intervals.values()]) call();
        for (const [id, call] of [...waiting]) {
          clearTimeout(id as number);
          waiting.delete(id);
          call();
        }
      },
    });
  } finally {
    Date.now = now;
    Object.assign(globalThis, { setInterval, setTimeout, clearTimeout, clearInterval });
  }
}

Deno.test("a jump of the clock ends no connection, and the chat continues", async () => {
  await Promise.all([0, 1, 2].map(pooledKeys));
  await withClock(async ({ jump, look }) => {
    const events: RelayEvent[] = [];
    await using server = openRelay({ port: 0, event: (event) => events.push(event) });
    const [ada, bo] = await twoGuests(server.addr.port);
    let word = 0;
    for (const hours of [5, -11, 6]) {
      jump(hours * HOUR_MS);
      // The relay's sweep, and the members' looks at their connections: what they took for silence they end now.
      look();
      await say(ada, bo, `word ${word++}`);
      await say(bo, ada, `word ${word++}`);
    }
    const cy = await visit(server.addr.port, "cy", 2);
    await say(cy, bo, "in time");
    assertEquals(events.filter((event) => event.kind === "left" || event.kind === "away"), []);
    for (const { events } of [ada, bo]) {
      assertEquals(events.filter(({ kind }) => kind === "disconnected"), []);
    }
    await leave(ada, bo, cy);
  });
});

Deno.test("the monotonic clock is not affected by changes of the date", async () => {
  await withClock(async ({ jump }) => {
    const before = steadyNow();
    jump(-5 * HOUR_MS);
    const after = steadyNow();
    jump(10 * HOUR_MS);
    const later = steadyNow();
    assertEquals([after >= before, later >= after, later - before < HOUR_MS], [true, true, true]);
    await Promise.resolve();
  });
});
