// @ts-types="../../../types/std_assert.d.ts"
import { assertEquals } from "@std/assert";
import { FaultLog } from "../../../lib/chat/member/inbox.ts";

Deno.test("FaultLog says a fault three times, and then each time its count has doubled", () => {
  const log = new FaultLog();
  const said = Array.from({ length: 100 }, () => log.count("BAD_SEAL ada"));
  assertEquals(said.filter((count) => count !== undefined), [1, 2, 3, 4, 8, 16, 32, 64]);
  assertEquals(log.count("BAD_SEAL bo"), 1);
});

Deno.test("FaultLog counts together what is of more kinds than it keeps apart", () => {
  const log = new FaultLog();
  for (let kind = 0; kind < 10_000; kind++) assertEquals(log.count(`kind ${kind}`), 1);
  assertEquals([log.count("one more"), log.count("another"), log.count("kind 0")], [1, 2, 2]);
});
