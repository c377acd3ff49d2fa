// needs: nothing

/**
 * The log of a conversation.
 *
 * @module
 */

// @ts-types="../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { append, EMPTY_LOG, type Log, LOG_BOUNDS, replace, slice } from "../../web/log.ts";

function logOf(count: number, characters = 1): Log<number> {
  let log: Log<number> = EMPTY_LOG;
  for (let i = 0; i < count; i++) log = append(log, i, characters);
  return log;
}

Deno.test("slice() returns the existing entries between two positions", () => {
  const log = logOf(1_000);
  assertEquals(slice(log, 0, 3), [0, 1, 2]);
  assertEquals(slice(log, 126, 131), [126, 127, 128, 129, 130]);
  assertEquals(slice(log, 998, 2_000), [998, 999]);
  assertEquals(slice(log, -5, 1), [0]);
  assertEquals(slice(log, -1, 0), []);
  assertEquals(slice(log, 1_000, 1_001), []);
  assertEquals(slice(EMPTY_LOG, 0, 5), []);
});

Deno.test("append() and replace() do not change earlier logs", () => {
  const before = logOf(200);
  const after = replace(append(before, 200, 1), 130, () => -1);
  assertEquals(slice(before, 129, 132), [129, 130, 131]);
  assertEquals(slice(after, 129, 132), [129, -1, 131]);
  assertEquals([before.end, after.end], [200, 201]);
});

Deno.test("the oldest entries are dropped above the limit, and the others keep their positions", () => {
  const log = logOf(LOG_BOUNDS.entries + 1_000);
  assertEquals(log.end - log.start <= LOG_BOUNDS.entries, true);
  assertEquals(slice(log, log.start, log.start + 1), [log.start]);
  assertEquals(slice(log, 0, 10), []);
  assertEquals(replace(log, 0, () => -1), log);
});

Deno.test("the oldest entries are dropped when their texts exceed the limit", () => {
  const log = logOf(1_000, 64 << 10);
  assertEquals(log.characters <= LOG_BOUNDS.characters, true);
  assertEquals(log.start > 0, true);
  assertEquals(slice(log, log.end - 1, log.end), [999]);
});
